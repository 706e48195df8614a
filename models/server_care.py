"""Care of an event on a PostgreSQL server: it comes from a file, goes into a file, and gives way to another.

What care.py does with files is here one transaction of the server: tables can be made and put aside within it, so an
event is there whole or not at all.
"""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import case, create_engine, inspect, select, text, update
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from models import carry, leases
from models.care import CareRefused, Copy, look_into, made_ready
from models.carry import Step
from models.database import database_path, engine_options, now, server_url
from models.event import Event
from models.files import private_folder, replacing, stamped

ASIDE = "moved"             # how the names begin of what was put aside after a move
EXISTS = "这个数据库里已经有会议，没有改动。 There is an event in that database already; nothing was changed."
SCHEMA = "moved_{:%Y%m%d_%H%M%S}"


@contextmanager
def connected(url: str) -> Iterator[Engine]:
    """A server's database, for one piece of work. CareRefused("no_database"): it does not answer."""
    engine = create_engine(server_url(url) or "", **engine_options(url))
    try:
        try:
            engine.connect().close()
        except DBAPIError as error:
            raise CareRefused("no_database", f"数据库没有回答（{error.orig}）。 The database does not answer.") from error
        yield engine
    finally:
        engine.dispose()


def has_event(connection: Connection) -> bool:
    """Whether there is an event in a server's database. CareRefused("not_empty"): other tables are."""
    if inspect(connection).has_table(Event.__tablename__) and inspect(connection).has_table(carry.VERSION.name):
        return connection.execute(text("SELECT 1 FROM event")).first() is not None
    if inspect(connection).get_table_names():
        raise CareRefused("not_empty", "这个数据库里已经有别的表，请换一个空的数据库。"
                                       " There are other tables in that database; use an empty one.")
    return False


def bring(file: Path, engine: Engine, step: Step | None = None, replace: bool = False) -> dict[str, int]:
    """The event of a file, with today's tables, into a server's database; rows of each table. All or nothing.

    `replace` puts the event that is there out of the way for good: whoever asks for it has kept it in a file. Call it
    with the database alone (leases.alone). CareRefused: event_exists, not_empty, not_carried.
    """
    with carry.opened(file) as there, there.connect() as source, _writing(engine) as target:
        before = target.execute(select(Event.plan_revision)).scalar_one() if has_event(target) else 0
        if before and not replace:
            raise CareRefused("event_exists", EXISTS)
        for table in reversed(carry.tables()):
            table.drop(target, checkfirst=True)
        carry.make_tables(target)
        counted = carry.carry(source, target, step)
        if before:      # a node that lost sight of the database meanwhile must not take its memory for this event's
            target.execute(update(Event).values(plan_revision=case((Event.plan_revision > before, Event.plan_revision),
                                                                   else_=before) + 1))
        return counted


def restore(data: Path, file: Path, engine: Engine, upgrade: Callable[[Path], None]) -> tuple[Copy, Path | None]:
    """Puts a backup in the place of the server's event, under a new epoch; the present state stays in a file.

    Returns what stands now, and the file (None if there was no event). CareRefused: no_file, damaged, newer, not_copied,
    not_restored, in_use (a node serves), not_carried.
    """
    if not file.is_file():
        raise CareRefused("no_file", f"找不到备份文件 {file}。 There is no such file.")
    look_into(file)
    private_folder(data)
    with leases.alone(engine), tempfile.TemporaryDirectory(prefix=".new-", dir=data) as workshop:
        beside = database_path(Path(workshop))
        made = made_ready(file, beside, upgrade)
        kept = _keep(engine, data)
        bring(beside, engine, replace=True)
    return Copy(file, made.head, made.epoch), kept


def to_folder(engine: Engine, data: Path, step: Step | None = None) -> tuple[dict[str, int], str]:
    """The server's event into a folder that has none; its tables stay on the server in a schema of their own.

    Returns the rows of each table and the schema's name. CareRefused: no_event, in_use, not_copied, not_carried.
    """
    at = now().astimezone()
    with leases.alone(engine), _writing(engine) as source:
        if not has_event(source):
            raise CareRefused("no_event", "这个数据库里没有会议。 There is no event in that database.")
        with replacing(database_path(data), private=True) as beside:
            counted = _carried(source, beside, step)
        schema = _put_aside(source, at)
    return counted, schema


def to_server(data: Path, engine: Engine, step: Step | None = None) -> tuple[dict[str, int], Path]:
    """The event of a folder into a server's empty database; its file stays under another name.

    Returns the rows of each table and that file. Call it only while you hold the folder. CareRefused: event_exists,
    not_empty, in_use, not_carried.
    """
    with leases.alone(engine):
        counted = bring(database_path(data), engine, step)
    kept = stamped(data, ASIDE, now().astimezone())
    for ending in ("", "-wal", "-shm"):     # a log is there only if somebody else still has the file open
        part = database_path(data).with_name(database_path(data).name + ending)
        if part.exists():
            part.replace(kept.with_name(kept.name + ending))
    return counted, kept


def _carried(source: Connection, beside: Path, step: Step | None) -> dict[str, int]:
    counted = carry.to_file(source, beside, step)
    look_into(beside)
    return counted


def _keep(engine: Engine, data: Path) -> Path | None:
    with engine.connect() as connection:
        if not has_event(connection):
            return None
    kept = stamped(data, "before-restore", now().astimezone())
    with carry.state_of(engine) as source, replacing(kept, private=True) as beside:
        _carried(source, beside, None)
    return kept


def _put_aside(connection: Connection, at: datetime) -> str:
    schema = SCHEMA.format(at)
    connection.execute(text(f'CREATE SCHEMA "{schema}"'))
    for table in carry.tables():
        connection.execute(text(f'ALTER TABLE "{table.name}" SET SCHEMA "{schema}"'))
    return schema


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(writes=True).begin() as connection:
        yield connection
