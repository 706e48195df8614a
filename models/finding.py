"""Finding people by words: the one rule for desks and the coordinator (behaviours 38 and 39)."""
from __future__ import annotations

import re

from sqlalchemy import ColumnElement

from models.names import fold, like_patterns
from models.people import Attendee


def conditions(words: str) -> list[ColumnElement[bool]]:
    """Conditions of which one must hold: name, pinyin, initials, unit, the phone's end, number. None: too few letters."""
    query = typed(words)
    folded = fold(query)
    if len(folded) < 2:
        return []
    wanted: list[ColumnElement[bool]] = [
        Attendee.search_keys.like(pattern, escape="\\") for pattern in like_patterns(query)]
    wanted.append(Attendee.number.in_({query, folded.upper()}))
    if not folded.isascii():
        wanted.append(Attendee.organisation.like(f"%{escaped(query)}%", escape="\\"))
    if folded.isdigit() and len(folded) >= 4:
        wanted.append(Attendee.phone.like(f"%{folded}"))
    if folded.isascii() and len(folded) >= 3:
        wanted += [Attendee.number.like(f"{escaped(folded)}%", escape="\\"),
                   Attendee.organisation.like(f"%{escaped(query)}%", escape="\\")]
    return wanted


def typed(words: str) -> str:
    """What a person can have typed: at a NUL, SQLite's LIKE takes the pattern to be over, and `%` alone fits everybody."""
    return "".join(filter(str.isprintable, words)).strip()


def escaped(text: str) -> str:
    r"""A text for LIKE with escape `\`."""
    return re.sub(r"([%_\\])", r"\\\1", text)
