"""What strangers beside a tablet may try to guess: pairing codes, a lead's PIN, names and phone endings at a kiosk.

How often each may be tried, and by whom the tries are counted, says tries.py.
"""
from __future__ import annotations

from flask import g
from flask_limiter.util import get_remote_address
from sqlalchemy import select
from sqlalchemy.orm import Session

import guard
import pins
from kiosk import pairing, search
from models.people import Attendee, Staff
from tries import TooOften


def pair(typed: str, name: str, leaving: int | None = None) -> tuple[str, str]:
    """A pairing code becomes a tablet's token: (token, station key). `leaving` is the tablet that this device was.

    PairingRefused; TooOften for a short code while somebody guesses codes: a code made now is long, and is taken.
    """
    budgets, is_short = guard.budgets(), len(pairing.digits_of(typed)) < pairing.LONG
    counted = [(budgets.typist, get_remote_address()), (budgets.pairing, "")] if is_short else []

    def change(session: Session) -> tuple[str, str]:
        made = pairing.redeem(session, typed, name)
        if leaving is not None:
            pairing.revoke(session, leaving)
        return made
    with budgets.trying(*counted) as right:
        with guard.runtime().reading() as session:
            pairing.find_code(session, typed)       # a guess costs the writer nothing
        made = guard.runtime().writer.do(change)
        right()
    return made


def code_length() -> int:
    """How many digits a new pairing code needs now."""
    budgets = guard.budgets()
    return pairing.LONG if budgets.enabled and budgets.pairing.is_over("") else pairing.SHORT


def person_beside(name: str, pin: str) -> Staff | None:
    """Whoever of the staff this name and PIN are, typed at this tablet; None when they are nobody's. TooOften, Busy."""
    budgets, device = guard.budgets(), int(g.device.id)
    with guard.runtime().reading() as session:
        person = session.scalars(select(Staff).where(Staff.name == name.strip(), Staff.disabled_at.is_(None))).first()
        if person is not None:
            session.expunge(person)
    account = pins.account(name, person.secret_hash if person else None)
    with budgets.trying(*budgets.at_tablet(device, account)) as right:
        if not pairing.check_secret(person, pin):
            return None
        right()
    budgets.remember(device, account)
    return person


def lead_beside(name: str, pin: str) -> bool:
    """Whether a lead or coordinator typed their PIN at this tablet. TooOften, Busy."""
    person = person_beside(name, pin)
    return person is not None and person.role in guard.GRANTERS


def at_kiosk(session: Session, words: str) -> Attendee | None:
    """The person of a name and last four digits. After a few misses at this kiosk or of this name everybody is nobody,
    so that who tries all endings learns no more than who tries five. A person's Chinese and English name are one."""
    budgets, found = guard.budgets(), search.at_kiosk(session, words)
    people = [(budgets.name, person) for person in search.of_name(session, words)]
    try:
        # Two counts, one in the other: a try refused for a person still counts for the kiosk and the name, or what is
        # left there would tell whether these two names are one person's.
        with (budgets.trying((budgets.kiosk, int(g.device.id)), (budgets.name, search.name_key(words))) as right,
              budgets.trying(*people) as known):
            if found is not None:
                known()
                right()
            return found
    except TooOften:
        return None
