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

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from models import history as past
from models.event import Event
from models.facts import Entry
from models.people import Attendee, visible
from models.recount import histories
from models.scans import Scan
from models.snapshot import Memory, Snapshot

BUCKET_SECONDS = 300   # arrivals are charted per five minutes


@dataclass(frozen=True, slots=True)
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

        Counts that a reader has rebuilt since know it already; counts that lack a row before it are forgotten.
        """
        with self._lock:
            if self._state is None or self._state.head >= head:
                return
            if self._state.head < before:
                self._state = None
                return
            for change in changes:
                self._state.move(change)
            self._state.head = head

    def current(self, connection: Connection) -> State:
        """The counts of now, rebuilt if anything but our own commits has changed them. Read it, do not keep it."""
        row = connection.execute(_MARK).one()
        mark = (row.plan_revision, row.roster_revision, row.ledger_revision)
        with self._lock:
            state = self._state
            if state is None or state.mark != mark or state.head < max(row.head or 0, row.head_floor):
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
    where = {}
    for row in connection.execute(select(Attendee.id, Attendee.category_key, Attendee.delegation_id, Attendee.state)
                                  .where(visible())):
        where[row.id] = (row.category_key, row.delegation_id)
        if row.state == "registered":
            state.expected["category", row.category_key] += 1
            state.expected["delegation", row.delegation_id] += 1
            for service in plan.services.values():
                exception = plan.exceptions.get(row.id, {}).get(service.key)
                by_category = service.entitled is None or row.category_key in service.entitled
                state.entitled[service.key] += exception[0] if exception else by_category
    counted = [s.key for s in plan.services.values() if s.kind in ("sign_in", "session")]
    for holder, history in histories(connection, counted):
        category, delegation = where.get(holder, (None, None))
        _count(state, plan, history, category, delegation)
    return state


def _count(state: State, plan: Snapshot, history: list[Entry], category: str | None, delegation: int | None) -> None:
    here = bool(past.inside(plan.services, history))
    state.move(Change(category, delegation, None, past.arrival(plan.services, history), int(here)))
