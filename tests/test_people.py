"""People: sign-ins that begin anew and end at the server, the passphrase asked again, a lead beside a tablet, and a name
on everything that is done."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

import pins
from admin import confirm, people
from app import create_app, create_tables
from kiosk import pairing
from models import sign_ins
from models.database import now
from models.devices import Grant
from models.event import Event
from models.people import Attendee, Correction, Staff, StaffSession
from models.runtime import Runtime
from models.scans import Scan
from sessions import SESSION_COOKIE, STAFF_COOKIE
from tests.conftest import Tablet, fill, post, sign_in

CONFIRMED = {
    "POST /admin/care/golive", "POST /admin/care/export", "GET /admin/care/work/<key>/file", "POST /admin/care/files/<name>",
    "POST /admin/care/folder", "POST /admin/care/close", "POST /admin/care/purge", "POST /admin/badges", "GET /admin/badges/<key>/file",
    "POST /admin/roster/<int:attendee_id>/badge.pdf", "POST /admin/staff", "POST /admin/staff/<int:staff_id>/reset",
    "POST /admin/staff/<int:staff_id>/disable"}


@pytest.fixture
def stale(coordinator: FlaskClient, write: Callable[..., Any]) -> FlaskClient:
    """The coordinator's browser six minutes later."""
    write(lambda session: session.execute(update(StaffSession).values(
        confirmed_at=now() - sign_ins.CONFIRMED - timedelta(minutes=1))).close())
    return coordinator


def csrf_of(client: FlaskClient, path: str = "/login?again=1") -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    return found[1] if found else ""


def cookie(client: FlaskClient, name: str) -> str:
    found = client.get_cookie(name)
    return found.value if found else ""


def is_in(client: FlaskClient) -> bool:
    return client.get("/admin/").status_code == 200


def age(write: Callable[..., Any], **columns: Any) -> None:
    write(lambda session: session.execute(update(StaffSession).values(**columns)).close())


# --- a sign-in's beginning ---

def test_a_session_that_somebody_planted_before_the_sign_in_is_nobody_s_after_it(
        app: Flask, client: FlaskClient, create_staff: Callable[..., None]) -> None:
    create_staff("陈总", "coordinator")
    thief = app.test_client()
    planted, token = "thief-knows-this", csrf_of(thief)
    client.set_cookie(STAFF_COOKIE, planted)
    client.set_cookie(SESSION_COOKIE, cookie(thief, SESSION_COOKIE))
    client.post("/login", data={"csrf_token": token, "name": "陈总", "secret": "2468"})
    assert is_in(client)
    assert planted not in cookie(client, STAFF_COOKIE)
    assert cookie(client, SESSION_COOKIE) != cookie(thief, SESSION_COOKIE)
    assert client.post("/admin/care/audit", data={"csrf_token": token}).status_code == 400      # his form is no good here
    thief.set_cookie(STAFF_COOKIE, planted)
    assert not is_in(thief)


def test_two_sign_ins_of_one_person_have_nothing_in_common(app: Flask, coordinator: FlaskClient) -> None:
    other = app.test_client()
    sign_in(other, "陈总")
    assert cookie(other, STAFF_COOKIE) != cookie(coordinator, STAFF_COOKIE)
    post(other, "/logout", "/admin/")
    assert is_in(coordinator) and not is_in(other)


# --- and its end ---

def test_cookies_copied_before_the_sign_out_are_worth_nothing_after_it(app: Flask, coordinator: FlaskClient) -> None:
    copied = {name: cookie(coordinator, name) for name in (STAFF_COOKIE, SESSION_COOKIE)}
    token = csrf_of(coordinator, "/admin/")
    post(coordinator, "/logout", "/admin/")
    replay = app.test_client()
    for name, value in copied.items():
        replay.set_cookie(name, value)
    assert not is_in(replay)
    for path in ("/admin/care/backup", "/admin/staff", "/confirm"):
        assert "/login" in replay.post(path, data={"csrf_token": token}).location, path


@pytest.mark.parametrize("end", ["reset", "disable"])
def test_a_reset_or_disabled_person_is_out_at_once(
        coordinator: FlaskClient, runtime: Runtime, create_staff: Callable[..., None], end: str) -> None:
    create_staff("王总", "coordinator")
    if end == "reset":
        people.reset(runtime, "陈总", "又一个八个字的口令")
    else:
        people.disable(runtime, "陈总")
    assert not is_in(coordinator)


