"""An event with somebody of every kind, for the tests that walk through all routes: made once, copied as often as
needed. A caller is a browser's cookies; who holds none of a known tablet or person is a nobody."""
from __future__ import annotations

import shutil
import sqlite3
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import pins
from admin import people
from app import create_app, create_tables
from kiosk import handles
from models import care, codes
from models.database import now
from models.devices import Device, PairingCode
from models.event import Event
from models.people import Attendee, Badge, Delegation, Staff, StaffSession
from models.runtime import Runtime
from models.scans import PrintJob
from printers.worker import paper_folder
from tests.conftest import fill, scan

TABLETS = {"kiosk": "kiosk-1", "gate": "gate-1", "desk": "desk-1", "board": "board"}
PEOPLE = {"staff": "赵干事", "lead": "钱组长", "coordinator": "孙总管"}
CALLERS = ("anyone", *TABLETS, *PEOPLE)
NOBODIES = ("revoked tablet", "disabled coordinator", "signed-out coordinator", "ended sign-in", "tablet of another event",
            "coordinator of another event")
PASSPHRASE = "correct horse"
PRIVATE = ("欧阳审", "司马查", "13900007777", "110101199003077777", "保密研究所", *PEOPLE.values())   # in no answer to a stranger
PAIRING_CODE = "424242"


