"""The database of one event: how it is opened, and what every connection must promise.

One event is one SQLite file, `huiwu.db`, in its data folder. WAL with `synchronous=FULL` stands on every
connection (law 3): with NORMAL a power cut lost 244-259 acknowledged scans in a simulation, with FULL none.
"""
from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import DateTime, TypeDecorator

DATABASE = "huiwu.db"
BUSY_SECONDS = 10  # how long a short transaction of a command waits for the server's, and the other way round


class Base(DeclarativeBase):
    """All constraints have names, so that migrations can speak of them."""

    metadata = MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    })


db = SQLAlchemy(model_class=Base)
if TYPE_CHECKING:
    class Model(Base):
        """What every table is; the extension gives it its table's name."""

        __abstract__ = True
else:
    Model = db.Model


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: stored in UTC without zone, always aware in Python. A naive value is a programming error."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


def now() -> datetime:
    """This moment, with zone. The one place where the models look at a clock."""
    return datetime.now(UTC)


def database_path(data: Path) -> Path:
    """The event's database in a data folder."""
    return data / DATABASE


def database_uri(data: Path) -> str:
    """How the event of a folder is opened. mode=rw: a missing file is an error in words, never a new empty event."""
    return f"sqlite:///file:{quote(str(database_path(data).resolve()))}?mode=rw&uri=true"


@event.listens_for(Engine, "connect")
def _promise(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # The driver's own BEGIN is lazy and would let a reader turn writer half-way (and fail with "locked" at once);
    # transactions begin where `begin_immediate` says so.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}",
                   "temp_store=MEMORY", "cache_size=-32000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        immediate = connection.get_execution_options().get("writes")
        # On the driver itself: the engine's own way to run a statement costs as much as three scans' share of it.
        connection.connection.driver_connection.execute("BEGIN IMMEDIATE" if immediate else "BEGIN")
