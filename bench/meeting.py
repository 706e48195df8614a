"""The meeting that is measured: a plan in which every rule has something to do, its people, tablets and past.

Building 100,000 people and a million scans takes a minute: what is built is kept (by what the tables are and how many
there are) and copied for each run. A copy is made fresh: its windows lie around this moment again.
"""
from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from bench import past
from bench.plan import MEALS, OFF, fill
from models.database import database_path, now
from models.event import Event, Printer, Service, touch
from models.people import Badge

ROOT = Path(__file__).resolve().parent.parent
BATCH = 500                           # scans in one request at most (kiosk/shapes.py)
_MADE_OF = ("migrations/versions/*.py", "models/chain.py", "models/scan_row.py", "models/asks.py", "bench/plan.py",
            "bench/past.py")


class Place(NamedTuple):
    """An event in its data folder, and its people's badge codes."""

    folder: Path
    badges: list[str]


def freshen(session: Session, printer: str) -> list[str]:
    """What opens, opens around this moment; slips go to the printer at this address. Returns the badge codes."""
    t = now()
    window = [[(t - timedelta(hours=1)).isoformat(), (t + timedelta(hours=8)).isoformat()]]
    session.execute(update(Event).values(starts=t.date() - timedelta(days=3), ends=t.date() + timedelta(days=1)))
    session.execute(update(Service).where(Service.key.in_(MEALS)).values(windows=window))
    session.execute(update(Service).where(Service.key == "s1").values(
        starts=t - timedelta(hours=1), ends=t + timedelta(hours=3)))
    session.execute(update(Printer).values(url=printer))
    touch(session, "plan")
    return list(session.execute(select(Badge.code).order_by(Badge.attendee_id)).scalars())


@contextmanager
def event(people: int, scans: int = 0, *, cache: Path | None = None, printer: str = OFF) -> Iterator[Place]:
    """A data folder with so many people and scans, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        kept = _kept(people, scans, cache or Path(scratch) / "built")
        folder = Path(scratch) / "event"
        shutil.copytree(kept, folder)
        with database_path(folder).open("rb+") as copied:
            os.fsync(copied.fileno())        # or the first scan would pay for the copy
        yield Place(folder, change(folder, lambda session: freshen(session, printer)))


def _kept(people: int, scans: int, cache: Path) -> Path:
    """The folder of a built event of this size: a former run's, or built now."""
    made_of = hashlib.sha256()
    for pattern in _MADE_OF:
        for path in sorted(ROOT.glob(pattern)):
            made_of.update(path.read_bytes())
    shelf = cache / made_of.hexdigest()[:12]
    if cache.is_dir() and not shelf.is_dir():       # what the tables were before
        shutil.rmtree(cache)
    folder = shelf / f"{people}-people-{scans}-scans"
    if not folder.is_dir():
        shelf.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="building-", dir=shelf))
        _build(unfinished, people, scans)
        unfinished.rename(folder)
    return folder


def _build(folder: Path, people: int, scans: int) -> None:
    from app import create_tables

    create_tables(folder)
    badges = change(folder, lambda session: fill(session, people))
    if scans:
        past.write(database_path(folder), badges, scans, datetime.now(UTC) - timedelta(days=2))


def change(folder: Path, work: Any) -> Any:
    """Runs a write on an event that is not served now; returns what it returns."""
    from app import create_app

    runtime: Any = create_app({"DATA": folder}).extensions["huiwu"]
    try:
        return runtime.writer.do(work)
    finally:
        runtime.engine.dispose()
