"""What wakes a printer's worker, and how soon after its last look it looks again."""
from __future__ import annotations

import threading
import time

PACE = 0.02                 # seconds between two looks for no job that is known of, however often it rings
TROUBLED_PACE = 0.5         # and for any, of a printer that is off or out of paper: a look costs the scans time


class Bell:
    """Rings for one worker; it may ring at any moment, also while the worker looks."""

    def __init__(self) -> None:
        self._rung, self._has_job, self._stopped = threading.Event(), threading.Event(), threading.Event()

    def ring(self, has_job: bool = False) -> None:
        """There is a job; without `has_job`, perhaps."""
        if has_job:
            self._has_job.set()
        self._rung.set()

    def stop(self) -> None:
        """It waits no more."""
        self._stopped.set()
        self.ring(has_job=True)

    def hush(self) -> float:
        """Before a look: what rings from now on is news. Returns the moment, for `wait`."""
        self._rung.clear()
        self._has_job.clear()
        return time.monotonic()

    def wait(self, looked: float, longest: float, in_trouble: bool) -> None:
        """After a look that found nothing to do: until it is time for the next, `longest` seconds at most."""
        self._rung.wait(longest)
        pause, ends_it = (TROUBLED_PACE, self._stopped) if in_trouble else (PACE, self._has_job)
        ends_it.wait(max(0.0, looked + pause - time.monotonic()))
