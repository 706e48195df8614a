"""An event goes from its folder to a PostgreSQL server and back: the same rows, counts, codes and history."""
from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import Engine

from admin.founding import found
from admin.samples_plan import sample_plan
from app import create_app
from migrations import running
from models import carry, leases, plan_file
from models.database import database_path, database_uri, server_url
from tests.command_line import run
from tests.conftest import Tablet, sign_in
from tests.old_event import make_old


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def server(database_url: str) -> Iterator[Engine]:
    """The test's database on the server."""
    engine = create_engine(server_url(database_url) or "")
    yield engine
    engine.dispose()


@pytest.fixture
def lived(data: Path, desk: Tablet, gate: Tablet, create_attendee: Any, create_staff: Any, runtime: Any) -> Path:
    """An event with people, scans of every kind, an undo, a coupon, slips, stock and staff; nobody serves it."""
    for name in ("张三", "李四", "欧阳娜娜", "O'Brien \\ 𠮷田"):
        code = create_attendee(name, remarks="备注\n第二行\t'\"")[1]
        first = desk.scan(code, "signin")
        desk.scan(code, "signin")
        desk.scan(code, "bag")
        gate.scan(code, "lunch")
        gate.scan(code, "s1", direction="in")
        if name == "李四":
            desk.void(first["id"])
    gate.scan("B" + "0" * 20, "lunch")
    create_staff("陈总", "coordinator")
    runtime.engine.dispose()
    return data