@dataclass
class World:
    """The event's application and what requests need to know of it."""

    app: Flask
    cookies: dict[str, str]
    ids: dict[str, Any]
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def runtime(self) -> Runtime:
        """The ledger and its company."""
        found: Runtime = self.app.extensions["huiwu"]
        return found

    def call(self, who: str, method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        """A request in a caller's browser, with the page's token."""
        client: FlaskClient = self.app.test_client(use_cookies=False)
        session, token = self.cookies["session"], self.cookies["csrf"]
        cookie = "; ".join(filter(None, (f"huiwu_session={session}", self.cookies.get(who, ""))))
        return client.open(path, method=method, headers={"Cookie": cookie, "X-CSRFToken": token, **(headers or {})},
                           buffered=not path.endswith("/live"), **body)      # a stream has no end

    def handle(self, tablet: str = "desk", person: str = "person") -> str:
        """A search hit's handle of a tablet."""
        secret = self.runtime.plan(fresh=True).event.secret
        return handles.make(secret, self.ids[person], self.ids[f"device {tablet}"], now())

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of all tables, in the order in which they were written."""
        with sqlite3.connect(self.runtime.data / "huiwu.db") as reader:
            names = [row[0] for row in reader.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")]
            found = {name: reader.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in names}
        reader.close()
        return found

    def close(self) -> None:
        """Lets go of the file."""
        self.runtime.engine.dispose()


def build(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Makes the event; returns the callers' cookies and the ids of what is in it."""
    folder.mkdir()
    create_tables(folder)
    app = create_app({"DATA": folder, "RATELIMIT_ENABLED": False})
    runtime = app.extensions["huiwu"]
    runtime.writer.do(fill)
    ids: dict[str, Any] = runtime.writer.do(_persons)
    cookies = {"session": "", "csrf": "", **_tablets(runtime, ids), **_staff(runtime, ids)}
    app = create_app({"DATA": folder, "RATELIMIT_ENABLED": False})     # its secret is the event's, which is there now
    page = app.test_client().get("/login?again=1")
    cookies["session"] = page.headers["Set-Cookie"].split(";")[0].partition("=")[2]
    cookies["csrf"] = page.text.split('name="csrf-token" content="')[1].split('"')[0]
    world = World(app, cookies, ids)
    _history(world)
    for one in (runtime, world.runtime):
        one.engine.dispose()
    return cookies, ids


def copy(source: Path, to: Path, cookies: dict[str, str], ids: dict[str, Any], **config: Any) -> World:
    """The event once more, in a folder of its own."""
    shutil.copytree(source, to)
    return World(create_app({"DATA": to, "RATELIMIT_ENABLED": False, **config}), dict(cookies), dict(ids))


def _persons(session: Session) -> dict[str, Any]:
    session.get_one(Event, 1).secret = uuid.uuid4().hex          # each event its own
    session.add(Delegation(name="保密研究所"))
    session.flush()
    ids: dict[str, Any] = {}
    for key, name, number in (("person", "欧阳审", "N1"), ("second", "司马查", "N2")):
        one = Attendee(name=name, number=number, category_key="delegate", organisation="保密研究所", phone="13900007777",
                       id_number="110101199003077777", folded=name, search_keys=name)
        session.add(one)
        session.flush()
        ids[key], ids[f"{key} code"] = one.id, codes.new(codes.BADGE)
        session.add(Badge(code=ids[f"{key} code"], attendee_id=one.id, issued_at=now()))
    session.add(PairingCode(station_key="gate-2", code_hash=codes.digest(PAIRING_CODE), expires_at=now() + timedelta(minutes=10)))
    return ids


def _tablets(runtime: Runtime, ids: dict[str, Any]) -> dict[str, str]:
    cookies = {}

    def add(session: Session) -> None:
        for who, key in {**TABLETS, "second desk": "desk-1", "revoked tablet": "desk-1"}.items():
            token = codes.token()
            device = Device(station_key=key, name=who, token_hash=codes.digest(token), paired_at=now(), last_seen=now(),
                            revoked_at=now() if who == "revoked tablet" else None)
            session.add(device)
            session.flush()
            ids[f"device {who}"], ids[f"token {who}"], cookies[who] = device.id, token, f"huiwu_station={token}"
    runtime.writer.do(add)
    return cookies


def _staff(runtime: Runtime, ids: dict[str, Any]) -> dict[str, str]:
    cookies = {}
    others = {"second coordinator": "李总管", "disabled coordinator": "周总管", "ended sign-in": "吴总管",
              "signed-out coordinator": "郑总管"}
    hashed = pins.hash_secret(PASSPHRASE)        # one for all: each takes a tenth of a second

    def add(session: Session) -> None:
        for who, name in {**PEOPLE, **others}.items():
            person = Staff(name=name, role=who if who in PEOPLE else "coordinator", secret_hash=hashed, created_at=now())
            session.add(person)
            session.flush()
            ids[f"staff {who}"], token = person.id, codes.token()
            ids[f"token {who}"], cookies[who] = token, f"huiwu_staff={token}"
            session.add(StaffSession(token_hash=codes.digest(token), staff_id=person.id, created_at=now(),
                                     expires_at=now() + timedelta(hours=1), confirmed_at=now()))
        session.get_one(StaffSession, codes.digest(ids["token ended sign-in"])).expires_at = now() - timedelta(seconds=1)
        # The sign-in's row stays: the guard itself must look at the person.
        session.get_one(Staff, ids["staff disabled coordinator"]).disabled_at = now()
    runtime.writer.do(add)
    people.sign_out(runtime, ids["token signed-out coordinator"])
    return cookies


def _history(world: World) -> None:
    """Scans of each station, slips in several states, a backup, a slip of paper."""
    ids, runtime = world.ids, world.runtime
    for who, service, code in (("desk", "signin", "person code"), ("gate", "lunch", "person code"), ("kiosk", "signin", "second code")):
        wish = scan(ids[code], service)
        answer = world.call(who, "POST", "/api/v1/scans", json=wish)
        assert answer.get_json()["results"][0]["verdict"] == "accepted", answer.text
        ids[f"scan {who}"] = wish["id"]

    def puzzle(session: Session) -> None:
        jobs = session.query(PrintJob).order_by(PrintJob.number).all()
        ids["job"], ids["unknown job"] = jobs[0].id, jobs[-1].id
        jobs[0].state, jobs[-1].state = "printed", "unknown"
    runtime.writer.do(puzzle)
    ids["backup"] = care.backup(runtime.data).file.name
    paper = paper_folder(runtime.data, "front")
    paper.mkdir(parents=True)
    (paper / "slip.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    ids["slip"] = "slip.png"


class Watch:
    """Notices any commit to a world's database, whoever makes it."""

    def __init__(self, world: World):
        self._reader = sqlite3.connect(world.runtime.data / "huiwu.db")

    def __call__(self) -> int:
        return int(self._reader.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Lets go of the file."""
        self._reader.close()


class Copies:
    """Copies of one event that may be written to; all are let go of at the end."""

    def __init__(self, source: Path, cookies: dict[str, str], ids: dict[str, Any], folder: Path):
        self._source, self._cookies, self._ids, self._folder = source, cookies, ids, folder
        self._made: list[World] = []

    def __call__(self, **config: Any) -> World:
        to = self._folder / f"event-{len(self._made)}"
        self._made.append(copy(self._source, to, self._cookies, self._ids, **config))
        return self._made[-1]

    def close(self) -> None:
        """Lets go of all of them."""
        for world in self._made:
            world.close()
