"""An event on a server: made there, backed up into a file, put back there, never beside a node that serves."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from admin.samples import write_sample_roster
from admin.samples_plan import sample_plan
from models import carry, leases
from models.care import look_into
from models.database import server_url
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet
from tests.test_move import file_rows, rows


@pytest.fixture
def server(data: Path, database_url: str) -> Iterator[Engine]:
    """The test's database, in which the event is."""
    engine = create_engine(server_url(database_url) or "")
    yield engine
    engine.dispose()


def test_a_backup_is_one_file_that_a_laptop_can_open(
        data: Path, server: Engine, desk: Tablet, badge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.scan(badge, "signin")
    said = run(data, "backup", "--to", tmp_path / "all.db")
    assert (said.code, said.payload["head"]) == (0, 1)
    assert look_into(tmp_path / "all.db").head == 1
    assert file_rows(tmp_path / "all.db") == rows(server)
    monkeypatch.delenv("DATABASE_URL")
    assert run(tmp_path / "laptop", "restore", tmp_path / "all.db").code == 0
    assert run(tmp_path / "laptop", "audit").payload == {"scans": 1, "differences": []}


def test_a_restore_puts_a_backup_back_under_a_new_epoch_and_keeps_the_present_state(
        data: Path, server: Engine, runtime: Runtime, desk: Tablet, badge: str, tmp_path: Path) -> None:
    first = desk.scan(badge, "signin")
    saved = run(data, "backup", "--to", tmp_path / "all.db").payload
    desk.scan(badge, "bag")
    before = rows(server)
    runtime.engine.dispose()
    said = run(data, "restore", tmp_path / "all.db")
    assert (said.code, said.payload["head"]) == (0, 1), said.words
    assert said.payload["epoch"] != saved["epoch"]
    assert file_rows(Path(said.payload["kept"])) == before
    assert run(data, "audit").payload == {"scans": 1, "differences": []}
    assert desk.call("GET", "/api/v1/station")[1]["epoch"] == said.payload["epoch"], "an open node sees it"
    assert desk.scan(badge, "signin", id=first["id"])["http"] in (200, 409)
    assert desk.scan(badge, "bag")["verdict"] == "accepted"


def test_a_restore_is_refused_beside_a_node_and_of_what_is_no_backup(
        data: Path, server: Engine, desk: Tablet, tmp_path: Path) -> None:
    assert run(data, "backup", "--to", tmp_path / "all.db").code == 0
    before = rows(server)
    with server.connect() as node:
        assert leases.serve(node)
        assert run(data, "restore", tmp_path / "all.db").payload["error"] == "in_use"
    (tmp_path / "no.db").write_bytes(b"nothing" * 1000)
    assert run(data, "restore", tmp_path / "no.db").payload["error"] == "damaged"
    assert rows(server) == before


def test_the_automatic_backup_is_the_databases_own(data: Path, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    said = run(data, "backup", "--auto", tmp_path / "stick")
    assert (said.code, said.payload["error"]) == (1, "on_a_server")
    assert not list((tmp_path / "stick").iterdir())


@pytest.fixture
def empty(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database with nothing in it."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    engine = create_engine(server_url(database_url) or "")
    yield engine
    engine.dispose()


def test_init_makes_a_new_event_on_the_server_whole_or_not_at_all(empty: Engine, tmp_path: Path) -> None:
    plan, roster, node = tmp_path / "plan.toml", tmp_path / "roster.xlsx", tmp_path / "node"
    plan.write_text(sample_plan(date.today()))
    write_sample_roster(roster)
    (tmp_path / "bad.csv").write_text("姓名,证件种类\n赵六,没有这一种\n")
    assert run(node, "init", "--plan", plan, "--roster", tmp_path / "bad.csv").payload["error"] == "rows_refused"
    assert run(node, "audit").payload["error"] == "no_event"
    said = run(node, "init", "--plan", plan, "--roster", roster)
    assert (said.code, said.payload["roster"]["new"]) == (0, len(rows(empty)["attendee"])), said.words
    assert not (node / "huiwu.db").exists() and not list(node.glob(".new-*"))
    before = rows(empty)
    assert run(node, "init", "--plan", plan).payload["error"] == "event_exists"
    assert rows(empty) == before
    assert run(node, "audit").payload == {"scans": 0, "differences": []}
    badges = run(node, "badges", "--out", tmp_path / "badges.csv")
    assert badges.code == 0 and badges.payload["badges"] > 100
    number = carry_number(before)
    assert run(node, "reissue", number).payload["number"] == number
    assert run(node, "state", number, "cancelled").payload["state"] == "cancelled"
    assert run(node, "service", before["service"][0][0], "closed").payload["state"] == "closed"
    assert run(node, "pair", before["station"][0][0]).code == 0


def carry_number(found: dict[str, list[tuple[Any, ...]]]) -> str:
    """Somebody's number."""
    place = list(next(table for table in carry.tables() if table.name == "attendee").columns.keys()).index("number")
    return str(found["attendee"][0][place])


def test_a_server_that_does_not_answer_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://huiwu:geheim123@127.0.0.1:1/none")
    said = run(tmp_path, "audit")
    assert (said.code, said.payload["error"]) == (1, "no_database")
    assert "geheim123" not in said.words
    monkeypatch.setenv("DATABASE_URL", "sqlite:///x.db")
    assert run(tmp_path, "audit").payload["error"] == "database_url"
