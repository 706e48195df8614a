"""The one writer (law: every write of the running server goes through here).

Requests put their work into a queue; one thread takes whatever has gathered there, does it in one `BEGIN IMMEDIATE`
transaction, commits, and only then answers. Groups form by themselves: while one commit waits for the disk, the next
group gathers. A queue in front of one writer is fair; SQLite's own busy wait is not (p99 1,071 ms against 14 ms).

Without a thread (commands, tests) the same work runs in the caller, under a lock.
"""
from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

T = TypeVar("T")
log = logging.getLogger("huiwu.writer")
GROUP = 500   # pieces of work in one transaction at the most: bounds the wait of the first
FOLD_SECONDS = 1.0   # between two foldings of SQLite's log into the file
LONG_LOG = 2_000     # pages of 4 KB: from here on it is begun anew
LOG_PAGES = 20_000   # the writer folds the log itself only if nobody else could for so long
TRIES = 3     # a constraint hit or another process's commit in between: gather and decide again


class NotRecorded(Exception):
    """The disk did not take it: locked, full, failing. Nothing was written; trying again is safe (law 3)."""


class Work:
    """One piece of work and, later, its outcome."""

    __slots__ = ("done", "error", "run", "value")

    def __init__(self, run: Callable[[Connection], Any]):
        self.run = run
        self.value: Any = None
        self.error: BaseException | None = None
        self.done = threading.Lock()
        self.done.acquire()

    def wait(self) -> Any:
        """Blocks until the work is durable (or failed), and gives its value or raises its error."""
        self.done.acquire()
        if self.error is not None:
            raise self.error
        return self.value


