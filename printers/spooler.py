"""When slips are printed: one worker a printer takes its jobs one by one (printing.md, "States").

A worker wakes when the writer has committed something, and looks once a second besides. Every step that must survive
a crash is a write of the one writer; nothing that a restart needs is kept in memory. A dead printer holds up its own
queue only, never a scan and never another printer.
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from models import print_states
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
        self._bells: tuple[threading.Event, ...] = ()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        runtime.ledger.on_paper(self._wake)

    def start(self) -> None:
        """Says of every job that was being sent when the last run ended that nobody knows; then starts the threads."""
        lost = self._runtime.writer.do(print_states.lose)
        if lost:
            log.warning("jobs of the last run with unknown outcome: %s", lost)
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
        workers, self._workers, self._bells = list(self._workers.values()), {}, ()
        for worker in workers:
            worker.stop()
        end = time.monotonic() + self._timing.leave
        late = [worker for worker in workers if not worker.join(max(0.0, end - time.monotonic()))]
        if late:
            try:
                self._runtime.writer.do(print_states.lose)
            except NotRecorded:
                log.warning("not recorded at the end; the next start will say `unknown`")
        self._ring()

    def _wake(self) -> None:
        for bell in self._bells:
            bell.set()

    def _watch(self) -> None:
        """Starts a worker for each printer of the plan, and ends those of printers that it has no more."""
        warmed = False
        while not self._stop.is_set():
            self._sync()
            if not warmed:
                escpos.warm_up()
                warmed = True
            self._stop.wait(WATCH)

    def _sync(self) -> None:
        wanted = set(self._runtime.plan().printers)
        for key in self._workers.keys() - wanted:
            self._workers.pop(key).stop()
        for key in wanted - self._workers.keys():
            worker = self._workers[key] = Worker(key, self._runtime, self._ring, self._timing)
            worker.start()
        self._bells = tuple(worker.bell for worker in self._workers.values())
