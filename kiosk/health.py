"""The pulse of the ledger for /healthz, which anyone may ask for: one look of the writer answers all who ask around it.

Each look is a turn of the writer between scans. Strangers who ask a thousand times a second get the same look's
outcome, and few of them wait for the one under way: whoever waits holds a thread.
"""
from __future__ import annotations

import threading
import time
from collections.abc import Callable

from models.writer import NotRecorded

FRESH_SECONDS = 0.25
WAITING = 8             # callers who wait for a look under way; one more is told at once that it is under way
PATIENCE = 3.0          # seconds they wait: a disk that takes longer is one that does not take it


class Pulse:
    """The newest outcome of `look`, which gives the head of the ledger or raises NotRecorded."""

    def __init__(self, look: Callable[[], int], clock: Callable[[], float] = time.monotonic):
        self._look, self._clock = look, clock
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)
        self._outcome: int | NotRecorded = NotRecorded("never looked")
        self._until = float("-inf")

    def head(self) -> int:
        """The ledger's head. NotRecorded: it could not be written a moment ago, or a look takes too long."""
        if self._clock() < self._until:
            return self._said()
        if not self._places.acquire(blocking=False):
            raise NotRecorded("a look is under way")
        try:
            if not self._turn.acquire(timeout=PATIENCE):
                raise NotRecorded("a look takes too long")
            try:
                if self._clock() >= self._until:
                    self._take()
                return self._said()
            finally:
                self._turn.release()
        finally:
            self._places.release()

    def _take(self) -> None:
        try:
            self._outcome = self._look()
        except NotRecorded as error:
            self._outcome = error
        self._until = self._clock() + FRESH_SECONDS

    def _said(self) -> int:
        if isinstance(self._outcome, NotRecorded):
            raise NotRecorded(str(self._outcome))
        return self._outcome
