"""The real server and the real commands on scratch folders, as a person starts them: one node or several.

Nodes of one venue share a database (DATABASE_URL) and have a folder each; a single node keeps its event in its folder.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
READY_SECONDS = 90.0
STOP_SECONDS = 30.0
_OWN = ("HUIWU_DATA", "DATABASE_URL", "FLASK_DEBUG")        # of whoever starts us: never of the scratch copy


class VenueError(RuntimeError):
    """A server did not start, or a command failed; the message says what it said."""


class Node:
    """One server process, always at the same port."""

    def __init__(self, folder: Path, env: Mapping[str, str]):
        self.folder, self.port = folder, 0
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder.parent / f"{folder.name}.log"

    def start(self) -> None:
        """Starts it and returns once it answers. VenueError."""
        with self.log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [sys.executable, "app.py", "--data", str(self.folder), "--json", "serve", "--http", "--host", "127.0.0.1",
                 "--port", str(self.port)],
                cwd=ROOT, env=dict(self._env), stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
        said = _first_line(self._process, READY_SECONDS)
        try:
            self.port = urlsplit(json.loads(said)["url"]).port or 0
        except (ValueError, KeyError):
            self.kill()
            raise VenueError(f"serve: {said or '-'} ({self.log})") from None

    def kill(self) -> None:
        """kill -9, the server and its worker, at once."""
        if self._process is None:
            return
        if os.name == "posix":
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        else:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(self._process.pid)], capture_output=True, check=False)  # noqa: S607  the system's own
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None

    def stop(self) -> None:
        """Stops it as Ctrl+C does; kills it if that takes too long."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            self.kill()


class Venue:
    """The nodes, and the command line on the first one's folder. A context manager: nothing of it is left running."""

    def __init__(self, folder: Path, nodes: int = 1, database: str = ""):
        """`database` is the DATABASE_URL that all nodes share; "" for SQLite, and then there is one node."""
        self.env = {name: value for name, value in os.environ.items() if name not in _OWN}
        if database:
            self.env["DATABASE_URL"] = database
        self.database = database
        self.nodes = [Node(folder / f"node-{place + 1}", self.env) for place in range(nodes)]

    def __enter__(self) -> Venue:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.kill()

    @property
    def data(self) -> Path:
        """The event's folder."""
        return self.nodes[0].folder

    @property
    def ports(self) -> list[int]:
        """Where the nodes listen."""
        return [node.port for node in self.nodes]

    def command(self, *arguments: object, stdin: str | None = None, may_fail: bool = False) -> dict[str, Any]:
        """Runs a command with --json and gives its object. VenueError, unless it `may_fail`."""
        done = subprocess.run(
            [sys.executable, "app.py", "--data", str(self.data), "--json", *map(str, arguments)], cwd=ROOT, env=self.env,
            input=stdin, capture_output=True, text=True, check=False)
        lines = done.stdout.strip().splitlines()
        if done.returncode and not (may_fail and lines):
            raise VenueError(f"{arguments[0]}: {done.stderr.strip()[-500:]}")
        found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        return found


def _first_line(process: subprocess.Popen[str], seconds: float) -> str:
    """What a process says first; "" when it ended or said nothing in time."""
    said: list[str] = []
    assert process.stdout is not None
    reader = threading.Thread(target=lambda out: said.append(out.readline()), args=(process.stdout,), daemon=True)
    reader.start()
    end = time.monotonic() + seconds
    while not said and time.monotonic() < end:
        reader.join(0.1)
    return said[0] if said else ""
