"""Stations in strangers' hands: pairing, a lost tablet, a kiosk that is not left without a PIN, codes that are no codes."""
from __future__ import annotations

import base64
import re
import threading
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPResponse
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from admin import people
from app import create_app
from kiosk import live, pairing
from models import badges, codes
from models.database import now
from models.devices import Device, PairingCode
from models.event import Station, touch
from models.people import Attendee
from models.runtime import Runtime
from sessions import STAFF_COOKIE, STATION_COOKIE
from tests.conftest import LiveServer, Tablet, post, scan, sign_in

SOON = 5.0       # of a busy test machine; a stream that was not told would find out at its heartbeat


@pytest.fixture
def coordinator(client: FlaskClient, create_staff: Callable[..., None]) -> FlaskClient:
    """A browser in which the coordinator has just signed in."""
    create_staff("陈总", "coordinator")
    sign_in(client, "陈总")
    return client


def browser_of(app: Flask, tablet: Tablet) -> FlaskClient:
    """The tablet's browser."""
    client = app.test_client()
    client.set_cookie(STATION_COOKIE, tablet.token)
    return client


# --- pairing ---

def test_42_a_pairing_code_pairs_one_tablet_for_ten_minutes(
        client: FlaskClient, write: Callable[..., Any], runtime: Runtime) -> None:
    made = write(lambda session: pairing.new_code(session, "desk-1"))

    def send(code: str) -> int:
        return client.post("/api/v1/pair", json={"code": code, "name": "x"}).status_code
    assert (send(made.code), send(made.code)) == (201, 410)
    late = write(lambda session: pairing.new_code(session, "desk-1"))
    assert timedelta(minutes=9) < late.expires_at - now() <= timedelta(minutes=10)
    write(lambda session: session.execute(update(PairingCode).where(PairingCode.used_at.is_(None)).values(
        expires_at=now() - timedelta(seconds=1))).close())
    assert send(late.code) == 410
    with runtime.reading() as session:
        stored = session.scalars(select(PairingCode.code_hash)).all()
    assert not any(made.code.replace(" ", "") in one for one in stored)


