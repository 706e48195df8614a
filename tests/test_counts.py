"""Counts under trouble: a plan edited during a session, a commit that failed, an undo elsewhere, a full disk."""
from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.orm import Session

from kiosk import live
from models import plan_store, reports
from models.audit import audit
from models.counts import Counts
from models.database import now
from models.plan_types import Plan
from models.runtime import Runtime, Sighting
from tests.conftest import Tablet, sign_in


def change_plan(runtime: Runtime, key: str, **values: Any) -> None:
    """Edits one service as the plan page does."""
    def change(session: Session) -> None:
        plan: Plan = plan_store.load(session)
        services = [msgspec.structs.replace(s, **values) if s.key == key else s for s in plan.service]
        plan_store.update(session, msgspec.structs.replace(plan, service=services))
    runtime.writer.do(change)


def inside(tablet: Tablet) -> tuple[int, int, int]:
    """In s1, in s2, and delegates in any session."""
    counts = tablet.counts()
    return (*(counts["services"][key]["inside"] for key in ("s1", "s2")), counts["categories"]["delegate"]["inside"])


def test_31_who_is_inside_follows_a_plan_in_which_other_sessions_overlap(
        gate: Tablet, desk: Tablet, badge: str, runtime: Runtime) -> None:
    for key in ("s1", "s2"):
        gate.scan(badge, key)
    assert inside(desk) == (0, 1, 1)
    with runtime.reading() as session:
        times = {s.key: (s.starts, s.ends) for s in plan_store.load(session).service}
    starts, ends = times["s2"]
    assert starts
    assert ends
    change_plan(runtime, "s2", starts=starts + timedelta(days=1), ends=ends + timedelta(days=1))
    assert inside(desk) == (1, 1, 1)
    assert audit(runtime) == (2, [])
    change_plan(runtime, "s2", starts=starts, ends=ends)
    assert inside(desk) == (0, 1, 1)
    assert audit(runtime) == (2, [])


def test_the_ledger_is_counted_anew_only_where_other_sessions_overlap(
        gate: Tablet, badge: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_session: Session) -> None:
        raise AssertionError("read the whole ledger")
    monkeypatch.setattr(plan_store, "rewrite_tallies", fail)
    gate.scan(badge, "s1")
    change_plan(runtime, "s1", name="开幕典礼", late_after_minutes=5)
    change_plan(runtime, "bag", stock=7)


