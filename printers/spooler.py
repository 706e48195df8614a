"""When slips are printed: one worker a printer takes its jobs one by one (printing.md, "States").

A worker wakes when a scan has made a job for its printer, or when anything but a scan was written, and looks once a second
besides. Every step that must survive
a crash is a write of the one writer; nothing that a restart needs is kept in memory. A dead printer holds up its own
queue only, never a scan and never another printer.

Where several nodes share a database, each printer is printed at by the one that has its lease (models/leases.py).
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models import print_states
from models.leases import Leases
from models.runtime import Runtime
from models.writer import NotRecorded
from printers import escpos
from printers.worker import Timing, Worker

log = logging.getLogger("huiwu.printers")
WATCH = 1.0                               # seconds between two looks at which printers the plan has


class Spooler:
    """The printers' workers. `ring` tells the live hub that a printer's state is another one."""

    def __init__(self, runtime: Runtime, ring: Callable[[], None], timing: Timing | None = None):
        self._runtime, self._ring, self._timing = runtime, ring, timing or Timing()
        self._workers: dict[str, Worker] = {}
        self._awake: tuple[Worker, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._leases = Leases(runtime.node) if runtime.is_shared else None
        runtime.ledger.on_paper(self.wake)

    def start(self) -> None:
        """Says of every job that was being sent when the last run ended that nobody knows; then starts the threads."""
        if self._leases is None:
            self._runtime.writer.do(_lose)
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, name="spooler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Lets the workers finish their jobs for a few seconds; what is still being sent then is `unknown`.

        It may be started again, as after a restore.
        """
        self._stop.set()
        if self._thread:
            self._thread.join()
        workers, self._workers, self._awake = list(self._workers.values()), {}, ()
        for worker in workers:
            worker.stop()
        end = time.monotonic() + self._timing.leave
        late = [worker for worker in workers if not worker.join(max(0.0, end - time.monotonic()))]
        if late or self._leases is not None:
            try:
                self._runtime.writer.do(lambda session: self._leave(session, [worker.key for worker in late]))
            except NotRecorded:
                log.warning("not recorded at the end; the next start will say `unknown`")
        self._ring()

    def _leave(self, session: Session, late: list[str]) -> None:
        for key in late:
            print_states.lose(session, key)
        if self._leases is not None:
            self._leases.release(session)

    def wake(self, printers: frozenset[str] | None = None) -> None:
        """There is something to print at these; without them, there may be at any."""
        for worker in self._awake:
            if printers is None or worker.key in printers:
                worker.bell.ring(has_job=printers is not None)

    def _watch(self) -> None:
        """Starts a worker for each printer of the plan, and ends those of printers that it has no more."""
        warmed = False
        while not self._stop.is_set():
            try:
                self._sync()
            except (NotRecorded, SQLAlchemyError) as error:     # a server that is away comes back
                log.warning("printers wait: %s", type(error).__name__)
            if not warmed:
                escpos.warm_up()
                warmed = True
            self._stop.wait(WATCH)

    def _sync(self) -> None:
        wanted = self._ours(set(self._runtime.plan().printers))
        for key in self._workers.keys() - wanted:
            self._workers.pop(key).stop()
        for key in wanted - self._workers.keys():
            worker = self._workers[key] = Worker(key, self._runtime, self._ring, self._timing, self._claim)
            worker.start()
        self._awake = tuple(self._workers.values())

    def _ours(self, printers: set[str]) -> set[str]:
        """Of these, the ones that no other node prints at. What was being sent when its owner went is `unknown`."""
        if self._leases is None:
            return printers
        try:
            if self._leases.is_due():
                self._leases.renew(self._runtime.writer.do, printers, _lose)
        except NotRecorded:
            log.warning("no lease was renewed")
        return printers & self._leases.owned()

    def _claim(self, session: Session, key: str) -> None:
        """Within the write that begins a job. Withdrawn: another node prints there now."""
        if self._leases is not None and not self._leases.holds(session, key):
            raise print_states.Withdrawn


def _lose(session: Session, key: str | None = None) -> None:
    lost = print_states.lose(session, key)
    if lost:
        log.warning("jobs of the last run with unknown outcome: %s", lost)
