"""The roster as the coordinator looks at it: found, filtered, a page at a time; works with 100,000 people. Read only."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.engine import Connection

from models.facts import ACCEPTED
from models.finding import conditions
from models.people import STATES, Attendee, visible
from models.scans import Scan
from models.snapshot import Snapshot

PAGE = 100
_A: Any = Attendee.__table__


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to show. `signed` is "", "yes" or "no"; `delegation` an id, 0 for any."""

    words: str = ""
    category: str = ""
    delegation: int = 0
    state: str = ""
    signed: str = ""
    page: int = 1

    @property
    def narrowed(self) -> bool:
        """Whether it is fewer than everybody."""
        return bool(self.words.strip() or self.category or self.delegation or self.state or self.signed)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of the roster: `count` people fit, of `total`; `signed` is attendee id -> when they signed in."""

    people: list[Any]
    signed: dict[int, datetime]
    count: int
    total: int
    page: int
    pages: int


def look(connection: Connection, plan: Snapshot, wanted: Wanted) -> Found:
    """The people of one page, in the order in which they came onto the roster."""
    signing = [key for key, service in plan.services.items() if service.kind == "sign_in"]
    fits = _conditions(plan, wanted, signing)
    total = connection.execute(select(func.count()).select_from(_A).where(visible())).scalar_one()
    count = total
    if fits:
        count = connection.execute(select(func.count()).select_from(_A).where(visible(), *fits)).scalar_one()
    pages = max(1, -(-count // PAGE))
    page = min(max(1, wanted.page), pages)
    people = connection.execute(select(_A).where(visible(), *fits).order_by(_A.c.id)
                                .limit(PAGE).offset((page - 1) * PAGE)).all()
    times = signed_in(signing).where(Scan.holder.in_([person.id for person in people]))
    signed = {row[0]: row[1] for row in connection.execute(times)}
    return Found(list(people), signed, count, total, page, pages)


def signed_in(signing: list[str]) -> Select[Any]:
    """(holder, when) of everybody whose sign-in stands."""
    undone = select(Scan.voids).where(Scan.voids.is_not(None), Scan.verdict == ACCEPTED)
    return (select(Scan.holder, func.min(Scan.scanned_at))
            .where(Scan.service_key.in_(signing), Scan.verdict == ACCEPTED, Scan.use_no.is_not(None),
                   Scan.seq.not_in(undone)).group_by(Scan.holder))


def _conditions(plan: Snapshot, wanted: Wanted, signing: list[str]) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if wanted.words.strip():
        fits.append(or_(*conditions(wanted.words)) if conditions(wanted.words) else Attendee.id < 0)
    if wanted.category in plan.categories:
        fits.append(_A.c.category_key == wanted.category)
    if wanted.delegation in plan.delegations:
        fits.append(_A.c.delegation_id == wanted.delegation)
    if wanted.state in STATES:
        fits.append(_A.c.state == wanted.state)
    if wanted.signed in ("yes", "no"):
        there = select(signed_in(signing).subquery().c.holder)
        fits.append(_A.c.id.in_(there) if wanted.signed == "yes" else _A.c.id.not_in(there))
    return fits
