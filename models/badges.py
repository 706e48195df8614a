"""Badges issued, replaced and revoked, and the number of a person who just walked in. For use inside `writer.do`."""
from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import codes
from models.database import now
from models.event import touch
from models.people import STATES, Attendee, Badge, standing_badge, visible


class NoSuchNumber(LookupError):
    """Nobody on the roster has this badge number."""


def person_of(session: Session, number: str) -> Attendee:
    """The attendee of a badge number. NoSuchNumber."""
    person = session.scalars(select(Attendee).where(Attendee.number == number.strip(), visible())).first()
    if person is None:
        raise NoSuchNumber(number)
    return person


def issue(session: Session, attendee_id: int) -> str:
    """A first or further badge: its new code."""
    code = codes.new(codes.BADGE)
    session.add(Badge(code=code, attendee_id=attendee_id, issued_at=now()))
    session.flush()
    touch(session, "roster")
    return code


def revoke(session: Session, attendee_id: int) -> int:
    """Whatever badge the person holds is `revoked` from now on; how many were."""
    gone = session.execute(update(Badge).where(Badge.attendee_id == attendee_id, Badge.revoked_at.is_(None))
                           .values(revoked_at=now()).returning(Badge.id)).all()
    touch(session, "roster")
    return len(gone)


def reissue(session: Session, attendee_id: int) -> str:
    """A new badge in place of the old one: its code."""
    revoke(session, attendee_id)
    return issue(session, attendee_id)


def set_state(session: Session, person: Attendee, state: str) -> None:
    """A person's state; whoever becomes registered and holds no badge gets one. ValueError: no such state."""
    if state not in STATES:
        raise ValueError(state)
    person.state = state
    session.flush()
    touch(session, "roster")
    if state == "registered" and session.scalar(standing_badge(person.id)) is None:
        issue(session, person.id)


def free_number(session: Session) -> str:
    """The next free badge number, for somebody without one: of five digits or more."""
    candidate = (session.scalar(select(func.max(Attendee.id))) or 0) + 1
    while session.scalar(select(Attendee.id).where(Attendee.number == f"{candidate:05d}")) is not None:
        candidate += 1
    return f"{candidate:05d}"
