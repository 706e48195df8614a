"""What people do to print jobs: reprint, answer "did it come out?", hold, release, cancel, move, print a test.

For use inside `writer.do`. A double click does nothing twice. What cannot be done is a `NotPossible` with a word.
"""
from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, aliased

from models import codes
from models.database import now
from models.event import Event, Printer
from models.facts import ACCEPTED
from models.people import Badge, Coupon
from models.print_states import RESTORED
from models.scans import PrintJob, Scan
from models.words import gettext as _

WAITING = ("queued", "sending", "held")
DONE = ("printed", "parsed", "sent")
_UNDO = aliased(Scan)


class NoSuchJob(LookupError):
    """There is no print job of this id."""


class NotPossible(ValueError):
    """This cannot be done to a job in its state; `word` is stable, the message a sentence for a person."""

    def __init__(self, word: str):
        super().__init__(_SENTENCES[word]())
        self.word = word


_SENTENCES = {
    "unanswered": lambda: _("请先回答：这张小票出来了吗？"),
    "undone": lambda: _("这次扫码已撤销，小票不能再打。"),
    "voided": lambda: _("这张餐券已作废，不能再打。"),
    "revoked": lambda: _("这个代表证已作废，不能再打。"),
    "moving": lambda: _("这张小票正在打印。"),
    "settled": lambda: _("这张小票已经处理过了。"),
    "no_printer": lambda: _("没有这台打印机。"),
}


def reprint(session: Session, job_id: str, actor: str, printer_key: str | None = None) -> str:
    """A further copy of the same content and code, marked 补打 REPRINT; returns its id.

    While a copy waits to be printed, that one is returned: a second click makes no second copy.
    NoSuchJob; NotPossible when the job's outcome is unanswered, or what it stands for is void.
    """
    job = job_of(session, job_id)
    newest = session.scalars(_copies(job).order_by(PrintJob.copy.desc()).limit(1)).one()
    if newest.state in WAITING:
        return newest.id
    if newest.state == "unknown":
        raise NotPossible("unanswered")
    _check_standing(session, job)
    return _copy(session, newest, printer_key or newest.printer_key, actor)


def answer_unknown(session: Session, job_id: str, came_out: bool, actor: str) -> str:
    """A person looked: the slip came out (printed), or it did not and copy n+1 is queued, if it is still good.

    Returns the id of the job that stands: this one, or the copy. The same answer again changes nothing.
    NoSuchJob; NotPossible("settled") when it was answered otherwise or never in doubt.
    """
    job = job_of(session, job_id)
    if job.state == "unknown":
        spoiled = None if came_out else _spoiled(session, job)
        job.state, job.reason = ("printed", "came_out") if came_out else ("cancelled", spoiled or "not_out")
        job.done_at, job.actor = now(), actor
        session.flush()
        _settle(session, job.printer_key)
        return job.id if came_out or spoiled else _copy(session, job, job.printer_key, actor)
    if came_out and job.state in DONE:
        return job.id
    if not came_out and job.state == "cancelled" and job.reason:
        copy = session.scalars(_copies(job).where(PrintJob.copy == job.copy + 1)).one_or_none()
        return copy.id if copy else job.id
    raise NotPossible("settled")


def hold(session: Session, job_id: str, actor: str) -> None:
    """A queued job waits until it is released. NoSuchJob, NotPossible."""
    _change(session, job_id, actor, ("queued", "held"), state="held", reason="", not_before=None)


def release(session: Session, job_id: str, actor: str) -> None:
    """A held job goes back into the queue, unless its scan was undone meanwhile. NoSuchJob, NotPossible."""
    _check_standing(session, job_of(session, job_id))
    _change(session, job_id, actor, ("held", "queued"), state="queued", reason="", not_before=None)


def cancel(session: Session, job_id: str, actor: str) -> None:
    """A job that waits is never printed. NoSuchJob, NotPossible."""
    _change(session, job_id, actor, ("queued", "held", "cancelled"), state="cancelled", reason="", done_at=now())


def move(session: Session, job_id: str, printer_key: str, actor: str) -> None:
    """A job that waits shall come out of another printer. NoSuchJob, NotPossible."""
    if session.get(Printer, printer_key) is None:
        raise NotPossible("no_printer")
    _change(session, job_id, actor, ("queued", "held"), printer_key=printer_key, reason="", not_before=None)


def look_again(session: Session, printer_key: str) -> None:
    """A person has seen to the printer: it is asked at once, and what waits may go. NotPossible("no_printer")."""
    printer = _printer(session, printer_key)
    printer.checked_at = None
    session.execute(update(PrintJob).where(PrintJob.printer_key == printer_key, PrintJob.state == "queued")
                    .values(not_before=None))


