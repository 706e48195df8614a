"""An event in which every text that anybody can type is an attack; served for a real browser, or asked by a test client."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from models.database import now
from models.devices import Device
from models.event import Category, Event, Printer, Service, Station
from models.people import Attendee, Delegation, ImportRun, Staff
from models.scans import PrintJob, Scan
from tests.conftest import _Quiet
from tests.route_world import World, build, copy

MARK = "data-pwned"
# Leaves any quote, tag, script, title and field that it may stand in, then brings its own.
MARKUP = f"'\"></script></title></textarea><img src=x onerror=alert(1) {MARK} hx-get=/x>"
CHOICE = f"'\"><img src=x onerror=alert(1) {MARK}>"       # 60 characters are the most
CODE = "{{191*7}}{%x%}{#c#}#eval(\"191*7\")#read(\"/etc/passwd\")$7$\\u{41}\\\"'%(x)s%s{0}"
SUM = "1337"
# What is no text of a person: keys, states, hashes, addresses; everything else is.
_MACHINE = {
    Event: {"epoch", "secret", "timezone", "setup_code_hash"}, Category: {"key", "colour"},
    Service: {"key", "kind", "per", "missing_out"}, Station: {"key", "mode", "printer_key"},
    Printer: {"key", "url", "backup", "ability", "state"},
    Delegation: set(), Staff: {"role", "secret_hash"}, Device: {"station_key", "token_hash"},
    Attendee: {"number", "category_key", "state", "phone", "folded", "search_keys"}, ImportRun: set(),
    Scan: set(), PrintJob: set()}
_TEXTS: dict[Any, set[str]] = {Scan: {"note", "raw_code", "actor"}, PrintJob: {"reason"}, ImportRun: {"file_name", "actor"}}


def attack(session: Session, payload: str) -> None:
    """Puts the payload into every text of the event."""
    for model, machine in _MACHINE.items():
        for row in session.query(model):
            for column in model.__table__.columns:
                is_text = isinstance(column.type, String) and not isinstance(column.type, JSON) and column.name not in machine
                if column.name in _TEXTS.get(model, set()) or (model not in _TEXTS and is_text):
                    _put(row, model, column.name, payload)
    for service in session.query(Service):
        service.question = [{"key": "size", "text": payload, "choices": [payload[:60], CHOICE], "required": False}]
    for job in session.query(PrintJob):
        job.content = {key: payload if isinstance(value, str) and key not in ("kind", "code", "at") else value
                       for key, value in job.content.items()}
    event = session.get_one(Event, 1)
    event.plan_revision, event.roster_revision = event.plan_revision + 1, event.roster_revision + 1


def _put(row: Any, model: Any, name: str, payload: str) -> None:
    unique = model.__table__.columns[name].unique or model in (Staff, Delegation)
    attribute = next(key for key, one in model.__mapper__.columns.items() if one.name == name)
    setattr(row, attribute, f"{payload}{getattr(row, 'id', '')}" if unique else payload)


def hostile_world(folder: Path, payload: str, **config: Any) -> World:
    """The event of the route tests, attacked."""
    source = folder / "source"
    world = copy(source, folder / "event", *build(source), **config)
    world.runtime.writer.do(lambda session: session.add(ImportRun(file_name="x", started_at=now(), finished_at=now())))
    world.runtime.writer.do(lambda session: attack(session, payload))
    return world


@contextmanager
def served(world: World) -> Iterator[str]:
    """The world behind a real socket, with the threads that only a server has; its address."""
    hub = world.app.extensions["huiwu.live"]
    world.runtime.writer.start()
    hub.start()
    server = make_server("127.0.0.1", 0, world.app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    hub.stop()
    server.shutdown()
    thread.join()
    server.server_close()
    world.runtime.writer.stop()
    world.close()
