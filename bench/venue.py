"""A scratch event of any size on the real server, and the reference server beside it."""
from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bench.load import Run, request
from models import codes
from models.database import now
from models.devices import Device
from models.event import Category, Event, Printer, Service, Station
from models.people import Attendee, Badge

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "bench-token"
SERVICES = ("signin", "bag", "lunch", "dinner", "s1")


class Place(NamedTuple):
    """An event in its data folder, and its people's badge codes."""

    folder: Path
    badges: list[str]


class Server(NamedTuple):
    """A server that runs: its port, and its process group (the id of its first process)."""

    port: int
    group: int


def fill(session: Session, people: int) -> list[str]:
    """A plan in which every rule has something to do, and its people; returns their badge codes."""
    t = now()
    window = [[(t - timedelta(hours=1)).isoformat(), (t + timedelta(hours=8)).isoformat()]]
    session.add(Event(id=1, name="测速", starts=date.today(), ends=date.today(), epoch="bench", secret="b" * 32))
    session.add_all([Category(key="delegate", name="代表"), Category(key="press", name="记者", hint="媒体席"),
                     Printer(key="front", url="virtual://front")])
    session.flush()
    session.add_all([
        Service(key="signin", kind="sign_in", name="报到", limit=1, position=0),
        Service(key="bag", kind="material", name="资料袋", limit=1, stock=people * 10, position=1),
        Service(key="lunch", kind="meal", name="午餐", limit=1, windows=window, entitled=["delegate"], position=2),
        Service(key="dinner", kind="meal", name="晚餐", limit=1, windows=window, position=3),
        Service(key="s1", kind="session", name="开幕式", starts=t, ends=t + timedelta(hours=3), position=4),
        Station(key="desk", name="报到台", mode="desk", services=list(SERVICES), printer_key="front"),
        Station(key="board", name="大屏", mode="board", services=[])])
    session.flush()
    session.add(Device(station_key="desk", name="bench", token_hash=codes.digest(TOKEN), paired_at=t))
    session.execute(insert(Attendee), [
        {"name": f"参会{n}", "number": f"N{n:06d}", "category_key": "delegate" if n % 9 else "press",
         "organisation": f"第{n % 40}研究所", "folded": f"参会{n}"} for n in range(people)])
    ids = session.execute(select(Attendee.id).order_by(Attendee.id)).scalars().all()
    made = [codes.new(codes.BADGE) for _ in ids]
    session.execute(insert(Badge), [{"code": code, "attendee_id": one, "issued_at": t}
                                    for code, one in zip(made, ids, strict=True)])
    return made


def scans(badges: list[str], seed: int = 1) -> Iterator[bytes]:
    """Scans without end: every badge at every service in random order; at the second time round, refusals."""
    order = [(badge, service) for badge in badges for service in SERVICES]
    random.Random(seed).shuffle(order)
    while True:
        for badge, service in order:
            body = {"id": str(uuid.uuid4()), "service": service, "code": badge, "scanned_at": now().isoformat()}
            yield request("POST", "/api/v1/scans", json.dumps(body).encode(), TOKEN)


def hellos() -> Iterator[bytes]:
    """Requests of the reference."""
    while True:
        yield request("GET", "/")


@contextmanager
def event(people: int, cache: Path | None = None) -> Iterator[Place]:
    """A data folder with so many people."""
    from app import create_app, create_tables

    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=cache))
    try:
        create_tables(folder)
        app = create_app({"DATA": folder})
        runtime: Any = app.extensions["huiwu"]
        badges = runtime.writer.do(lambda session: fill(session, people))
        runtime.engine.dispose()
        yield Place(folder, badges)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(command: list[str], port: int, path: str) -> Iterator[Server]:
    """A server in a process group of its own, ready when it answers; gone at the end."""
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                    break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError(f"{command} does not answer")
        yield Server(port, server.pid)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def huiwu(folder: Path) -> AbstractContextManager[Server]:
    """Our server on a data folder, by plain http as the references are."""
    port = free_port()
    return running(["app.py", "--data", str(folder), "serve", "--http", "--host", "127.0.0.1", "--port", str(port)], port,
                   "/healthz")


def hello() -> AbstractContextManager[Server]:
    """The reference server."""
    port = free_port()
    return running(["-m", "bench.hello", str(port)], port, "/")


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def checked(done: Run) -> Run:
    """A run whose answers were all 200: otherwise its figures would not mean anything."""
    wrong = set(done.statuses) - {200}
    if wrong:
        raise SystemExit(f"answers with status {wrong}: the figures would not mean anything")
    return done
