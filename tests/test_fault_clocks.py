"""The laptop's clock jumps or its time zone is wrong, it sleeps, a tablet's zone is wrong: scans are recorded once, in
the ledger's own order, limits hold, and pairings last."""
from __future__ import annotations

import shutil
import signal
import uuid
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from models.runtime import Runtime
from tests.conftest import Tablet, scan
from tests.fault_site import Ledger, Lost, Outbox, everything_is_recorded, outboxes, people, serving

HOURS = 3600
ASLEEP = 600


@pytest.mark.parametrize("jump", [-2 * HOURS, 24 * HOURS, -datetime.now(UTC).timestamp()], ids=["back", "forward", "1970"])
def test_a_clock_that_jumps_under_the_server_loses_and_doubles_nothing(
        data: Path, runtime: Runtime, tmp_path: Path, jump: float) -> None:
    badges, (one, two), clock = people(runtime, 9), outboxes(runtime, 2), tmp_path / "clock"
    runtime.engine.dispose()
    folder = shutil.copytree(data, tmp_path / "site" / "event")
    clock.write_text("0")
    with serving(folder, program=("tests/fault_clock.py",), FAULT_CLOCK=str(clock)) as server:
        one.url = two.url = server.url
        one.put(*(scan(badge, "signin") for badge in badges[:3]))
        one.drain()
        clock.write_text(str(jump))
        two.put(*(scan(badge, "signin") for badge in badges[:6]))         # three of them a second time
        two.drain()
        assert [two.answers[key]["reason"] for key in two.kept] == ["used_up"] * 3 + [None] * 3
        undone = next(iter(one.kept))
        assert one.ask("POST", f"/api/v1/scans/{undone}/void", {"id": str(uuid.uuid4()), "reason": "误扫"})[0] in (200, 403)
        clock.write_text("0")
        two.put(*(scan(badge, "signin") for badge in badges[6:]))
        two.drain()
        assert not two.check()
        one.hang_up()
        two.hang_up()
    ledger = Ledger(folder)
    assert ledger.missing([one, two]) == [] and ledger.doubles == []
    assert {key for tablet in (one, two) for key in tablet.kept} <= set(ledger.rows)
    assert sorted(row["seq"] for row in ledger.rows.values()) == list(range(1, 14))


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Kiritimati"])
def test_a_laptop_in_a_wrong_time_zone_judges_and_writes_as_in_the_right_one(
        data: Path, runtime: Runtime, tmp_path: Path, zone: str) -> None:
    badges, (tablet,) = people(runtime, 2), outboxes(runtime, 1, "gate-1")
    runtime.engine.dispose()
    folder = shutil.copytree(data, tmp_path / "site" / "event")
    with serving(folder, TZ=zone) as server:
        tablet.url = server.url
        tablet.put(scan(badges[0], "lunch"), scan(badges[1], "dinner"))       # open now; in three hours
        tablet.drain()
        assert [answer["reason"] for answer in tablet.answers.values()] == [None, "too_early"]
        said = datetime.fromisoformat(tablet.ask("GET", "/api/v1/station")[1]["server_time"])
        assert said.utcoffset() == timedelta(hours=8)
        tablet.hang_up()
    everything_is_recorded(folder, [tablet])


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_tablet_in_a_wrong_time_zone_means_the_same_moment(gate: Tablet, badge: str, runtime: Runtime, hours: int) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    gate.scan(badge, "lunch", scanned_at=at.astimezone(timezone(timedelta(hours=hours))).isoformat())
    (row,) = Ledger(runtime.data).rows.values()
    assert row["verdict"] == "accepted"
    assert datetime.fromisoformat(row["scanned_at"]).replace(tzinfo=UTC) == at


def test_a_laptop_that_slept_ten_minutes_goes_on_and_records_once_what_tablets_tried_meanwhile(
        data: Path, runtime: Runtime, tmp_path: Path) -> None:
    badges, tablets, clock = people(runtime, 12), outboxes(runtime, 4), tmp_path / "clock"
    runtime.engine.dispose()
    folder = shutil.copytree(data, tmp_path / "site" / "event")
    clock.write_text("0")
    with serving(folder, program=("tests/fault_clock.py",), FAULT_CLOCK=str(clock)) as server:
        for number, tablet in enumerate(tablets):
            tablet.url = server.url
            tablet.put(scan(badges[number], "signin"))
            tablet.drain()
        server.signal(signal.SIGSTOP)
        clock.write_text(str(ASLEEP))
        for number, tablet in enumerate(tablets):
            tablet.put(scan(badges[4 + number], "signin"))
            tablet.hang_up()
            with pytest.raises(Lost):
                tablet.ask("POST", "/api/v1/scans", tablet.waiting, timeout=0.3)    # it gave up; the request may yet arrive
        server.signal(signal.SIGCONT)
        for tablet in tablets:
            assert not tablet.check()
            tablet.drain()
            tablet.hang_up()
    everything_is_recorded(folder, tablets)


def test_a_tablet_of_these_tests_keeps_what_was_not_acknowledged(data: Path, runtime: Runtime) -> None:
    (tablet,) = outboxes(runtime, 1)
    tablet = Outbox(tablet.token, "http://127.0.0.1:1")
    tablet.put(scan("B" + "0" * 20, "signin"))
    with pytest.raises(Lost):
        tablet.drain()
    assert len(tablet.waiting) == 1 and not tablet.answers