def rows(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, as values."""
    with engine.connect() as connection:
        return {table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
                for table in carry.tables()}


def file_rows(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with carry.opened(path) as engine:
        return rows(engine)


def test_there_and_back_every_row_of_every_table_is_the_same(
        lived: Path, server: Engine, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_rows(database_path(lived))
    assert len(before["scan"]) > 15 and before["coupon"] and before["stock_move"] and before["print_job"]
    audited = run(lived, "audit").payload
    counted = run(lived, "export", "counts", "--out", tmp_path / "before.json")
    said = run(lived, "move", "to-server", "--database", database_url)
    assert (said.code, said.payload["scans"]) == (0, len(before["scan"]))
    assert not database_path(lived).exists()
    assert file_rows(Path(said.payload["aside"])) == before
    assert rows(server) == before

    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run(lived, "audit").payload == audited == {"scans": len(before["scan"]), "differences": []}
    assert counted.code == run(lived, "export", "counts", "--out", tmp_path / "there.json").code == 0
    assert json.loads((tmp_path / "there.json").read_text()) == json.loads((tmp_path / "before.json").read_text())
    monkeypatch.delenv("DATABASE_URL")

    back = tmp_path / "back"
    said = run(back, "move", "to-folder", "--database", database_url)
    assert said.code == 0, said.words
    assert file_rows(database_path(back)) == before
    assert run(back, "audit").payload == audited
    assert database_path(back).stat().st_mode & 0o077 == 0


def test_on_the_server_new_people_and_scans_go_on_where_the_file_ended(
        lived: Path, server: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(lived, "move", "to-server", "--database", database_url).code == 0
    last = max(row[0] for row in rows(server)["attendee"])
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run(lived, "staff", "add", "王新", "--role", "lead", "--pin-stdin", stdin="135790\n").code == 0
    (lived / "more.csv").write_text("姓名,证件种类\n赵六,代表\n")
    taken = run(lived, "import", lived / "more.csv")
    assert (taken.code, taken.payload["new"]) == (0, 1), taken.words
    assert max(row[0] for row in rows(server)["attendee"]) == last + 1
    app = create_app({"DATA": lived, "DATABASE_URL": database_url, "TESTING": True, "RATELIMIT_ENABLED": False})
    try:
        assert sign_in(app.test_client(), "陈总").status_code == 303
    finally:
        app.extensions["huiwu"].engine.dispose()


def test_after_a_move_the_folder_holds_no_event_that_could_be_served_beside(lived: Path, database_url: str) -> None:
    assert run(lived, "move", "to-server", "--database", database_url).code == 0
    lost = run(lived, "audit").payload
    assert lost["error"] == "moved" and "DATABASE_URL" in lost["message"]


def test_after_a_move_back_the_server_holds_no_event_and_its_tables_lie_aside(
        lived: Path, server: Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file_rows(database_path(lived))
    assert run(lived, "move", "to-server", "--database", database_url).code == 0
    said = run(lived, "move", "to-folder", "--database", database_url)
    assert said.code == 0, said.words
    with server.connect() as connection:
        schema = said.payload["aside"]
        assert connection.execute(text(f'SELECT count(*) FROM "{schema}".scan')).scalar() == len(before["scan"])
    monkeypatch.setenv("DATABASE_URL", database_url)
    assert run(lived, "audit").payload["error"] == "no_event"
    monkeypatch.delenv("DATABASE_URL")
    assert run(lived, "move", "to-server", "--database", database_url).code == 0, "and it may go there again"


def test_a_target_that_holds_an_event_is_left_as_it_is(lived: Path, server: Engine, database_url: str, tmp_path: Path) -> None:
    assert run(lived, "move", "to-server", "--database", database_url).code == 0
    there = rows(server)
    other = tmp_path / "other"
    found_event(other)
    before = file_rows(database_path(other))
    said = run(other, "move", "to-server", "--database", database_url)
    assert (said.code, said.payload["error"]) == (1, "event_exists")
    said = run(other, "move", "to-folder", "--database", database_url)
    assert (said.code, said.payload["error"]) == (1, "event_exists")
    assert (rows(server), file_rows(database_path(other))) == (there, before)


def found_event(folder: Path) -> None:
    found(folder, plan_file.read(sample_plan(date.today()))[0], lambda _runtime: None)


def test_a_database_with_other_tables_is_not_touched(lived: Path, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE theirs (x int)")
    said = run(lived, "move", "to-server", "--database", database_url)
    assert (said.code, said.payload["error"]) == (1, "not_empty")
    assert database_path(lived).exists()


def test_nothing_moves_while_a_node_serves_the_database(lived: Path, server: Engine, database_url: str) -> None:
    assert run(lived, "move", "to-server", "--database", database_url).code == 0
    with server.connect() as node:
        assert leases.serve(node)
        said = run(lived, "move", "to-folder", "--database", database_url)
        assert (said.code, said.payload["error"]) == (1, "in_use")
    server.dispose()        # the node is gone, and with it its lock
    assert run(lived, "move", "to-folder", "--database", database_url).code == 0


def test_a_row_that_the_server_does_not_take_moves_nothing(lived: Path, server: Engine, database_url: str) -> None:
    with carry.opened(database_path(lived)) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE attendee SET remarks = 'a' || char(0) || 'b' WHERE name = '李四'"))
    said = run(lived, "move", "to-server", "--database", database_url)
    assert (said.code, said.payload["error"]) == (1, "not_carried")
    assert "attendee" in said.words and "李四" not in said.words
    assert database_path(lived).exists()
    with server.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")).scalar() == 0


def test_a_copy_that_is_not_the_same_is_refused(lived: Path, server: Engine) -> None:
    with carry.opened(database_path(lived)) as engine, engine.connect() as source, server.begin() as target:
        carry.make_tables(target)
        target.execute(text("CREATE RULE away AS ON INSERT TO tally DO INSTEAD NOTHING"))
        with pytest.raises(carry.CareRefused) as refused:
            carry.carry(source, target)
        assert refused.value.error == "not_carried"


def test_the_password_of_the_database_is_in_no_message(lived: Path) -> None:
    said = run(lived, "move", "to-server", "--database", "postgresql://huiwu:geheim123@127.0.0.1:1/none")
    assert (said.code, said.payload["error"]) == (1, "no_database")
    assert "geheim123" not in said.words + str(said.payload)
    assert run(lived, "move", "to-server", "--database", "mysql://x").payload["error"] == "database_url"


def test_an_older_event_is_brought_up_before_it_moves(lived: Path, database_url: str, tmp_path: Path, server: Engine) -> None:
    old = make_old(lived, tmp_path / "old")
    said = run(old, "move", "to-server", "--database", database_url)
    assert said.code == 0, said.words
    assert rows(server)["alembic_version"] == [(running.HEAD,)]
    assert database_uri(old, database_url).startswith("postgresql+psycopg://")


@pytest.mark.parametrize("url", ["postgresql://huiwu:S3cret@host:port/huiwu", "postgresql://huiwu:p@S3cret@host/huiwu",
                                 "postgresql://huiwu:S3cret@[::1/huiwu", "mysql://huiwu:S3cret@host/huiwu"])
def test_an_address_that_cannot_be_read_is_refused_in_words_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"^DATABASE_URL") as refused:
        server_url(url)
    assert "S3cret" not in str(refused.value)


def test_an_address_with_a_password_s_own_marks_written_out_is_read() -> None:
    assert server_url("postgres://huiwu:p%40ss@db:5432/huiwu") == "postgresql+psycopg://huiwu:p%40ss@db:5432/huiwu"
    assert server_url("postgresql:///huiwu?host=/run") == "postgresql+psycopg:///huiwu?host=/run"