def test_slip(session: Session, printer_key: str, actor: str) -> str:
    """A test slip, from which also the printer's ability is learnt anew; the one that waits, if there is one."""
    printer = _printer(session, printer_key)
    waiting = session.scalar(select(PrintJob.id).where(
        PrintJob.printer_key == printer_key, PrintJob.kind == "test", PrintJob.state.in_(WAITING)))
    if waiting:
        return waiting
    event = session.scalars(select(Event)).one()
    content = {
        "kind": "test", "event": event.name, "event_en": event.name_en, "title": printer.name or printer.key,
        "title_en": printer.name_en, "lines": [["纸宽 Width", "80 mm" if printer.width >= 512 else "58 mm"]],
        "at": now().astimezone(event.zone).isoformat(timespec="seconds"), "station": actor,
    }
    code = codes.new(codes.SLIP)
    return _born(session, content, code=code, slip_code=code, origin=f"test:{uuid.uuid4()}", kind="test",
                 printer_key=printer_key, actor=actor)


def hold_after_restore(connection: sqlite3.Connection) -> int:
    """What waited when a backup was made may have been printed since: each is a question now, and prints by no means
    by itself. For `restore`, on the copy before it is served, in its transaction; how many questions there are.

    What a backup caught while it was being sent becomes `unknown` at the next start, as after a crash.
    """
    return connection.execute("UPDATE print_job SET state = 'unknown', reason = ?, not_before = NULL"
                              " WHERE state IN ('queued', 'held')", (RESTORED,)).rowcount


def queue_badge(session: Session, attendee_id: int, code: str, station_key: str | None, printer_key: str,
                content: dict[str, Any], actor: str) -> str:
    """The job that prints a badge from a slip printer; the one there is, when the badge has been queued before."""
    badge = session.scalars(select(Badge).where(Badge.code == code)).one()
    origin = f"badge:{badge.id}"
    there = session.scalar(select(PrintJob.id).where(PrintJob.origin == origin, PrintJob.kind == "badge")
                           .order_by(PrintJob.copy.desc()).limit(1))
    if there:
        return there
    return _born(session, {**content, "kind": "badge"}, code=code, slip_code=None, origin=origin, kind="badge",
                 printer_key=printer_key, actor=actor, attendee_id=attendee_id, station_key=station_key)


def job_of(session: Session, job_id: str) -> PrintJob:
    """The job of an id. NoSuchJob."""
    job = session.scalars(select(PrintJob).where(PrintJob.id == job_id)).first()
    if job is None:
        raise NoSuchJob(job_id)
    return job


def _copies(job: PrintJob) -> Any:
    return select(PrintJob).where(PrintJob.origin == job.origin, PrintJob.kind == job.kind)


def _check_standing(session: Session, job: PrintJob) -> None:
    """Nothing is printed that is not good any more."""
    word = _spoiled(session, job)
    if word:
        raise NotPossible(word)


def _spoiled(session: Session, job: PrintJob) -> str | None:
    """Why a job's slip is no good any more, if it is not: undone, voided or revoked."""
    if job.scan_id and session.scalar(select(_UNDO.seq).join(Scan, _UNDO.voids == Scan.seq).where(
            Scan.id == job.scan_id, _UNDO.verdict == ACCEPTED)):
        return "undone"
    if job.kind == "coupon" and session.scalar(
            select(Coupon.id).where(Coupon.code == job.code, Coupon.voided_at.is_not(None))):
        return "voided"
    if job.kind == "badge" and session.scalar(
            select(Badge.id).where(Badge.code == job.content.get("code"), Badge.revoked_at.is_not(None))):
        return "revoked"
    return None


def _copy(session: Session, job: PrintJob, printer_key: str, actor: str) -> str:
    return _born(session, job.content, code=job.content.get("code", ""), slip_code=job.code, origin=job.origin,
                 kind=job.kind, printer_key=printer_key, actor=actor, copy=job.copy + 1, scan_id=job.scan_id,
                 attendee_id=job.attendee_id, station_key=job.station_key)


def _born(session: Session, content: dict[str, Any], *, code: str, slip_code: str | None, copy: int = 1,
          **more: Any) -> str:
    """A queued job with the next number. `code` is what its QR says."""
    number = (session.scalar(select(func.max(PrintJob.number))) or 0) + 1
    job = PrintJob(number=number, id=str(uuid.uuid4()), code=slip_code, copy=copy, state="queued", created_at=now(),
                   content={**content, "number": number, "copy": copy, "code": code}, **more)
    session.add(job)
    session.flush()
    return job.id


def _change(session: Session, job_id: str, actor: str, allowed: tuple[str, ...], **values: Any) -> None:
    job = job_of(session, job_id)
    if job.state not in allowed:
        raise NotPossible({"sending": "moving", "unknown": "unanswered"}.get(job.state, "settled"))
    for name, value in values.items():
        setattr(job, name, value)
    job.actor = actor
    session.flush()


def _printer(session: Session, key: str) -> Printer:
    printer = session.get(Printer, key)
    if printer is None:
        raise NotPossible("no_printer")
    return printer


def _settle(session: Session, printer_key: str) -> None:
    """The printer's queue goes on after an answer."""
    session.execute(update(Printer).where(Printer.key == printer_key, Printer.state == "waiting")
                    .values(state="idle", message=""))