def test_two_who_type_one_pairing_code_at_once_pair_one_tablet(live_server: LiveServer, runtime: Runtime) -> None:
    code = runtime.writer.do(lambda session: pairing.new_code(session, "desk-1")).code
    start, said = threading.Barrier(6), []

    def type_it() -> None:
        browser = live_server.app.test_client()
        start.wait(10)
        said.append(browser.post("/api/v1/pair", json={"code": code, "name": "x"}).status_code)
    threads = [threading.Thread(target=type_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said) == [201] + [410] * 5


def test_a_pairing_code_stands_in_no_cookie_and_is_shown_to_its_own_sign_in_only(
        app: Flask, coordinator: FlaskClient) -> None:
    post(coordinator, "/admin/stations/desk-1/pair", "/admin/")
    page = coordinator.get("/admin/stations/desk-1/pair").text
    code = re.search(r"(\d{3}) (\d{3})", page)
    assert code
    for cookie in (coordinator._cookies or {}).values():
        parts = [part + "=" * (-len(part) % 4) for part in re.split(r"[.!]", cookie.value)]
        plain = "".join(base64.urlsafe_b64decode(part).decode("latin-1") for part in parts if re.fullmatch(r"[\w=-]+", part))
        assert code[0] not in cookie.value + plain and code[1] + code[2] not in cookie.value + plain
    other = app.test_client()
    sign_in(other, "陈总")
    assert other.get("/admin/stations/desk-1/pair").status_code == 303
    post(coordinator, "/logout", "/admin/")
    sign_in(coordinator, "陈总")
    assert coordinator.get("/admin/stations/desk-1/pair").status_code == 303


def test_a_restart_keeps_the_pairings(data: Any, desk: Tablet) -> None:
    again = create_app({"DATA": data, "TESTING": True})
    assert Tablet(again.test_client(), "desk-1", desk.token).call("GET", "/api/v1/station")[0] == 200
    again.extensions["huiwu"].engine.dispose()


# --- a lost tablet ---

def test_43_a_lost_tablet_s_token_cookie_outbox_grant_and_search_hits_end_when_it_is_revoked(
        app: Flask, coordinator: FlaskClient, pair: Callable[[str], Tablet], create_staff: Callable[..., None],
        create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_staff("李组长", "lead")
    _who, code = create_attendee("欧阳修", number="T777")
    lost, kept = pair("desk-1"), pair("desk-1")
    hit = lost.call("POST", "/api/v1/search", {"q": "T777"})[1]["hits"][0]["attendee"]
    grant = lost.call("POST", "/api/v1/grant", {"name": "李组长", "pin": "2468"})[1]["grant"]
    browser = browser_of(app, lost)
    page = browser.get("/station").text
    assert browser.get("/station").status_code == 200
    assert post(coordinator, "/admin/stations/tablets/1/revoke", "/admin/").status_code == 303

    body = {"id": "0d4c2c1e-0000-4000-8000-00000000000c", "service": "signin"}
    for call in (("GET", "/api/v1/station", None), ("POST", "/api/v1/scans", {**body, "attendee": hit}),
                 ("POST", "/api/v1/scans", [{**body, "code": code}]), ("POST", "/api/v1/search", {"q": "T777"}),
                 ("POST", "/api/v1/lookup", {"code": code}), ("GET", "/api/v1/live", None)):
        assert lost.call(*call)[0] == 401, call
    assert browser.get("/station").status_code == 303
    token = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert token and browser.post("/desk/find", data={"q": "T777", "csrf_token": token[1]}).status_code == 303
    assert kept.call("POST", "/api/v1/scans", {**body, "attendee": hit})[0] == 400
    assert kept.scan(code, "lunch", {"X-Grant": grant}, force=True, reason="x")["http"] == 403
    assert kept.scan(code, "signin")["verdict"] == "accepted"


class Watching:
    """A live stream that is read in a thread until it ends."""

    def __init__(self, server: LiveServer, **headers: str):
        self.ended, self.begun = threading.Event(), threading.Event()
        self._answer: HTTPResponse = urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/api/v1/live", headers=headers), timeout=30)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.begun.wait(10)

    def _read(self) -> None:
        while self._answer.readline():
            self.begun.set()
        self.ended.set()


@pytest.mark.parametrize("end", ["revoke", "leave", "mode"])
def test_43_a_revoked_tablet_s_live_stream_ends_within_a_second(
        live_server: LiveServer, desk: Tablet, runtime: Runtime, end: str) -> None:
    screen = Watching(live_server, Authorization=f"Bearer {desk.token}")
    if end == "revoke":
        runtime.writer.do(lambda session: pairing.revoke(session, 1))
    elif end == "leave":
        browser = browser_of(live_server.app, desk)
        post(browser, "/station/leave", "/station/leave")
    else:
        def change(session: Any) -> None:
            session.get(Station, "desk-1").mode = "gate"
            touch(session, "plan")
        runtime.writer.do(change)
    assert screen.ended.wait(SOON)
    assert live.HEARTBEAT > SOON and live.TICK + live.QUIET < 1


@pytest.mark.parametrize("end", ["logout", "disable", "reset"])
def test_the_live_stream_of_somebody_signed_out_or_disabled_ends_within_a_second(
        live_server: LiveServer, coordinator: FlaskClient, create_staff: Callable[..., None], runtime: Runtime,
        end: str) -> None:
    create_staff("王总", "coordinator")
    cookie = coordinator.get_cookie(STAFF_COOKIE)
    assert cookie
    screen, own = Watching(live_server, Cookie=f"{STAFF_COOKIE}={cookie.value}"), live_server.app.test_client()
    sign_in(own, "王总")
    theirs = own.get_cookie(STAFF_COOKIE)
    assert theirs
    other = Watching(live_server, Cookie=f"{STAFF_COOKIE}={theirs.value}")
    if end == "logout":
        post(coordinator, "/logout", "/admin/")
    elif end == "disable":
        people.disable(runtime, "陈总")
    else:
        people.reset(runtime, "陈总", "又一个八个字的口令")
    assert screen.ended.wait(SOON)
    assert not other.ended.is_set()


# --- a kiosk ---

def kiosk_of(app: Flask, pair: Callable[[str], Tablet]) -> FlaskClient:
    return browser_of(app, pair("kiosk-1"))


def test_no_link_and_no_form_leads_out_of_a_kiosk_but_by_a_pin(app: Flask, pair: Callable[[str], Tablet]) -> None:
    kiosk = kiosk_of(app, pair)
    seen, todo, forms = set(), ["/", "/station", "/pair", "/pair?code=482913"], set()
    while todo:
        path = todo.pop()
        answer = kiosk.get(path, follow_redirects=True)
        seen.add(answer.request.path)
        forms |= set(re.findall(r'<form[^>]*action="([^"]+)"', answer.text))
        for link in re.findall(r'<a [^>]*href="([^"]+)"', answer.text):
            if link not in seen:
                seen.add(link)
                todo.append(link)
    assert seen <= {"/", "/station", "/station/leave", "/pair"}
    assert forms == {"/station/leave", "/pair"}         # both ask for a PIN: the two tests below


@pytest.mark.parametrize(("name", "pin"), [("", ""), ("李组长", "1357"), ("没这人", "2468"), ("小王", "2468")])
def test_a_kiosk_becomes_nothing_else_without_a_lead_s_pin(
        app: Flask, pair: Callable[[str], Tablet], create_staff: Callable[..., None], write: Callable[..., Any],
        runtime: Runtime, name: str, pin: str) -> None:
    create_staff("李组长", "lead")
    create_staff("小王", "staff")
    kiosk = kiosk_of(app, pair)
    code = write(lambda session: pairing.new_code(session, "desk-1")).code
    assert post(kiosk, "/station/leave", "/station", name=name, pin=pin).status_code == 403
    assert post(kiosk, "/pair", "/station", code=code, name=name, pin=pin).status_code == 403
    assert kiosk.get("/station").status_code == 200
    with runtime.reading() as session:
        assert session.scalars(select(PairingCode.used_at).order_by(PairingCode.id.desc())).first() is None
        assert session.scalars(select(Device.revoked_at)).one() is None
    assert post(kiosk, "/pair", "/station", code=code, name="李组长", pin="2468").location == "/station"
    assert b"data-mode=\"desk\"" in kiosk.get("/station").data


def test_a_kiosk_s_first_page_is_its_station_whatever_is_opened(app: Flask, pair: Callable[[str], Tablet]) -> None:
    assert kiosk_of(app, pair).get("/").location == "/station"


def test_a_lead_who_signed_in_at_a_kiosk_is_signed_out_when_it_goes_on(
        app: Flask, pair: Callable[[str], Tablet], create_staff: Callable[..., None]) -> None:
    create_staff("李组长", "lead")
    kiosk = kiosk_of(app, pair)
    sign_in(kiosk, "李组长")
    assert kiosk.get("/admin/stations").status_code == 200
    kiosk.get("/station")
    assert kiosk.get("/admin/stations").status_code != 200


# --- codes ---

def test_7_ids_numbers_phones_names_and_short_forms_are_no_codes(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime) -> None:
    who, code = create_attendee("张三", number="A00001", phone="13800001234")
    hit = desk.call("POST", "/api/v1/search", {"q": "A00001"})[1]["hits"][0]["attendee"]
    for text in (str(who), "A00001", "13800001234", "1234", "张三", code[:-1], code[1:], code[:8], code + "0",
                 f"{codes.COUPON}{code[1:]}", codes.digest(code), "%", "_" * 21, "#1", "1", hit, f"B{who:020d}"):
        assert desk.scan(text, "signin")["reason"] == "unknown", text
    assert desk.scan(code, "signin")["verdict"] == "accepted"


def test_a_code_is_a_hundred_random_bits_and_a_guess_tells_nothing(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    issued, *_others = [create_attendee(f"人{number}")[1] for number in range(20)]
    made = {codes.new(codes.BADGE) for _ in range(2000)}
    assert len(made) == 2000 and all(codes.is_code(code) and len(code) == 21 for code in made)
    assert all(len({code[place] for code in made}) == 32 for place in range(1, 21))     # each letter is worth five bits
    near = issued[:-1] + ("0" if issued[-1] != "0" else "1")
    guesses = [near, issued[:-1], issued + "0", issued[::-1], codes.new(codes.COUPON), *list(made)[:490]]
    said = desk.batch([scan(code, "signin") for code in guesses])
    assert {(one["verdict"], one["reason"], one["attendee"]) for one in said} == {("refused", "unknown", None)}


def test_17_a_copied_badge_is_used_once_and_a_reissued_one_s_old_copy_not_at_all(
        pair: Callable[[str], Tablet], create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any]) -> None:
    who, code = create_attendee("张三")
    one, other = pair("desk-1"), pair("gate-1")
    assert one.scan(code, "signin")["verdict"] == "accepted"
    assert other.scan(code, "lunch")["verdict"] == "accepted"
    again = one.scan(code, "lunch")
    assert (again["reason"], again["first"]["station"]) == ("used_up", "gate-1")
    new = write(lambda session: badges.reissue(session, who))
    assert one.scan(code, "bag")["reason"] == "revoked"
    assert one.scan(new, "bag")["verdict"] == "accepted"
    assert one.scan(new, "lunch")["reason"] == "used_up"        # a new badge is no new meal


@pytest.mark.parametrize("forge", ["flipped", "other tablet", "plain", "none"])
def test_a_forged_search_hit_is_nobody(
        desk: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime, forge: str) -> None:
    create_attendee("张三", number="T1")
    who, _code = create_attendee("李四", number="T2")
    hit = desk.call("POST", "/api/v1/search", {"q": "T1"})[1]["hits"][0]["attendee"]
    payload = base64.urlsafe_b64encode(f"[{who},1,{int(now().timestamp())}]".encode()).decode().rstrip("=")
    forged = {"flipped": f"{payload}.{hit.rpartition('.')[2]}", "other tablet": hit[:-2] + "AA", "plain": str(who),
              "none": f"{payload}."}[forge]
    status, said = desk.call("POST", "/api/v1/scans", {"id": "0d4c2c1e-0000-4000-8000-00000000000d", "service": "signin",
                                                        "attendee": forged})
    assert (status, said["error"]) == (400, "invalid")
    with runtime.reading() as session:
        assert session.scalars(select(Attendee.id).where(Attendee.id == who)).one() == who
