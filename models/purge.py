"""After the event: personal data goes or becomes anonymous, and every file of the data folder is searched for what was
there before. Counts, forms and exports work on, with people who have numbers for names.

What is not here cannot be removed from here: backups that were written elsewhere, exports and badge files that were
taken away. `elsewhere` names what is known of them.
"""
from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models import leases
from models.care import BACKUPS, CareRefused
from models.database import database_path, now
from models.disclosures import TERMINAL, Disclosure
from models.event import Category, Event, Printer, Service, Station, touch
from models.people import Attendee, Badge, Correction, Coupon, Delegation, Staff
from models.purge_rows import Anonymiser, Change, left_over
from models.purge_search import Findings, search_apart
from models.runtime import Runtime
from models.scans import PrintJob, Scan, StockMove

# What the server itself writes below the data folder, besides the event's own file.
FOLDERS = (BACKUPS, "uploads", "paper")
FILES = ("trial-*.db*", "before-restore-*.db*", "before-upgrade-*.db*", "moved-*.db*", "*.log", ".*.part", ".new-*")
ROOM = 3                                     # times the event's file must be free on the disk: its log and its new copy
TRIES, PAUSE = 20, 0.5                       # for the last reader to finish before SQLite's log can be emptied
PSEUDONYM = re.compile(r"(参会人员|代表团|经办人) [0-9]+|P[0-9A-F]{4}-[0-9]{6}")     # what an earlier purge gave
LONG = 4                                     # letters of a free text that is looked for: shorter ones are everybody's
Step = Callable[[str, int, int], None]


@dataclass(slots=True)
class Outcome:
    """What a purge did and what the search found; `elsewhere` are copies that were written to other places."""

    removed: Counter[str] = field(default_factory=Counter)
    anonymised: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    left_over: dict[str, int] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing of before is left."""
        return not self.findings.hits and not self.left_over

    def payload(self) -> dict[str, Any]:
        """The contract's answer: counts and places, never a value."""
        return {"removed": dict(self.removed), "anonymised": dict(self.anonymised), "found": self.findings.rows(),
                "left_over": self.left_over, "searched": self.findings.searched, "skipped": dict(self.findings.skipped),
                "files": self.findings.files, "unsearched": self.findings.unsearched, "elsewhere": self.elsewhere}


def close(runtime: Runtime) -> datetime:
    """The event is over: every service is closed at once, so no scan is accepted any more. When it was closed first."""
    def change(session: Session) -> datetime:
        event = session.scalars(select(Event)).one()
        event.closed_at = event.closed_at or now()
        session.execute(update(Service).values(closed=True))
        touch(session, "plan")
        return event.closed_at
    return runtime.writer.do(change)


def purge(runtime: Runtime, keeper: int | None = None, step: Step | None = None) -> Outcome:
    """Removes and anonymises, then searches. `keeper` is the member of staff who goes on signing in (as 经办人 n).

    CareRefused: not_closed, import_running, disk_full.
    """
    say = step or (lambda _stage, _done, _total: None)
    _check(runtime)
    outcome = Outcome()
    with _no_import(runtime):
        with runtime.connection() as connection:
            values, outcome.elsewhere = _former(connection), _elsewhere(connection)
        change: Change = runtime.writer.do(lambda session: Anonymiser(session, keeper, say).run())
        outcome.removed, outcome.anonymised = change.removed, change.anonymised
        outcome.removed["file"] = _remove_files(runtime.data)
        say("vacuum", 0, 0)
        _rewrite_file(runtime)
        with runtime.connection() as connection:
            words = _plan_words(connection)
            outcome.left_over = left_over(connection)
        say("search", 0, 0)
        outcome.findings = search_apart(runtime.data, values, words)
    return outcome


def _check(runtime: Runtime) -> None:
    if runtime.is_shared:
        raise CareRefused("on_a_server", "数据库自己的文件、日志和转储里也有个人信息，从这里清除不了，也核对不了：先用 move to-folder"
                                         " 搬回来再清除，然后删除那个数据库和它的转储。 A server's own files, logs and dumps cannot be"
                                         " searched from here: move to-folder, purge there, then drop the database and its dumps.")
    with runtime.connection() as connection:
        closed = connection.execute(select(Event.closed_at)).scalar()
    if closed is None:
        raise CareRefused("not_closed", "会议还没有结束，先结束会议（close），再清除个人信息。"
                                        " The event is not closed: close it first, then purge.")
    needed = ROOM * database_path(runtime.data).stat().st_size
    if shutil.disk_usage(runtime.data).free < needed:
        raise CareRefused("disk_full", f"磁盘空间不够，清除需要 {needed // 1_000_000 + 1} MB。什么都没有改动。"
                                       " Not enough room on the disk; nothing was changed.")


