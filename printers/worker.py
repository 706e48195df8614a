"""One printer's worker: looks, draws, delivers, and writes down what became of it. See printers/spooler.py."""
from __future__ import annotations

import hashlib
import logging
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models import cores, print_states
from models.database import now
from models.print_states import TROUBLE, Look, Withdrawn
from models.runtime import Runtime
from models.writer import NotRecorded
from printers import escpos, slip, transports
from printers.bell import Bell
from printers.emulator import Ability
from printers.sentences import asking, state_of, words
from printers.status import Problem, Status
from printers.transports import Outcome, Transport

log = logging.getLogger("huiwu.printers")
LOOK = 1.0                                # seconds: at least so often, whether the bell rang or not
PAPER = "paper"                           # in the data folder: what virtual printers printed
UNDRAWABLE = "内容有误，画不出来 · Its content is broken: it cannot be drawn"
_DRAWING = threading.Lock()               # FreeType's faces are shared and not made for two threads at once


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take, in seconds; tests make them short."""

    backoff: tuple[float, ...] = (1, 2, 5, 10, 30)
    backup_after: float = 10.0            # of trouble, then the backup takes what waits
    idle_look: float = 30.0               # a printer that can answer is asked so often, before anyone waits for it
    preflight: float = transports.PREFLIGHT
    grace: float = transports.GRACE       # beyond size / speed, for the printer's confirmation
    leave: float = 5.0                    # at the end, for a job that is being sent


def paper_folder(data: Path, key: str) -> Path:
    """Where the slips of a virtual printer are, in an event's data folder."""
    return data / PAPER / key