def test_a_sign_in_ends_after_sixteen_hours_and_after_two_in_which_nothing_was_asked(
        coordinator: FlaskClient, write: Callable[..., Any], runtime: Runtime) -> None:
    age(write, created_at=now() - timedelta(hours=9), seen_at=now() - timedelta(hours=1))
    runtime.asked.clear()
    assert is_in(coordinator)
    age(write, seen_at=now() - timedelta(hours=3))
    assert is_in(coordinator)                       # it asked just now: that stands in memory
    runtime.save_sightings()
    assert runtime.asked == {} and is_in(coordinator)   # and on disk
    runtime.asked.clear()
    age(write, seen_at=now() - sign_ins.IDLE - timedelta(seconds=1))
    assert not is_in(coordinator)
    age(write, seen_at=now(), expires_at=now() - timedelta(seconds=1))
    assert not is_in(coordinator)


def test_a_secret_is_stored_as_argon2_and_a_token_as_its_digest(coordinator: FlaskClient, runtime: Runtime) -> None:
    with runtime.reading() as session:
        hashed, token = session.scalars(select(Staff.secret_hash)).one(), session.scalars(select(StaffSession.token_hash)).one()
    assert hashed.startswith("$argon2id$") and "2468" not in hashed
    assert cookie(coordinator, STAFF_COOKIE) not in token and len(token) == 64


# --- the passphrase, asked again ---

def test_all_that_takes_data_away_or_changes_staff_and_event_asks_for_the_passphrase(app: Flask) -> None:
    asking = {f"{method} {rule.rule}" for rule in app.url_map.iter_rules() for method in ("GET", "POST")
              if method in (rule.methods or ()) and getattr(app.view_functions[rule.endpoint], "confirmed", False)}
    assert asking == CONFIRMED


def test_nothing_is_done_before_the_passphrase_was_typed_again(stale: FlaskClient, app: Flask, runtime: Runtime) -> None:
    token = csrf_of(stale, "/admin/")
    values = {"attendee_id": 1, "staff_id": 1, "key": "x", "name": "x"}
    for line in CONFIRMED:
        method, rule = line.split()
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), rule)
        answer = stale.open(path, method=method, data={"csrf_token": token, "sure": "1", "name": "新人", "role": "staff",
                                                       "secret": "2468"})
        assert (answer.status_code == 403 and 'name="passphrase"' in answer.text) or "/confirm?" in answer.location, line
    with runtime.reading() as session:
        assert set(session.scalars(select(Staff.name))) == {"陈总"}
    assert runtime.plan(fresh=True).event.trial


def test_a_form_is_done_once_the_passphrase_was_right_and_no_page_carries_what_was_typed(
        stale: FlaskClient, runtime: Runtime) -> None:
    asked = post(stale, "/admin/staff", "/admin/", name="小王", role="staff", secret="97531")
    assert "97531" not in asked.text
    kept = re.search(r'name="kept_form" value="([^"]+)"', asked.text)
    assert kept
    wrong = post(stale, "/admin/staff", "/admin/", kept_form=kept[1], passphrase="0000")
    assert wrong.status_code == 403 and kept[1] in wrong.text
    assert post(stale, "/admin/staff", "/admin/", kept_form=kept[1], passphrase="2468").status_code == 303
    assert people.sign_in(runtime, "小王", "97531")[1] == "staff"
    assert post(stale, "/admin/staff", "/admin/", name="小李", role="staff", secret="97531").status_code == 303   # for a while
    assert post(stale, "/admin/staff", "/admin/", kept_form=kept[1], passphrase="2468").status_code == 400       # once


def test_a_page_is_gone_back_to_and_a_stranger_s_is_not(stale: FlaskClient) -> None:
    where = stale.get("/admin/badges/x/file").location
    assert where == "/confirm?next=/admin/badges/x/file"
    page = stale.get(where)
    assert 'value="/admin/badges/x/file"' in page.text
    assert post(stale, "/confirm", "/admin/", next="/admin/badges/x/file", passphrase="1").status_code == 403
    assert post(stale, "/confirm", "/admin/", next="//evil.example/", passphrase="2468").location == "/admin/"
    assert post(stale, "/confirm", "/admin/", next="/admin/badges/x/file", passphrase="2468").location == "/admin/badges/x/file"
    assert stale.get("/admin/badges/x/file").status_code == 404


@pytest.mark.parametrize(("came_from", "back"), [
    ("http://localhost/admin/roster?page=2", "/admin/roster?page=2"), ("http://evil.example/admin/roster", "/admin/"),
    ("http://localhost/confirm?next=/admin/staff", "/admin/"), ("http://localhost/admin/badges/x/file", "/admin/"),
    ("http://localhost/logout", "/admin/"), ("http://localhost//evil.example/", "/admin/"), ("", "/admin/")])
def test_who_does_not_confirm_goes_back_to_where_they_came_from_and_to_no_stranger(
        stale: FlaskClient, came_from: str, back: str) -> None:
    page = stale.get("/confirm?next=/admin/badges/x/file", headers={"Referer": came_from})
    assert f'href="{back}">取消</a>' in page.text
    wrong = post(stale, "/confirm", "/admin/", next="/admin/badges/x/file", passphrase="1", back=back)
    assert wrong.status_code == 403 and f'href="{back}">取消</a>' in wrong.text


