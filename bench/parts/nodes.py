"""What a PostgreSQL in the middle costs, and what a second app node buys: the same event, the same scans, in turn."""
from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import meeting, venue
from bench.figures import Options, Row, compared
from bench.load import Run, run
from bench.meeting import ROOT

CLIENTS = 16
NOTE = "PostgreSQL of the wheel, synchronous_commit on, on the same two cores"


def rows(options: Options) -> list[Row]:
    """Scans a second and the wait of one node on SQLite, of one and of two nodes on PostgreSQL."""
    found: dict[str, list[Run]] = {"SQLite": [], "1 node": [], "2 nodes": []}
    with meeting.event(options.people, cache=options.cache) as place, on_server(place.folder) as (url, one, two), \
            venue.huiwu(place.folder) as here, venue.huiwu(one, {"DATABASE_URL": url}) as first, \
            venue.huiwu(two, {"DATABASE_URL": url}) as second:
        contest = {name: (ports, venue.scans(place.badges)) for name, ports in (
            ("SQLite", [here.port]), ("1 node", [first.port]), ("2 nodes", [first.port, second.port]))}
        for ports, requests in contest.values():
            run(ports, 4, requests, min(0.5, options.seconds))
        for _ in range(options.rounds):
            for name, (ports, requests) in contest.items():
                found[name].append(venue.checked(run(ports, CLIENTS, requests, options.seconds)))
    base, waits = [one.rate for one in found["SQLite"]], [one.at(0.99) for one in found["SQLite"]]
    return [row for name in ("1 node", "2 nodes") for row in (
        compared(f"扫码 scans, PostgreSQL, {name}", [one.rate for one in found[name]], "/s", base, "SQLite", note=NOTE),
        compared(f"等待 wait p99, PostgreSQL, {name}", [one.at(0.99) for one in found[name]], "ms", waits, "SQLite"))]


@contextmanager
def on_server(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    """A copy of the event on a PostgreSQL of its own: the database's url, and folders for two nodes."""
    from tests.postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="huiwu-") as kept:
        copy = Path(kept) / "event"
        shutil.copytree(folder, copy)
        server = Postgres(Path(kept) / "pg")
        try:
            with server.fresh() as url:
                subprocess.run([sys.executable, "app.py", "--data", str(copy), "move", "to-server", "--database", url],
                               cwd=ROOT, check=True, capture_output=True)
                yield url, Path(kept) / "one", Path(kept) / "two"
        finally:
            server.close()
