"""What a stranger on the hall's Wi-Fi, or somebody with a tablet in hand, tries; each test fails without its defence."""
from __future__ import annotations

import csv
import io
import logging
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import guard
import throttle
from app import create_app
from models.people import Attendee
from models.runtime import Runtime
from tests.conftest import Tablet, scan

HOSTILE = ("<img src=x onerror=alert(1)>", "\"><svg hx-get=/logout hx-trigger=load>", "{{7*7}}{% for x in () %}",
           "';alert(1)//", "=cmd|' /C calc'!A0", "%(secret)s %s", "</script><script>alert(1)</script>")
DEEP = 100_000


def token_of(client: FlaskClient, page: str = "/login?again=1") -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(page).text)
    return found[1] if found else ""


@pytest.fixture
def coordinator(app: Flask, create_staff: Callable[..., None]) -> FlaskClient:
    """A browser in which the coordinator is signed in."""
    create_staff("陈总", "coordinator")
    client = app.test_client()
    client.post("/login", data={"csrf_token": token_of(client), "name": "陈总", "secret": "2468"})
    return client


@pytest.fixture
def limited(data: Any) -> Iterator[Flask]:
    """The application with its rate limits on."""
    made = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})
    yield made
    made.extensions["huiwu"].engine.dispose()


# --- bodies ---

