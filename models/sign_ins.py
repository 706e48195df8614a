"""Sign-ins of staff in browsers: which stand, and whose they are.

A sign-in ends at sign-out, at a reset of the secret, when the person is disabled, sixteen hours after it began and two
hours after its browser last asked for anything (an open dashboard asks). Looking at a page writes nothing, so when a
browser last asked stands in memory and goes to disk with the tablets' sightings.
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models.database import now
from models.people import Staff, StaffSession

LONGEST = timedelta(hours=16)       # one long conference day
IDLE = timedelta(hours=2)
CONFIRMED = timedelta(minutes=5)    # how long a passphrase typed anew is good for


def of_token(session: Session, token_hash: str, seen: Mapping[str, datetime]) -> tuple[Staff, datetime | None] | None:
    """Whose sign-in a token is, and when the secret was last typed in it; None if it stands no more."""
    found = session.execute(select(Staff, StaffSession).join(StaffSession, StaffSession.staff_id == Staff.id)
                            .where(StaffSession.token_hash == token_hash, *_standing())).first()
    if found is None or _is_idle(token_hash, found.StaffSession, seen):
        return None
    session.expunge(found.Staff)
    return found.Staff, found.StaffSession.confirmed_at


def standing(connection: Connection, seen: Mapping[str, datetime]) -> dict[str, str]:
    """All sign-ins that stand: token's hash -> role."""
    found = connection.execute(select(StaffSession.__table__, Staff.role)
                               .join(Staff, Staff.id == StaffSession.staff_id).where(*_standing()))
    return {row.token_hash: row.role for row in found if not _is_idle(row.token_hash, row, seen)}


def confirm(session: Session, token_hash: str) -> None:
    """The secret was typed anew in this sign-in."""
    session.execute(update(StaffSession).where(StaffSession.token_hash == token_hash).values(confirmed_at=now()))


def is_fresh(confirmed_at: datetime | None) -> bool:
    """Whether a secret typed then is still good for what asks for it anew."""
    return confirmed_at is not None and timedelta(0) <= now() - confirmed_at < CONFIRMED


def _standing() -> tuple[Any, ...]:
    return StaffSession.expires_at > now(), Staff.disabled_at.is_(None)


def _is_idle(token_hash: str, row: Any, seen: Mapping[str, datetime]) -> bool:
    moments = (row.created_at, row.seen_at, seen.get(token_hash))
    return now() - max(moment for moment in moments if moment is not None) > IDLE
