"""Finding a person without a badge: at a desk by name, initials, unit, phone's end or number; at a kiosk only by
name and last four digits together, and a miss there tells nothing (behaviours 38-41)."""
from __future__ import annotations

import re
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.finding import conditions
from models.names import fold, matches, same_name
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
    """Under what the tries of a name are counted: the same for every way to write it that finds the same people, in
    whatever order, spacing or punctuation (and for its anagrams)."""
    parts = _KIOSK.match(words.strip())
    return "".join(sorted(letter for letter in fold(parts["name"] if parts else words) if letter.isalnum()))[:120]


def _rank(person: Attendee, query: str, folded: str) -> Any:
    exact = person.folded == folded or person.number == query.upper()
    return (not exact, not person.folded.startswith(folded), not matches(query, person.search_keys), person.folded,
            person.organisation)
