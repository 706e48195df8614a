"""What a ledger row changes in the counts: people, uses, refused, inside, stock; kept in the scan's transaction."""
from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from models import history as past
from models import road_sql
from models.asks import PersonView
from models.counts import Change
from models.facts import Entry
from models.gather import TALLY_FIELDS, Gathered


class Tallies:
    """Folds a batch's rows into the tally of each service and writes the touched ones."""

    def __init__(self, facts: Gathered):
        self._facts = facts
        self._touched: set[str] = set()

    def refused(self, service: str) -> None:
        """One more refusal."""
        self._add(service, refused=1)

    def accepted(self, holder: int, person: PersonView | None, before: Sequence[Entry], entry: Entry) -> Change:
        """An accepted row (or undo) of a holder with the rows before it; returns what it changes in the live counts."""
        services, after = self._facts.plan.services, [*before, entry]
        service = services.get(entry.service)
        kind = service.kind if service else ""
        old = len(past.uses_of(before, entry.service))
        new = old + (entry.use_no is not None) if entry.voids is None else len(past.uses_of(after, entry.service))
        stock = self._stock(entry, before)
        self._add(entry.service, uses=new - old, people=(new > 0) - (old > 0), stock_moved=stock)
        was, now = [past.inside(services, rows) for rows in (before, after)] if kind == "session" else (set(), set())
        for key in was - now:
            self._add(key, inside=-1)
        for key in now - was:
            self._add(key, inside=1)
        arrived_before, arrived = [past.arrival(services, rows) if kind == "sign_in" else None
                                   for rows in (before, after)]
        return Change(person.category if person else None, person.delegation_id if person else None,
                      arrived_before, arrived, bool(now) - bool(was), stock)

    def write(self, connection: Connection) -> None:
        """Writes the tallies that this batch touched."""
        rows = [[key, *(self._facts.tally[key][name] for name in TALLY_FIELDS)] for key in sorted(self._touched)]
        if rows:
            road_sql.set_tallies(connection, rows)

    def _stock(self, entry: Entry, before: Sequence[Entry]) -> int:
        """How the stock moves: down with a use, back with its undo by what that use took, which is nothing where
        stock was not counted then."""
        moved = self._facts.moved
        if entry.voids is not None:
            return -sum(moved.get(e.id, 0) for e in before if e.seq == entry.voids)
        service = self._facts.plan.services.get(entry.service)
        if service is None or service.stock is None:
            return 0
        moved[entry.id] = -entry.quantity
        return -entry.quantity

    def _add(self, service: str, **more: int) -> None:
        if service not in self._facts.tally:
            self._facts.tally[service] = dict.fromkeys(TALLY_FIELDS, 0)
        row = self._facts.tally[service]
        for name, value in more.items():
            row[name] += value
        self._touched.add(service)

