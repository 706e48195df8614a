"""Care of the event's file: a backup while serving, a restore, and the end of the trial.

A backup is a whole database in one file: SQLite's own online copy, which scans go on beside, opened and checked
before it gets its name.
"""
from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.aside import KeptAside, Settlement
from models.database import database_path, now
from models.event import Event
from models.files import private_folder, replacing, stamped, sync
from models.people import Coupon
from models.print_queue import hold_after_restore
from models.runtime import Runtime
from models.scans import PrintJob, Scan, StockMove, Tally

PAGES_AT_ONCE = 2000        # of 4 KB: a step of the copy holds a writer up for a few milliseconds
BACKUPS = "backups"
_SIDES = ("-wal", "-shm")
Step = Callable[[int, int], None]   # (pages done, pages in all)


class CareRefused(Exception):
    """It cannot be done; `error` is stable, the text a sentence for a person."""

    def __init__(self, error: str, message: str):
        super().__init__(message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an event: its file, the ledger's head in it, and the epoch."""

    file: Path
    head: int
    epoch: str


def backup(data: Path, to: Path | None = None, step: Step | None = None, engine: Engine | None = None) -> Copy:
    """A consistent, checked copy of the event, also while a server writes; into a folder under a name of the moment.
    `engine`: where the event is, if not in the folder. CareRefused: file_exists, damaged, not_copied."""
    target = stamped(to, "huiwu", now().astimezone()) if to and to.is_dir() else to or _backup_name(data)
    if target.exists():
        raise CareRefused("file_exists", f"{target} 已经存在，换一个文件名。 The file exists; choose another name.")
    with replacing(target, private=True) as beside:
        _copy(data, engine, beside, step)
        made = look_into(beside)
    return Copy(target, made.head, made.epoch)


def _backup_name(data: Path) -> Path:
    folder = data / BACKUPS
    private_folder(folder)
    return stamped(folder, "huiwu", now().astimezone())


def _copy(data: Path, engine: Engine | None, target: Path, step: Step | None) -> None:
    if engine is None or engine.dialect.name == "sqlite":
        copy_database(database_path(data), target, step)
        return
    from models import carry

    with carry.state_of(engine) as source:
        carry.to_file(source, target, step)


def copy_database(source: Path, target: Path, step: Step | None = None) -> None:
    """Copies a database in one consistent state into one file without a log beside it. CareRefused: not_copied."""
    try:
        with _opened(source) as there, closing(sqlite3.connect(target)) as here:
            here.execute("PRAGMA synchronous=OFF")      # whoever gives the copy its name makes it durable first
            # A snapshot held for the whole copy: without it each commit of the server would start the copy over.
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_master").fetchone()
            there.backup(here, pages=PAGES_AT_ONCE, sleep=0, progress=step and _told(step))
            here.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise CareRefused("not_copied", f"没有复制成（{error}）：请检查磁盘空间和权限。"
                                        " The copy could not be made: look at disk space and permissions.") from error


def look_into(file: Path) -> Copy:
    """What a copy holds, after SQLite has checked it. CareRefused("damaged") if it is no event or not whole."""
    try:
        with _opened(file) as there:
            said = there.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise CareRefused("damaged", f"{file} 已损坏（{said}）。 The file is damaged.")
            if has_code(there):
                raise CareRefused("damaged", f"{file} 被人改过：里面有程序。 Somebody changed the file: it holds code.")
            head = there.execute("SELECT max(head_floor, coalesce((SELECT max(seq) FROM scan), 0)), epoch"
                                 " FROM event").fetchone()
    except sqlite3.DatabaseError as error:
        raise CareRefused("damaged", f"{file} 不是会务备份，或者已损坏（{error}）。"
                                     " Not a backup of an event, or damaged.") from error
    if head is None:
        raise CareRefused("damaged", f"{file} 里没有会议。 There is no event in it.")
    return Copy(file, *head)


def has_code(there: sqlite3.Connection) -> bool:
    """Whether a file has triggers or views. An event has none: on a stick that strangers had they would go on working in
    the event after a restore, or keep whoever looks into the file without end."""
    return there.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone() is not None


def restore(data: Path, file: Path, upgrade: Callable[[Path], None]) -> tuple[Copy, Path | None]:
    """Puts a backup in the event's place under a new epoch; the present state stays aside in a file.

    Call it only while nobody serves the folder. `upgrade` brings an older program's file to today's tables, on a copy
    that is not in its place yet. Returns what stands now, and where the state before it is kept (None if there was
    none). CareRefused: no_file, damaged, newer (`upgrade` says so), not_copied, not_restored, in_use.
    """
    if not file.is_file():
        raise CareRefused("no_file", f"找不到备份文件 {file}。 There is no such file.")
    look_into(file)
    private_folder(data)
    path = database_path(data)
    with replacing(path, private=True) as beside:
        made = made_ready(file, beside, upgrade)
        kept = _put_aside(data, path)
    return Copy(path, made.head, made.epoch), kept


def made_ready(file: Path, beside: Path, upgrade: Callable[[Path], None]) -> Copy:
    """A copy of a backup with today's tables and an epoch of its own."""
    copy_database(file, beside)
    try:
        upgrade(beside)
        _renew(beside)
    except (sqlite3.Error, DBAPIError) as error:
        raise CareRefused("not_restored", f"没有恢复成（{error}）：请检查磁盘空间。 Not restored: look at disk space.") from error
    return look_into(beside)


def _renew(file: Path) -> None:
    """A new epoch: tablets that see it send what they still keep, and memory that knew the old ledger forgets it.
    Where backups go is chosen anew: a rehearsal on another laptop would mix its own with those of the real event."""
    with closing(sqlite3.connect(file)) as there, there:
        there.execute("UPDATE event SET epoch = ?, ledger_revision = ledger_revision + 1, backup_folder = NULL",
                      (uuid.uuid4().hex,))
        hold_after_restore(there)
    with closing(sqlite3.connect(file)) as there:
        there.execute("PRAGMA journal_mode=DELETE")


def _put_aside(data: Path, path: Path) -> Path | None:
    """Gives the present database a second name. Its log is folded in first: a log left lying beside another
    database would be read into it."""
    kept = stamped(data, "before-restore", now().astimezone())
    if not path.exists():
        _move_sides(path, kept)
        return None
    try:
        with closing(sqlite3.connect(path, timeout=1)) as there:
            busy = there.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise CareRefused("in_use", "另一个命令正在使用这个文件夹，请稍后再试。 Another command is using the folder.")
    except sqlite3.DatabaseError:
        pass                    # damaged, which may be why it is replaced: it is kept with its log as it is
    _move_sides(path, kept)
    try:
        os.link(path, kept)
    except OSError:             # a file system without second names
        shutil.copy2(path, kept)
        sync(kept)
    return kept


def _move_sides(path: Path, kept: Path) -> None:
    for side in _SIDES:
        there_beside = path.with_name(path.name + side)
        if there_beside.exists():
            there_beside.replace(kept.with_name(kept.name + side))


def lost(data: Path) -> Path | None:
    """What only an event leaves behind, in a folder whose event is gone: its log, or a backup. None: there was none."""
    path = database_path(data)
    traces = [path.with_name(f"{path.name}-wal"), *sorted((data / BACKUPS).glob("*.db"), reverse=True)]
    return None if path.exists() else next((trace for trace in traces if trace.exists()), None)


def go_live(runtime: Runtime) -> tuple[int, Path]:
    """Ends the trial: its state goes aside whole into a file, then counting starts from nothing (试运行 -> 正式开始).

    Badges, pairings, plan and roster stay. In one transaction, so that no scan falls between the copy and the new
    start; scans wait while it copies. Returns the trial's scans and the file. CareRefused("live_already").
    """
    def change(session: Session) -> tuple[int, Path]:
        event = session.scalars(select(Event)).one()
        if not event.trial:
            raise CareRefused("live_already", "会议已经正式开始。 The event is live already.")
        scans = session.scalar(select(func.count()).select_from(Scan)) or 0
        head = session.scalar(select(func.max(Scan.seq))) or 0
        aside = stamped(runtime.data, "trial", now().astimezone())
        with replacing(aside, private=True) as beside:
            _copy_trial(session, runtime.data, beside)
            look_into(beside)
        for table in (Scan, PrintJob, StockMove, Coupon, Settlement, KeptAside):
            session.execute(delete(table))
        session.execute(update(Tally).values(people=0, uses=0, refused=0, inside=0, stock_moved=0))
        event.trial, event.live_at = False, now()
        event.head_floor = max(event.head_floor, head)
        event.ledger_revision += 1
        event.plan_revision += 1        # the plan in memory says whether slips carry the word TRIAL
        return scans, aside
    return runtime.writer.do(change)


def _copy_trial(session: Session, data: Path, target: Path) -> None:
    """On a server: what this transaction sees, in which nobody else writes."""
    if session.connection().dialect.name == "sqlite":
        copy_database(database_path(data), target)
        return
    from models import carry

    carry.to_file(session.connection(), target)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Read only: a copy must not change what it is made of."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        yield connection


def _told(step: Step) -> Callable[[int, int, int], Any]:
    def tell(_status: int, remaining: int, total: int) -> None:
        step(total - remaining, total)
    return tell
