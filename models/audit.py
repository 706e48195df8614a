"""The audit: is what the tables say still what was written? Reads one consistent state, row by row, changes nothing.

SQLite does not notice a flipped byte in a value: the chain of hashes does, row by row. Deleted rows leave a gap, or
a head below the sequence that SQLite keeps. Tallies, uses, stock moves and print jobs are compared with the ledger.
On PostgreSQL, which checks its own pages and keeps no such sequence, rows cut off at the end show in the tallies.
"""
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from models import chain, purged
from models.event import Event
from models.facts import ACCEPTED, Entry
from models.gather import TALLY_FIELDS
from models.recount import recount
from models.runtime import Runtime
from models.scans import PrintJob, Scan, StockMove, Tally

CHUNK = 2000
MOST = 1000                                   # differences listed: beyond that the file is lost anyway
_S: Any = Scan.__table__
_STORED = f"SELECT {', '.join(chain.COLUMNS)}, chain FROM scan WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608  our own names
_UNREADABLE = (ValueError, TypeError, DBAPIError)
Difference = dict[str, Any]
Progress = Callable[[int], None]


def audit(runtime: Runtime, progress: Progress | None = None) -> tuple[int, list[Difference]]:
    """(rows of the ledger, differences). Each difference has `kind`, `message` for a person and what it is about."""
    found: list[Difference] = []
    with runtime.connection() as connection:
        is_file = connection.dialect.name == "sqlite"
        if not is_file:
            connection.execution_options(isolation_level="REPEATABLE READ")
        scans = connection.execute(select(func.count()).select_from(Scan)).scalar_one()
        checks = (lambda c: _rows(c, progress), lambda c: _counts(c, runtime), _moves, _jobs)
        for check in (_file, *checks, _cut_off) if is_file else checks:
            try:
                for difference in check(connection):
                    if len(found) < MOST:
                        found.append(difference)
            except _UNREADABLE as error:      # a value that cannot be read, already named by the chain
                found.append(_difference("unreadable", "有的值读不出来，后面的检查没有做完。 Some value cannot be read; "
                                         "what depends on it was not checked.", detail=str(error)[:200]))
    return scans, found


def _difference(kind: str, message: str, **about: Any) -> Difference:
    return {"kind": kind, "message": message, **about}


def _file(connection: Connection) -> Iterator[Difference]:
    """What SQLite itself finds: pages, indexes, unique and foreign keys."""
    for (said,) in connection.execute(text("PRAGMA integrity_check(100)")):
        if said != "ok":
            yield _difference("file", f"数据库文件：{said}。 SQLite's own check.", detail=said)
    for row in connection.execute(text("PRAGMA foreign_key_check")):
        yield _difference("file", f"表 {row[0]} 第 {row[1]} 行指向不存在的 {row[2]}。 A row points nowhere.",
                          detail=f"{row[0]} {row[1]} {row[2]}")


def _rows(connection: Connection, progress: Progress | None) -> Iterator[Difference]:
    """The chain, row by row, and whether any row is missing. After a purge it grows out of the purge's record."""
    head_floor = connection.execute(select(Event.head_floor)).scalar_one()
    first = connection.execute(select(func.min(_S.c.seq))).scalar() or 0
    before_seq, before, last = head_floor, purged.chain_start(connection, first), -1
    while True:
        sound = _sound(connection, last, before_seq, before)
        rows = [] if sound else _chunk(connection, last)
        if not sound and not rows:
            return
        for seq, row in rows:
            if seq != before_seq + 1:
                yield _gap(before_seq + 1, seq - 1)
            elif row is None:
                yield _difference("unreadable_row", f"记录 {seq} 读不出来。 Row {seq} cannot be read.", seq=seq)
            elif chain.link(before, row) != row["chain"]:
                yield _difference("chain", f"记录 {seq} 与写入时不同。 Row {seq} is not what was written.", seq=seq)
            before_seq, before = seq, _kept_chain(connection, seq) if row is None else row["chain"]
        named = {job: row["seq"] for _, row in rows if row is not None for job in _jobs_of(row["answer"])}
        if sound:
            before_seq, before, named = sound
        yield from _lost_jobs(connection, named)
        if progress:
            progress(before_seq - max(last, head_floor))
        last = before_seq


def _sound(connection: Connection, last: int, before_seq: int, before: str) -> tuple[int, str, dict[str, int]] | None:
    """The next rows of SQLite's as they are stored, where each is what was written: the last one's seq and hash, and the
    print jobs that their answers name. None if anything is not as it should be, or nothing is left: then a closer look
    says what."""
    if connection.dialect.name != "sqlite":
        return None
    driver: Any = connection.connection.driver_connection
    named: dict[str, int] = {}
    found = False
    try:
        for *values, kept in driver.execute(_STORED, (last, CHUNK)):
            link, answer = chain.link_stored(before, values)
            if link != kept or values[0] != before_seq + 1:
                return None
            found, before_seq, before = True, values[0], kept
            named.update(dict.fromkeys(_jobs_of(answer), before_seq))
    except (*_UNREADABLE, sqlite3.Error, msgspec.MsgspecError, AttributeError):
        return None
    return (before_seq, before, named) if found else None


def _jobs_of(answer: Any) -> Sequence[str]:
    return (answer or {}).get("print_jobs") or ()


def _cut_off(connection: Connection) -> Iterator[Difference]:
    """Whether rows are missing at the end: SQLite remembers the highest number that it ever gave."""
    ever = connection.execute(text("SELECT seq FROM sqlite_sequence WHERE name = 'scan'")).scalar() or 0
    floor = connection.execute(select(Event.head_floor)).scalar_one()
    last = connection.execute(select(func.max(_S.c.seq))).scalar() or floor
    if ever > last:
        yield _gap(last + 1, ever)