def test_a_passphrase_typed_in_one_browser_confirms_nothing_in_another(
        app: Flask, stale: FlaskClient, write: Callable[..., Any]) -> None:
    other = app.test_client()
    sign_in(other, "陈总")
    age(write, confirmed_at=None)
    assert post(other, "/confirm", "/admin/", next="/admin/staff", passphrase="2468").status_code == 303
    assert post(other, "/admin/care/export", "/admin/", what="counts", ending="csv").status_code == 303
    assert post(stale, "/admin/care/golive", "/admin/", sure="1").status_code == 403


def test_a_kept_form_is_good_for_its_own_sign_in_and_address_only() -> None:
    forms, form = confirm.Forms(), confirm.ImmutableMultiDict({"a": "1"})
    key = forms.keep("mine", "/admin/staff", form)
    assert forms.take(key, "another", "/admin/staff") is None
    assert forms.take(key, "mine", "/admin/care/golive") is None
    assert forms.take(key, "mine", "/admin/staff") == form
    for _ in range(confirm.KEPT_FORMS + 10):
        forms.keep("mine", "/x", form)
    assert len(forms._kept) == confirm.KEPT_FORMS


# --- a lead beside a tablet ---

def granted(tablet: Tablet, name: str = "李组长", pin: str = "2468") -> str:
    status, said = tablet.call("POST", "/api/v1/grant", {"name": name, "pin": pin})
    return said["grant"] if status == 201 else str(status)


def forces(tablet: Tablet, grant: str, code: str) -> int:
    status: int = tablet.scan(code, "lunch", {"X-Grant": grant}, force=True, reason="组长同意")["http"]
    return status


def test_a_grant_is_this_tablet_s_and_five_minutes_long(
        pair: Callable[[str], Tablet], create_staff: Callable[..., None], write: Callable[..., Any], badge: str) -> None:
    create_staff("李组长", "lead")
    here, there = pair("desk-1"), pair("desk-1")
    grant = granted(here)
    assert forces(there, grant, badge) == 403
    assert forces(here, grant, badge) == 200
    write(lambda session: session.execute(update(Grant).values(expires_at=now() - timedelta(seconds=1))).close())
    assert forces(here, grant, badge) == 403


@pytest.mark.parametrize("end", ["disabled", "reset", "demoted", "tablet"])
def test_a_grant_ends_with_its_lead_and_with_its_tablet(
        desk: Tablet, create_staff: Callable[..., None], runtime: Runtime, badge: str, end: str) -> None:
    create_staff("李组长", "lead")
    grant = granted(desk)
    if end == "disabled":
        people.disable(runtime, "李组长")
    elif end == "reset":
        people.reset(runtime, "李组长", "8642")
    elif end == "demoted":
        runtime.writer.do(lambda session: session.execute(update(Staff).values(role="staff")).close())
    else:
        runtime.writer.do(lambda session: pairing.revoke(session, 1))
        with runtime.reading() as session:
            assert session.scalars(select(Grant)).all() == []
    assert forces(desk, grant, badge) == (401 if end == "tablet" else 403)


