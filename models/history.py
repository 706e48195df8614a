"""What a holder's history says: which rows stand, which are uses, who is inside. Pure, as the rules are."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from models.facts import IN, Entry, Service


def standing(history: Iterable[Entry]) -> list[Entry]:
    """The rows that count: undone rows and the undos themselves left out, in ledger order."""
    rows = list(history)
    undone = {e.voids for e in rows if e.voids is not None}
    if not undone:
        return rows
    return [e for e in rows if e.voids is None and e.seq not in undone]


def uses_of(history: Iterable[Entry], service: str) -> list[Entry]:
    """The uses of a service that stand, in ledger order (an out is no use)."""
    return [e for e in standing(history) if e.service == service and e.use_no is not None]


def inside(services: Mapping[str, Service], history: Iterable[Entry]) -> set[str]:
    """The sessions that the holder is in after the last scan by time."""
    rows = standing(history)
    found = set()
    for key in {e.service for e in rows if e.direction}:
        session = services.get(key)
        rows_here = passages(session, services, rows) if session else []
        if rows_here and rows_here[-1].service == key and rows_here[-1].direction == IN:
            found.add(key)
    return found


def passages(session: Service, services: Mapping[str, Service], history: Iterable[Entry]) -> list[Entry]:
    """What opens or closes a stay in a session, by time: its ins and outs, and ins at sessions that overlap it."""
    rows = []
    for entry in standing(history):
        other = services.get(entry.service)
        elsewhere = entry.direction == IN and other is not None and other.kind == "session" and session.overlaps(other)
        if entry.service == session.key or elsewhere:
            rows.append(entry)
    return sorted(rows, key=lambda e: (e.at, e.seq))


def inside_since(session: Service, services: Mapping[str, Service], history: Iterable[Entry],
                 at: datetime) -> Entry | None:
    """The row by which the holder is inside a session at a moment, by the times of the scans; None if outside."""
    last: Entry | None = None
    for entry in passages(session, services, history):
        if entry.at <= at:
            last = entry
    return last if last and last.service == session.key and last.direction == IN else None


def arrival(services: Mapping[str, Service], history: Iterable[Entry]) -> datetime | None:
    """When the holder signed in: the time of the first sign-in that stands; None if none does."""
    for entry in standing(history):
        service = services.get(entry.service)
        if entry.use_no is not None and service is not None and service.kind == "sign_in":
            return entry.at
    return None
