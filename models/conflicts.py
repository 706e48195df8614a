"""Conflicts: a use too many that a tablet let through while the server was out of reach, for a person to settle.

A conflict waits until somebody says that both uses stand, or one is undone (here or elsewhere, by an ordinary row). The
scan itself is never changed; who decided and when is a settlement's row.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, delete, func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session, aliased

from models.aside import Settlement
from models.database import now
from models.facts import ACCEPTED
from models.people import Attendee
from models.scans import Scan

STANDS, UNDONE = "stands", "undone"
SHOWN = 200             # waiting ones of a page: those behind them come when these are settled
SETTLED_SHOWN = 50

_Undo, _First = aliased(Scan), aliased(Scan)


class NoConflict(LookupError):
    """There is no such conflict, or it is not one any more."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A conflict's row with the person's name, and the use that was there before (None: nothing of it is known)."""

    scan: Any
    first: Any | None


def count(connection: Connection) -> int:
    """How many wait for a person."""
    return connection.execute(_COUNT).scalar_one()


def waiting(connection: Connection) -> list[Conflict]:
    """Those that wait, oldest first."""
    rows = connection.execute(_waiting(_with_people()).order_by(Scan.scanned_at, Scan.seq).limit(SHOWN)).all()
    return _with_firsts(connection, rows)


def settled(connection: Connection) -> list[Conflict]:
    """Those that somebody settled, newest first; each row has decision, decided_by and decided_at. An undo settles one
    wherever it was made, so the ledger's row is asked, too."""
    decided_at = func.coalesce(_Undo.uploaded_at, Settlement.at)
    query = _with_people().add_columns(
        case((_Undo.seq.is_not(None), UNDONE), else_=Settlement.decision).label("decision"),
        func.coalesce(_Undo.actor, Settlement.actor).label("decided_by"), decided_at.label("decided_at"))
    rows = connection.execute(_joined(query).where(Scan.conflict, or_(_Undo.seq.is_not(None), Settlement.scan_id.is_not(None)))
                              .order_by(decided_at.desc(), Scan.seq.desc()).limit(SETTLED_SHOWN)).all()
    return _with_firsts(connection, rows)


def is_waiting(session: Session, scan_id: str) -> bool:
    """Whether a scan is a conflict that nobody settled yet."""
    return session.execute(_waiting(select(Scan.id)).where(Scan.id == scan_id)).first() is not None


def let_stand(session: Session, scan_id: str, actor: str) -> None:
    """Both uses stand. NoConflict: somebody else was first, or it never was one."""
    if not is_waiting(session, scan_id):
        raise NoConflict(scan_id)
    session.add(Settlement(scan_id=scan_id, decision=STANDS, actor=actor, at=now()))


def note_undone(session: Session, scan_id: str, actor: str, note: str) -> None:
    """Notes that a conflict was settled by undoing it; the ledger has the row. Twice is once."""
    session.merge(Settlement(scan_id=scan_id, decision=UNDONE, actor=actor, at=now(), note=note))


def reopen(session: Session, scan_id: str) -> bool:
    """Takes "both stand" back: the conflict waits again. An undo cannot be taken back; whether there was one to take."""
    return bool(session.execute(delete(Settlement).where(
        Settlement.scan_id == scan_id, Settlement.decision == STANDS).returning(Settlement.scan_id)).first())


def _waiting(query: Any) -> Any:
    return _joined(query).where(Scan.conflict, _Undo.seq.is_(None), Settlement.scan_id.is_(None))


def _joined(query: Any) -> Any:
    return (query.outerjoin(_Undo, (_Undo.voids == Scan.seq) & (_Undo.verdict == ACCEPTED))
            .outerjoin(Settlement, Settlement.scan_id == Scan.id))


_COUNT = _waiting(select(func.count()).select_from(Scan))     # made once, asked four times a second (kiosk/live.py)


def _with_people() -> Any:
    return (select(Scan.seq, Scan.id, Scan.service_key, Scan.station_key, Scan.scanned_at, Scan.uploaded_at, Scan.offline,
                   Scan.actor, Scan.quantity, Scan.answer, Scan.coupon_id, Attendee.id.label("person"), Attendee.name,
                   Attendee.name_en, Attendee.organisation, Attendee.category_key)
            .select_from(Scan).outerjoin(Attendee, Attendee.id == Scan.attendee_id))


def _with_firsts(connection: Connection, rows: Sequence[Any]) -> list[Conflict]:
    """Each with the use that its answer named as the first, and whether that one still stands."""
    named = {row.id: (row.answer.get("first") or {}).get("id") for row in rows}
    query = (select(_First.id, _First.scanned_at, _First.station_key, _First.offline, _First.actor,
                    _Undo.seq.label("undone_by"))
             .outerjoin(_Undo, (_Undo.voids == _First.seq) & (_Undo.verdict == ACCEPTED)))
    found = {first.id: first for first in connection.execute(query.where(_First.id.in_(filter(None, named.values()))))}
    return [Conflict(row, found.get(named[row.id])) for row in rows]
