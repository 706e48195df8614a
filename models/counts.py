"""Live counts by category and delegation, and arrivals: kept in memory beside the writer, rebuilt when in doubt.

Tallies by service stand in the database (models/scans.py). These finer counts would change with every correction of
the roster, so they are not stored: they are rebuilt from the ledger when the roster's, plan's or ledger's revision is
another one, or when somebody else wrote scans (head), and moved along by the writer's own commits.
"""
from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, and_, cast, extract, false, func, or_, select, tuple_
from sqlalchemy.engine import Connection

from models.catching_up import catch_up
from models.event import Entitlement, Event
from models.facts import ACCEPTED, IN, value
from models.people import Attendee, visible
from models.recount import overlaps
from models.rules import may_have
from models.scans import Scan
from models.snapshot import Memory, Snapshot

_S: Any = Scan.__table__
_A: Any = Attendee.__table__
BUCKET_SECONDS = 300   # arrivals are charted per five minutes


@value
class Change:
    """What one accepted row changes for a person: when they arrived (before and after it: an undo takes the arrival
    away where it was), whether they are inside (-1, 0, 1), and the stock in pieces."""

    category: str | None
    delegation_id: int | None
    arrived_before: datetime | None
    arrived: datetime | None
    inside: int
    stock: int = 0


@dataclass(slots=True)
class State:
    """The counts of one moment."""

    mark: tuple[int, ...]
    head: int
    expected: Counter[tuple[str, Any]] = field(default_factory=Counter)   # ("category", key) | ("delegation", id)
    entitled: Counter[str] = field(default_factory=Counter)               # service -> people who may have it
    people: Counter[tuple[str, Any]] = field(default_factory=Counter)
    inside: Counter[tuple[str, Any]] = field(default_factory=Counter)
    arrivals: Counter[int] = field(default_factory=Counter)               # bucket's start, epoch seconds -> people

    def move(self, change: Change) -> None:
        """Applies one change."""
        for key in (("category", change.category), ("delegation", change.delegation_id)):
            self.people[key] += (change.arrived is not None) - (change.arrived_before is not None)
            self.inside[key] += change.inside
        if change.arrived_before:
            self.arrivals[bucket(change.arrived_before)] -= 1
        if change.arrived:
            self.arrivals[bucket(change.arrived)] += 1


def bucket(at: datetime) -> int:
    """The start of the five minutes in which a moment lies, in seconds since 1970."""
    return int(at.timestamp()) // BUCKET_SECONDS * BUCKET_SECONDS


class Counts:
    """Answers from memory while it is sure, else reads the ledger once."""

    def __init__(self, memory: Memory):
        self._memory = memory
        self._lock = threading.Lock()
        self._state: State | None = None
        self._listeners: list[Callable[[], None]] = []

    def listen(self, call: Callable[[], None]) -> None:
        """Calls this after each commit of the writer (the live hub's bell): it must not block."""
        self._listeners.append(call)

    def stir(self) -> None:
        """Something was committed."""
        for call in self._listeners:
            call()

    def apply(self, changes: Sequence[Change], before: int, head: int) -> None:
        """Moves the counts along with a commit of this process, which took the ledger's head from `before` to `head`.

        Counts that a reader has rebuilt since know it already; those that lack a row before it, another node's, catch up
        with both when they are next asked for.
        """
        with self._lock:
            if self._state is None or self._state.head != before:
                return
            for change in changes:
                self._state.move(change)
            self._state.head = head

    def current(self, connection: Connection) -> State:
        """The counts of now, rebuilt if anything but our own commits has changed them. Read it, do not keep it."""
        row = connection.execute(_MARK).one()
        mark = (row.plan_revision, row.roster_revision, row.ledger_revision)
        head = max(row.head or 0, row.head_floor)
        with self._lock:
            state = self._state
            if state is not None and state.mark == mark and (state.head >= head or catch_up(
                    connection, self._memory.at(connection, mark[0], mark[1]), state, head)):
                return state
            state = self._state = rebuild(connection, self._memory, mark)
            return state


_MARK = select(Event.plan_revision, Event.roster_revision, Event.ledger_revision, Event.head_floor,
               select(func.max(Scan.seq)).scalar_subquery().label("head"))


def rebuild(connection: Connection, memory: Memory, mark: tuple[int, ...]) -> State:
    """The counts as functions of the ledger and the roster (law 4)."""
    plan = memory.at(connection, mark[0], mark[1])
    head = connection.execute(select(func.max(Scan.seq))).scalar() or 0
    floor = connection.execute(select(Event.head_floor)).scalar_one()
    state = State(mark, max(head, floor))
    _expect(connection, plan, state)
    _arrived(connection, plan, state)
    _inside(connection, plan, state)
    return state


