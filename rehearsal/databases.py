"""A scratch database inside a PostgreSQL server, made for a rehearsal and dropped after it."""
from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """The DATABASE_URL of a new database beside the one that `url` names; "" gives "" (SQLite). It is dropped at the
    end, whoever is connected. sqlalchemy.exc.SQLAlchemyError: the server is not there, or may not be written."""
    if not url:
        yield ""
        return
    there = make_url(url)
    name = f"huiwu_rehearsal_{secrets.token_hex(4)}"
    engine = create_engine(there.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
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