def test_a_batch_that_did_not_reach_the_disk_is_not_counted_by_the_next_commit(
        desk: Tablet, badge: str, runtime: Runtime) -> None:
    assert desk.counts()["categories"]["delegate"]["people"] == 0

    def disk_is_full(_connection: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")
    event.listen(runtime.engine, "commit", disk_is_full)
    assert desk.scan(badge, "signin")["http"] == 503
    event.remove(runtime.engine, "commit", disk_is_full)
    runtime.prove()
    assert desk.counts()["categories"]["delegate"]["people"] == 0
    desk.scan(badge, "signin")
    counts = desk.counts()
    assert (counts["head"], counts["categories"]["delegate"]["people"]) == (1, 1)


def test_counts_that_lack_a_row_are_read_anew_and_not_moved_along(desk: Tablet, badge: str, runtime: Runtime) -> None:
    counts: Counts = runtime.ledger.counts
    assert desk.counts()["head"] == 0
    counts.apply([], 4, 5)
    desk.scan(badge, "signin")
    found = desk.counts()
    assert (found["head"], found["categories"]["delegate"]["people"]) == (1, 1)


def test_an_undo_at_another_station_is_taken_off_where_the_scan_was(
        gate: Tablet, pair: Callable[[str], Tablet], badge: str, create_staff: Callable[..., None],
        runtime: Runtime) -> None:
    create_staff("周组长", "lead")
    other = pair("gate-2")
    grant = other.call("POST", "/api/v1/grant", {"name": "周组长", "pin": "2468"})[1]["grant"]
    lunch = gate.scan(badge, "lunch")
    assert other.void(lunch["id"], {"X-Grant": grant})[0] == 200
    with runtime.connection() as connection:
        assert [reports.by_station(connection, key) for key in ("gate-1", "gate-2")] == [{}, {}]


def test_36_an_undo_gives_back_what_was_taken_and_nothing_where_stock_was_not_counted_yet(
        desk: Tablet, badge: str, runtime: Runtime) -> None:
    desk.scan(badge, "signin")
    change_plan(runtime, "bag", stock=None)
    bag = desk.scan(badge, "bag")
    change_plan(runtime, "bag", stock=9)
    assert desk.void(bag["id"])[0] == 200
    assert desk.counts()["services"]["bag"]["stock_left"] == 9
    assert audit(runtime) == (3, [])


def test_a_request_that_reads_nothing_takes_no_place_among_the_streams(
        desk: Tablet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OF_A_TABLET", 1)
    headers = {"Authorization": f"Bearer {desk.token}"}
    assert desk.client.head("/api/v1/live", headers=headers).status_code == 200
    with desk.client.get("/api/v1/live", headers=headers) as stream:
        assert stream.status_code == 200


def _opened(tablet: Tablet, most: int) -> list[Any]:
    """Opens streams until one is refused, at most so many."""
    headers = {"Authorization": f"Bearer {tablet.token}"}
    found: list[Any] = []
    while len(found) < most:
        answer = tablet.client.get("/api/v1/live", headers=headers, buffered=False)
        if answer.status_code != 200:
            assert answer.status_code == 503 and b'"full"' in answer.data
            break
        found.append(answer)
    return found


def test_one_tablet_takes_six_streams_and_the_others_find_theirs_free(
        desk: Tablet, pair: Callable[..., Tablet], client: FlaskClient, create_staff: Callable[..., None]) -> None:
    with ExitStack() as until:
        for answer in (mine := _opened(desk, 20)):
            until.callback(answer.close)
        assert len(mine) == live.OF_A_TABLET == 6
        for answer in (others := _opened(pair("board"), 1)):
            until.callback(answer.close)
        assert others
        mine[0].close()                           # a closed one makes room
        for answer in (again := _opened(desk, 2)):
            until.callback(answer.close)
        assert len(again) == 1
        create_staff("陈总", "coordinator")
        sign_in(client, "陈总")
        own = [client.get("/api/v1/live", buffered=False) for _ in range(live.OF_A_PERSON + 1)]
        for answer in own:
            until.callback(answer.close)
        assert [answer.status_code for answer in own] == [200] * 12 + [503]


def test_desks_leave_forty_streams_to_screens_and_people(app: Flask) -> None:
    hub = app.extensions["huiwu.live"]
    with ExitStack() as until:
        def opened(asker: live.Asker) -> None:
            until.callback(hub.subscribe(asker=asker).close)
        for tablet in range(live.STREAMS - live.FOR_SCREENS):
            opened(live.Asker(f"device-{tablet}", live.OF_A_TABLET, is_desk=True))
        with pytest.raises(live.Full):
            opened(live.Asker("device-999", live.OF_A_TABLET, is_desk=True))
        for screen in range(40):
            opened(live.Asker(f"screen-{screen}", live.OF_A_TABLET))
        with pytest.raises(live.Full):
            opened(live.Asker("screen-999", live.OF_A_TABLET))


class _Heard(logging.Handler):
    """Tells when the live hub said that something went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.trouble.set()


def test_live_numbers_go_on_after_the_disk_took_nothing_for_a_while(
        app: Flask, desk: Tablet, badge: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SAVE_EVERY", 1)
    event.listen(runtime.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=50"))
    hub, heard = app.extensions["huiwu.live"], _Heard()
    live.log.addHandler(heard)
    runtime.seen[1] = Sighting(now())
    with closing(sqlite3.connect(runtime.data / "huiwu.db", isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        hub.start()
        assert heard.trouble.wait(10)
        blocker.execute("ROLLBACK")
    live.log.removeHandler(heard)
    stream = hub.subscribe()
    next(stream)
    desk.scan(badge, "signin")
    assert any(b'"people":1' in blob for _, blob in zip(range(5), stream, strict=False))
    stream.close()
    hub.stop()


def test_streams_that_open_together_read_the_numbers_once(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, read = app.extensions["huiwu.live"], []
    really = reports.counts

    def counted(*given: Any) -> dict[str, Any]:
        read.append(given)
        return really(*given)
    monkeypatch.setattr(reports, "counts", counted)
    with ExitStack() as until:
        def first(number: int) -> bytes:
            stream = hub.subscribe(asker=live.Asker(f"screen-{number}"))
            until.callback(stream.close)
            return next(stream)
        with ThreadPoolExecutor(max_workers=20) as screens:
            found = list(screens.map(first, range(20)))
    assert all(found[0] == one and one.count(b"event: ") == 5 for one in found)
    assert len(read) == 1


def test_a_stream_that_opens_after_a_scan_begins_with_it(app: Flask, desk: Tablet, badge: str) -> None:
    hub = app.extensions["huiwu.live"]
    with closing(hub.subscribe()) as before:
        next(before)
        desk.scan(badge, "signin")
        with closing(hub.subscribe()) as after:
            assert b'"people":1' in next(after)
        assert b'"people":1' in next(before)         # the reading for the one is news for the other


def test_a_stream_that_lags_skips_to_the_newest_state(
        app: Flask, desk: Tablet, badge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MISSED", 2)
    hub = app.extensions["huiwu.live"]
    with closing(hub.subscribe()) as slow:
        next(slow)
        for _ in range(3):
            desk.scan(badge, "signin")
            with closing(hub.subscribe()) as other:
                newest = next(other)
        assert newest == b"retry: 2000\n\n" + next(slow)      # all five events, and nothing of what lies between


def test_whoever_is_admitted_no_more_loses_the_stream_though_it_lags(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MISSED", 0)
    hub, allowed = app.extensions["huiwu.live"], [True]
    stream = hub.subscribe(lambda _admitted: allowed[0])
    next(stream)
    allowed[0] = False
    hub.start()
    assert not [blob for blob in stream if b"still here" in blob]
    hub.stop()
