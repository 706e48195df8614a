"""The road of a scan through the device API: the cases of behaviours.md that need the ledger, by number."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from models import codes
from models.database import now
from models.event import Event, Service, touch
from models.people import Badge, Coupon, ImportRun
from models.runtime import Runtime
from models.scans import PrintJob, Scan
from models.writer import NotRecorded
from tests.conftest import Tablet, scan


def rows(runtime: Runtime) -> list[Any]:
    with runtime.connection() as connection:
        return list(connection.execute(select(Scan.__table__).order_by(Scan.seq)))


def reissue(session: Session, attendee_id: int) -> str:
    session.execute(update(Badge).where(Badge.attendee_id == attendee_id).values(revoked_at=now()))
    code = codes.new(codes.BADGE)
    session.add(Badge(code=code, attendee_id=attendee_id, issued_at=now()))
    return code


def test_1_a_valid_badge_is_accepted_in_one_row_with_the_holders_name(desk: Tablet, badge: str, runtime: Runtime) -> None:
    result = desk.scan(badge, "signin")
    assert (result["verdict"], result["reason"], result["attendee"]["name"]) == ("accepted", None, "张三")
    assert len(rows(runtime)) == 1


def test_2_the_same_badge_twice_says_when_and_where_the_first_was(desk: Tablet, badge: str) -> None:
    first = desk.scan(badge, "signin")
    second = desk.scan(badge, "signin")
    assert (second["verdict"], second["reason"]) == ("refused", "used_up")
    assert (second["first"]["id"], second["first"]["station_name"]) == (first["id"], "报到台1")
    assert desk.counts()["services"]["signin"]["uses"] == 1


def test_3_the_same_scan_id_again_is_the_same_answer_and_no_second_row(desk: Tablet, badge: str, runtime: Runtime) -> None:
    body = scan(badge, "signin")
    first, again = desk.batch([body])[0], desk.batch([body])[0]
    assert again.pop("replayed") and not first.pop("replayed")
    assert first == again
    assert len(rows(runtime)) == 1


def test_law_1_the_same_id_with_other_content_is_a_conflict(desk: Tablet, badge: str) -> None:
    body = scan(badge, "signin")
    desk.batch([body])
    for other in ({"service": "bag"}, {"code": "B" + "0" * 20}, {"quantity": 2}, {"scanned_at": None}):
        status, said = desk.call("POST", "/api/v1/scans", {**body, **other})
        assert (status, said["error"]) == (409, "id_reused")
    assert desk.batch([{**body, "offline": True}])[0]["replayed"]


def test_5_a_badge_used_at_one_service_is_good_at_another(desk: Tablet, badge: str) -> None:
    assert [desk.scan(badge, key)["verdict"] for key in ("signin", "bag", "lunch")] == ["accepted"] * 3


def test_6_10_an_unknown_code_is_refused_and_kept_as_it_was_read(desk: Tablet, runtime: Runtime) -> None:
    stranger = codes.new(codes.BADGE)
    assert desk.scan(stranger, "signin")["reason"] == "unknown"
    assert rows(runtime)[0].raw_code == stranger


@pytest.mark.parametrize("dress", ["{}\r\n", "{}\t", "]Q1{}", "]Q3{}", "\\000026{}", " {} ", "{lower}", "]d2{lower}\n"])
def test_8_what_scanners_add_is_cleaned_off(desk: Tablet, badge: str, dress: str) -> None:
    assert desk.scan(dress.format(badge, lower=badge.lower()), "signin")["verdict"] == "accepted"


@pytest.mark.parametrize("code", ["", " ", "\r\n", "\t"])
def test_9_an_empty_code_is_a_clear_400(desk: Tablet, code: str, runtime: Runtime) -> None:
    said = desk.scan(code, "signin")
    assert (said["http"], said["field"]) == (400, "code")
    assert not rows(runtime)


def test_11_a_scan_keeps_its_own_time_with_the_upload_beside_it(desk: Tablet, badge: str, runtime: Runtime) -> None:
    earlier = datetime.now(UTC) - timedelta(minutes=20)
    desk.scan(badge, "signin", scanned_at=earlier.isoformat())
    row, = rows(runtime)
    assert row.scanned_at == earlier
    assert row.uploaded_at - row.scanned_at >= timedelta(minutes=20)


def test_12_hints_on_person_and_category_are_both_shown_the_persons_first(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _, code = create_attendee("王五", "press", hint="轮椅")
    assert desk.scan(code, "signin")["hints"] == ["轮椅", "引导至媒体席"]


def test_13_a_batch_costs_a_bounded_number_of_statements(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime,
        monkeypatch: pytest.MonkeyPatch) -> None:
    badges = [create_attendee(f"人{n}")[1] for n in range(60)]
    monkeypatch.setattr("models.runtime.TRUST_SECONDS", 60.0)      # a slow machine reads the plan no second time
    runtime.plan(fresh=True)
    said: list[str] = []
    event.listen(runtime.engine, "checkout", lambda connection, *_: connection.set_trace_callback(said.append))

    def reads(codes_: list[str], service: str) -> int:
        said.clear()
        desk.batch([scan(code, service) for code in codes_])
        return sum(sql.startswith("SELECT") for sql in said)
    few, many = reads(badges[:2], "signin"), reads(badges[2:60], "signin")
    assert 3 <= many <= few <= 8      # the first batch finds nothing remembered, and reads the tallies too


def test_14_in_one_batch_the_same_badge_twice_is_accepted_once_in_the_order_sent(desk: Tablet, badge: str) -> None:
    results = desk.batch([scan(badge, "bag"), scan(badge, "signin"), scan("", "signin"), scan(badge, "signin"),
                          {"id": "no uuid"}, scan(badge, "dinner"), scan(badge, "bag")])
    said = [r.get("reason") or r.get("verdict") or r["error"] for r in results]
    assert said == ["needs", "accepted", "invalid", "used_up", "invalid", "not_at_this_station", "accepted"]


def test_the_same_id_twice_in_one_batch_is_a_replay(desk: Tablet, badge: str, runtime: Runtime) -> None:
    body = scan(badge, "signin")
    results = desk.batch([body, body, {**body, "quantity": 5}])
    assert [r.get("replayed", r.get("error")) for r in results] == [False, True, "id_reused"]
    assert len(rows(runtime)) == 1


def test_15_16_cancelled_and_pending_are_refused_one_of_a_group_alone(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _, cancelled = create_attendee("甲", state="cancelled")
    _, pending = create_attendee("乙", state="pending")
    _, other = create_attendee("丙")
    assert [desk.scan(code, "signin")["reason"] for code in (cancelled, pending, other)] == ["cancelled", "pending", None]


def test_17_18_the_old_badge_is_revoked_and_can_be_forced_by_a_lead_with_a_reason(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any],
        create_staff: Callable[..., None], runtime: Runtime) -> None:
    attendee_id, old = create_attendee("张三")
    new = write(lambda session: reissue(session, attendee_id))
    assert desk.scan(old, "signin")["reason"] == "revoked"
    assert desk.scan(old, "signin", force=True, reason="忘带")["http"] == 403
    create_staff("组长", "lead")
    grant = desk.call("POST", "/api/v1/grant", {"name": "组长", "pin": "2468"})[1]["grant"]
    assert desk.scan(old, "signin", {"X-Grant": grant}, force=True)["http"] == 400
    forced = desk.scan(old, "signin", {"X-Grant": grant}, force=True, reason="忘带新证")
    assert (forced["verdict"], forced["forced"], forced["overrode"]) == ("accepted", True, "revoked")
    row = rows(runtime)[-1]
    assert (row.attendee_id, row.actor, row.note) == (attendee_id, "组长", "忘带新证")
    assert desk.scan(new, "bag", {"X-Grant": grant}, force=True, reason="多此一举")["forced"] is False
    assert desk.scan(codes.new("B"), "bag", {"X-Grant": grant}, force=True, reason="x")["reason"] == "unknown"


def test_nothing_is_forced_once_the_event_is_over(
        desk: Tablet, badge: str, create_staff: Callable[..., None], write: Callable[..., Any], runtime: Runtime) -> None:
    create_staff("组长", "lead")
    grant = desk.call("POST", "/api/v1/grant", {"name": "组长", "pin": "2468"})[1]["grant"]

    def close(session: Session) -> None:
        session.execute(update(Service).values(closed=True))
        session.execute(update(Event).values(closed_at=now()))
        touch(session, "plan")
    write(close)
    before = len(rows(runtime))
    refused = desk.scan(badge, "signin", {"X-Grant": grant}, force=True, reason="晚到")
    assert (refused["http"], refused["error"], len(rows(runtime))) == (403, "event_over", before)
    assert desk.scan(badge, "signin")["reason"] == "service_closed"


def test_what_a_person_typed_is_kept_without_the_one_character_that_postgresql_cannot_store(
        desk: Tablet, badge: str, runtime: Runtime) -> None:
    scan = desk.scan(badge, "signin", reason="忘\0带")
    assert rows(runtime)[-1].note == "忘带"
    desk.call("POST", f"/api/v1/scans/{scan['id']}/void", {"id": str(uuid.uuid4()), "reason": "误\0扫"})
    assert rows(runtime)[-1].note == "误扫"


def test_a_grant_is_for_one_tablet_and_only_of_a_lead(
        desk: Tablet, gate: Tablet, create_staff: Callable[..., None], badge: str) -> None:
    create_staff("小王", "staff")
    create_staff("组长", "lead")
    assert desk.call("POST", "/api/v1/grant", {"name": "小王", "pin": "2468"})[0] == 403
    assert desk.call("POST", "/api/v1/grant", {"name": "组长", "pin": "0000"})[0] == 403
    assert desk.call("POST", "/api/v1/grant", {"name": "nobody", "pin": "2468"})[0] == 403
    grant = desk.call("POST", "/api/v1/grant", {"name": "组长", "pin": "2468"})[1]["grant"]
    assert gate.scan(badge, "dinner", {"X-Grant": grant}, force=True, reason="x")["http"] == 403


def test_20_too_early_names_the_opening_hour_in_the_events_zone(gate: Tablet, badge: str, runtime: Runtime) -> None:
    said = gate.scan(badge, "dinner")
    opens = datetime.fromisoformat(said["detail"]["window"]["opens"]).astimezone(runtime.plan().event.zone)
    assert said["reason"] == "too_early"
    assert f"{opens:%H:%M}" in said["message"]


def test_21_the_date_is_said_only_when_it_is_another_day(
        gate: Tablet, badge: str, write: Callable[..., Any], runtime: Runtime) -> None:
    tomorrow = now() + timedelta(days=1, hours=1)

    def move(session: Session) -> None:
        session.execute(update(Service).where(Service.key == "dinner").values(
            windows=[[tomorrow.isoformat(), (tomorrow + timedelta(hours=1)).isoformat()]]))
        touch(session, "plan")
    write(move)
    assert f"{tomorrow.astimezone(runtime.plan().event.zone):%m-%d %H:%M}" in gate.scan(badge, "dinner")["message"]


def test_23_after_the_plan_is_changed_the_same_person_is_accepted_at_once(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any]) -> None:
    _, code = create_attendee("记者", "press")
    assert gate.scan(code, "lunch")["reason"] == "not_entitled"

    def widen(session: Session) -> None:
        session.execute(update(Service).where(Service.key == "lunch").values(entitled=["delegate", "press"]))
        touch(session, "plan")
    write(widen)
    assert gate.scan(code, "lunch")["verdict"] == "accepted"


def test_25_a_coupon_is_printed_at_sign_in_and_good_once_for_its_meal(
        desk: Tablet, gate: Tablet, badge: str, runtime: Runtime) -> None:
    assert len(desk.scan(badge, "signin")["print_jobs"]) == 2
    with runtime.connection() as connection:
        coupon = connection.execute(select(Coupon.code)).scalar_one()
        kinds = connection.execute(select(PrintJob.kind).order_by(PrintJob.number)).scalars().all()
    assert kinds == ["slip", "coupon"]
    wrong = gate.scan(coupon, "dinner")
    assert (wrong["reason"], wrong["for"]) == ("wrong_service", "lunch")
    assert "午餐" in wrong["message"]
    assert gate.scan(coupon, "lunch")["verdict"] == "accepted"
    assert gate.scan(coupon, "lunch")["reason"] == "used_up"
    assert gate.scan(badge, "lunch")["reason"] == "used_up"


def test_25_a_bearer_coupon_of_nobody_is_good_once(gate: Tablet, write: Callable[..., Any]) -> None:
    code = codes.new(codes.COUPON)
    write(lambda session: session.add(Coupon(code=code, service_key="lunch", issued_at=now())))
    answers = [gate.scan(code, "lunch") for _ in range(2)]
    assert [a["reason"] for a in answers] == [None, "used_up"]
    assert answers[0]["attendee"] is None
    assert gate.call("GET", "/api/v1/counts")[0] == 403


def test_26_27_28_in_and_out_through_the_api(gate: Tablet, badge: str) -> None:
    said = [gate.scan(badge, "s1", direction=d) for d in ("in", "in", "out", "out", "in")]
    assert [s["reason"] or s["verdict"] for s in said] == ["accepted", "already_inside", "accepted", "accepted", "accepted"]
    assert said[3]["hints"] == ["没有入场记录"]


def test_31_into_an_overlapping_session_the_count_follows(gate: Tablet, pair: Callable[[str], Tablet], badge: str) -> None:
    gate.scan(badge, "s1")
    moved = gate.scan(badge, "s2")
    counts = pair("board").counts()["services"]
    assert moved["hints"] == ["已从开幕式转来"]
    assert (counts["s1"]["inside"], counts["s2"]["inside"]) == (0, 1)


def test_33_36_an_undo_frees_the_use_gives_stock_back_and_both_rows_stay(desk: Tablet, badge: str, runtime: Runtime) -> None:
    desk.scan(badge, "signin")
    bag = desk.scan(badge, "bag", quantity=2)
    assert desk.counts()["services"]["bag"]["stock_left"] == 0
    status, said = desk.void(bag["id"])
    assert (status, said["results"][0]["voids"]) == (200, bag["id"])
    assert desk.counts()["services"]["bag"] | {"entitled": 1} == {
        "kind": "material", "name": "资料袋", "name_en": "Bag", "entitled": 1, "people": 0, "uses": 0, "refused": 0,
        "inside": None, "stock_left": 2}
    assert desk.scan(badge, "bag")["verdict"] == "accepted"
    assert [row.use_no for row in rows(runtime)] == [1, 1, None, 2]


def test_34_an_undo_from_another_station_needs_a_lead_and_the_attempt_is_kept(
        desk: Tablet, gate: Tablet, pair: Callable[[str], Tablet], badge: str, create_staff: Callable[..., None],
        runtime: Runtime) -> None:
    lunch = gate.scan(badge, "lunch")
    other = pair("gate-2")
    assert other.void(lunch["id"])[0] == 403
    assert (rows(runtime)[-1].verdict, rows(runtime)[-1].reason) == ("refused", "not_yours")
    assert desk.counts()["services"]["lunch"]["refused"] == 0
    create_staff("组长", "lead")
    grant = other.call("POST", "/api/v1/grant", {"name": "组长", "pin": "2468"})[1]["grant"]
    assert other.void(lunch["id"], {"X-Grant": grant})[0] == 200
    assert desk.counts()["services"]["lunch"]["people"] == 0


def test_35_undoing_twice_or_what_is_not_there_changes_nothing(desk: Tablet, badge: str, runtime: Runtime) -> None:
    signed = desk.scan(badge, "signin")
    undo = str(uuid.uuid4())
    assert desk.void(signed["id"], id=undo)[0] == 200
    status, again = desk.void(signed["id"], id=undo)
    assert (status, again["results"][0]["replayed"]) == (200, True)
    assert desk.void(signed["id"])[0] == 409
    assert desk.void(str(uuid.uuid4()))[0] == 404
    assert desk.void(undo)[0] == 409
    assert len(rows(runtime)) == 2


def test_36_undoing_a_scan_calls_its_waiting_slip_back_and_says_so_of_a_printed_one(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime, write: Callable[..., Any]) -> None:
    first = desk.scan(create_attendee("甲")[1], "signin")
    assert desk.void(first["id"])[1]["results"][0]["hints"] == []
    second = desk.scan(create_attendee("乙")[1], "signin")
    write(lambda session: session.execute(update(PrintJob).where(PrintJob.scan_id == second["id"]).values(state="printed")))
    assert desk.void(second["id"])[1]["results"][0]["hints"] == ["小票已打印，请收回"]
    with runtime.connection() as connection:
        states = connection.execute(select(PrintJob.scan_id, PrintJob.state)).all()
        voided = connection.execute(select(Coupon.voided_at)).scalars().all()
    assert {state for scan_id, state in states if scan_id == first["id"]} == {"cancelled"}
    assert all(voided)


def test_44_a_station_uses_only_its_own_services(desk: Tablet, badge: str, runtime: Runtime) -> None:
    assert desk.scan(badge, "dinner")["http"] == 403
    assert desk.scan(badge, "no-such")["http"] == 403
    assert not rows(runtime)


def test_42_a_pairing_code_works_once_and_for_ten_minutes(app: Any, write: Callable[..., Any]) -> None:
    from kiosk.pairing import new_code
    from models.devices import PairingCode
    client = app.test_client()
    code = write(lambda session: new_code(session, "desk-1")).code
    assert client.post("/api/v1/pair", json={"code": code}).status_code == 201
    assert client.post("/api/v1/pair", json={"code": code}).get_json()["error"] == "used"
    assert client.post("/api/v1/pair", json={"code": "000 000x"}).status_code == 404
    late = write(lambda session: new_code(session, "desk-1")).code
    write(lambda session: session.execute(update(PairingCode).values(expires_at=now() - timedelta(seconds=1))))
    assert client.post("/api/v1/pair", json={"code": late}).get_json()["error"] == "expired"


def test_43_a_revoked_tablet_is_turned_away_at_its_next_write(
        desk: Tablet, badge: str, write: Callable[..., Any], runtime: Runtime) -> None:
    from kiosk.pairing import revoke
    device, = runtime.plan().devices.values()
    write(lambda session: revoke(session, device.id))
    assert desk.scan(badge, "signin")["http"] == 401
    assert not rows(runtime)


def test_a_handle_of_a_search_stands_in_for_a_code_on_that_tablet_for_two_minutes(
        desk: Tablet, pair: Callable[[str], Tablet], create_attendee: Callable[..., tuple[int, str]],
        write: Callable[..., Any]) -> None:
    from models.names import search_keys
    create_attendee("张三丰", search_keys=search_keys("张三丰"), folded="张三丰", phone="13800001234")
    hit, = desk.call("POST", "/api/v1/search", {"q": "zsf"})[1]["hits"]
    assert hit["phone"] == "138****1234"
    body = {"id": str(uuid.uuid4()), "service": "signin", "attendee": hit["attendee"]}
    late = (datetime.now(UTC) + timedelta(minutes=3)).isoformat()
    assert desk.call("POST", "/api/v1/scans", {**body, "scanned_at": late})[0] == 400
    assert pair("desk-1").call("POST", "/api/v1/scans", body)[0] == 400
    assert desk.call("POST", "/api/v1/scans", body)[1]["results"][0]["verdict"] == "accepted"


def test_the_devices_clock_is_corrected_by_what_it_says_of_itself(gate: Tablet, badge: str, runtime: Runtime) -> None:
    wrong = datetime.now(UTC) - timedelta(hours=8)
    said = gate.scan(badge, "lunch", {"X-Sent-At": wrong.isoformat()}, scanned_at=wrong.isoformat())
    assert said["verdict"] == "accepted"
    assert abs(rows(runtime)[0].scanned_at - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_clock_that_no_calendar_holds_corrects_nothing(desk: Tablet, badge: str) -> None:
    for sent, service in (("9999-12-31T00:00:00+00:00", "signin"), ("0001-01-01T00:00:00+00:00", "bag")):
        assert desk.scan(badge, service, {"X-Sent-At": sent})["verdict"] == "accepted"


@pytest.mark.parametrize(("more", "field"), [
    ({"id": "x"}, "id"), ({"service": 7}, "service"), ({"quantity": 0}, "quantity"), ({"quantity": 100}, "quantity"),
    ({"direction": "up"}, "direction"), ({"scanned_at": "2026-12-05T11:42:07"}, "scanned_at"),
    ({"scanned_at": "yesterday"}, "scanned_at"), ({"scanned_at": "0001-01-01T00:00:00+14:00"}, "scanned_at"),
    ({"code": None}, "code"), ({"code": None, "attendee": "forged"}, "attendee"), ({"answers": [1]}, "answers")])
def test_a_body_of_the_wrong_shape_names_the_field(desk: Tablet, badge: str, more: dict[str, Any], field: str) -> None:
    status, said = desk.call("POST", "/api/v1/scans", {**scan(badge, "signin"), **more})
    assert (status, said["field"]) == (400, field)


def test_a_list_that_is_none_or_too_long_is_refused_whole(desk: Tablet, badge: str) -> None:
    for body in ([], [scan(badge, "signin")] * 501, "x", 3, None):
        assert desk.call("POST", "/api/v1/scans", body)[0] == 400


def test_law_3_a_disk_that_does_not_take_it_is_a_503_and_nothing_is_recorded(
        desk: Tablet, badge: str, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlite3
    blocker = sqlite3.connect(runtime.data / "huiwu.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    event.listen(runtime.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=50"))
    status, said = desk.call("POST", "/api/v1/scans", scan(badge, "signin"))
    assert (status, said["error"]) == (503, "not_recorded")
    with pytest.raises(NotRecorded):
        runtime.prove()
    assert desk.client.get("/healthz").status_code == 503
    blocker.execute("ROLLBACK")
    blocker.close()
    assert not rows(runtime)
    assert desk.scan(badge, "signin")["verdict"] == "accepted"


def test_law_3_every_connection_is_wal_and_full(runtime: Runtime) -> None:
    for engine in (runtime.engine, runtime.writer.engine):
        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_law_8_each_mode_sees_what_its_task_needs(
        desk: Tablet, gate: Tablet, pair: Callable[[str], Tablet], create_attendee: Callable[..., tuple[int, str]]) -> None:
    _, code = create_attendee("张三丰", room="1208", seat="A-12", table="3", organisation="一所")
    kiosk = pair("kiosk-1").scan(code, "signin")["attendee"]
    assert (kiosk["name"], kiosk["org"], kiosk["room"], kiosk["seat"], kiosk["table"]) == ("张*丰", "", "", "A-12", "3")
    lunch = gate.scan(code, "lunch")["attendee"]
    assert (lunch["name"], lunch["org"], lunch["room"], lunch["table"]) == ("张三丰", "一所", "", "3")
    assert desk.scan(code, "signin")["attendee"]["room"] == "1208"


def test_an_import_under_way_is_not_seen(desk: Tablet, write: Callable[..., Any],
                                         create_attendee: Callable[..., tuple[int, str]]) -> None:
    def begin(session: Session) -> int:
        run = ImportRun(file_name="名单.xlsx", started_at=now())
        session.add(run)
        touch(session, "roster")
        session.flush()
        return run.id
    run_id = write(begin)
    _, code = create_attendee("甲", import_id=run_id)
    assert desk.scan(code, "signin")["reason"] == "unknown"

    def finish(session: Session) -> None:
        session.execute(update(ImportRun).values(finished_at=now()))
        touch(session, "roster")
    write(finish)
    assert desk.scan(code, "signin")["verdict"] == "accepted"


def test_a_slip_tells_of_what_its_holder_may_go_to(desk: Tablet, runtime: Runtime, write: Callable[..., Any],
                                                   create_attendee: Callable[..., tuple[int, str]]) -> None:
    def all_day(session: Session) -> None:
        today = now().astimezone(runtime.plan().event.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        session.execute(update(Service).where(Service.key == "lunch").values(
            windows=[[today.isoformat(), (today + timedelta(days=2)).isoformat()]]))
        session.execute(update(Service).where(Service.key == "s1").values(starts=today, ends=today + timedelta(hours=1)))
        touch(session, "plan")
    write(all_day)
    said = {}
    for category in ("delegate", "press"):
        person, code = create_attendee(category=category)
        assert desk.scan(code, "signin")["verdict"] == "accepted"
        with runtime.reading() as session:
            job = session.scalars(select(PrintJob).where(PrintJob.attendee_id == person, PrintJob.kind == "slip")).one()
        said[category] = {title for _, title in job.content["programme"]}
    assert said["delegate"] >= {"午餐", "开幕式"}
    assert "午餐" not in said["press"] and "开幕式" in said["press"]


def test_answers_that_nobody_asked_for_are_not_kept(desk: Tablet, badge: str, runtime: Runtime) -> None:
    many = {f"k{n}": "x" for n in range(21)}
    assert desk.scan(badge, "signin", answers=many)["error"] == "invalid"
    assert desk.scan(badge, "signin", answers={"size": "M" * 500})["verdict"] == "accepted"
    with runtime.reading() as session:
        assert session.execute(select(Scan.answers)).scalars().all() == [None]
