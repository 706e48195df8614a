"""What the fault tests share: a real server that can be killed, stopped and given faults, and tablets that keep what
they sent until it is acknowledged, as the contract wants of every outbox (api.md)."""
from __future__ import annotations

import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from kiosk import pairing
from models import codes
from models.database import database_path, now
from models.people import Attendee, Badge
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import scan
from tests.served import ROOT

PROGRAM = ("app.py",)
PATIENCE = 30       # seconds; a tablet of these tests waits longer than the laptop tries (10 s for a locked file)
Lost = (OSError, http.client.HTTPException)


class Server:
    """`serve --http` in processes of its own: started, killed with all its children, stopped and continued."""

    def __init__(self, data: Path, *, program: tuple[str, ...] = PROGRAM, **environment: str):
        self.data, self.program = data, program
        self.environment = {**os.environ, **environment}
        self.process: subprocess.Popen[str] | None = None
        self.url, self.said = "", ""

    def start(self, ready: bool = True) -> str:
        """Starts it; returns its address once it can answer. Without `ready` it returns at once, with nothing."""
        with (self.data.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "--data", str(self.data), "--json", "serve", "--host", "127.0.0.1",
                 "--port", "0", "--http"], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True, env=self.environment)
        return self.ready() if ready else ""

    def ready(self) -> str:
        """Waits until it says that it can answer."""
        assert self.process and self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.log()
        self.url = str(json.loads(line)["url"])
        return self.url

    def log(self) -> str:
        """What it said to people, over all its starts."""
        return (self.data.parent / "serve.log").read_text(encoding="utf-8")

    def signal(self, number: int) -> None:
        """To the process that was started and to the worker that it started."""
        assert self.process
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing closed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As Ctrl+C does."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.signal(number)
        self.process.communicate(timeout=PATIENCE)      # until nobody holds the pipe: its worker has ended too
        self.process = None

    def workers(self) -> list[int]:
        """The ids of all its processes."""
        assert self.process
        told = subprocess.run(["ps", "-o", "pid=", "-g", str(self.process.pid)], capture_output=True, text=True, check=True)
        return [int(line) for line in told.stdout.split()]


@contextmanager
def serving(data: Path, **more: Any) -> Iterator[Server]:
    """A running server, killed at the end whatever state it is in."""
    server = Server(data, **more)
    server.start()
    try:
        yield server
    finally:
        with suppress(ProcessLookupError, AssertionError):
            server.signal(signal.SIGCONT)
        server.kill()


