"""The offline snapshot: who gets it, what is in it, that it is closed without the badge, and that deltas are exact."""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kiosk import sealed, snapshot
from models import badges, care, codes, purge
from models.database import now
from models.event import Entitlement, Event, Service, touch
from models.people import Badge, Coupon
from models.runtime import Runtime
from tests.conftest import Tablet, at_once
from tests.offline_copy import Held, held_by
from throttle import Places


def test_a_gate_learns_with_the_badge_in_hand_what_its_mode_may_see_and_no_more(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _id, code = create_attendee("李四", organisation="某研究院", diet="清真", hint="坐轮椅", seat="A-12", table="3", room="1208",
                                phone="13800001234", vip=True)
    entry = held_by(gate).open(code)
    assert entry.pop("holder")
    assert entry == {"kind": "badge", "revoked": False, "state": "registered", "name": "李四", "org": "某研究院",
                     "category": "delegate", "category_name": "代表", "vip": True, "hints": ["坐轮椅"], "diet": "清真",
                     "table": "3", "entitled": ["lunch", "dinner", "s1", "s2"], "used": {}}


def test_nothing_of_a_person_can_be_read_without_the_code(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    (one, code), (_other, another) = create_attendee("欧阳保密", organisation="保密单位"), create_attendee("王五")
    said = gate.client.get("/api/v1/roster", headers={"Authorization": f"Bearer {gate.token}"}).text
    assert not [word for word in ("欧阳保密", "保密单位", "\\u6b27", code, another, "delegate", "registered") if word in said]
    held = held_by(gate)
    assert held.open(code)["name"] == "欧阳保密" and held.open(code)["holder"] not in ("", str(one))
    mine, theirs = sorted(held.entries)[:2]
    held.entries[mine], held.entries[theirs] = held.entries[theirs], held.entries[mine]
    with pytest.raises(InvalidTag):     # another badge opens no entry but its own
        held.open(code)


def test_only_a_gate_or_desk_with_offline_rights_gets_it(pair: Callable[[str], Tablet]) -> None:
    assert [pair(key).call("GET", "/api/v1/roster")[0] for key in ("gate-1", "gate-2", "desk-1", "kiosk-1", "board")] == [
        200, 403, 200, 403, 403]
    assert pair("gate-2").call("GET", "/api/v1/roster")[1]["error"] == "no_offline_rights"


def test_what_is_known_already_is_not_sent_again_and_a_use_sends_its_holder_only(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    (_one, code), (_other, another) = create_attendee(), create_attendee()
    held = held_by(gate)
    assert set(held.entries) == {codes.digest(code), codes.digest(another)}
    assert gate.call("GET", "/api/v1/roster", **{"If-None-Match": f'"{held.revision}"'})[0] == 304
    gate.scan(code, "lunch")
    assert gate.call("GET", "/api/v1/roster", **{"If-None-Match": f'"{held.revision}"'})[0] == 200
    said = held.fetch(gate)
    assert list(said["entries"]) == [codes.digest(code)] and said["since"]
    assert held.open(code)["used"]["lunch"]["uses"] == 1


def test_a_restarted_server_still_sends_only_what_changed(
        app: Any, gate: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime) -> None:
    (_one, code), _other = create_attendee(), create_attendee()
    held = held_by(gate)
    app.extensions.pop("huiwu.shelves")
    gate.scan(code, "lunch")
    assert list(held.fetch(gate)["entries"]) == [codes.digest(code)]
    assert Held(held.revision, held.salt, held.entries).open(code)["used"]["lunch"]["first"]["station_name"] == "餐厅入口"


def test_a_desk_knows_the_seat_too_and_nobody_the_phone_the_room_or_the_number(
        desk: Tablet, gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _id, code = create_attendee(seat="A-12", table="3", room="1208", phone="13800001234", number="N77", email="a@b.example")
    at_desk, at_gate = held_by(desk).open(code), held_by(gate).open(code)
    assert at_desk["seat"] == "A-12" and "seat" not in at_gate and at_desk["entitled"] == ["signin", "bag", "lunch"]
    for entry in (at_desk, at_gate):
        assert not [word for word in ("1208", "13800001234", "N77", "a@b.example") if word in str(entry)]
    assert at_desk["holder"] == at_gate["holder"]


def test_a_revoked_badge_stays_in_it_and_names_the_same_holder(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any]) -> None:
    person, old = create_attendee()
    held = held_by(gate)
    new = write(lambda session: badges.reissue(session, person))
    said = held.fetch(gate)
    assert said["since"] and set(said["entries"]) == {codes.digest(old), codes.digest(new)}
    assert (held.open(old)["revoked"], held.open(new)["revoked"]) == (True, False)
    assert held.open(old)["holder"] == held.open(new)["holder"]


def test_a_badge_that_is_gone_from_the_roster_is_taken_off_the_tablet(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any]) -> None:
    (_one, code), (_other, stays) = create_attendee(), create_attendee()
    held = held_by(gate)

    def lose(session: Session) -> None:
        session.execute(delete(Badge).where(Badge.code == code))
        touch(session, "roster")
    write(lose)
    said = held.fetch(gate)
    assert said["since"] and said["removed"] == [codes.digest(code)] and said["entries"] == {}
    assert list(held.entries) == [codes.digest(stays)]


def test_states_exceptions_and_limits_of_one_person_are_in_the_entry(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any]) -> None:
    (person, code), (_press, press) = create_attendee(state="cancelled"), create_attendee(category="press")

    def except_(session: Session) -> None:
        session.add(Entitlement(attendee_id=person, service_key="lunch", allowed=True, limit=3))
        session.add(Entitlement(attendee_id=person, service_key="s1", allowed=False))
        touch(session, "roster")
    write(except_)
    held = held_by(gate)
    entry = held.open(code)
    assert (entry["state"], entry["entitled"], entry["limits"]) == ("cancelled", ["lunch", "dinner", "s2"], {"lunch": 3})
    assert held.open(press)["entitled"] == ["dinner", "s1", "s2"] and held.open(press)["hints"] == ["引导至媒体席"]


def test_coupons_are_in_it_with_their_meal_and_whether_they_were_spent(
        desk: Tablet, gate: Tablet, badge: str, write: Callable[..., Any], runtime: Runtime) -> None:
    held = held_by(gate)
    desk.scan(badge, "signin")      # prints the lunch coupon

    def make(session: Session) -> str:
        code = codes.new(codes.COUPON)
        session.add(Coupon(code=code, service_key="lunch", issued_at=now()))
        touch(session, "roster")
        return code
    bearer = write(make)
    with runtime.reading() as session:
        bound = session.scalars(select(Coupon.code).where(Coupon.attendee_id.is_not(None))).one()
    held.fetch(gate)
    assert (held.open(bound)["kind"], held.open(bound)["service"], held.open(bound)["name"]) == ("coupon", "lunch", "张三")
    nobody = held.open(bearer)
    assert nobody.pop("holder") != held.open(bound)["holder"] == held.open(badge)["holder"]
    assert nobody == {"kind": "coupon", "revoked": False, "state": "registered", "entitled": ["lunch"], "used": {}, "service": "lunch"}
    for code in (bound, bearer):
        assert gate.scan(code, "lunch")["verdict"] == "accepted"
    held.fetch(gate)
    assert held.open(bound)["spent"] and held.open(bearer)["spent"] and held.open(badge)["used"]["lunch"]["uses"] == 1


def test_a_limit_a_day_counts_the_uses_of_the_last_one_s_day(
        gate: Tablet, badge: str, write: Callable[..., Any]) -> None:
    def daily(session: Session) -> None:
        service = session.get_one(Service, "dinner")
        service.per, service.limit, service.windows = "day", 2, []
        touch(session, "plan")
    write(daily)
    yesterday = now() - timedelta(days=1)
    for at in (yesterday, now(), now()):
        assert gate.scan(badge, "dinner", scanned_at=at.isoformat())["verdict"] == "accepted"
    used = held_by(gate).open(badge)["used"]["dinner"]
    assert used["uses"] == 2 and used["first"]["station"] == "gate-1"
    assert datetime.fromisoformat(used["last"]) - yesterday > timedelta(hours=23)


def test_what_a_service_needs_and_who_is_inside_can_be_judged_from_it(desk: Tablet, gate: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    assert held_by(desk).open(badge)["used"]["signin"]["uses"] == 1
    gate.scan(badge, "s1")
    held = held_by(gate)
    assert held.open(badge)["used"]["s1"]["inside"] is True
    gate.scan(badge, "s1", direction="out")
    held.fetch(gate)
    assert held.open(badge)["used"]["s1"]["inside"] is False and held.open(badge)["used"]["s1"]["uses"] == 1


def test_the_station_is_told_the_rules_that_it_judges_by(
        desk: Tablet, gate: Tablet, write: Callable[..., Any], runtime: Runtime) -> None:
    def more(session: Session) -> None:
        service = session.get_one(Service, "lunch")
        service.tolerance_minutes, service.late_after_minutes = 10, 5
        session.get_one(Service, "s1").reentry = False
        touch(session, "plan")
    write(more)
    runtime.plan(fresh=True)
    said = gate.call("GET", "/api/v1/station")[1]
    services = {service["key"]: service for service in said["services"]}
    assert said["station"]["offline"] is True and said["closed_at"] is None and said["event"]["timezone"] == "Asia/Shanghai"
    assert (services["lunch"]["tolerance_minutes"], services["lunch"]["entitled"], services["lunch"]["closed"]) == (
        10, ["delegate"], False)
    assert services["s1"]["reentry"] is False and services["s2"]["reentry"] is True and services["dinner"]["entitled"] is None
    bag = next(one for one in desk.call("GET", "/api/v1/station")[1]["services"] if one["key"] == "bag")
    assert bag["needs"] == ["signin"] and len(services["lunch"]["windows"]) == 1


def test_after_the_event_there_is_no_snapshot_any_more_and_the_station_says_since_when(
        gate: Tablet, badge: str, runtime: Runtime) -> None:
    assert badge and held_by(gate).entries
    closed = purge.close(runtime)
    runtime.plan(fresh=True)
    assert gate.call("GET", "/api/v1/roster")[0] == 410
    assert datetime.fromisoformat(gate.call("GET", "/api/v1/station")[1]["closed_at"]) == closed


def test_a_restored_event_begins_anew_with_another_salt(
        gate: Tablet, badge: str, write: Callable[..., Any], runtime: Runtime) -> None:
    held = held_by(gate)
    salt = held.salt

    def restore(session: Session) -> None:
        session.get_one(Event, 1).epoch = "another"
        touch(session, "plan", "ledger")
    write(restore)
    said = held.fetch(gate)
    assert said["since"] is None and held.salt != salt and held.open(badge)["state"] == "registered"


def test_a_new_start_of_the_ledger_forgets_what_was_used_in_the_trial(
        gate: Tablet, badge: str, runtime: Runtime) -> None:
    gate.scan(badge, "lunch")
    held = held_by(gate)
    care.go_live(runtime)
    held.fetch(gate)
    assert held.open(badge)["used"] == {}


@pytest.mark.parametrize("since", ["", "x", "1.2.3", "0123456789abcdef.1.x", "0123456789abcdef.1.99999999999999999999999999",
                                   "é" * 16 + ".1.1", "0123456789abcdef.1.1", "%00"])
def test_a_revision_that_is_none_of_ours_gets_everything(gate: Tablet, badge: str, since: str) -> None:
    status, said = gate.call("GET", f"/api/v1/roster?since={since}")
    assert status == 200 and said["since"] is None and codes.digest(badge) in said["entries"]


def test_an_end_of_the_ledger_that_no_database_has_a_number_for_gets_everything(gate: Tablet, badge: str) -> None:
    base = gate.call("GET", "/api/v1/roster")[1]["revision"].rpartition(".")[0]
    status, said = gate.call("GET", f"/api/v1/roster?since={base}.{10 ** 19}")
    assert status == 200 and said["since"] is None and codes.digest(badge) in said["entries"]


def test_many_tablets_at_once_get_the_same_and_it_is_sealed_once(
        app: Flask, gate: Tablet, create_attendee: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        create_attendee()
    made, seal = [], sealed.seal
    monkeypatch.setattr(sealed, "seal", lambda *args: made.append(1) or seal(*args))
    monkeypatch.setattr(snapshot, "sending", Places(20, 20))
    entries = at_once(8, lambda _n: Tablet(app.test_client(use_cookies=False), "gate-1", gate.token).call(
        "GET", "/api/v1/roster")[1]["entries"])
    assert all(one == entries[0] for one in entries) and len(made) == len(entries[0]) == 5


def test_one_tablet_holds_two_answers_under_way_and_the_next_is_asked_to_come_again(
        gate: Tablet, badge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert badge
    places = Places(20, 2)
    monkeypatch.setattr(snapshot, "sending", places)
    first = gate.client.get("/api/v1/roster", headers={"Authorization": f"Bearer {gate.token}"})
    caller = next(iter(places._taken))
    assert places.take(caller)
    status, said = gate.call("GET", "/api/v1/roster")
    assert (status, said["error"]) == (503, "busy")
    assert first.get_json()["entries"] and places._taken[caller] == 1      # read to its end, it gives its place back


def test_shelves_beyond_the_largest_number_of_entries_are_taken_down_oldest_first(
        pair: Callable[[str], Tablet], badge: str, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert badge
    monkeypatch.setattr(snapshot, "MOST", 1)
    for key in ("gate-1", "desk-1", "gate-1"):
        assert held_by(pair(key)).entries
    assert len(app.extensions["huiwu.shelves"]._kept) == 1
