"""When something goes wrong: words for whoever asked, a number for the log, and nothing of the inside for anybody."""
from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, abort, request

import guard
import throttle
from app import BODY_LIMIT, create_app
from guard import may
from kiosk.health import WAITING, Pulse
from kiosk.requests import SMALL
from models.writer import NotRecorded
from tests.conftest import Tablet

SECRET = "13800001234"
INSIDE = ("Traceback", "werkzeug", "sqlite", "sqlalchemy", "site-packages", 'File "', "ValueError", SECRET, sys.prefix)
STATUSES = (400, 401, 403, 404, 405, 413, 415, 429, 500, 503)


def failing(data: Path, **config: Any) -> Flask:
    """The application with two views more, which fail as they are told."""
    app = create_app({"DATA": data, "RATELIMIT_ENABLED": False, **config})

    @may("anyone")
    def fail(status: int) -> str:
        if status == 500:
            try:
                int(request.args.get("phone", SECRET) + "x")
            except ValueError as error:
                raise RuntimeError(f"no good: {SECRET}") from error
        if status == 507:
            raise NotRecorded(SECRET)
        abort(status)
    for place in ("/fail/<int:status>", "/api/v1/fail/<int:status>"):
        app.add_url_rule(place, place, fail, methods=["GET", "POST"])
    return app


@pytest.fixture
def broken(data: Path) -> Iterator[Flask]:
    """An application as it is served, not tested: it answers for itself."""
    app = failing(data)
    yield app
    app.extensions["huiwu"].engine.dispose()


# --- words ---

@pytest.mark.parametrize("status", STATUSES)
def test_an_error_is_json_for_programs_and_a_page_for_people_in_their_language(broken: Flask, status: int) -> None:
    said: dict[str, tuple[str, str]] = {}
    for language in ("zh", "en"):
        client = broken.test_client()
        headers = {"Accept-Language": language}
        answer = client.get(f"/api/v1/fail/{status}", headers=headers)
        assert (answer.status_code, answer.mimetype) == (status, "application/json")
        assert set(answer.json or {}) - {"incident"} == {"error", "message"}
        page = client.get(f"/fail/{status}", headers=headers)
        assert (page.status_code, page.mimetype) == (status, "text/html")
        assert 'href="/' in page.text       # the way on
        said[language] = (answer.json or {})["message"], page.text
        for word in INSIDE:
            assert word not in answer.text + page.text
    assert re.search(r"[\u4e00-\u9fff]", said["zh"][0])
    assert not re.search(r"[\u4e00-\u9fff]", said["en"][0])
    assert said["zh"][0] in said["zh"][1]
    assert said["en"][0] in said["en"][1]


