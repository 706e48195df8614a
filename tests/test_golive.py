"""试运行 and 正式开始: the trial's ledger goes aside whole, and counting starts from nothing."""
from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from models.aside import KeptAside
from models.audit import audit
from models.care import CareRefused, go_live
from models.database import now
from models.devices import Device
from models.event import Event
from models.runtime import Runtime
from models.scans import PrintJob
from tests.command_line import run
from tests.conftest import Tablet, scan


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def rehearsed(desk: Tablet, badge: str) -> Tablet:
    """A desk after a trial: signed in, a bag, one try too many."""
    assert [desk.scan(badge, key)["verdict"] for key in ("signin", "bag", "bag")] == ["accepted", "accepted", "refused"]
    return desk


def test_the_trial_goes_aside_into_a_file(data: Path, rehearsed: Tablet) -> None:
    said = run(data, "golive")
    assert said.payload["trial_scans"] == 3
    with closing(sqlite3.connect(said.payload["file"])) as aside:
        assert aside.execute("SELECT count(*) FROM scan").fetchone() == (3,)
        assert aside.execute("SELECT trial FROM event").fetchone() == (1,)


def test_counting_starts_from_nothing_and_the_head_never_falls(data: Path, rehearsed: Tablet) -> None:
    before = rehearsed.counts()
    run(data, "golive")
    after = rehearsed.counts()
    assert after["head"] == before["head"] == 3
    for key, service in after["services"].items():
        assert (service["people"], service["uses"], service["refused"]) == (0, 0, 0)
        assert service["entitled"] == before["services"][key]["entitled"]
    assert after["services"]["bag"]["stock_left"] == 2
    assert sum(printer["queued"] for printer in after["printers"].values()) == 0


def test_what_a_revoked_tablet_sent_of_the_trial_is_no_scan_of_the_event(
        data: Path, rehearsed: Tablet, runtime: Runtime) -> None:
    runtime.writer.do(lambda session: session.add(KeptAside(
        device_id=session.scalars(select(Device.id)).first(), station_key="desk-1", scan_id="s", body={}, received_at=now())))
    run(data, "golive")
    with runtime.connection() as connection:
        assert connection.execute(select(KeptAside.id)).all() == []


def test_what_was_scanned_in_the_trial_and_comes_in_late_or_again_is_no_scan_of_the_event(
        data: Path, rehearsed: Tablet, badge: str, runtime: Runtime) -> None:
    """A tablet that was offline across the going live, or one that a restored backup asks for all it kept."""
    made = [scan(badge, key, scanned_at=(now() - timedelta(minutes=1)).isoformat(), offline=True) for key in ("signin", "lunch")]
    run(data, "golive")
    status, said = rehearsed.call("POST", "/api/v1/scans", made)
    assert (status, [item["error"] for item in said["results"]]) == (200, ["of_the_trial"] * 2)
    assert rehearsed.scan(badge, "signin")["verdict"] == "accepted"
    assert rehearsed.counts()["services"]["lunch"]["people"] == 0
    assert audit(runtime) == (1, [])


def test_badges_pairings_and_roster_stay(data: Path, rehearsed: Tablet, badge: str, runtime: Runtime) -> None:
    run(data, "golive")
    result = rehearsed.scan(badge, "signin")
    assert (result["verdict"], result["seq"], result["attendee"]["name"]) == ("accepted", 4, "张三")
    assert audit(runtime) == (1, [])
    with runtime.reading() as session:
        event = session.scalars(select(Event)).one()
        assert event.trial is False
        assert event.live_at is not None


def test_slips_carry_the_word_trial_only_before(data: Path, rehearsed: Tablet, badge: str, runtime: Runtime) -> None:
    def notes() -> set[str]:
        with runtime.reading() as session:
            return {job.content["note"] for job in session.scalars(select(PrintJob).where(PrintJob.kind == "slip"))}
    assert notes() == {"试运行 TRIAL"}
    run(data, "golive")
    rehearsed.scan(badge, "signin")
    assert notes() == {""}


def test_an_event_goes_live_once(data: Path, rehearsed: Tablet, badge: str) -> None:
    run(data, "golive")
    rehearsed.scan(badge, "signin")
    said = run(data, "golive")
    assert (said.code, said.payload["error"]) == (1, "live_already")
    assert rehearsed.counts()["services"]["signin"]["people"] == 1


def test_a_trial_that_cannot_be_put_aside_goes_on(
        data: Path, rehearsed: Tablet, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "data", data / "gone")       # where the file would go there is no folder
    with pytest.raises(CareRefused, match="disk space"):
        go_live(runtime)
    assert rehearsed.counts()["services"]["signin"]["people"] == 1
