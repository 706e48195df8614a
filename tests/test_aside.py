"""Behaviour 43: what a revoked tablet's outbox still sends is answered 401 and kept aside, for the coordinator to settle."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from kiosk import aside, pairing
from models import aside_rows, codes, purge
from models.aside import KeptAside
from models.audit import audit
from models.devices import Device
from models.runtime import Runtime
from models.scans import Scan
from models.undo import UNDO_WITHIN
from tests.conftest import Tablet, post, scan

PAGE = "/admin/aside"


class Revoked(Tablet):
    """A tablet whose pairing was ended."""

    def __init__(self, tablet: Tablet, runtime: Runtime):
        super().__init__(tablet.client, tablet.key, tablet.token)
        self.device = device = runtime.plan(fresh=True).devices[codes.digest(tablet.token)].id
        runtime.writer.do(lambda session: pairing.revoke(session, device))
        runtime.plan(fresh=True)


@pytest.fixture
def revoked(pair: Callable[[str], Tablet], runtime: Runtime) -> Revoked:
    """A gate's."""
    return Revoked(pair("gate-1"), runtime)


def rows(runtime: Runtime, table: Any = KeptAside) -> int:
    with runtime.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def settled(runtime: Runtime) -> list[tuple[str | None, str | None]]:
    with runtime.reading() as session:
        return [(row.settled, row.actor) for row in session.scalars(select(KeptAside).order_by(KeptAside.id))]


def take(browser: FlaskClient, tablet: Revoked, what: str = "accept") -> str:
    """The coordinator's tap, and what the page says then."""
    assert post(browser, f"{PAGE}/{tablet.device}/{what}", PAGE).status_code == 303
    return browser.get(PAGE).text


def test_43_what_a_revoked_tablet_sends_is_401_and_kept_once_however_often_it_is_sent(
        revoked: Revoked, badge: str, runtime: Runtime) -> None:
    one, other = scan(badge, "lunch"), scan(badge, "s1")
    status, said = revoked.call("POST", "/api/v1/scans", [one, other])
    assert status == 401 and said.pop("message") and said == {"error": "unauthorised", "kept": 2}
    assert revoked.call("POST", "/api/v1/scans", one) == (401, {"error": "unauthorised", "kept": 1, "message": "请先配对设备或登录"})
    assert rows(runtime) == 2 and rows(runtime, Scan) == 0


def test_43_taken_it_is_recorded_once_at_its_own_station_and_time_by_the_coordinator(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime, desk: Tablet) -> None:
    at = (datetime.now(UTC) - timedelta(minutes=20)).replace(microsecond=0)
    wish = scan(badge, "lunch", scanned_at=at.isoformat())
    for _ in range(2):
        revoked.call("POST", "/api/v1/scans", [wish])
    page = coordinator.get(PAGE).text
    assert "餐厅入口" in page and "午餐" in page and badge not in page and "1 条" in page
    assert "已记录 1 条" in take(coordinator, revoked)
    with runtime.reading() as session:
        row = session.scalars(select(Scan)).one()
        assert (row.id, row.station_key, row.actor, row.scanned_at, row.verdict) == (wish["id"], "gate-1", "陈总", at, "accepted")
    assert settled(runtime) == [("accepted", "陈总")] and desk.counts()["aside"] == 0
    take(coordinator, revoked)
    revoked.call("POST", "/api/v1/scans", [wish])
    assert rows(runtime, Scan) == 1 and rows(runtime) == 1 and audit(runtime)[1] == []


def test_43_the_tablet_paired_anew_sends_the_same_scan_and_it_is_one_row_all_the_same(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime, pair: Callable[[str], Tablet]) -> None:
    here, elsewhere = scan(badge, "lunch"), scan(badge, "s1")
    revoked.call("POST", "/api/v1/scans", [here, elsewhere])
    assert pair("gate-1").batch([here])[0]["verdict"] == "accepted"
    assert pair("gate-2").batch([elsewhere])[0]["verdict"] == "accepted"      # another station: another content
    page = take(coordinator, revoked)
    assert "已记录 1 条" in page and "1 条记不了" in page
    assert rows(runtime, Scan) == 2 and settled(runtime) == [("accepted", "陈总"), ("dropped", "陈总")]


