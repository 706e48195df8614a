"""The migrations make the same tables on PostgreSQL, whole or not at all, and never beside a node that serves."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, text

from migrations import on_server, running
from models import carry, leases
from models.care import CareRefused
from models.database import Base, server_url
from tests.command_line import run
from tests.old_event import add_step


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    engine = create_engine(server_url(database_url) or "")
    yield engine
    engine.dispose()


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


@pytest.mark.parametrize("way", ["migrations", "move"])
def test_the_tables_are_what_the_models_declare_whichever_way_they_are_made(empty: Engine, way: str) -> None:
    with empty.begin() as connection:
        if way == "migrations":
            running.migrate(connection, None)
        else:
            carry.make_tables(connection)
    assert differences(empty) == []


@pytest.fixture
def old(data: Path, empty: Engine) -> Path:
    """A node's folder of an event that has the tables of the version before."""
    with empty.begin() as connection:
        settings = running.config()
        settings.attributes["connection"] = connection
        command.downgrade(settings, "-1")
    return data


def test_the_next_command_upgrades_an_older_event_and_says_so(old: Path, empty: Engine) -> None:
    assert on_server.standing(empty) == "older"
    said = run(old, "audit")
    assert (said.code, said.payload) == (0, {"scans": 0, "differences": []})
    assert "已升级" in said.words and on_server.standing(empty) == "current" and differences(empty) == []
    assert "已升级" not in run(old, "audit").words


def test_nothing_is_upgraded_beside_a_node_of_the_older_version(old: Path, empty: Engine) -> None:
    with empty.connect() as node:
        assert leases.serve(node)
        assert run(old, "audit").payload["error"] == "in_use"
    assert on_server.standing(empty) == "older"


def test_an_upgrade_that_fails_half_way_changes_nothing(
        old: Path, empty: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "FOLDER", add_step(tmp_path / "failing", "op.execute('DROP TABLE scan CASCADE; SELECT 1 / 0')"))
    with pytest.raises(CareRefused) as refused:
        on_server.bring_up(empty)
    assert refused.value.error == "not_upgraded"
    with empty.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM scan")).scalar() == 0
    monkeypatch.undo()
    assert on_server.standing(empty) == "older"


def test_an_event_of_a_newer_version_is_refused_and_untouched(data: Path, empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    said = run(data, "audit")
    assert (said.code, said.payload["error"]) == (1, "newer")
