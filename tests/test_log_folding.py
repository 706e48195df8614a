"""SQLite's log beside a rush: it is folded while commits follow each other, and does not grow for ever."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from models import writer
from models.database import database_path, now
from models.runtime import Runtime
from models.scans import StockMove

ROUNDS = 12


class InARush:
    """A connection of the folding thread; while it folds, somebody commits, and what they wrote stays behind."""

    def __init__(self, driver: Any, runtime: Runtime, commit: Callable[[], None]):
        self._driver, self._runtime, self._commit = driver, runtime, commit

    def execute(self, statement: str) -> Any:
        if "PASSIVE" not in statement:
            return self._driver.execute(statement)
        with self._runtime.connection() as connection:      # up to where it reads is folded, as up to where a folding began
            connection.exec_driver_sql("SELECT count(*) FROM stock_move").scalar_one()
            self._commit()
            return self._driver.execute(statement)


def log_after(runtime: Runtime, data: Path, rounds: int) -> int:
    """The log's bytes after so many foldings, each with a commit in between."""
    def commit() -> None:
        runtime.writer.do(lambda session: session.execute(insert(StockMove), [
            {"service_key": "bag", "quantity": -1, "at": now(), "actor": "x" * 400} for _ in range(100)]))
    for _ in range(rounds):
        commit()
        with runtime.engine.connect() as connection:
            runtime.writer._fold(InARush(connection.connection.driver_connection, runtime, commit))
    path = database_path(data)
    return path.with_name(f"{path.name}-wal").stat().st_size


def test_a_long_log_begins_anew_although_commits_follow_each_other(
        runtime: Runtime, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_LOG", 10)
    short = log_after(runtime, data, 2)
    assert log_after(runtime, data, ROUNDS) <= short * 2
    monkeypatch.setattr(writer, "LONG_LOG", 1_000_000)      # without that it grows
    assert log_after(runtime, data, ROUNDS) > short * 3


class Asked:
    """A connection that says how long it would have waited for others when it began the log anew."""

    def __init__(self, driver: Any):
        self._driver, self.patience = driver, list[int]()

    def execute(self, statement: str) -> Any:
        if "RESTART" in statement:
            self.patience += self._driver.execute("PRAGMA busy_timeout").fetchone()
        return self._driver.execute(statement)


def test_somebody_who_reads_is_not_waited_for(runtime: Runtime, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_LOG", 1)
    with runtime.connection() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM stock_move").scalar_one()
        runtime.writer.do(lambda session: session.execute(insert(StockMove), [
            {"service_key": "bag", "quantity": -1, "at": now(), "actor": ""}]))
        with runtime.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            asked = Asked(driver)
            runtime.writer._fold(asked)
            assert asked.patience == [0]
            assert driver.execute("PRAGMA busy_timeout").fetchone()[0] > 0, "given back with the connection"