def test_a_lead_who_is_disabled_while_the_pin_is_compared_grants_nothing(
        desk: Tablet, create_staff: Callable[..., None], runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    create_staff("李组长", "lead")
    compare = pins.is_right

    def slowly(*given: Any) -> bool:
        people.disable(runtime, "李组长")
        return compare(*given)
    monkeypatch.setattr("kiosk.pairing.is_right", slowly)
    assert granted(desk) == "403"


def test_staff_without_the_role_grant_nothing(desk: Tablet, create_staff: Callable[..., None]) -> None:
    create_staff("小王", "staff")
    assert granted(desk, "小王") == "403"


# --- names ---

def test_what_is_done_at_a_desk_and_at_the_coordinator_s_pages_carries_a_person_s_name(
        coordinator: FlaskClient, desk: Tablet, create_staff: Callable[..., None], runtime: Runtime,
        create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_staff("李组长", "lead")
    who, code = create_attendee("张三", number="T1")
    with_lead = {"X-Grant": granted(desk)}
    first = desk.scan(code, "signin", with_lead)
    desk.void(first["id"], with_lead)
    for path, form in ((f"/admin/roster/{who}/state", {"state": "pending"}), (f"/admin/roster/{who}/reissue", {}),
                       (f"/admin/roster/{who}/rights", {"choice.lunch": "yes", "limit.lunch": "2"}),
                       (f"/admin/roster/{who}/edit", {"name": "张三丰", "category_key": "delegate"}),
                       (f"/admin/roster/{who}/revoke", {})):
        assert post(coordinator, path, "/admin/", **form).status_code == 303, path
    with runtime.reading() as session:
        assert set(session.scalars(select(Scan.actor))) == {"李组长"}
        done = [(row.actor, *row.changes.items()) for row in session.scalars(select(Correction).order_by(Correction.id))]
    assert [row[0] for row in done] == ["陈总"] * 5
    assert [row[1][0] for row in done] == ["state", "badge", "rights", "name", "badge"]
    page = coordinator.get(f"/admin/roster/{who}").text
    assert "已报名 → 待审核" in page and "午餐 可以 ×2" in page and "已补发，旧证作废" in page


def test_a_badge_made_or_replaced_at_a_desk_names_who_did_it_even_without_a_printer(
        app: Flask, desk: Tablet, create_staff: Callable[..., None], runtime: Runtime,
        create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_staff("小王", "staff")
    who, _code = create_attendee("张三", number="T1")
    tablet = app.test_client()
    tablet.set_cookie("huiwu_station", desk.token)
    sign_in(tablet, "小王")
    card = tablet.post("/desk/find", data={"q": "T1", "csrf_token": csrf_of(tablet, "/station")}).text
    handle = re.search(r"who=([\w.-]+)", card)
    assert handle
    tablet.post("/desk/replace", data={"who": handle[1], "csrf_token": csrf_of(tablet, "/station")})
    tablet.post("/desk/walk-in", data={"name": "新来的", "category": "delegate", "csrf_token": csrf_of(tablet, "/station")})
    with runtime.reading() as session:
        rows = session.scalars(select(Correction)).all()
        new = session.scalars(select(Attendee.id).where(Attendee.name == "新来的")).one()
    assert {(row.attendee_id, row.actor, row.station_key) for row in rows} == {(who, "小王", "desk-1"), (new, "小王", "desk-1")}


# --- another event ---

@pytest.fixture
def other(tmp_path: Any) -> Iterator[Flask]:
    """Another event's application, with the same people and numbers and a secret of its own."""
    folder = tmp_path / "other"
    folder.mkdir()
    create_tables(folder)

    def begin(session: Session) -> None:
        fill(session)
        session.scalars(select(Event)).one().secret = "t" * 32
    made = create_app({"DATA": folder, "TESTING": True, "RATELIMIT_ENABLED": False})
    runtime = made.extensions["huiwu"]
    runtime.writer.do(begin)
    runtime.engine.dispose()
    made = create_app({"DATA": folder, "TESTING": True, "RATELIMIT_ENABLED": False})
    people.create(made.extensions["huiwu"], "陈总", "coordinator", "八个字以上的口令")
    people.create(made.extensions["huiwu"], "李组长", "lead", "2468")
    yield made
    made.extensions["huiwu"].engine.dispose()


def test_cookies_tokens_codes_handles_and_grants_of_another_event_are_strangers_here(
        app: Flask, other: Flask, coordinator: FlaskClient, desk: Tablet, create_staff: Callable[..., None],
        create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_staff("李组长", "lead")
    create_attendee("张三", number="T1")
    theirs, far = other.extensions["huiwu"], other.test_client()
    sign_in(far, "陈总", "八个字以上的口令")
    code = theirs.writer.do(lambda session: pairing.new_code(session, "desk-1")).code
    assert app.test_client().post("/api/v1/pair", json={"code": code}).status_code == 404
    token = far.post("/api/v1/pair", json={"code": code, "name": "x"}).get_json()["token"]
    their_desk = Tablet(other.test_client(use_cookies=False), "desk-1", token)
    assert Tablet(desk.client, "desk-1", token).call("GET", "/api/v1/station")[0] == 401
    assert desk.call("GET", "/api/v1/station")[0] == 200

    here = app.test_client()
    for name in (STAFF_COOKIE, SESSION_COOKIE, "huiwu_known"):
        here.set_cookie(name, cookie(far, name))
    assert not is_in(here)
    form = csrf_of(far, "/admin/")
    coordinator.set_cookie(SESSION_COOKIE, cookie(far, SESSION_COOKIE))
    assert coordinator.post("/admin/care/audit", data={"csrf_token": form}).status_code == 400

    theirs.writer.do(lambda session: session.add(Attendee(name="张三", number="T1", category_key="delegate", folded="张三")))
    hit = their_desk.call("POST", "/api/v1/search", {"q": "T1"})[1]["hits"][0]["attendee"]
    assert desk.call("POST", "/api/v1/scans", {"id": "0d4c2c1e-0000-4000-8000-00000000000b", "service": "signin",
                                                "attendee": hit})[0] == 400
    grant = granted(their_desk)
    assert forces(desk, grant, create_attendee()[1]) == 403
