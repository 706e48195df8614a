"""Scans that a revoked tablet still sends (behaviour 43): kept as they are, until the coordinator takes or drops them.

They are no part of the ledger. What is taken goes the ordinary road, with the tablet's station and the scan's own time,
and its id is looked up first as ever: a scan that was recorded before, or is sent again by the tablet once it is paired
anew, is recorded once. A force that the tablet asked for is not believed any more.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models.aside import KeptAside
from models.database import now
from models.devices import Device
from models.scans import Scan
from models.undo import UNDO_WITHIN

MOST = 2000                 # rows of one tablet, in all
TAKEN, DROPPED = "accepted", "dropped"
_COUNT = select(func.count()).select_from(KeptAside).where(KeptAside.settled.is_(None))


@dataclass(slots=True)
class Heap:
    """What one revoked tablet left: how many of which service, when they were sent, and the times that they claim: a
    stolen tablet may claim any, and what is dated after it was revoked was scanned by nobody of ours."""

    device: int
    name: str
    station: str
    revoked_at: datetime
    waiting: int = 0
    services: Counter[str] = field(default_factory=Counter)     # "" counts undos
    since: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None
    after: int = 0

    def add(self, scan: dict[str, Any]) -> None:
        """One more scan as it was sent."""
        self.waiting += 1
        self.services[scan.get("service", "")] += 1
        if (at := _claimed(scan)) is not None:
            self.first, self.last = min(self.first or at, at), max(self.last or at, at)
            self.after += at > self.revoked_at


def _claimed(scan: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(scan["scanned_at"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def keep(session: Session, device_id: int, station: str, items: Iterable[tuple[str, dict[str, Any]]]) -> int:
    """Keeps (id, body) of a revoked tablet; returns how many of them are kept now, those kept before included."""
    given = dict(items)
    there = set(session.scalars(select(KeptAside.scan_id).where(KeptAside.device_id == device_id)))
    fresh = [key for key in given if key not in there][:max(0, MOST - len(there))]
    session.add_all(KeptAside(device_id=device_id, station_key=station, scan_id=key, body=given[key], received_at=now())
                    for key in fresh)
    return len(fresh) + sum(key in there for key in given)


def count(connection: Connection) -> int:
    """How many wait for the coordinator."""
    return connection.execute(_COUNT).scalar_one()


def heaps(connection: Connection) -> list[Heap]:
    """Tablet by tablet what waits, the one that was revoked first at the top."""
    found: dict[int, Heap] = {}
    rows = connection.execute(
        select(KeptAside.device_id, KeptAside.station_key, KeptAside.body, KeptAside.received_at, Device.name, Device.revoked_at)
        .join(Device, Device.id == KeptAside.device_id).where(KeptAside.settled.is_(None))
        .order_by(Device.revoked_at, KeptAside.id))
    for row in rows:
        heap = found.setdefault(row.device_id, Heap(row.device_id, row.name, row.station_key, row.revoked_at, since=row.received_at))
        heap.add(row.body.get("scan", {}))
    return list(found.values())


def waiting(session: Session, device_id: int, limit: int) -> Sequence[KeptAside]:
    """The oldest rows of a tablet that wait, in the order in which it sent them."""
    return session.scalars(select(KeptAside).where(KeptAside.device_id == device_id, KeptAside.settled.is_(None))
                           .order_by(KeptAside.id).limit(limit)).all()


def is_own_undo(session: Session, row: KeptAside) -> bool:
    """Whether a kept undo is one that its tablet could have made itself when it came: of a scan of its own station, within
    the ordinary time. Whoever has a stolen tablet would else undo any scan it ever saw, in the coordinator's name."""
    target = session.execute(select(Scan.station_key, Scan.uploaded_at).where(Scan.id == row.body.get("void"))).first()
    return (target is not None and target.station_key == row.station_key
            and row.received_at - target.uploaded_at <= UNDO_WITHIN)


def settle(session: Session, decided: dict[int, str], actor: str) -> None:
    """Notes what became of rows, by their id; one that was settled already stays as it was."""
    for what in (TAKEN, DROPPED):
        ids = [row for row, decision in decided.items() if decision == what]
        session.execute(update(KeptAside).where(KeptAside.id.in_(ids), KeptAside.settled.is_(None))
                        .values(settled=what, settled_at=now(), actor=actor))


def drop(session: Session, device_id: int, actor: str) -> int:
    """Drops all that waits of a tablet, and what stays in the table says who did; how many."""
    gone = session.execute(update(KeptAside).where(KeptAside.device_id == device_id, KeptAside.settled.is_(None))
                           .values(settled=DROPPED, settled_at=now(), actor=actor).returning(KeptAside.id)).all()
    return len(gone)
