"""The thread that keeps the event's backups while `serve` runs: one a minute where something changed.

It looks every few seconds, so that a stick that was pulled out is said within a minute and one that is back is used at
once. After each backup it rests nine times as long as that took: a large event on a slow stick is copied less often, and
copying never takes more than a tenth of the time. It reads beside the writer and writes nothing into the event.
"""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models import backup_folder, backups
from models.backup_folder import Papers, Place
from models.backups import Keeping
from models.care import CareRefused
from models.runtime import Runtime

log = logging.getLogger("huiwu.backups")
LOOK = 5.0              # seconds between two looks
INTERVAL = 60.0         # seconds between two backups at least
SHARE = 9               # times as long as a backup took, nothing is copied after it
PATIENCE = 300.0        # seconds that scans may be without a backup before a person is told
ANYHOW = 600.0          # seconds after which also what no revision tells is copied: a station's last word, a sign-in

TROUBLES = {
    "disk_full": "备份的 U 盘或磁盘满了，请换一个或腾出空间 · The backup stick or disk is full: take another one or make room",
    "damaged": "备份写完后检查不通过，U 盘可能坏了，请换一个 · A backup did not pass its check: take another stick",
    "not_copied": "备份没有写成，请检查 U 盘和磁盘空间 · A backup was not written: look at the stick and its space",
    "not_written": "备份写不进去，请检查 U 盘 · The backup cannot be written: look at the stick",
}

# Everything a restore would miss that has a number of its own; the rest comes along with the next of these.
_STATE = text("""SELECT backup_folder, secret, trial, epoch, plan_revision, roster_revision, ledger_revision,
 max(head_floor, coalesce((SELECT max(seq) FROM scan), 0)) AS head,
 (SELECT max(rowid) FROM print_job) AS jobs, (SELECT max(id) FROM disclosure) AS looks, (SELECT max(id) FROM stock_move) AS moves,
 (SELECT max(rowid) FROM kept_aside) AS aside, (SELECT max(rowid) FROM settlement) AS settled,
 (SELECT count(*) FROM device WHERE revoked_at IS NULL) AS devices, (SELECT group_concat(secret_hash) FROM staff) AS secrets
 FROM event""")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the event's file says of itself: where backups go, and a value that is another one when something changed."""

    place: Place
    is_live: bool
    head: int
    state: tuple[Any, ...]


class Keeper:
    """One per server. `papers` gives what a replacement laptop needs; `ring` tells the live pages of an alert."""

    def __init__(self, runtime: Runtime, ring: Callable[[], None], papers: Papers,
                 clock: Callable[[], float] = time.monotonic):
        self._runtime, self._ring, self._papers, self._clock = runtime, ring, papers, clock
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._saved: tuple[Any, ...] | None = None      # the state that is in the newest backup
        self._place: Place | None = None
        self._due = clock() + INTERVAL

    def start(self) -> None:
        """Starts the thread; only `serve`'s worker does."""
        self._thread = threading.Thread(target=self._loop, name="backups", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; a copy under way is left, since its half is no file anybody takes for a backup."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self.look()
            except (SQLAlchemyError, OSError) as error:     # the event's own file cannot be read just now
                log.error("backups: %s", getattr(error, "orig", None) or error.__class__.__name__)
            self._stopping.wait(LOOK)

    def look(self) -> None:
        """One look: what is wrong with the place is said, and a backup made if it is time and something changed."""
        seen, clock = self._see(), self._clock()
        if seen.place != self._place:
            self._move_to(seen)
        before = self._told()
        if said := backup_folder.trouble(seen.place):
            self._say(replace(before, is_live=seen.is_live, trouble=said))
            self._due = clock              # the moment it is back, one is made
        elif clock >= self._due and self._has_news(seen, clock):
            if self._runtime.copying.acquire(blocking=False):
                try:
                    self._make(seen)
                finally:
                    self._runtime.copying.release()
        elif before.is_live != seen.is_live:
            self._say(replace(before, is_live=seen.is_live))

    def _see(self) -> Seen:
        with self._runtime.connection() as connection:
            row = connection.execute(_STATE).one()
        return Seen(backup_folder.place(self._runtime.data, row.backup_folder, row.secret), not row.trial, row.head,
                    tuple(row)[3:])

    def _has_news(self, seen: Seen, clock: float) -> bool:
        told = self._told()
        return seen.state != self._saved or bool(told.trouble) or clock - told.done >= ANYHOW

    def _move_to(self, seen: Seen) -> None:
        """Begins in another folder (or the first one): its newest backup is known by its name only, so one is made soon."""
        is_other = self._place is not None
        self._place, self._saved = seen.place, None
        newest, count, size = None, 0, 0
        try:
            if seen.place.folder.is_dir() and not backup_folder.trouble(seen.place):
                backup_folder.sweep(seen.place)
                found = backups.listed(seen.place.folder, seen.place.event)
                newest, count, size = found[-1].at if found else None, len(found), sum(one.size for one in found)
        except OSError as error:
            log.error("backups: %s", error.strerror)
        if is_other:
            self._due = self._clock()
        self._say(Keeping(seen.place.folder, seen.place.is_chosen, self._same_disk(seen.place), seen.is_live, newest, seen.head,
                          self._clock(), PATIENCE, count, size))

    def _make(self, seen: Seen) -> None:
        begun, before = self._clock(), self._told()
        at = datetime.now()     # noqa: DTZ005  the laptop's own time, as in the names
        try:
            made = backup_folder.make(self._runtime.data, seen.place, at)
            backup_folder.write_papers(seen.place, self._papers())
            count, size = backup_folder.taken(seen.place)
        except (CareRefused, OSError) as error:
            self._failed(seen, error)
            return
        done = self._clock()
        pace = max(INTERVAL, (SHARE + 1) * (done - begun))
        self._saved, self._due = seen.state, begun + pace
        self._say(replace(before, at=at, head=made.head, done=done, patience=max(PATIENCE, 2 * pace), count=count, size=size,
                          is_live=seen.is_live, same_disk=self._same_disk(seen.place), trouble=""))

    def _failed(self, seen: Seen, error: CareRefused | OSError) -> None:
        kind = error.error if isinstance(error, CareRefused) else "not_written"
        log.error("backups: %s", kind)
        self._due = self._clock() + INTERVAL
        said = backup_folder.trouble(seen.place) or TROUBLES.get(kind, TROUBLES["not_written"])
        self._say(replace(self._told(), is_live=seen.is_live, trouble=said))

    def _same_disk(self, where: Place) -> bool:
        return not where.is_chosen or backup_folder.is_same_disk(self._runtime.data, where.folder)

    def _told(self) -> Keeping:
        told = self._runtime.keeping
        assert told is not None
        return told

    def _say(self, keeping: Keeping) -> None:
        before, self._runtime.keeping = self._runtime.keeping, keeping
        if before is None or (before.trouble, before.at) != (keeping.trouble, keeping.at):
            self._ring()
