"""Finding a person without a badge: at a desk by name, initials, unit, phone's end or number; at a kiosk only by
name and last four digits together, and a miss there tells nothing (behaviours 38-41)."""
from __future__ import annotations

import re
from typing import Any

from sqlalchemy import and_, false, func, or_, select
from sqlalchemy.orm import Session

from models import names
from models.finding import conditions
from models.names import fold, matches, same_name, words_of
from models.people import Attendee, visible

HITS = 8
CANDIDATES = 400
_KIOSK = re.compile(r"^(?P<name>.*?\D)\s*(?P<digits>\d{4})$")


def at_desk(session: Session, words: str) -> list[Attendee]:
    """Up to eight people whom the words fit, those whose name begins so first."""
    query, wanted = words.strip(), conditions(words)
    if not wanted:
        return []
    folded = fold(query)
    found = session.execute(select(Attendee).where(visible(), or_(*wanted)).limit(CANDIDATES)).unique().scalars()
    return sorted(found, key=lambda person: _rank(person, query, folded))[:HITS]


def at_kiosk(session: Session, words: str) -> Attendee | None:
    """The one person whose whole name (or English name) and last four digits these are; None for none or several."""
    parts = _KIOSK.match(words.strip())
    if parts is None:
        return None
    ends = Attendee.phone.like(f"%{parts['digits']}")
    found = [person for person in session.execute(select(Attendee).where(visible(), ends)).unique().scalars()
             if same_name(parts["name"], person.name) or same_name(parts["name"], person.name_en)]
    return found[0] if len(found) == 1 else None


def name_key(words: str) -> str:
    """Under what the tries of a name are counted: the same for every way to write it that finds the same people."""
    return names.name_key(_name(words))[:120]


def of_name(session: Session, words: str) -> list[int]:
    """Whose name or English name was typed, whatever the digits: their ids."""
    name = _name(words)
    begun = [func.instr(Attendee.search_keys, f" {word}") > 0 for word in words_of(name)]
    wanted = or_(func.instr(Attendee.search_keys, f" {fold(name)} ") > 0, and_(*begun) if begun else false())
    rows = session.execute(select(Attendee.id, Attendee.name, Attendee.name_en).where(visible(), wanted))
    return [row.id for row in rows if same_name(name, row.name) or same_name(name, row.name_en)]


def _name(words: str) -> str:
    parts = _KIOSK.match(words.strip())
    return parts["name"] if parts else words


def _rank(person: Attendee, query: str, folded: str) -> Any:
    exact = person.folded == folded or person.number == query.upper()
    return (not exact, not person.folded.startswith(folded), not matches(query, person.search_keys), person.folded,
            person.organisation)