class Writer:
    """Owns the writing connection. `batch` is the ledger's function that judges many scans in one go."""

    def __init__(self, engine: Engine, batch: Callable[[Connection, list[Any]], list[Any]]):
        self.engine = engine.execution_options(writes=True)
        self._batch = batch
        # The road's statements run on the driver itself, whose errors are not SQLAlchemy's.
        self._is_file = engine.dialect.name == "sqlite"
        driver = engine.dialect.loaded_dbapi
        self._errors: tuple[type[Exception], ...] = (DBAPIError, driver.Error)
        self._hits: tuple[type[Exception], ...] = (IntegrityError, driver.IntegrityError)
        self._scans: deque[tuple[list[Any], Work]] = deque()
        self._jobs: deque[Work] = deque()
        self._wake = threading.Condition()
        self._turn = threading.RLock()
        self._thread: threading.Thread | None = None
        self._kept: Connection | None = None
        self._stopping = False
        self._ended = threading.Event()
        self._after: list[Callable[[], None]] = []
        self._failed: list[Callable[[], None]] = []

    # --- what the rooms call ---

    def do(self, work: Callable[[Session], T]) -> T:
        """Runs a small write in the writer's transaction; returns its value once it is durable."""
        def run(connection: Connection) -> T:
            with Session(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
                value = work(session)
                session.commit()
                return value
        return cast(T, self._submit(run))

    def record(self, scans: list[Any]) -> list[Any]:
        """Judges and records scans together with whatever else waits; returns once they are durable."""
        work = Work(lambda connection: self._batch(connection, scans))
        if self._thread is None:
            self._alone(work)
        else:
            with self._wake:
                self._scans.append((scans, work))
                self._wake.notify()
        return cast(list[Any], work.wait())

    def after_commit(self, call: Callable[[], None]) -> None:
        """Calls this after every commit, in the writer's thread: it must not block."""
        self._after.append(call)

    def after_failure(self, call: Callable[[], None]) -> None:
        """Calls this when a piece of work was not committed: it must not block."""
        self._failed.append(call)

    # --- its life ---

    def start(self, settle: Callable[[], None] = lambda: None) -> None:
        """Starts the thread, which calls `settle` first; only `serve`'s worker does."""
        self._thread = threading.Thread(target=self._loop, args=(settle,), name="writer", daemon=True)
        self._thread.start()
        self._ended.clear()
        if self._is_file:
            threading.Thread(target=self._fold_log, name="log", daemon=True).start()

    def stop(self) -> None:
        """Finishes what waits and ends the thread."""
        thread, self._stopping = self._thread, True
        self._ended.set()
        with self._wake:
            self._wake.notify()
        if thread:
            thread.join(timeout=30)
        self._thread, self._stopping = None, False

    # --- how it works ---

    def _submit(self, run: Callable[[Connection], Any]) -> Any:
        work = Work(run)
        if self._thread is None or threading.current_thread() is self._thread:
            self._alone(work)
        else:
            with self._wake:
                self._jobs.append(work)
                self._wake.notify()
        return work.wait()

    def _loop(self, settle: Callable[[], None]) -> None:
        settle()
        while True:
            with self._wake:
                while not (self._scans or self._jobs or self._stopping):
                    self._wake.wait()
                if self._stopping and not (self._scans or self._jobs):
                    break
                scans = self._take_scans()
                jobs = [self._jobs.popleft() for _ in range(len(self._jobs))]
            if scans:
                self._group(scans)
            for job in jobs:
                self._alone(job)
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _fold_log(self) -> None:
        """Folds SQLite's log into the file beside the scans: done by the writer, every few hundred scans would wait
        for two more syncs of the disk. It takes nothing from durability: a commit is on the disk in the log."""
        while not self._ended.wait(FOLD_SECONDS):
            try:
                with self.engine.connect() as connection:
                    self._fold(connection.connection.driver_connection)
            except self._errors as error:
                log.warning("the log was not folded: %s", getattr(error, "orig", error))

    def _fold(self, driver: Any) -> None:
        """While commits follow each other, there is always one behind what was folded, and the log grows for ever: then the
        little that is left is folded while the writer waits, some milliseconds, and the log begins anew."""
        _busy, pages, _folded = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if pages < LONG_LOG:
            return
        (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()
        driver.execute("PRAGMA busy_timeout = 0")       # somebody reads of it: then at the next turn
        try:
            with self._turn:
                driver.execute("PRAGMA wal_checkpoint(RESTART)")
        finally:
            driver.execute(f"PRAGMA busy_timeout = {patience}")

    def _take_scans(self) -> list[tuple[list[Any], Work]]:
        taken: list[tuple[list[Any], Work]] = []
        size = 0
        while self._scans and (not taken or size + len(self._scans[0][0]) <= GROUP):
            taken.append(self._scans.popleft())
            size += len(taken[-1][0])
        return taken

    def _group(self, items: list[tuple[list[Any], Work]]) -> None:
        """All scans that gathered, in one transaction. If the group fails, each is tried by itself:
        one bad scan must not take the others down with it."""
        together = Work(lambda connection: self._batch(connection, [scan for scans, _ in items for scan in scans]))
        self._run(together)
        if together.error is None:
            answers = iter(together.value or [])
            for scans, work in items:
                work.value = [next(answers) for _ in scans]
                work.done.release()
        elif isinstance(together.error, NotRecorded) or len(items) == 1:
            for _, work in items:
                work.error = together.error
                work.done.release()
        else:
            for _, work in items:
                self._alone(work)

    def _alone(self, work: Work) -> None:
        self._run(work)
        work.done.release()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """The writer's connection: kept by the thread, which saves a check-out a group; elsewhere taken and given back."""
        if threading.current_thread() is not self._thread:
            with self.engine.connect() as connection:
                yield connection
            return
        if self._kept is None:
            self._kept = self.engine.connect()
            if self._is_file:
                self._kept.connection.driver_connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")  # type: ignore[union-attr]
        try:
            yield self._kept
        except BaseException:
            broken, self._kept = self._kept, None
            broken.invalidate()     # after an error of the disk or of the server a fresh one is opened
            broken.close()
            raise

    def _run(self, work: Work) -> None:
        """One transaction, committed before anyone is told."""
        for attempt in range(1, TRIES + 1):
            work.error = None
            try:
                with self._turn, self._connected() as connection, connection.begin():
                    work.value = work.run(connection)
            except self._hits as error:
                work.error = error
                log.info("constraint hit, judged again (attempt %d)", attempt)
                continue
            except self._errors as error:
                cause = getattr(error, "orig", error)
                log.error("not recorded: %s", cause)
                work.error = NotRecorded(str(cause))
            except Exception as error:
                work.error = error
            break
        for call in self._after if work.error is None else self._failed:
            call()
