"""The databases of a rehearsal: a scratch one inside a PostgreSQL server, and another program that holds one."""
from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, Engine, make_url

LEDGER = "scan"         # the table that every scan is written to
PATIENCE = 30.0         # seconds of waiting for SQLite's lock


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """The DATABASE_URL of a new database beside the one that `url` names; "" gives "" (SQLite). It is dropped at the
    end, whoever is connected. sqlalchemy.exc.SQLAlchemyError: the server is not there, or may not be written."""
    if not url:
        yield ""
        return
    there = make_url(url)
    name = f"huiwu_rehearsal_{secrets.token_hex(4)}"
    engine = _engine(there, "AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        try:
            yield there.set(database=name).render_as_string(hide_password=False)
        finally:
            with engine.connect() as connection:
                connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    finally:
        engine.dispose()


@contextmanager
def held(data: Path, url: str) -> Iterator[None]:
    """Another program holds the database of a data folder, or the one that `url` names: nothing can be written."""
    if not url:
        with closing(sqlite3.connect(data / "huiwu.db", timeout=PATIENCE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        return
    engine = _engine(make_url(url))
    try:
        with engine.begin() as connection:
            connection.execute(text(f"LOCK TABLE {LEDGER} IN ACCESS EXCLUSIVE MODE"))
            yield
    finally:
        engine.dispose()


def _engine(url: URL, isolation: str | None = None) -> Engine:
    more = {"isolation_level": isolation} if isolation else {}
    return create_engine(url.set(drivername="postgresql+psycopg"), **more)
