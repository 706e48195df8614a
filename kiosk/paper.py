"""Slips at the desk: how each is doing, in words; a marked reprint; "did it come out?" asked of a person."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

import guard
from guard import may
from kiosk import cards
from kiosk.room import handle, in_words, pages, part, whose
from models import print_queue, reports
from models.database import now
from models.people import Attendee
from models.scans import PrintJob
from models.snapshot import Snapshot

SHOWN = 6
MOVING = ("queued", "sending")
DONE = ("printed", "parsed", "sent")


@dataclass(frozen=True, slots=True)
class JobLine:
    """A print job in words. `tone`: ok, ask (a person is wanted) or plain."""

    id: str
    number: str
    title: str
    copy: int
    state: str
    words: str
    tone: str
    when: str
    scan_id: str | None

    @property
    def moves(self) -> bool:
        """Whether it will be another state soon, by itself."""
        return self.state in MOVING


@pages.get("/desk/jobs")
@may("desk")
def jobs() -> Response:
    """The slips of a person; asks for itself again while one is on its way."""
    who = request.args.get("who", "")
    attendee_id = whose(who)
    lines = jobs_of(attendee_id, guard.runtime().plan()) if attendee_id else []
    return part("kiosk/_jobs.html", 200 if attendee_id else 404, jobs=lines, who=who)


@pages.post("/desk/reprint")
@may("desk")
def reprint() -> Any:
    """The same content again, as a marked copy."""
    job_id, actor = request.form.get("job", ""), guard.actor()
    return _do(job_id, "reprinted", lambda session: print_queue.reprint(session, job_id, actor))


@pages.post("/desk/came-out")
@may("desk")
def came_out() -> Any:
    """A person looked whether a slip came out whose printer did not say."""
    job_id, did, actor = request.form.get("job", ""), request.form.get("out") == "yes", guard.actor()
    return _do(job_id, "answered", lambda session: print_queue.answer_unknown(session, job_id, did, actor))


def _do(job_id: str, said: str, work: Callable[[Session], object]) -> Any:
    """Does it and shows the person again; what is not possible is said there."""
    try:
        guard.runtime().writer.do(work)
    except print_queue.NotPossible as refused:
        return _back(job_id, refused.word)
    except print_queue.NoSuchJob:
        return part("kiosk/_slip.html", 404, job=None, person=None, who="")
    return _back(job_id, said)


def by_code(code: str) -> Response:
    """A slip was scanned: the newest copy of its job, for a reprint or an undo."""
    return _slip(PrintJob.code == code)


def _slip(wanted: ColumnElement[bool], said: str = "") -> Response:
    with guard.runtime().reading() as session:
        job = session.scalars(select(PrintJob).where(wanted).order_by(PrintJob.copy.desc())).first()
        person = session.get(Attendee, job.attendee_id) if job and job.attendee_id else None
    line = _line(job, guard.runtime().plan(), _printers()) if job else None
    return part("kiosk/_slip.html", 200 if line else 404, job=line, person=person, said=said,
                who=handle(person.id) if person else "")


def jobs_of(attendee_id: int, plan: Snapshot) -> list[JobLine]:
    """The newest print jobs of a person."""
    return _lines(PrintJob.attendee_id == attendee_id, plan)


def questions(printer_key: str | None, station_key: str, plan: Snapshot) -> list[JobLine]:
    """The slips of a desk, or of its printer, of which nobody knows whether they came out: the oldest first."""
    here = (PrintJob.printer_key == printer_key) | (PrintJob.station_key == station_key)
    return _lines((PrintJob.state == "unknown") & here, plan)[::-1]


def _lines(wanted: ColumnElement[bool], plan: Snapshot) -> list[JobLine]:
    with guard.runtime().reading() as session:
        found = session.scalars(select(PrintJob).where(wanted).order_by(PrintJob.number.desc()).limit(SHOWN)).all()
    printers = _printers() if found else {}
    return [_line(job, plan, printers) for job in found]


def _printers() -> dict[str, Any]:
    with guard.runtime().connection() as connection:
        return reports.printers(connection)


def _line(job: PrintJob, plan: Snapshot, printers: dict[str, Any]) -> JobLine:
    printer = printers.get(job.printer_key, {})
    trouble = in_words(printer.get("message", "")) if printer.get("state") in ("blocked", "offline") else ""
    named = printer.get("name", job.printer_key)
    waits = _("%(printer)s %(trouble)s，等待打印", printer=named, trouble=trouble) if trouble else _("等待打印")
    prints = _("%(printer)s %(trouble)s，正打到一半", printer=named, trouble=trouble) if trouble else _("正在打印")
    words = {"queued": waits, "sending": prints, "printed": _("已打印"), "parsed": _("已送到打印机"),
             "sent": _("已发给打印机，打印机不回报"), "unknown": _("出来了吗？"), "held": _("暂停打印"),
             "cancelled": _("已取消")}[job.state]
    tone = "ok" if job.state in DONE else "ask" if job.state == "unknown" or (trouble and job.state in MOVING) else ""
    return JobLine(job.id, f"{job.number:04d}", str(job.content.get("title", "")), job.copy, job.state, words, tone,
                   cards.clock(job.created_at, plan, now()), job.scan_id)


def _back(job_id: str, said: str) -> Any:
    """To the card of the job's person; a slip of nobody's is shown by itself."""
    with guard.runtime().reading() as session:
        job = session.execute(select(PrintJob.attendee_id, PrintJob.origin, PrintJob.kind)
                              .where(PrintJob.id == job_id)).one()
    if job.attendee_id is None:
        return _slip((PrintJob.origin == job.origin) & (PrintJob.kind == job.kind))
    return redirect(url_for("kiosk.person", who=handle(job.attendee_id), said=said), 303)
