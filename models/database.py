"""The database of one event: how it is opened, and what every connection must promise.

One event is one SQLite file, `huiwu.db`, in its data folder. WAL with `synchronous=FULL` stands on every
connection (law 3): with NORMAL a power cut lost 244-259 acknowledged scans in a simulation, with FULL none.
Where one laptop is not enough it is a PostgreSQL database (`DATABASE_URL`), with `synchronous_commit` likewise.
"""
from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import DateTime, TypeDecorator

from models.files import database_path

DRIVER = "psycopg"                  # psycopg 3
SERVER_CONNECTIONS = 40             # of one app node: two of them leave room in a server that allows 100
WRITING = 0x4875697775              # "Huiwu": the lock that a writing transaction holds on a server
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


def server_url(url: str | None) -> str | None:
    """A PostgreSQL server's database as SQLAlchemy opens it; None if no url is given. ValueError: it is of another kind or
    cannot be read. A password's own @ must be written %40: the rest of it would be taken, and shown, for the host."""
    if not url:
        return None
    scheme, found, rest = url.partition("://")
    if not found or scheme not in ("postgres", "postgresql", f"postgresql+{DRIVER}"):
        raise ValueError("DATABASE_URL must begin with postgresql://")
    try:
        host = make_url(f"postgresql+{DRIVER}://{rest}").host or ""
    except (ArgumentError, ValueError):     # its own words may show the password
        raise ValueError("DATABASE_URL cannot be read") from None
    if "@" in host:
        raise ValueError("DATABASE_URL has an @ too many")
    return f"postgresql+{DRIVER}://{rest}"


def database_uri(data: Path, url: str | None = None) -> str:
    """How the event of a folder is opened, or the one on a server. mode=rw: a missing file is an error in words, never a
    new empty event."""
    if (server := server_url(url)) is not None:
        return server
    return f"sqlite:///file:{quote(str(database_path(data).resolve()))}?mode=rw&uri=true"


def engine_options(url: str | None) -> dict[str, Any]:
    """How connections are kept. What was to be written holds names, phones and codes: an error must not carry it into
    the log (law 8)."""
    if not url:
        # The one given back last is taken first: its pages are warm, and each that is used keeps pages of its own.
        return {"pool_size": 40, "max_overflow": 240, "pool_use_lifo": True, "hide_parameters": True}
    promises = {"synchronous_commit": "on", "lock_timeout": f"{BUSY_SECONDS}s", "timezone": "UTC"}
    return {"pool_size": SERVER_CONNECTIONS // 2, "max_overflow": SERVER_CONNECTIONS // 2, "hide_parameters": True,
            # A server that was started again must not cost a request for each connection that it had.
            "pool_pre_ping": True,
            "connect_args": {"options": " ".join(f"-c {key}={value}" for key, value in promises.items()),
                             "connect_timeout": BUSY_SECONDS}}


@event.listens_for(Engine, "connect")
def _promise(connection: Any, _record: Any) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    # The driver's own BEGIN is lazy and would let a reader turn writer half-way (and fail with "locked" at once);
    # transactions begin where `begin_immediate` says so.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_SECONDS * 1000}",
                   "temp_store=MEMORY", "cache_size=-8000"):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes")
    # On the driver itself: the engine's own way to run a statement costs as much as three scans' share of it.
    driver = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        # The ledger's sequence and its chain of hashes have one end: the groups of all nodes come one after the other,
        # as SQLite has it by itself. PostgreSQL lets go of the lock after the commit is on the disk.
        driver.execute("SELECT pg_advisory_xact_lock(%s)", (WRITING,))
