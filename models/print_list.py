"""Print jobs and printers as pages list them; read only."""
from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, select
from sqlalchemy.orm import Session

from models.event import Printer
from models.people import Attendee
from models.scans import PrintJob

OPEN = ("unknown", "sending", "queued", "held")     # these still need their printer or a person
SHOWN_OPEN = 200
SHOWN_DONE = 30


def printers(session: Session) -> list[Printer]:
    """The plan's printers in its order."""
    return list(session.scalars(select(Printer).order_by(Printer.position, Printer.key)))


def open_jobs(session: Session) -> list[Any]:
    """What is not over, in the order in which it needs attention: unanswered, being sent, waiting, held."""
    order = case({state: place for place, state in enumerate(OPEN)}, value=PrintJob.state)
    return _rows(session, _jobs().where(PrintJob.state.in_(OPEN)).order_by(order, PrintJob.number).limit(SHOWN_OPEN))


def done_jobs(session: Session) -> list[Any]:
    """What is over, the newest first."""
    return _rows(session, _jobs().where(PrintJob.state.not_in(OPEN)).order_by(PrintJob.number.desc()).limit(SHOWN_DONE))


def numbered(session: Session, number: int) -> list[Any]:
    """The job of a number and its copies, the newest first: a person reads the number off a slip."""
    job = session.scalars(select(PrintJob).where(PrintJob.number == number)).first()
    if job is None:
        return []
    return _rows(session, _jobs().where(PrintJob.origin == job.origin, PrintJob.kind == job.kind)
                 .order_by(PrintJob.copy.desc()))


def _jobs() -> Select[Any]:
    title, title_en = PrintJob.content["title"].as_string(), PrintJob.content["title_en"].as_string()
    return (select(PrintJob.id, PrintJob.number, PrintJob.kind, PrintJob.copy, PrintJob.state, PrintJob.reason,
                   PrintJob.printer_key, PrintJob.station_key, PrintJob.created_at, PrintJob.sending_at,
                   PrintJob.done_at, PrintJob.actor, title.label("title"), title_en.label("title_en"), Attendee.name,
                   Attendee.organisation)
            .outerjoin(Attendee, Attendee.id == PrintJob.attendee_id))


def _rows(session: Session, query: Select[Any]) -> list[Any]:
    return list(session.execute(query))
