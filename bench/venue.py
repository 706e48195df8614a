"""The real server on a scratch event, the references beside it, and the requests that are put to them."""
from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

from bench.load import Run, request
from bench.meeting import ROOT
from bench.tablets import SERVICES, TABLETS, token
from models.database import now

READY_SECONDS = 60


class Server(NamedTuple):
    """A server that runs: its port, and its process group (the id of its first process)."""

    port: int
    group: int


def uses(badges: Sequence[str], services: Sequence[str] = SERVICES, seed: int = 1) -> Iterator[tuple[str, str]]:
    """(badge, service) without end: every badge at every service in random order; from the second time on, refusals."""
    order = [(badge, service) for badge in badges for service in services]
    random.Random(seed).shuffle(order)
    return cycle(order)


def scans(badges: Sequence[str], services: Sequence[str] = SERVICES) -> Iterator[bytes]:
    """Such uses as the requests of tablet after tablet."""
    for tablet, (badge, service) in enumerate(uses(badges, services)):
        yield request("POST", "/api/v1/scans", json.dumps(one_scan(badge, service)).encode(), token(tablet % TABLETS))


def batches(found: Iterator[tuple[str, str]], sizes: Sequence[int], most: int) -> list[bytes]:
    """What outboxes of these sizes send: each tablet its own, `most` scans a request, all tablets in turn."""
    waiting, made = dict(enumerate(sizes)), []
    while waiting:
        for tablet, left in list(waiting.items()):
            scans_now = [one_scan(*next(found), offline=True) for _ in range(min(left, most))]
            made.append(request("POST", "/api/v1/scans", json.dumps(scans_now).encode(), token(tablet)))
            waiting[tablet] = left - len(scans_now)
            if not waiting[tablet]:
                del waiting[tablet]
    return made


def one_scan(badge: str, service: str, offline: bool = False) -> dict[str, object]:
    """A scan as a tablet sends it."""
    return {"id": str(uuid.uuid4()), "service": service, "code": badge, "scanned_at": now().isoformat(), "offline": offline}


def hellos() -> Iterator[bytes]:
    """Requests of the reference."""
    while True:
        yield request("GET", "/")


@contextmanager
def running(command: Sequence[str], port: int, path: str, env: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server in a process group of its own, ready when it answers; gone at the end."""
    server = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True,
                              env={**os.environ, **(env or {})})
    try:
        wait_for(port, path)
        yield Server(port, server.pid)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(port: int, path: str) -> None:
    """Returns as soon as a server answers there."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2):
                return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing answers at port {port}")


def huiwu(folder: Path, env: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
    """Our server on a data folder, by plain http as the references are."""
    port = free_port()
    return running(["app.py", "--data", str(folder), "serve", "--http", "--host", "127.0.0.1", "--port", str(port)], port,
                   "/healthz", env)


def hello(which: str = "app") -> AbstractContextManager[Server]:
    """The reference: a bare Flask; `on_one_core` is the one whose threads share a core."""
    port = free_port()
    return running(["-m", "bench.hello", str(port), which], port, "/")


def textbook(folder: Path, badges: Sequence[str], env: Mapping[str, str] | None = None) -> AbstractContextManager[Server]:
    """The reference: the textbook's road, on a database of its own beside the event."""
    from bench.textbook import create

    database, port = folder / "textbook.db", free_port()
    if not database.exists():
        create(database, badges)
    return running(["-m", "bench.textbook", str(port), str(database)], port, "/", env)


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
