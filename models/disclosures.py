"""谁看过什么: who saw personal data in full, or took it away in bulk, and when. Rows are only added.

A row names whom it was about and which fields, never their values.
"""
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Model, UTCDateTime, now
from models.people import Attendee

# what was done: one person's numbers shown, a list shown, a file taken away
PURPOSES = ("person", "edit", "desk", "roster", "export_roster", "export_ledger", "badges", "backup")


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


def rows(connection: Connection, *, actor: str = "", attendee_id: int | None = None, before: int | None = None,
         limit: int = 100) -> list[Any]:
    """Looks, the newest first, with the name and number of whom they were about; of one who looked, or of one looked
    at. `before` is an id: the page after it."""
    query = (select(Disclosure.id, Disclosure.at, Disclosure.actor, Disclosure.station_key, Disclosure.purpose,
                    Disclosure.attendee_id, Disclosure.fields, Disclosure.count, Attendee.name, Attendee.number)
             .outerjoin(Attendee, Attendee.id == Disclosure.attendee_id).order_by(Disclosure.id.desc()).limit(limit))
    if actor:
        query = query.where(Disclosure.actor == actor)
    if attendee_id is not None:
        query = query.where(Disclosure.attendee_id == attendee_id)
    if before:
        query = query.where(Disclosure.id < before)
    return list(connection.execute(query))


def actors(connection: Connection) -> list[str]:
    """Everybody who ever looked."""
    return list(connection.execute(select(Disclosure.actor).distinct().order_by(Disclosure.actor)).scalars())
