"""Live counts moved along with rows that somebody else wrote: another node, or a command.

What one holder's rows say before and after is worked out as the writer does it for its own (models/tallies.py); a
whole reading of the ledger at each push of a large event would take longer than the pushes lie apart.
"""
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from models import history as past
from models import road_sql
from models.facts import ACCEPTED, Entry
from models.people import Attendee, visible
from models.scans import Scan

if TYPE_CHECKING:
    from models.counts import State
    from models.snapshot import Snapshot

MOST = 2_000        # new rows; of more the ledger is read whole


def catch_up(connection: Connection, plan: Snapshot, state: State, head: int) -> bool:
    """Brings counts from their head to this one, which the connection's state of the database ends with; False if there
    is too much of it, then they are as they were."""
    from models.counts import Change

    new: Any = select(Scan.holder).where(Scan.seq > state.head, Scan.verdict == ACCEPTED, Scan.holder.is_not(None))
    holders = connection.execute(new.limit(MOST + 1)).scalars().all()
    if len(holders) > MOST:
        return False
    people = {row.id: row for row in connection.execute(select(
        Attendee.id, Attendee.category_key, Attendee.delegation_id).where(Attendee.id.in_(set(holders)), visible()))}
    rows: dict[int, list[Entry]] = defaultdict(list)
    for holder, *row in road_sql.rows(connection, "history", set(holders)) if holders else ():
        rows[holder].append(road_sql.entry(row))
    for holder, after in rows.items():
        before = [entry for entry in after if entry.seq <= state.head]
        person = people.get(holder)
        was, now = (bool(past.inside(plan.services, some)) for some in (before, after))
        state.move(Change(person.category_key if person else None, person.delegation_id if person else None,
                          past.arrival(plan.services, before), past.arrival(plan.services, after), now - was))
    state.head = head
    return True
