"""What tests stand on: a real event in a folder of its own, its application, people with badges, paired tablets."""
from __future__ import annotations

import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, Playwright
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

import pins
from app import create_app, create_tables
from kiosk import pairing
from models import codes
from models.database import now
from models.event import Category, Event, Printer, Service, Station
from models.people import Attendee, Badge, Staff
from models.runtime import Runtime
from tests.postgres import database_url, postgres_server

__all__ = ("database_url", "postgres_server")       # fixtures that live beside


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with an empty event of every kind of service; windows lie around this moment."""
    folder = tmp_path / "event"
    folder.mkdir()
    create_tables(folder)
    app = create_app({"DATA": folder})
    with app.app_context():
        app.extensions["huiwu"].writer.do(fill)
    return folder


def fill(session: Session) -> None:
    """The plan of the test event."""
    t = now()

    def window(opens: int, closes: int) -> list[list[str]]:
        return [[(t + timedelta(hours=opens)).isoformat(), (t + timedelta(hours=closes)).isoformat()]]
    session.add(Event(id=1, name="测试会议", name_en="Test meeting", starts=date.today(), ends=date.today(),
                      epoch=uuid.uuid4().hex, secret="s" * 32))
    session.add_all([Category(key="delegate", name="代表", name_en="Delegate", position=0),
                     Category(key="press", name="记者", name_en="Press", position=1, hint="引导至媒体席"),
                     Printer(key="front", url="virtual://front", width=576)])
    session.flush()
    session.add_all([
        Service(key="signin", kind="sign_in", name="报到", name_en="Sign-in", limit=1, slip=True, position=0),
        Service(key="bag", kind="material", name="资料袋", name_en="Bag", limit=1, stock=2, needs=["signin"], position=1),
        Service(key="lunch", kind="meal", name="午餐", name_en="Lunch", limit=1, windows=window(-1, 1),
                entitled=["delegate"], coupon=True, position=2),
        Service(key="dinner", kind="meal", name="晚餐", limit=1, windows=window(3, 4), position=3),
        Service(key="s1", kind="session", name="开幕式", starts=t - timedelta(hours=1), ends=t + timedelta(hours=1),
                position=4),
        Service(key="s2", kind="session", name="分论坛", starts=t - timedelta(hours=1), ends=t + timedelta(hours=1),
                position=5),
        Station(key="desk-1", name="报到台1", mode="desk", services=["signin", "bag", "lunch"], printer_key="front",
                offline=True),
        Station(key="gate-1", name="餐厅入口", mode="gate", services=["lunch", "dinner", "s1", "s2"], offline=True),
        Station(key="gate-2", name="餐厅入口2", mode="gate", services=["lunch", "dinner", "s1", "s2"]),
        Station(key="kiosk-1", name="自助1", mode="kiosk", services=["signin"], printer_key="front"),
        Station(key="board", name="大屏", mode="board", services=[]),
    ])


@pytest.fixture
def app(data: Path) -> Iterator[Flask]:
    """The application of the test event, without a server's threads."""
    made = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": False})
    yield made
    made.extensions["huiwu"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser of nobody."""
    return app.test_client()


@pytest.fixture
def runtime(app: Flask) -> Runtime:
    """The ledger and its company."""
    return app.extensions["huiwu"]  # type: ignore[no-any-return]


@pytest.fixture
def write(runtime: Runtime) -> Callable[..., Any]:
    """Runs a small write."""
    return runtime.writer.do


@pytest.fixture
def create_attendee(write: Callable[..., Any]) -> Callable[..., tuple[int, str]]:
    """Makes an invented person with a badge: returns (attendee id, code)."""
    def create(name: str = "张三", category: str = "delegate", **more: Any) -> tuple[int, str]:
        def add(session: Session) -> tuple[int, str]:
            number = more.pop("number", None) or f"T{uuid.uuid4().hex[:8]}"
            person = Attendee(name=name, number=number, category_key=category, **more)
            session.add(person)
            session.flush()
            code = codes.new(codes.BADGE)
            session.add(Badge(code=code, attendee_id=person.id, issued_at=now()))
            return person.id, code
        made: tuple[int, str] = write(add)
        return made
    return create


@pytest.fixture
def badge(create_attendee: Callable[..., tuple[int, str]]) -> str:
    """A delegate's badge code."""
    return create_attendee()[1]


class Tablet:
    """A paired tablet that speaks the device API."""

    def __init__(self, client: FlaskClient, key: str, token: str):
        self.client, self.key, self.token = client, key, token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = self.client.open(path, method=method, json=body,
                                  headers={"Authorization": f"Bearer {self.token}", **headers})
        return answer.status_code, answer.get_json(silent=True)

    def scan(self, code: str, service: str, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        status, said = self.call("POST", "/api/v1/scans", scan(code, service, **more), **(headers or {}))
        return {**(said["results"][0] if status == 200 else said), "http": status}

    def batch(self, scans: list[dict[str, Any]]) -> list[dict[str, Any]]:
        status, said = self.call("POST", "/api/v1/scans", scans)
        assert status == 200, said
        results: list[dict[str, Any]] = said["results"]
        return results

    def void(self, scan_id: str, headers: dict[str, str] | None = None, **more: Any) -> tuple[int, Any]:
        return self.call("POST", f"/api/v1/scans/{scan_id}/void", {"id": str(uuid.uuid4()), "reason": "误扫", **more},
                         **(headers or {}))

    def counts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", "/api/v1/counts")[1]
        return found


def scan(code: str, service: str, **more: Any) -> dict[str, Any]:
    """A scan's body."""
    return {"id": str(uuid.uuid4()), "service": service, "code": code,
            "scanned_at": datetime.now(UTC).isoformat(), **more}


@pytest.fixture
def pair(app: Flask, write: Callable[..., Any]) -> Callable[[str], Tablet]:
    """Pairs a tablet with a station through the real door."""
    def make(key: str) -> Tablet:
        code = write(lambda session: pairing.new_code(session, key)).code
        client = app.test_client(use_cookies=False)
        answer = client.post("/api/v1/pair", json={"code": code, "name": "test"})
        assert answer.status_code == 201, answer.text
        return Tablet(client, key, answer.get_json()["token"])
    return make


@pytest.fixture
def desk(pair: Callable[[str], Tablet]) -> Tablet:
    return pair("desk-1")


@pytest.fixture
def gate(pair: Callable[[str], Tablet]) -> Tablet:
    return pair("gate-1")


@pytest.fixture
def create_staff(write: Callable[..., Any]) -> Callable[..., None]:
    """Makes a staff member with a PIN."""
    def create(name: str, role: str, pin: str = "2468") -> None:
        write(lambda session: session.add(Staff(name=name, role=role, secret_hash=pins.hash_secret(pin),
                                                created_at=now())))
    return create


def token_of(client: FlaskClient, path: str = "/login") -> str:
    """The page's own CSRF token."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def post(client: FlaskClient, path: str, seen_at: str | None = None, **fields: str) -> TestResponse:
    """Sends a page's form with its token."""
    return client.post(path, data={"csrf_token": token_of(client, seen_at or path), **fields})


def sign_in(client: FlaskClient, name: str, secret: str = "2468", next_: str = "") -> TestResponse:
    """Signs somebody in in this browser."""
    return post(client, "/login", name=name, secret=secret, next=next_)


@pytest.fixture
def coordinator(client: FlaskClient, create_staff: Callable[..., None]) -> FlaskClient:
    """A browser in which the coordinator has just signed in."""
    create_staff("陈总", "coordinator")
    assert sign_in(client, "陈总").status_code == 303
    return client


def at_once(count: int, do: Callable[[int], Any]) -> list[Any]:
    """What `do` gave, run so many times with all begun together."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait(10)
        return do(number)
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


@dataclass(frozen=True)
class LiveServer:
    """The application behind a real socket, with the threads that only a server has."""

    url: str
    app: Flask


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_args: Any) -> None:
        """Nothing is logged: a failing test's message would drown in it."""


@pytest.fixture
def live_server(app: Flask) -> Iterator[LiveServer]:
    """Serves the test event at 127.0.0.1 on a free port: writer and live hub run as in `serve`."""
    runtime, hub = app.extensions["huiwu"], app.extensions["huiwu.live"]
    runtime.writer.start()
    hub.start()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield LiveServer(f"http://127.0.0.1:{server.server_port}", app)
    hub.stop()
    server.shutdown()
    thread.join()
    server.server_close()
    runtime.writer.stop()


@pytest.fixture(scope="session")
def system_chromium(playwright: Playwright) -> Iterator[Browser]:
    """The system's Chromium, one for the whole run. Two Playwrights in one thread cannot be: all share the plugin's."""
    binary = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    browser = playwright.chromium.launch(executable_path=binary, args=[
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"])
    yield browser
    browser.close()


@pytest.fixture
def browser_page(system_chromium: Browser) -> Iterator[Page]:
    """A page in a browser of its own (no cookies, Chinese); an error in its scripts or against the policy fails the test."""
    context = system_chromium.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if "Content Security Policy" in line.text else None)
    yield page
    context.close()
    assert errors == []