def test_43_it_is_judged_as_ever_and_an_offline_double_becomes_a_conflict(
        revoked: Revoked, badge: str, coordinator: FlaskClient, gate: Tablet, desk: Tablet) -> None:
    gate.scan(badge, "lunch")
    revoked.call("POST", "/api/v1/scans", [scan(badge, "lunch"), scan(badge, "lunch", offline=True)])
    page = take(coordinator, revoked)
    assert "已记录 1 条" in page and "1 条按规则没有通过" in page and desk.counts()["conflicts"] == 1


def test_43_a_force_that_a_revoked_tablet_asks_for_is_not_believed(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime) -> None:
    revoked.call("POST", "/api/v1/scans", scan(badge, "dinner", force=True, reason="让他进"))
    take(coordinator, revoked)
    with runtime.reading() as session:
        row = session.scalars(select(Scan)).one()
        assert (row.verdict, row.reason, row.forced) == ("refused", "too_early", False)


def test_43_an_undo_is_kept_too_and_undoes_when_it_is_taken(
        pair: Callable[[str], Tablet], badge: str, coordinator: FlaskClient, runtime: Runtime, desk: Tablet) -> None:
    paired = pair("gate-1")
    done = paired.scan(badge, "lunch")["id"]
    tablet = Revoked(paired, runtime)
    status, said = tablet.void(done)
    assert (status, said["kept"]) == (401, 1) and desk.counts()["services"]["lunch"]["uses"] == 1
    take(coordinator, tablet)
    assert desk.counts()["services"]["lunch"]["uses"] == 0


@pytest.mark.parametrize("station", ["gate-2", "gate-1"])
def test_43_an_undo_that_the_tablet_could_not_make_itself_is_not_made_by_the_coordinator_s_tap(
        pair: Callable[[str], Tablet], badge: str, coordinator: FlaskClient, runtime: Runtime, station: str) -> None:
    done = pair(station).scan(badge, "s1" if station == "gate-2" else "lunch")["id"]
    tablet = Revoked(pair("gate-1"), runtime)
    assert tablet.void(done)[1]["kept"] == 1
    if station == "gate-1":         # its own, but it came too late
        long_ago = datetime.now(UTC) - UNDO_WITHIN - timedelta(seconds=5)
        runtime.writer.do(lambda session: session.execute(update(Scan).values(uploaded_at=long_ago)))
    assert "1 条记不了" in take(coordinator, tablet)
    with runtime.reading() as session:
        assert session.scalars(select(Scan.id).where(Scan.voids.is_not(None), Scan.verdict == "accepted")).all() == []
    assert settled(runtime) == [("dropped", "陈总")]


def test_43_a_kept_text_has_no_character_that_a_database_takes_nowhere(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime) -> None:
    revoked.call("POST", "/api/v1/scans", scan(badge, "lunch", reason="a\0b", answers={"k\0": "v\0"}))
    take(coordinator, revoked)
    with runtime.reading() as session:
        assert session.scalars(select(Scan)).one().note == "ab"


def test_43_the_page_says_which_times_the_scans_claim_and_how_many_are_later_than_the_revoking(
        revoked: Revoked, badge: str, coordinator: FlaskClient) -> None:
    before, after = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(days=400)
    revoked.call("POST", "/api/v1/scans", [scan(badge, "lunch", scanned_at=before.isoformat()),
                                           scan(badge, "s1", scanned_at=after.isoformat())])
    page = coordinator.get(PAGE).text
    assert before.isoformat(timespec="seconds") in page and after.isoformat(timespec="seconds") in page
    assert "1 条写着停用以后的时间" in page


def test_43_dropped_it_is_not_recorded_and_the_table_says_by_whom(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime) -> None:
    revoked.call("POST", "/api/v1/scans", scan(badge, "lunch"))
    assert "已丢弃 1 条" in take(coordinator, revoked, "drop")
    take(coordinator, revoked)
    assert rows(runtime, Scan) == 0 and settled(runtime) == [("dropped", "陈总")]


