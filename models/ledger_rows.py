"""The ledger's rows as a person reads them: newest first, filtered, with who, where, why and whether they still stand."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from models.facts import ACCEPTED, REFUSED
from models.finding import typed
from models.people import Attendee, visible
from models.scans import Scan

SHOWS = ("accepted", "refused", "undo", "forced", "conflict", "offline")
MOST_PEOPLE = 20
_Undo = aliased(Scan)


@dataclass(frozen=True, slots=True)
class Wish:
    """What of the ledger is wanted; everything where nothing is said. `before` is a seq, `person` an attendee's id."""

    service: str = ""
    station: str = ""
    show: str = ""
    person: int | None = None
    before: int | None = None


def rows(connection: Connection, wish: Wish, limit: int) -> list[Any]:
    """Rows of the ledger with the person's name and, of an undone one, the seq of its undo."""
    query = _with_people().order_by(Scan.seq.desc()).limit(limit)
    for column, value in ((Scan.service_key, wish.service), (Scan.station_key, wish.station),
                          (Scan.attendee_id, wish.person)):
        if value:
            query = query.where(column == value)
    if wish.before:
        query = query.where(Scan.seq < wish.before)
    if wish.show in SHOWS:
        query = query.where(*_shown(wish.show))
    return list(connection.execute(query))


def one(connection: Connection, scan_id: str) -> Any | None:
    """One row by its scan id."""
    return connection.execute(_with_people().where(Scan.id == scan_id)).first()


def people(connection: Connection, words: str) -> list[Any]:
    """Attendees by number, name, English name or initials: (id, number, name, organisation)."""
    words = typed(words)
    if not words:
        return []
    fields = (Attendee.name, Attendee.name_en, Attendee.search_keys)
    query = select(Attendee.id, Attendee.number, Attendee.name, Attendee.organisation).where(
        visible(), or_(Attendee.number == words, *(field.icontains(words, autoescape=True) for field in fields)))
    return list(connection.execute(query.order_by(Attendee.name, Attendee.id).limit(MOST_PEOPLE)))


def name_of(connection: Connection, person: int) -> str | None:
    """An attendee's name."""
    return connection.execute(select(Attendee.name).where(Attendee.id == person)).scalar()


def _with_people() -> Any:
    return (select(Scan.seq, Scan.id, Scan.service_key, Scan.station_key, Scan.verdict, Scan.reason, Scan.direction,
                   Scan.quantity, Scan.voids, Scan.forced, Scan.conflict, Scan.offline, Scan.actor, Scan.note,
                   Scan.scanned_at, Scan.uploaded_at, Scan.coupon_id, Attendee.id.label("person"), Attendee.name,
                   Attendee.organisation, _Undo.seq.label("undone_by"))
            .outerjoin(Attendee, Attendee.id == Scan.attendee_id)
            .outerjoin(_Undo, (_Undo.voids == Scan.seq) & (_Undo.verdict == ACCEPTED)))


def _shown(show: str) -> tuple[Any, ...]:
    return {
        "accepted": (Scan.verdict == ACCEPTED, Scan.voids.is_(None)),
        "refused": (Scan.verdict == REFUSED, Scan.voids.is_(None)),
        "undo": (Scan.voids.is_not(None),), "forced": (Scan.forced.is_(True),),
        "conflict": (Scan.conflict.is_(True),), "offline": (Scan.offline.is_(True),),
    }[show]