def _expect(connection: Connection, plan: Snapshot, state: State) -> None:
    """Who is expected, and who may have what: by category, then put right for the people with exceptions."""
    registered = (Attendee.state == "registered", visible())
    groups = select(Attendee.category_key, Attendee.delegation_id, func.count()).where(*registered)
    for category, delegation, count in connection.execute(groups.group_by(Attendee.category_key, Attendee.delegation_id)):
        state.expected["category", category] += count
        state.expected["delegation", delegation] += count
        for service in plan.services.values():
            state.entitled[service.key] += count * may_have(service, category, {})
    excepted = select(Attendee.id, Attendee.category_key).where(*registered, Attendee.id.in_(select(Entitlement.attendee_id)))
    for attendee_id, category in connection.execute(excepted):
        for key in plan.exceptions.get(attendee_id, {}):
            if (known := plan.services.get(key)) is not None:
                state.entitled[key] += (may_have(known, category, plan.exceptions[attendee_id])
                                        - may_have(known, category, {}))


# One person's scans lie far apart in a long ledger: read holder by holder, a million of them took ten seconds, with
# the interpreter held against the scans. These two say in SQL what models/history.py says of one person's rows
# (`arrival`, `inside`); tests/test_ledger_states.py compares them after every step, and `audit` on the real ledger.

_UNDONE = select(_S.c.voids).where(_S.c.voids.is_not(None), _S.c.verdict == ACCEPTED)
_SEEN = and_(_A.c.id == _S.c.holder, visible())


def _standing(rows: Any, plan: Snapshot, kind: str) -> tuple[Any, ...]:
    keys = [service.key for service in plan.services.values() if service.kind == kind]
    return (rows.c.verdict == ACCEPTED, rows.c.holder.is_not(None), rows.c.voids.is_(None), rows.c.service_key.in_(keys),
            rows.c.seq.not_in(_UNDONE))


def _arrived(connection: Connection, plan: Snapshot, state: State) -> None:
    """Everybody's first sign-in that stands, by the ledger's order."""
    firsts = select(func.min(_S.c.seq)).where(*_standing(_S, plan, "sign_in"), _S.c.use_no.is_not(None))
    seconds = extract("epoch", _S.c.scanned_at)
    each = (select(_A.c.category_key, _A.c.delegation_id, cast(seconds - seconds % BUCKET_SECONDS, Integer).label("fives"))
            .select_from(_S.outerjoin(_A, _SEEN)).where(_S.c.seq.in_(firsts.group_by(_S.c.holder))).subquery())
    for category, delegation, fives, count in connection.execute(select(*each.c, func.count()).group_by(*each.c)):
        state.people["category", category] += count
        state.people["delegation", delegation] += count
        state.arrivals[fives] += count


def _inside(connection: Connection, plan: Snapshot, state: State) -> None:
    """Whoever's last passage of a session is an in, with no in since at a session that runs at the same time."""
    by_time = (_S.c.scanned_at.desc(), _S.c.seq.desc())
    place = func.row_number().over(partition_by=(_S.c.holder, _S.c.service_key), order_by=by_time)
    last = select(_S.c.holder, _S.c.service_key, _S.c.direction, _S.c.scanned_at, _S.c.seq, place.label("place")).where(
        *_standing(_S, plan, "session")).subquery()
    since, pairs = _S.alias(), overlaps(plan.services)
    left = select(since.c.seq).where(
        since.c.holder == last.c.holder, *_standing(since, plan, "session"), since.c.direction == IN,
        tuple_(since.c.scanned_at, since.c.seq) > tuple_(last.c.scanned_at, last.c.seq),
        or_(false(), *(and_(last.c.service_key == one, since.c.service_key == other)
                       for pair in pairs for one, other in (pair, pair[::-1]))))
    stays = (last.c.place == 1, last.c.direction == IN, *([~left.exists()] if pairs else []))
    there = select(last.c.holder).distinct().where(*stays).subquery()
    rows = (select(_A.c.category_key, _A.c.delegation_id, func.count())
            .select_from(there.outerjoin(_A, and_(_A.c.id == there.c.holder, visible())))
            .group_by(_A.c.category_key, _A.c.delegation_id))
    for category, delegation, count in connection.execute(rows):
        state.inside["category", category] += count
        state.inside["delegation", delegation] += count