@dataclass
class Outbox:
    """A tablet that speaks the device API: it keeps each scan and the answer that acknowledged it, sends again what
    has none, and all it has when the epoch is another or the head is below what it was promised."""

    token: str
    url: str = ""
    waiting: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)       # id -> body
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)    # id -> the answer that acknowledged it
    told: dict[str, Any] = field(default_factory=dict)                  # the newest epoch and head
    link: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, timeout: float = PATIENCE) -> tuple[int, Any, Any]:
        """(status, JSON, headers). Raises one of `Lost` when no answer came."""
        where = urlsplit(self.url)
        if self.link is None or (self.link.host, self.link.port) != (where.hostname, where.port):
            self.link = http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)
        try:
            self.link.request(method, path, json.dumps(body) if body is not None else None,
                              {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"})
            came = self.link.getresponse()
            return came.status, json.loads(came.read() or b"null"), came.headers
        except Lost:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """Forgets the connection."""
        if self.link:
            self.link.close()
        self.link = None

    def put(self, *scans: dict[str, Any]) -> None:
        """Into the outbox first."""
        self.waiting += scans
        self.kept.update({one["id"]: one for one in scans})

    def send(self, most: int = 500) -> int:
        """One batch of what waits; returns the status. Raises one of `Lost`: it waits on then, as after a 503."""
        batch = self.waiting[:most]
        status, said, _ = self.ask("POST", "/api/v1/scans", batch)
        if status == 200:
            for answer in said["results"]:
                assert "error" not in answer, answer
                before = self.answers.setdefault(answer["id"], answer)
                assert (before["seq"], before["verdict"]) == (answer["seq"], answer["verdict"])     # law 1
            self.waiting = self.waiting[len(batch):]
            self.told = {"epoch": said["epoch"], "head": max(said["head"], self.told.get("head", 0))}
        return status

    def drain(self) -> None:
        """Sends until nothing waits; anything but an acknowledgement fails the test."""
        while self.waiting:
            status = self.send()
            assert status == 200, status

    def check(self) -> bool:
        """Asks where the server stands; if it lost something, everything kept waits again. Returns whether it did."""
        status, said, _ = self.ask("GET", "/api/v1/station")
        assert status == 200, said
        lost = bool(self.told) and (said["epoch"] != self.told["epoch"] or said["head"] < self.told["head"])
        if lost:
            self.waiting, self.answers = list(self.kept.values()), {}
            self.told = {"epoch": said["epoch"], "head": said["head"]}
        return lost


class Ledger:
    """The ledger as the file has it, read behind the server's back."""

    def __init__(self, data: Path):
        with closing(sqlite3.connect(database_path(data))) as there:
            there.row_factory = sqlite3.Row
            self.rows = {row["id"]: dict(row) for row in there.execute("SELECT * FROM scan")}
            self.doubles = [row[0] for row in there.execute("SELECT id FROM scan GROUP BY id HAVING count(*) > 1")]
            self.twice = there.execute(
                "SELECT service_key, holder FROM scan WHERE verdict = 'accepted' AND voids IS NULL AND service_key = 'signin'"
                " GROUP BY 1, 2 HAVING count(*) > 1").fetchall()

    def missing(self, tablets: list[Outbox]) -> list[str]:
        """Acknowledged scans that are not there as they were acknowledged."""
        return [key for tablet in tablets for key, answer in tablet.answers.items()
                if (row := self.rows.get(key)) is None or (row["seq"], row["verdict"], row["reason"]) !=
                (answer["seq"], answer["verdict"], answer["reason"])]


def agrees(data: Path, tablets: list[Outbox]) -> None:
    """Every acknowledged scan is recorded once, as it was acknowledged; nobody signed in twice; the audit finds nothing."""
    ledger = Ledger(data)
    assert ledger.missing(tablets) == []
    assert ledger.doubles == [] and ledger.twice == []
    said = run(data, "audit")
    assert (said.code, said.payload.get("differences")) == (0, [])
    assert said.payload["scans"] == len(ledger.rows)


def everything_is_recorded(data: Path, tablets: list[Outbox]) -> None:
    """As above, and no scan that was ever made waits or lacks."""
    agrees(data, tablets)
    assert [tablet.waiting for tablet in tablets if tablet.waiting] == []
    assert set(Ledger(data).rows) == {key for tablet in tablets for key in tablet.kept}


def people(runtime: Runtime, count: int) -> list[str]:
    """Badge codes of so many invented delegates."""
    def add(session: Session) -> list[str]:
        persons = [Attendee(name=f"代表{number}", number=f"F{number:05}", category_key="delegate") for number in range(count)]
        session.add_all(persons)
        session.flush()
        made = [(codes.new(codes.BADGE), person.id) for person in persons]
        session.add_all([Badge(code=code, attendee_id=holder, issued_at=now()) for code, holder in made])
        return [code for code, _ in made]
    codes_made: list[str] = runtime.writer.do(add)
    return codes_made


def outboxes(runtime: Runtime, count: int, station: str = "desk-1") -> list[Outbox]:
    """So many tablets of one station."""
    def add(session: Session) -> list[str]:
        return [pairing.redeem(session, pairing.new_code(session, station).code, f"T{number}")[0] for number in range(count)]
    return [Outbox(token) for token in runtime.writer.do(add)]


class Load:
    """Tablets that scan the same badges all at once until told to end: what is not acknowledged stays in their outbox."""

    def __init__(self, tablets: list[Outbox], badges: list[str], seed: int, most: int = 12):
        self.tablets, self.badges, self.most = tablets, badges, most
        self.ended, self.heard = threading.Event(), threading.Semaphore(0)
        self.refused: Counter[int] = Counter()
        self.threads = [threading.Thread(target=self._work, args=(tablet, random.Random(f"{seed}-{number}")), daemon=True)
                        for number, tablet in enumerate(tablets)]
        for thread in self.threads:
            thread.start()

    def _work(self, tablet: Outbox, dice: random.Random) -> None:
        while not self.ended.is_set():
            while len(tablet.waiting) < self.most:
                tablet.put(*(scan(dice.choice(self.badges), "signin") for _ in range(dice.randint(1, self.most))))
            try:
                status = tablet.send(self.most)
            except Lost:
                self.heard.release()
                return
            self.refused[status] += status != 200
            self.heard.release()

    def wait(self, answers: int) -> None:
        """Until so many answers came (or failed to come)."""
        for _ in range(answers):
            assert self.heard.acquire(timeout=PATIENCE)

    def end(self) -> None:
        """After the answers that are under way."""
        self.ended.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()


def all_at_once(tablets: list[Outbox], do: Callable[[Outbox], Any]) -> list[Any]:
    """What `do` gave for each, all begun together; an error in one fails the test."""
    from tests.conftest import at_once

    return at_once(len(tablets), lambda number: do(tablets[number]))
