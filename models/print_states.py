"""Where a print job stands, as the spooler moves it (printing.md, "States"). Each function is one short write.

    queued -> sending -> printed | parsed | sent | unknown          held and cancelled are a person's (print_queue.py)

A job that is not `queued` any more is never sent; one that was `sending` when nobody watched is `unknown`.
Words for people (a job's `reason`, a printer's `message`) are kept in both languages: "缺纸 · Out of paper".
"""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models.event import Printer
from models.scans import PrintJob

TROUBLE = ("blocked", "offline")                    # of a printer: nothing can be sent to it now
LOST = "发送时程序停了，不知出来没有 · The program stopped while sending: nobody knows whether it came out"
RESTORED = "恢复了备份：备份之后可能已经打过 · A backup was restored: it may have been printed since"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Withdrawn(Exception):
    """The job is not this printer's to send any more: cancelled, held or moved a moment ago."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a printer's worker finds: its printer's row, the number of the job that waits for a person's answer
    (then nothing is sent), and the next job."""

    printer: Any
    unknown: int | None
    job: Any


def look(connection: Connection, key: str) -> Look | None:
    """The next thing for a printer to do; None when the plan has no such printer any more.

    Only a question about bytes that this printer was sent makes it wait: the questions of a restore are about paper
    that left it before, and new slips go on beside them.
    """
    printer = connection.execute(select(Printer.__table__).where(Printer.key == key)).one_or_none()
    if printer is None:
        return None
    unknown = connection.execute(_first(key, "unknown", PrintJob.number).where(PrintJob.sending_at.is_not(None))).scalar()
    job = None
    if unknown is None:
        job = connection.execute(_first(key, "queued", PrintJob.number, PrintJob.id, PrintJob.kind, PrintJob.content,
                                        PrintJob.not_before)).one_or_none()
    return Look(printer, unknown, job)


def _first(key: str, state: str, *columns: Any) -> Any:
    return (select(*columns).where(PrintJob.printer_key == key, PrintJob.state == state)
            .order_by(PrintJob.number).limit(1))


def process_id(turn: int) -> str:
    """The four characters by which a printer confirms its `turn`-th job: base 36, the same again after 1.6 million."""
    found = ""
    for _place in range(4):
        turn, digit = divmod(turn, len(_DIGITS))
        found = _DIGITS[digit] + found
    return found


def mark_sending(session: Session, number: int, key: str, turn: int, packed: bytes, sha256: str,
                 at: datetime) -> None:
    """Commits the attempt, and freezes the bytes, before the first of them leaves. Withdrawn: not to be sent."""
    taken = session.execute(
        update(PrintJob).where(PrintJob.number == number, PrintJob.state == "queued", PrintJob.printer_key == key)
        .values(state="sending", attempts=PrintJob.attempts + 1, process_id=process_id(turn), sent_to=key,
                sending_at=at, not_before=None, reason="", blob=packed, sha256=sha256).returning(PrintJob.number)).first()
    if taken is None:
        raise Withdrawn
    session.execute(update(Printer).where(Printer.key == key).values(turn=turn, state="printing", message=""))


def finish(session: Session, number: int, sent_as: str, state: str, reason: str, at: datetime) -> bool:
    """What became of a job that was sent under a process id; False when a person or a restart said so already."""
    return session.execute(
        update(PrintJob).where(PrintJob.number == number, PrintJob.state == "sending", PrintJob.process_id == sent_as)
        .values(state=state, reason=reason, done_at=None if state == "unknown" else at)
        .returning(PrintJob.number)).first() is not None


def put_off(session: Session, key: str, until: datetime, reason: str) -> None:
    """All that waits for a printer goes on waiting: not a byte of it left."""
    _waiting(session, key, not_before=until, reason=reason)


def resume(session: Session, key: str) -> None:
    """The printer is well again: what waits may go at once."""
    _waiting(session, key, not_before=None, reason="")


def _waiting(session: Session, key: str, **values: Any) -> None:
    session.execute(update(PrintJob).where(PrintJob.printer_key == key, PrintJob.state == "queued").values(**values))


def say(session: Session, key: str, **values: Any) -> None:
    """A printer's `state`, `message`, `ability` and `checked_at`."""
    session.execute(update(Printer).where(Printer.key == key).values(**values))


def hold_back(session: Session, number: int, reason: str) -> None:
    """A job that cannot be drawn waits for a person, and holds up no other."""
    session.execute(update(PrintJob).where(PrintJob.number == number, PrintJob.state == "queued")
                    .values(state="held", reason=reason))


def take_over(session: Session, key: str, backup: str) -> int:
    """Everything that waits goes to the backup, if that can print; how many jobs went."""
    well = session.scalar(select(Printer.key).where(
        Printer.key == backup, Printer.state.not_in((*TROUBLE, "waiting")), Printer.checked_at.is_not(None)))
    if well is None:
        return 0
    return len(session.execute(
        update(PrintJob).where(PrintJob.printer_key == key, PrintJob.state == "queued")
        .values(printer_key=backup, not_before=None, reason="").returning(PrintJob.number)).all())


def lose(session: Session, key: str | None = None) -> list[int]:
    """Every job that was being sent (to one printer, or any) is `unknown` from now on; their numbers."""
    wanted = [PrintJob.state == "sending"] + ([PrintJob.printer_key == key] if key else [])
    return list(session.execute(
        update(PrintJob).where(*wanted).values(state="unknown", reason=LOST).returning(PrintJob.number)).scalars())


def too_far(until: datetime, now: datetime, longest: float) -> bool:
    """Whether a wait is longer than any that is ever set: the clock was put back, so it means nothing."""
    return until - now > timedelta(seconds=longest)