@contextmanager
def _no_import(runtime: Runtime) -> Iterator[None]:
    with leases.importing(runtime.engine, runtime.data) as held:
        if not held:
            raise CareRefused("import_running", "正在导入名单，等它结束再清除。 An import is under way; purge when it is done.")
        yield


# --- what was there before ---

_FIELDS = {"name": (Attendee.name, Attendee.name_en, Staff.name), "phone": (Attendee.phone,), "email": (Attendee.email,),
           "id_number": (Attendee.id_number,), "organisation": (Attendee.organisation, Delegation.name),
           "code": (Badge.code, Coupon.code, PrintJob.code), "raw_code": (Scan.raw_code,), "number": (Attendee.number,),
           "note": (Attendee.hint, Attendee.remarks, Attendee.arrival, Scan.note),
           "actor": (Scan.actor, StockMove.actor, PrintJob.actor, Disclosure.actor, Correction.actor)}


def _former(connection: Connection) -> dict[str, set[str]]:
    """Every value that must be nowhere afterwards, by kind."""
    found: dict[str, set[str]] = defaultdict(set)
    for kind, columns in _FIELDS.items():
        for column in columns:
            found[kind].update(value for value in connection.execute(select(column).distinct()).scalars() if value)
    for changes in connection.execute(select(Correction.changes)).scalars():
        for name, pair in changes.items():
            if name in ("name", "name_en", "phone", "email", "id_number", "organisation"):
                found[name if name in _FIELDS else "name"].update(str(one) for one in pair if one)
    found["actor"] -= {TERMINAL, *connection.execute(select(Station.key)).scalars()}
    # A short number stands in any fraction of a second, a short note in anybody's words.
    found["number"] = {one for one in found["number"] if len(one) >= 8 or not one.isdecimal()}
    found["note"] = {one for one in found["note"] if len(one) >= LONG}
    return {kind: {one for one in values if not PSEUDONYM.fullmatch(one)} for kind, values in found.items()}


def _plan_words(connection: Connection) -> str:
    """What the event's file says by itself: its tables' names and the plan. A person named like a service is no find."""
    words = [str(sql) for sql in connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")).scalars()]
    for table in (Event, Category, Service, Station, Printer):
        for row in connection.execute(select(table.__table__)):
            words += [str(value) for value in row if not isinstance(value, bytes)]
    words.append(f"参会人员 代表团 经办人 {TERMINAL}")
    return "\n".join(words)


def _elsewhere(connection: Connection) -> list[str]:
    """Where copies of everything were written outside the data folder, as far as it was this program that did it."""
    rows = connection.execute(select(Disclosure.fields).where(Disclosure.purpose == "backup")).scalars()
    return sorted({one for fields in rows for one in fields if one != "*"})


# --- files ---

def _remove_files(data: Path) -> int:
    """Copies, uploads, pictures of slips, half-written files; how many files."""
    gone = [path for name in FOLDERS for path in (data / name).rglob("*") if path.is_file()]
    gone += [path for pattern in FILES for path in data.glob(pattern) if path.is_file()]
    for path in gone:
        path.unlink(missing_ok=True)
    for folder in (*(data / name for name in FOLDERS), *data.glob(".new-*")):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
    return len(gone)


def _rewrite_file(runtime: Runtime) -> None:
    """Freed pages and SQLite's log still hold what was deleted: the file is written anew and its log emptied."""
    with closing(sqlite3.connect(database_path(runtime.data), isolation_level=None, timeout=60)) as there:
        for pragma in ("synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            there.execute(f"PRAGMA {pragma}")
        there.execute("VACUUM")
        for _ in range(TRIES):
            if not there.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                return
            time.sleep(PAUSE)           # a page that is being read keeps the old log; the search would find it there
