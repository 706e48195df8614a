"""What the coordinator's page of one person shows: badges, exceptions of entitlement, scans with their undo,
corrections. Read only; codes are never read."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.facts import ACCEPTED
from models.people import Attendee, Badge, Correction, visible
from models.scans import Scan
from models.snapshot import Snapshot

HISTORY = 200


@dataclass(frozen=True, slots=True)
class Right:
    """A service for this person: the category's default, and the exception if there is one (`choice` "", "yes", "no")."""

    service: Any
    by_category: bool
    choice: str
    limit: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the ledger: `undone_by` the row that undid it."""

    scan: Any
    at: datetime
    service: Any
    station: Any
    undone_by: Any


def person_of(session: Session, attendee_id: int) -> Attendee | None:
    """The person of an id, if anyone may see them yet."""
    found: Attendee | None = session.scalars(select(Attendee).where(Attendee.id == attendee_id, visible())).first()
    return found


def badges(session: Session, attendee_id: int) -> list[Any]:
    """All badges, the newest first: when issued and revoked, never their codes."""
    return list(session.execute(select(Badge.id, Badge.issued_at, Badge.revoked_at)
                                .where(Badge.attendee_id == attendee_id).order_by(Badge.id.desc())))


def rights(plan: Snapshot, person: Attendee) -> list[Right]:
    """Every service of the plan for this person."""
    own = plan.exceptions.get(person.id, {})
    found = []
    for key, service in plan.services.items():
        allowed, limit = own.get(key, (None, None))
        choice = "" if allowed is None else "yes" if allowed else "no"
        default = service.entitled is None or person.category_key in service.entitled
        found.append(Right(service, default, choice, limit))
    return found


def history(session: Session, plan: Snapshot, attendee_id: int) -> list[Row]:
    """The newest scans of a person, refusals and undos included."""
    scans = list(session.scalars(select(Scan).where(Scan.attendee_id == attendee_id).order_by(Scan.seq.desc())
                                 .limit(HISTORY)))
    undone = {scan.voids: scan for scan in scans if scan.voids is not None and scan.verdict == ACCEPTED}
    zone = plan.event.zone
    return [Row(scan, scan.scanned_at.astimezone(zone), plan.services.get(scan.service_key),
                plan.stations.get(scan.station_key), undone.get(scan.seq)) for scan in scans]


def corrections(session: Session, attendee_id: int) -> list[Correction]:
    """What was changed of the person by hand, the newest first."""
    return list(session.scalars(select(Correction).where(Correction.attendee_id == attendee_id)
                                .order_by(Correction.id.desc()).limit(HISTORY)))