class Worker:
    """The thread of one printer."""

    def __init__(self, key: str, runtime: Runtime, ring: Callable[[], None], timing: Timing,
                 claim: Callable[[Session, str], None] = lambda _session, _key: None):
        self.key, self.bell = key, Bell()
        self._claim = claim
        self._runtime, self._ring, self._timing = runtime, ring, timing
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"printer-{key}", daemon=True)
        self._drawn: tuple[tuple[Any, ...], bytes] = ((), b"")
        self._tries = 0                   # in a row that were blocked
        self._trouble_since: float | None = None
        self._asked_at = time.monotonic()

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no further job."""
        self._stop.set()
        self.bell.stop()

    def join(self, seconds: float) -> bool:
        """Waits for the end; whether it came in time."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # --- its round ---

    def _run(self) -> None:
        cores.settle()
        while not self._stop.is_set():
            looked = self.bell.hush()
            try:
                rest = self._round()
            except NotRecorded as error:
                log.warning("printer %s waits, the disk takes nothing: %s", self.key, error)
                rest = LOOK
            except Exception:             # a worker that ends would leave its printer mute until the next start
                log.exception("printer %s", self.key)
                self._give_up()
                rest = LOOK
            if rest > 0:
                self.bell.wait(looked, min(rest, LOOK), self._trouble_since is not None)

    def _round(self) -> float:
        """Does the next thing there is to do; returns for how many seconds nothing else will be due by itself."""
        with self._runtime.connection() as connection:
            found = print_states.look(connection, self.key)
        if found is None:
            self._stop.set()
            return 0
        if found.unknown is not None:
            return self._await_answer(found)
        trouble = found.printer.state in TROUBLE
        if not trouble:
            self._trouble_since = None
        elif self._trouble_since is None:
            self._trouble_since = time.monotonic()
        asked = found.printer.checked_at is None
        if found.job is not None and (asked or self._is_due(found)):
            return self._print(found)
        if asked or self._is_look_due(found, trouble):
            return self._ask(found)
        if trouble and found.job is not None and self._give_away(found):
            return 0
        if found.printer.state in ("printing", "waiting"):
            self._say(state="idle", message="")
        return LOOK if found.job is None else min(LOOK, (found.job.not_before - now()).total_seconds())

    def _is_due(self, found: Look) -> bool:
        until = found.job.not_before
        return until is None or until <= now() or print_states.too_far(until, now(), self._timing.backoff[-1])

    def _is_look_due(self, found: Look, trouble: bool) -> bool:
        """In trouble it is asked by the same backoff as jobs are tried; a well one now and then, if it can answer."""
        waited = time.monotonic() - self._asked_at
        if trouble:
            return found.job is None and waited >= self._delay()
        return found.job is None and found.printer.ability in (Ability.COMPLETED, Ability.PARSED) \
            and waited >= self._timing.idle_look

    def _delay(self) -> float:
        return self._timing.backoff[min(max(self._tries, 1), len(self._timing.backoff)) - 1]

    def _await_answer(self, found: Look) -> float:
        """Until a person has said whether that slip came out, nothing more is sent here."""
        question = asking(found.unknown or 0)
        if (found.printer.state, found.printer.message) != ("waiting", question):
            self._say(state="waiting", message=question, checked_at=found.printer.checked_at or now())
        return LOOK

    def _give_away(self, found: Look) -> bool:
        """After ten seconds of trouble what waits goes to the backup: not a byte of it left."""
        since, backup = self._trouble_since, found.printer.backup
        if not backup or since is None or time.monotonic() - since < self._timing.backup_after:
            return False
        moved = self._write(lambda session: print_states.take_over(session, self.key, backup))
        if moved:
            log.info("%s takes %s jobs over from %s", backup, moved, self.key)
        return bool(moved)

    def _give_up(self) -> None:
        """After a mistake of our own: what was being sent is `unknown`, like after a crash."""
        try:
            self._write(lambda session: print_states.lose(session, self.key))
        except Exception:
            log.exception("printer %s: the next start will say `unknown`", self.key)

    # --- one job ---

    def _print(self, found: Look) -> float:
        job, printer, turn = found.job, found.printer, found.printer.turn + 1
        self._asked_at = time.monotonic()
        try:
            transport = self._transport(printer, f"{slip.number_text(job.number)}-{job.id[:8]}")
        except ValueError as error:
            return self._blocked(Problem.UNUSABLE, str(error))
        try:
            blob = self._draw(job, printer)
        except Exception as error:        # a broken row must not stop the others: it is named, and waits for a person
            log.error("job %s cannot be drawn: %s", job.number, type(error).__name__)
            self._write(lambda session: print_states.hold_back(session, job.number, UNDRAWABLE))
            return 0
        packed, digest = zlib.compress(blob, 1), hashlib.sha256(blob).hexdigest()

        def begin(session: Session) -> None:
            self._claim(session, self.key)
            print_states.mark_sending(session, job.number, self.key, turn, packed, digest, now())

        def started() -> None:
            self._runtime.writer.do(begin)
        known = None if job.kind == "test" else printer.ability
        try:
            outcome = transports.deliver(transport, blob, print_states.process_id(turn), started, known,
                                         grace=self._timing.grace, preflight=self._timing.preflight,
                                         told=self._tell_of())
        except Withdrawn:
            return 0
        if not outcome.bytes_left:
            return self._blocked(outcome.problem or Problem.ERROR, outcome.detail)
        return self._finish(job.number, turn, outcome)

    def _tell_of(self) -> Callable[[Problem | None], None]:
        """Says while a job is being printed what stops the printer, and that it goes on: a roll changed in time saves
        the slip. A disk that takes nothing now is not waited for, the printer's answer is."""
        said: Problem | None = None

        def told(problem: Problem | None) -> None:
            nonlocal said
            if problem is said:
                return
            state = "printing" if problem is None else state_of(problem)
            message = words(problem) if problem else ""
            with suppress(NotRecorded):
                self._runtime.writer.do(lambda session: print_states.say(session, self.key, state=state, message=message))
                said = problem
                self._ring()
        return told

    def _transport(self, printer: Any, job: str) -> Transport:
        return transports.open_transport(printer.url, folder=self._runtime.data / PAPER, printer=self.key, job=job,
                                         width=printer.width)

    def _draw(self, job: Any, printer: Any) -> bytes:
        """The job's bytes for this printer; drawn once, however often the printer is blocked."""
        mark = (job.id, printer.width, printer.url)
        if self._drawn[0] != mark:
            content = slip.SlipContent.from_json(job.content)
            with _DRAWING:
                blob = (escpos.encode_text(content, printer.width) if transports.text_mode(printer.url)
                        else escpos.encode(slip.draw(content, printer.width)))
            self._drawn = (mark, blob)
        return self._drawn[1]

    def _blocked(self, problem: Problem, detail: str) -> float:
        """Not a byte left: tried again after a while, all of the queue."""
        self._tries += 1
        until, reason = now() + timedelta(seconds=self._delay()), words(problem, detail)

        def write(session: Session) -> None:
            print_states.put_off(session, self.key, until, reason)
            print_states.say(session, self.key, state=state_of(problem), message=reason, checked_at=now())
        self._write(write)
        return 0

    def _finish(self, number: int, turn: int, outcome: Outcome) -> float:
        """Writes the outcome down, however long the disk refuses: until then the row says `sending`."""
        unknown = outcome.state == "unknown"
        reason = words(outcome.problem or Problem.UNCONFIRMED, outcome.detail) if unknown else ""

        def write(session: Session) -> None:
            if not print_states.finish(session, number, print_states.process_id(turn), outcome.state, reason, now()):
                return                    # said already: we were stopping, and it took too long
            learnt = {"ability": outcome.ability.value} if outcome.ability else {}
            low = words(Problem.NEAR_END) if outcome.near_end else ""
            print_states.say(session, self.key, state="waiting" if unknown else "idle", checked_at=now(),
                             message=asking(number) if unknown else low, **learnt)
            if not unknown and self._tries:
                print_states.resume(session, self.key)
        self._write(write)
        self._tries = 0
        return 0

    # --- asking without a job, and writing ---

    def _ask(self, found: Look) -> float:
        """Asks how the printer is; sends nothing of a job."""
        self._asked_at = time.monotonic()
        try:
            with self._transport(found.printer, "") as transport:
                ability = Ability(found.printer.ability) if found.printer.ability else None
                status = transport.preflight(time.monotonic() + self._timing.preflight, ability)
        except ValueError as error:
            return self._blocked(Problem.UNUSABLE, str(error))
        if status.blocking:
            return self._blocked(status.blocking, status.detail)
        self._tries = 0
        self._well(status)
        return 0

    def _well(self, status: Status) -> None:
        def write(session: Session) -> None:
            print_states.say(session, self.key, state="idle", checked_at=now(),
                             message=words(Problem.NEAR_END) if status.near_end else "")
            print_states.resume(session, self.key)
        self._write(write)

    def _say(self, **values: Any) -> None:
        self._write(lambda session: print_states.say(session, self.key, **values))

    def _write(self, work: Callable[[Session], Any]) -> Any:
        """A write that must come through: tried again until the disk takes it, or we stop."""
        while True:
            try:
                value = self._runtime.writer.do(work)
            except NotRecorded:
                if self._stop.wait(LOOK):
                    return None
            else:
                self._ring()
                return value
