"""What people do to print jobs: a marked reprint, and the answer to "did it come out?". Inside `writer.do`."""
from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.database import now
from models.scans import PrintJob


class NoSuchJob(LookupError):
    """There is no print job of this id, or it is not one that can be asked about."""


def reprint(session: Session, job_id: str, actor: str) -> str:
    """A further copy of a job with the same content and code, marked with its copy's number; returns its id."""
    job = _job(session, job_id)
    copies = session.scalar(select(func.max(PrintJob.copy)).where(
        PrintJob.origin == job.origin, PrintJob.kind == job.kind)) or 1
    number = (session.scalar(select(func.max(PrintJob.number))) or 0) + 1
    again = PrintJob(
        number=number, id=str(uuid.uuid4()), code=job.code, origin=job.origin, kind=job.kind, copy=copies + 1,
        scan_id=job.scan_id, attendee_id=job.attendee_id, station_key=job.station_key, printer_key=job.printer_key,
        content={**job.content, "number": number, "copy": copies + 1}, state="queued", reason=f"by {actor}",
        created_at=now())
    session.add(again)
    session.flush()
    return again.id


def answer_unknown(session: Session, job_id: str, came_out: bool, actor: str) -> str | None:
    """A person looked: the slip came out, or another copy is made, whose id is returned. NoSuchJob unless unknown."""
    job = _job(session, job_id)
    if job.state != "unknown":
        raise NoSuchJob(job_id)
    job.state, job.done_at = ("printed" if came_out else "cancelled"), now()
    job.reason = f"{'came out' if came_out else 'did not come out'}, says {actor}"
    session.flush()
    return None if came_out else reprint(session, job_id, actor)


def _job(session: Session, job_id: str) -> PrintJob:
    job = session.scalars(select(PrintJob).where(PrintJob.id == job_id)).first()
    if job is None:
        raise NoSuchJob(job_id)
    return job