def test_43_a_clock_that_is_wrong_is_corrected_as_every_tablet_s_is(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime) -> None:
    behind = datetime.now(UTC) - timedelta(hours=2)
    revoked.call("POST", "/api/v1/scans", scan(badge, "lunch", scanned_at=behind.isoformat()), **{"X-Sent-At": behind.isoformat()})
    take(coordinator, revoked)
    with runtime.reading() as session:
        row = session.scalars(select(Scan)).one()
        assert row.verdict == "accepted" and abs(row.scanned_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_43_a_stranger_s_token_keeps_nothing_and_learns_nothing(client: FlaskClient, badge: str, runtime: Runtime) -> None:
    for headers in ({"Authorization": "Bearer nobody"}, {"Cookie": "huiwu_station=nobody"}, {}):
        answer = client.post("/api/v1/scans", json=scan(badge, "lunch"), headers=headers)
        assert answer.status_code == 401 and set(answer.get_json()) == {"error", "message"}
    assert rows(runtime) == 0


def test_43_nothing_is_kept_of_what_is_no_scan(revoked: Revoked, runtime: Runtime, badge: str) -> None:
    assert set(revoked.call("POST", "/api/v1/lookup", {"code": badge})[1]) == {"error", "message"}
    assert set(revoked.call("GET", "/api/v1/roster")[1]) == {"error", "message"}
    assert rows(runtime) == 0


def test_43_what_a_revoked_tablet_may_fill_has_an_end(
        revoked: Revoked, badge: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = scan(badge, "lunch", ballast="x" * aside.LONGEST)
    assert revoked.call("POST", "/api/v1/scans", huge)[1]["kept"] == 0
    monkeypatch.setattr(aside_rows, "MOST", 3)
    several = [scan(badge, "lunch") for _ in range(5)]
    assert revoked.call("POST", "/api/v1/scans", several)[1]["kept"] == 3
    assert revoked.call("POST", "/api/v1/scans", several)[1]["kept"] == 3 and rows(runtime) == 3


def test_43_so_many_tries_a_minute_and_no_more(revoked: Revoked, badge: str, runtime: Runtime) -> None:
    kept = [revoked.call("POST", "/api/v1/scans", scan(badge, "lunch"))[1]["kept"] for _ in range(aside.OFTEN + 1)]
    assert kept == [1] * aside.OFTEN + [0] and rows(runtime) == aside.OFTEN


@pytest.mark.parametrize("body", [[], "x", None, 5, [5], {"id": "no"}, [{"id": str(uuid.uuid4()), "service": "lunch", "code": "B",
                                  "scanned_at": "yesterday"}]])
def test_43_nonsense_is_401_and_not_kept(revoked: Revoked, runtime: Runtime, body: Any) -> None:
    status, said = revoked.call("POST", "/api/v1/scans", body)
    assert (status, said["kept"]) == (401, 0) and rows(runtime) == 0


def test_43_another_site_s_page_keeps_nothing_in_a_revoked_tablet_s_name(revoked: Revoked, runtime: Runtime, badge: str) -> None:
    answer = revoked.client.post("/api/v1/scans", json=scan(badge, "lunch"), headers={
        "Cookie": f"huiwu_station={revoked.token}", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400 and rows(runtime) == 0


def test_43_after_the_event_nothing_more_is_kept(revoked: Revoked, runtime: Runtime, badge: str) -> None:
    purge.close(runtime)
    runtime.plan(fresh=True)
    assert revoked.call("POST", "/api/v1/scans", scan(badge, "lunch"))[1]["kept"] == 0 and rows(runtime) == 0


def test_43_the_dashboard_and_the_stations_say_that_something_waits(
        revoked: Revoked, badge: str, coordinator: FlaskClient, runtime: Runtime) -> None:
    revoked.call("POST", "/api/v1/scans", scan(badge, "lunch"))
    assert "1 条停用平板的扫码待处理" in coordinator.get("/admin/").text
    assert "停用的平板又传来 1 条扫码" in coordinator.get("/admin/stations").text
    with runtime.reading() as session:
        assert session.get_one(Device, revoked.device).revoked_at is not None