def _gap(first: int, last: int) -> Difference:
    return _difference("missing_rows", f"缺少记录 {first} 到 {last}。 Rows {first} to {last} are missing.",
                       first=first, last=last)


def _chunk(connection: Connection, last: int) -> list[tuple[int, Any]]:
    """The next piece of the ledger; a row that cannot be read as what its columns are is None."""
    piece = select(_S).where(_S.c.seq > last).order_by(_S.c.seq).limit(CHUNK)
    try:
        return [(row.seq, row._mapping) for row in connection.execute(piece)]
    except _UNREADABLE:
        seqs = connection.execute(select(_S.c.seq).where(_S.c.seq > last).order_by(_S.c.seq).limit(CHUNK))
        return [(seq, _readable(connection, seq)) for seq in seqs.scalars().all()]


def _readable(connection: Connection, seq: int) -> Any:
    try:
        return connection.execute(select(_S).where(_S.c.seq == seq)).one()._mapping
    except _UNREADABLE:
        return None


def _kept_chain(connection: Connection, seq: int) -> str:
    try:
        return str(connection.execute(select(_S.c.chain).where(_S.c.seq == seq)).scalar_one())
    except _UNREADABLE:
        return ""


def _lost_jobs(connection: Connection, named: dict[str, int]) -> Iterator[Difference]:
    """Print jobs that a scan's answer names (each with the scan's seq) and that are not there."""
    if named:
        there = set(connection.execute(select(PrintJob.id).where(PrintJob.id.in_(named))).scalars())
        for job in named.keys() - there:
            yield _difference("print_job", f"记录 {named[job]} 的打印任务不见了。 A print job of row {named[job]} is gone.",
                              seq=named[job], print_job=job)


def _counts(connection: Connection, runtime: Runtime) -> Iterator[Difference]:
    """The tallies against the ledger; uses and undos against the laws."""
    broken: list[Difference] = []
    plan = runtime.ledger.memory.current(connection)
    counted = recount(connection, plan, lambda holder, history: broken.extend(_broken_laws(holder, history)))
    yield from broken
    kept = {row.service_key: row for row in connection.execute(select(Tally.__table__))}
    for key in sorted({*kept, *counted}):
        for name in TALLY_FIELDS:
            said = getattr(kept[key], name) if key in kept else 0
            if said != counted[key][name]:
                yield _difference("tally", f"{key} 的 {name}：计数为 {said}，按记录应为 {counted[key][name]}。"
                                           f" The tally says {said}, the ledger {counted[key][name]}.",
                                  service=key, field=name, kept=said, counted=counted[key][name])


def _broken_laws(holder: int, history: list[Entry]) -> Iterator[Difference]:
    """Law 2: a use number is given once. Law 4: an undo names one scan of the same holder and service, once."""
    used: set[tuple[str, int]] = set()
    undone: set[int] = set()
    by_seq = {e.seq: e for e in history}
    for entry in history:
        if entry.use_no is not None:
            if (entry.service, entry.use_no) in used:
                yield _difference("use_twice", f"记录 {entry.seq}：同一次使用记了两遍。 A use was given twice.",
                                  seq=entry.seq, service=entry.service, holder=holder, use_no=entry.use_no)
            used.add((entry.service, entry.use_no))
        if entry.voids is not None:
            target = by_seq.get(entry.voids)
            if target is None or target.service != entry.service or target.voids is not None or entry.voids in undone:
                yield _difference("undo", f"记录 {entry.seq} 撤销的不是一条有效记录。 It undoes no row that could be.",
                                  seq=entry.seq, voids=entry.voids)
            undone.add(entry.voids)


def _moves(connection: Connection) -> Iterator[Difference]:
    """Stock moves that no accepted scan explains, or by another quantity."""
    move, scan, target = StockMove.__table__, _S, _S.alias()
    due = func.coalesce(target.c.quantity, -scan.c.quantity)
    query = (select(move.c.id, move.c.scan_id, move.c.quantity, scan.c.seq)
             .outerjoin_from(move, scan, scan.c.id == move.c.scan_id)
             .outerjoin(target, target.c.seq == scan.c.voids)
             .where(move.c.scan_id.is_not(None),
                    scan.c.id.is_(None) | (scan.c.verdict != ACCEPTED) | (scan.c.service_key != move.c.service_key)
                    | (move.c.quantity != due)))
    for row in connection.execute(query):
        yield _difference("stock_move", f"库存变动 {row.id} 与扫码记录不符。 Stock move {row.id} has no such scan.",
                          stock_move=row.id, scan=row.scan_id, seq=row.seq)
    twice = (select(move.c.scan_id).where(move.c.scan_id.is_not(None)).group_by(move.c.scan_id)
             .having(func.count() > 1))
    for scan_id in connection.execute(twice).scalars():
        yield _difference("stock_move", "一次扫码动了两次库存。 One scan moved stock twice.", scan=scan_id)


def _jobs(connection: Connection) -> Iterator[Difference]:
    """Print jobs that name a scan which is not there."""
    job = PrintJob.__table__
    lost = (select(job.c.number, job.c.scan_id).outerjoin_from(job, _S, _S.c.id == job.c.scan_id)
            .where(job.c.scan_id.is_not(None), _S.c.id.is_(None)))
    for row in connection.execute(lost):
        yield _difference("print_job", f"打印任务 {row.number} 的扫码记录不见了。 The scan of print job {row.number} is gone.",
                          print_job=row.number, scan=row.scan_id)