@pytest.mark.parametrize(("path", "body"), [
    ("/api/v1/pair", '{"code":"1","x":' + "[" * DEEP + "]" * DEEP + "}"),
    ("/api/v1/scans", "[" * DEEP + "]" * DEEP),
    ("/api/v1/lookup", '{"code":"1","x":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}"),
    ("/api/v1/scans", '[{"quantity":' + "9" * 5000 + "}]"),
    ("/api/v1/lookup", '{"code":"\\ud800"}'),
])
def test_a_body_that_is_a_trap_is_a_bad_request(desk: Tablet, path: str, body: str) -> None:
    answer = desk.client.post(path, data=body, headers={"Authorization": f"Bearer {desk.token}"})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid"


@pytest.mark.parametrize("waiting", ["9" * 30, "9" * 5000, "-1", "1e9"])
def test_what_a_tablet_says_of_its_outbox_is_a_count_or_nothing(desk: Tablet, runtime: Runtime, waiting: str) -> None:
    assert desk.call("GET", "/api/v1/station", **{"X-Waiting": waiting})[0] == 200
    runtime.save_sightings()
    assert {one.waiting for one in runtime.seen.values()} == {0}


@pytest.mark.parametrize("clock", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_clock_that_no_calendar_has_moves_no_scan(desk: Tablet, badge: str, clock: str) -> None:
    said = desk.scan(badge, "signin", headers={"X-Sent-At": clock})
    assert (said["http"], said["verdict"]) == (200, "accepted")
    assert desk.call("POST", "/api/v1/scans", scan(badge, "bag", scanned_at="1970-01-02T00:00:00+00:00"),
                     **{"X-Sent-At": clock})[0] == 200


# --- who knocks too often ---

def test_half_sent_forms_of_strangers_leave_places_for_everybody_else() -> None:
    places = throttle.Places()
    assert [places.take("192.0.2.1") for _ in range(9)] == [True] * 8 + [False]
    assert all(places.take(f"192.0.2.{number}") for number in range(2, 26))
    assert not places.take("192.0.2.99")
    places.give("192.0.2.1")
    assert places.take("192.0.2.99")


def test_a_stranger_s_form_waits_for_a_place_and_a_tablet_s_does_not(
        app: Flask, desk: Tablet, badge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    full = throttle.Places()
    monkeypatch.setattr(guard, "places", full)
    stranger = app.test_client()
    token = token_of(stranger)
    for _ in range(throttle.OF_ONE_ADDRESS):
        full.take("127.0.0.1")
    assert stranger.post("/login", data={"csrf_token": token, "name": "x", "secret": "y"}).status_code == 503
    assert stranger.post("/api/v1/pair", json={"code": "1"}).get_json()["error"] == "busy"
    assert stranger.get("/login").status_code == 200
    assert desk.scan(badge, "signin")["verdict"] == "accepted"
    full.give("127.0.0.1")
    for _ in range(3):                     # each gives its place back
        assert stranger.post("/api/v1/pair", json={"code": "1"}).status_code == 404


# --- what lies about ---

def test_an_error_of_the_database_takes_no_name_and_no_phone_into_the_log(
        runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    def add(session: Session) -> None:
        session.add(Attendee(name="张秘密", phone="13800001234", number="X1", category_key="nowhere"))
    with pytest.raises(IntegrityError) as refused:
        runtime.writer.do(add)
    logging.getLogger("test").error("it failed", exc_info=refused.value)
    assert "it failed" in caplog.text
    assert "张秘密" not in caplog.text
    assert "13800001234" not in caplog.text


def test_the_session_s_cookie_is_not_sent_by_a_stranger_s_page(client: FlaskClient) -> None:
    cookie = client.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


# --- names as weapons ---

def pages_of(coordinator: FlaskClient, person: int) -> Iterator[str]:
    token = token_of(coordinator)
    for path in ("/admin/", "/admin/roster", f"/admin/roster/{person}", f"/admin/roster/{person}/edit", "/board",
                 "/admin/ledger", "/admin/badges", "/admin/plan", "/admin/printers"):
        yield coordinator.get(path).text
    for path, form in (("/admin/roster", {"q": "T666"}), (f"/admin/roster/{person}/whole", {}),
                       ("/admin/ledger/person", {"q": "T666"})):
        yield coordinator.post(path, data={"csrf_token": token, **form}, follow_redirects=True).text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_a_text_on_every_page_and_no_markup(
        app: Flask, coordinator: FlaskClient, create_attendee: Callable[..., tuple[int, str]], desk: Tablet,
        name: str) -> None:
    person, code = create_attendee(name, number="T666", organisation=name, hint=name, diet=name, seat=name[:20])
    desk.scan(code, "signin")
    tablet = app.test_client()
    tablet.set_cookie("huiwu_station", desk.token)
    card = tablet.post("/desk/find", data={"q": "T666", "csrf_token": token_of(tablet, "/station")}).text
    seen = [card, *pages_of(coordinator, person)]
    assert any("T666" in page for page in seen)
    for page in seen:
        assert "<img src=x" not in page
        assert "<svg hx-" not in page
        assert "<script>alert" not in page
        assert "{{7*7}}" in page or "49{%" not in page
        assert code not in page


def test_rows_that_were_refused_are_no_formulas_in_the_file_of_them(coordinator: FlaskClient) -> None:
    token = token_of(coordinator)
    file = io.BytesIO("姓名,类别,单位\n张三,=cmd|' /C calc'!A0,+1+1\n".encode())
    where = coordinator.post("/admin/import", data={"csrf_token": token, "file": (file, "../../x<b>.csv")})
    rows = coordinator.get(f"{where.location}/refused.csv").data.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(rows)) for cell in row]
    assert any("cmd|" in cell for cell in cells)
    assert not [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@")]


# --- doors ---

def test_no_page_that_is_only_looked_at_writes(
        app: Flask, coordinator: FlaskClient, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime,
        monkeypatch: pytest.MonkeyPatch) -> None:
    person = create_attendee()[0]
    written: list[str] = []
    run = runtime.writer._run

    def noted(work: Any) -> None:
        written.append("write")
        run(work)
    monkeypatch.setattr(runtime.writer, "_run", noted)
    known: dict[str, Any] = {"attendee_id": person, "staff_id": 1, "key": "front", "table": "service", "category": "delegate"}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint in ("static", "api.healthz", "api.stream"):
            continue
        values = {name: known.get(name, "0d4c2c1e-0000-4000-8000-000000000000") for name in rule.arguments}
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **values)
        assert coordinator.get(path).status_code < 500, path
    assert written == []


def test_every_form_that_leans_on_a_cookie_asks_for_the_page_s_token(app: Flask, coordinator: FlaskClient) -> None:
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()) or rule.rule == "/api/v1/pair":
            continue
        path = re.sub(r"<[^>]*uuid[^>]*>", "0d4c2c1e-0000-4000-8000-000000000000", rule.rule)
        path = re.sub(r"<any[^>]*>", "service", path)
        path = re.sub(r"<int[^>]*>", "1", path)
        answer = coordinator.post(re.sub(r"<[^>]*>", "x", path))
        assert answer.status_code in (303, 400, 401, 403), path
        assert answer.status_code != 303 or "/login" in answer.location, path


def test_one_tablet_s_search_hit_and_scans_are_no_good_on_another(
        pair: Callable[[str], Tablet], create_attendee: Callable[..., tuple[int, str]], badge: str) -> None:
    create_attendee("欧阳修", number="T777")
    first, second, gate = pair("desk-1"), pair("desk-1"), pair("gate-1")
    handle = first.call("POST", "/api/v1/search", {"q": "T777"})[1]["hits"][0]["attendee"]
    body = {"id": "0d4c2c1e-0000-4000-8000-00000000000a", "service": "signin", "attendee": handle,
            "scanned_at": datetime.now(UTC).isoformat()}
    assert second.call("POST", "/api/v1/scans", body)[0] == 400
    made = first.scan(badge, "signin")
    assert gate.void(made["id"])[0] == 403


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/nothing", "/login"])
def test_an_error_page_tells_nothing_of_the_inside(client: FlaskClient, path: str) -> None:
    said = client.open(path, method="PUT").text
    for word in ("Traceback", "werkzeug", "sqlite", sys.prefix):
        assert word not in said


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    assert client.post("/api/v1/pair", data=b" " * (3 * 1024 * 1024)).status_code == 413
