"""The meeting that is measured: a plan in which every rule has something to do, its people, tablets and past.

Building 100,000 people and a million scans takes a minute: what is built is kept (by what the tables are and how many
there are) and copied for each run. A copy is made fresh: its windows lie around this moment again.
"""
from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from bench import past
from bench.tablets import SERVICES, TABLETS, token
from models import codes
from models.database import database_path, now
from models.devices import Device
from models.event import Category, Event, Printer, Service, Station, touch
from models.people import Attendee, Badge

ROOT = Path(__file__).resolve().parent.parent
OFF = "tcp://127.0.0.1:9"             # a printer that is switched off: slips are born with scans, and wait
_MEALS = ("lunch", "tea", "dinner", "supper")
_MADE_OF = ("migrations/versions/*.py", "models/chain.py", "models/scan_row.py", "models/asks.py", "bench/meeting.py",
            "bench/past.py")


class Place(NamedTuple):
    """An event in its data folder, and its people's badge codes."""

    folder: Path
    badges: list[str]


def fill(session: Session, people: int) -> list[str]:
    """The plan and its people; returns their badge codes."""
    session.add(Event(id=1, name="测速", starts=date(2026, 1, 1), ends=date(2026, 1, 3), epoch="bench", secret="b" * 32))
    session.add_all([Category(key="delegate", name="代表"), Category(key="press", name="记者", hint="媒体席"),
                     Printer(key="front", url=OFF)])
    session.flush()
    session.add_all([*_services(people), *past.services(),
                     Station(key="desk", name="报到台", mode="desk", services=list(SERVICES), printer_key="front"),
                     Station(key="gate", name="餐厅入口", mode="gate", services=["lunch"]),
                     Station(key="board", name="大屏", mode="board", services=[])])
    session.flush()
    session.add_all(Device(station_key="desk", name=f"bench {n}", token_hash=codes.digest(token(n)), paired_at=now())
                    for n in range(TABLETS))
    session.execute(insert(Attendee), [
        {"name": f"参会{n}", "number": f"N{n:06d}", "category_key": "delegate" if n % 9 else "press",
         "organisation": f"第{n % 40}研究所", "folded": f"参会{n}"} for n in range(people)])
    ids = session.execute(select(Attendee.id).order_by(Attendee.id)).scalars().all()
    made = [codes.new(codes.BADGE) for _ in ids]
    session.execute(insert(Badge), [{"code": code, "attendee_id": one, "issued_at": now()}
                                    for code, one in zip(made, ids, strict=True)])
    return made


def _services(people: int) -> list[Service]:
    meals = [Service(key=key, kind="meal", name=key, limit=1, entitled=["delegate"] if key == "lunch" else None,
                     position=3 + n) for n, key in enumerate(_MEALS)]
    return [Service(key="signin", kind="sign_in", name="报到", limit=1, slip=True, position=0),
            Service(key="bag", kind="material", name="资料袋", limit=1, stock=people * 10, position=1),
            Service(key="gift", kind="material", name="纪念品", limit=1, position=2), *meals,
            Service(key="s1", kind="session", name="开幕式", position=7, starts=now(), ends=now())]


def freshen(session: Session, printer: str) -> list[str]:
    """What opens, opens around this moment; slips go to the printer at this address. Returns the badge codes."""
    t = now()
    window = [[(t - timedelta(hours=1)).isoformat(), (t + timedelta(hours=8)).isoformat()]]
    session.execute(update(Event).values(starts=t.date() - timedelta(days=3), ends=t.date() + timedelta(days=1)))
    session.execute(update(Service).where(Service.key.in_(_MEALS)).values(windows=window))
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
