"""An event from one database to another, whole: from a file to a server, from a server to a file, and back.

Every table in the order of its references, row by row, in one transaction of the target and from one consistent state
of the source; then both are compared: rows of each table, the ledger's head and the end of its chain of hashes. The
source has this program's tables (whoever opens an event brings it up to them first), so the target gets the same.
"""
from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    create_engine,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from models import event, scans
from models.care import CareRefused
from models.every_table import METADATA

CHUNK = 1000                # rows in one INSERT
# Alembic's own: which version of the program the tables are of.
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False),
                PrimaryKeyConstraint("version_num", name="alembic_version_pkc"))
Step = Callable[[int, int], None]       # rows done, rows in all


def tables() -> list[Table]:
    """All tables, each after those that it refers to."""
    return [VERSION, *METADATA.sorted_tables]


def make_tables(target: Connection) -> None:
    """The tables of this program in a database that has none, within the caller's transaction."""
    for metadata in (VERSION.metadata, METADATA):
        metadata.create_all(target, checkfirst=False)


@contextmanager
def state_of(engine: Engine) -> Iterator[Connection]:
    """One consistent state of a database to read from, which nobody's commits change."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.execute(select(func.count()).select_from(event.Event)).scalar_one()     # the state is of this moment
        yield connection


def carry(source: Connection, target: Connection, step: Step | None = None) -> dict[str, int]:
    """Copies every row into the target's empty tables, within its transaction; rows of each table.

    CareRefused("not_carried"): a row that the target does not take, or the two are not the same afterwards.
    """
    counted = _counts(source)
    done, total = 0, sum(counted.values())
    for table in tables():
        try:
            for rows in _pieces(source, table):
                target.execute(insert(table), rows)
                done += len(rows)
                if step:
                    step(done, total)
        except DBAPIError as error:
            raise CareRefused("not_carried", f"表 {table.name} 的数据没有搬成（{type(error.orig).__name__}），什么都没有改动。"
                                             f" Rows of {table.name} could not be carried; nothing was changed.") from error
    _set_sequences(target)
    compare(source, target)
    return counted


def compare(source: Connection, target: Connection) -> None:
    """CareRefused("not_carried") unless both have the same rows in number, the same head and the same end of the chain."""
    for what, here, there in (("rows", _counts(source), _counts(target)), ("head", _end(source), _end(target))):
        if here != there:
            raise CareRefused("not_carried", f"两边对不上（{what}），什么都没有改动。 The two are not the same; nothing was changed.")


def to_file(source: Connection, path: Path, step: Step | None = None) -> dict[str, int]:
    """Makes one SQLite file, without a log beside it, of an event; rows of each table. CareRefused: not_carried, not_copied (the disk)."""
    try:
        with opened(path) as engine, engine.begin() as target:
            make_tables(target)
            counted = carry(source, target, step)
        with closing(sqlite3.connect(path)) as there:
            there.execute("PRAGMA journal_mode=DELETE")
        return counted
    except (sqlite3.Error, OSError, DBAPIError) as error:
        raise CareRefused("not_copied", f"没有复制成（{type(error).__name__}）：请检查磁盘空间和权限。"
                                        " The copy could not be made: look at disk space and permissions.") from error


@contextmanager
def opened(path: Path) -> Iterator[Engine]:
    """A database file, for one piece of writing."""
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True, execution_options={"writes": True})
    try:
        yield engine
    finally:
        engine.dispose()


def _pieces(source: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    """A table's rows by their keys, so many at a time, without holding them all."""
    wanted = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=CHUNK)
    with source.execute(wanted) as found:
        for rows in found.mappings().partitions():
            yield [dict(row) for row in rows]


def _counts(connection: Connection) -> dict[str, int]:
    return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables()}


def _end(connection: Connection) -> tuple[Any, ...]:
    """The event's epoch and revisions, and the ledger's last row."""
    ledger: Any = scans.Scan.__table__
    last = connection.execute(select(ledger.c.seq, ledger.c.id, ledger.c.chain).order_by(ledger.c.seq.desc()).limit(1)).first()
    meeting: Any = event.Event.__table__
    said = connection.execute(select(meeting.c.epoch, meeting.c.head_floor, meeting.c.ledger_revision)).one()
    return (*said, *(last or ()))


def _set_sequences(target: Connection) -> None:
    """The next number that PostgreSQL gives comes after those that were carried."""
    if target.dialect.name == "sqlite":
        return
    for table in tables():
        (key, *more) = table.primary_key.columns
        if table is VERSION or more or not isinstance(key.type, Integer) or key.foreign_keys:
            continue
        highest = select(func.max(key)).scalar_subquery()
        name = target.execute(text("SELECT pg_get_serial_sequence(:of, :column)"),
                              {"of": f'"{table.name}"', "column": key.name}).scalar()
        if name is not None:
            target.execute(select(func.setval(name, func.coalesce(highest, 1), highest.is_not(None))))