def test_what_nobody_routes_is_said_in_json_below_the_api(broken: Flask) -> None:
    client = broken.test_client()
    for method, path, status in (("GET", "/api/v1/nothing", 404), ("GET", "/api/", 404), ("DELETE", "/api/v1/scans", 405),
                                 ("POST", "/healthz", 405), ("GET", "/api/v1/scans", 405), ("POST", "/api/v1/pair", 413)):
        answer = client.open(path, method=method, data=b" " * 3_000_000 if status == 413 else None)
        assert (answer.status_code, answer.mimetype) == (status, "application/json"), path
        assert {"error", "message"} == set(answer.json or {})
    assert set(client.get("/api/v1/scans").headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.parametrize("length", [100, SMALL, SMALL + 1, BODY_LIMIT + 1])
@pytest.mark.parametrize("told", [True, False])
def test_a_body_is_read_whole_or_refused_whichever_way_it_is_read(broken: Flask, length: int, told: bool) -> None:
    body = b'{"code": "' + b"x" * (length - 12) + b'"}'
    answer = broken.test_client().post("/api/v1/pair", data=body, environ_overrides={"wsgi.input_terminated": True} if told else {})
    if length > BODY_LIMIT:
        assert answer.status_code == 413
    else:       # read to its end: JSON that was cut short would not name the field
        assert (answer.status_code, (answer.json or {})["field"]) == (400, "code")


def test_a_disk_that_takes_nothing_is_said_on_every_page(broken: Flask) -> None:
    client = broken.test_client()
    for path, word in (("/fail/507", "没有记下来"), ("/api/v1/fail/507", "not_recorded")):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert word in answer.text
        assert SECRET not in answer.text


# --- failures of ours ---

def test_a_failure_has_a_number_on_the_page_and_in_the_log_and_the_log_no_values(
        broken: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        page = broken.test_client().get(f"/fail/500?phone={SECRET}")
        answer = broken.test_client().get(f"/api/v1/fail/500?phone={SECRET}")
    shown = re.search(r"<b>([0-9A-F]{6})</b>", page.text)
    numbers = [shown[1] if shown else "", (answer.json or {})["incident"]]
    for number, line in zip(numbers, caplog.messages, strict=True):
        assert f"incident {number}" in line
        assert "test_errors.py" in line          # where it was
        assert "ValueError" in line              # and what led to it
        assert "RuntimeError" in line
    assert SECRET not in caplog.text


def test_a_page_of_errors_that_fails_itself_is_bare_words(
        broken: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("errors.render_template", lambda *_args, **_named: 1 / 0)
    answer = broken.test_client().get("/fail/500")
    assert (answer.status_code, answer.mimetype) == (500, "text/plain")
    assert "服务器出错了" in answer.text
    assert re.findall(r"[0-9A-F]{6}", answer.text)[0] in caplog.messages[-1]


@pytest.mark.parametrize("name", ["FLASK_DEBUG", "FLASK_ENV", "WERKZEUG_DEBUG_PIN"])
def test_no_word_in_the_environment_opens_a_debugger(data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    app = failing(data)
    assert not app.debug
    answer = app.test_client().get("/fail/500")
    assert answer.status_code == 500
    assert "Traceback" not in answer.text
    for path in ("/console", "/fail/500?__debugger__=yes&cmd=resource&f=debugger.js"):
        assert "EVALEX" not in app.test_client().get(path).text
    app.extensions["huiwu"].engine.dispose()


# --- the pulse ---

def test_a_thousand_strangers_who_ask_for_the_pulse_cost_the_writer_one_look() -> None:
    now, looks = [100.0], [0]

    def look() -> int:
        looks[0] += 1
        if looks[0] == 2:
            raise NotRecorded("full")
        return 7
    pulse = Pulse(look, lambda: now[0])
    assert {pulse.head() for _ in range(1000)} == {7}
    assert looks[0] == 1
    now[0] += 0.3
    for _ in range(1000):
        with pytest.raises(NotRecorded):
            pulse.head()
    assert looks[0] == 2
    now[0] += 0.3
    assert pulse.head() == 7


def test_few_wait_for_a_look_under_way_and_the_others_are_told_so_at_once() -> None:
    begun, go = threading.Event(), threading.Event()

    def look() -> int:
        begun.set()
        go.wait(10)
        return 7
    pulse = Pulse(look)

    def ask(_number: int) -> int | str:
        try:
            return pulse.head()
        except NotRecorded as error:
            return str(error)
    with ThreadPoolExecutor(WAITING + 12) as pool:
        first = pool.submit(ask, 0)
        begun.wait(10)
        others = [pool.submit(ask, number) for number in range(WAITING + 11)]
        while sum(one.done() for one in others) < 12:
            threading.Event().wait(0.005)
        go.set()
        said = [one.result() for one in (first, *others)]
    assert said.count(7) == WAITING
    assert said.count("a look is under way") == 12


def test_healthz_asks_the_pulse_and_tells_a_full_disk(broken: Flask) -> None:
    assert (broken.test_client().get("/healthz").json or {})["status"] == "ok"

    def look() -> int:
        raise NotRecorded("full")
    broken.extensions["huiwu.pulse"] = Pulse(look)
    answer = broken.test_client().get("/healthz")
    assert (answer.status_code, (answer.json or {})["error"]) == (503, "not_writable")


# --- slow bodies and forged addresses ---

def test_a_tablet_s_token_holds_a_few_threads_and_no_more(
        app: Flask, pair: Callable[[str], Tablet], badge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    thief, other = pair("gate-1"), pair("desk-1")
    room = throttle.Places(throttle.KNOWN, throttle.OF_ONE_KNOWN)
    monkeypatch.setattr(guard, "of_known", room)
    reading, go = threading.Barrier(throttle.OF_ONE_KNOWN + 1), threading.Event()

    class Slow:
        """A body of which nothing has come yet."""

        def read(self, _size: int = -1) -> bytes:
            reading.wait(10)
            go.wait(10)
            return b""

    def send(_number: int) -> int:
        return app.test_client(use_cookies=False).post(
            "/api/v1/scans", headers={"Authorization": f"Bearer {thief.token}"},
            environ_overrides={"wsgi.input": Slow(), "CONTENT_LENGTH": "5000"}).status_code
    with ThreadPoolExecutor(throttle.OF_ONE_KNOWN) as pool:
        slow = [pool.submit(send, number) for number in range(throttle.OF_ONE_KNOWN)]
        reading.wait(10)
        status, said = thief.call("POST", "/api/v1/scans", [])
        assert (status, said["error"]) == (503, "busy")
        assert thief.call("GET", "/api/v1/station")[0] == 200
        assert other.scan(badge, "signin")["verdict"] == "accepted"
        go.set()
        assert {one.result() for one in slow} == {400}
    assert thief.call("POST", "/api/v1/scans", [])[0] == 400        # each gave its place back


def test_an_address_that_a_stranger_writes_into_a_header_is_not_believed(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    room = throttle.Places(of_one=1)
    monkeypatch.setattr(guard, "places", room)
    room.take("192.0.2.7")
    client = app.test_client()

    def knock(address: str, **headers: str) -> int:
        return client.post("/api/v1/pair", json={"code": "1"}, headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code
    assert knock("192.0.2.8") == 404
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"):
        assert knock("192.0.2.7", **{name: "for=192.0.2.9" if name == "Forwarded" else "192.0.2.9"}) == 503, name
        assert knock("192.0.2.8", **{name: "192.0.2.7"}) == 404, name


def test_nothing_reads_an_address_from_a_header() -> None:
    root = Path(__file__).resolve().parent.parent
    for path in (*root.glob("*.py"), *(one for room in ("kiosk", "admin", "printers", "models") for one in (root / room).glob("*.py"))):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"access_route|ProxyFix|X-Forwarded-For|X_FORWARDED_FOR|X-Real-IP", text, re.IGNORECASE), path
