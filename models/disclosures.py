"""谁看过什么: who saw personal data in full, or took it away in bulk, and when. Rows are only added.

A row names whom it was about and which fields, never their values.
"""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, func, or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Model, UTCDateTime, now
from models.people import Attendee

# what was done: one person's numbers shown, a list shown, a file taken away
PURPOSES = ("person", "edit", "desk", "roster", "export_roster", "export_ledger", "badges", "backup")
TERMINAL = "命令行"                # who works at the laptop itself: the command line knows no names
EVERYTHING = ("*",)           # the fields of a whole roster or event


class Disclosure(Model):
    """One look. `attendee_id` is None where it was about everybody (or about `count` people)."""

    __table_args__ = (Index("ix_disclosure_actor", "actor", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str]                                     # the person's name, else the station's key
    station_key: Mapped[str | None]                        # None: at the coordinator's pages or the command line
    purpose: Mapped[str]                                   # one of PURPOSES
    attendee_id: Mapped[int | None] = mapped_column(ForeignKey("attendee.id"), index=True)
    fields: Mapped[list[str]] = mapped_column(JSON)
    count: Mapped[int]                                     # how many people it was about


def note(session: Session, purpose: str, actor: str, fields: Sequence[str], *, attendee_id: int | None = None,
         station: str | None = None, count: int = 1) -> None:
    """Records a look, inside `writer.do`: call it before what was asked for leaves the server."""
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose: {purpose}")
    session.add(Disclosure(at=now(), actor=actor, station_key=station, purpose=purpose, attendee_id=attendee_id,
                           fields=list(fields), count=count))


def note_each(session: Session, purpose: str, actor: str, fields: Sequence[str], people: Sequence[int]) -> None:
    """Records one look at a list: a row for each person on it, all of one moment."""
    at = now()
    session.add_all(Disclosure(at=at, actor=actor, purpose=purpose, attendee_id=one, fields=list(fields), count=1)
                    for one in people)


def looks(connection: Connection, *, actor: str = "", attendee_id: int | None = None, before: int | None = None,
          limit: int = 100) -> list[Any]:
    """Looks, the newest first: id, at, actor, station_key, purpose, fields, people, and the name and number of the
    person if it was about one. `actor` or `attendee_id` narrow it; what was about everybody was about this person,
    too. `before` is an id: the page after it."""
    d = Disclosure
    query = (select(func.max(d.id).label("id"), d.at, d.actor, d.station_key, d.purpose, d.fields,
                    func.sum(d.count).label("people"), func.max(d.attendee_id).label("attendee_id"),
                    func.max(Attendee.name).label("name"), func.max(Attendee.number).label("number"))
             .outerjoin(Attendee, Attendee.id == d.attendee_id)
             .group_by(d.at, d.actor, d.station_key, d.purpose, d.fields).order_by(func.max(d.id).desc()).limit(limit))
    if actor:
        query = query.where(d.actor == actor)
    if attendee_id is not None:
        query = query.where(or_(d.attendee_id == attendee_id, d.attendee_id.is_(None)))
    if before:
        query = query.having(func.max(d.id) < before)
    return list(connection.execute(query))


def actors(connection: Connection) -> list[str]:
    """Everybody who ever looked."""
    return list(connection.execute(select(Disclosure.actor).distinct().order_by(Disclosure.actor)).scalars())
