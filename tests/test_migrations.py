"""The migrations make the tables that the code declares, and an older file is brought up to date, all or nothing."""
from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from migrations import running
from migrations.running import revision, standing, upgrade
from models.care import look_into
from models.database import Base, database_path
from serving import holding
from tests.command_line import run
from tests.conftest import Tablet
from tests.old_event import FIRST, add_step, content, files, make_old
from tests.served import ROOT, Visitor, serving

KILL = "os.kill(os.getpid(), signal.SIGKILL)"
FULL = "op.execute('PRAGMA max_page_count = 1'); op.execute('CREATE TABLE big AS SELECT zeroblob(9999999) AS z')"
REBUILD = "with op.batch_alter_table('station', recreate='always'): pass"
ORPHAN = "op.execute('DELETE FROM attendee')"
COMMAND = """
import sys
from pathlib import Path
from migrations import running
running.FOLDER = Path(sys.argv[1])
from cli import cli
cli(["--data", sys.argv[2], "--json", "audit"])
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def old(data: Path, desk: Tablet, badge: str, tmp_path: Path) -> Path:
    """A data folder that version 0.1.0 left: a person with a badge, a tablet, two scans and a slip."""
    assert desk.scan(badge, "signin")["verdict"] == desk.scan(badge, "bag")["verdict"] == "accepted"
    return make_old(data, tmp_path / "old")


def in_child(migrations: Path, folder: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """`audit` in a process of its own, by a program with these migrations."""
    return subprocess.run([sys.executable, "-c", COMMAND, str(migrations), str(folder)], cwd=ROOT, capture_output=True,
                          text=True, timeout=120, check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, **more)


def set_revision(folder: Path, to: str) -> None:
    with closing(sqlite3.connect(database_path(folder))) as there, there:
        there.execute("UPDATE alembic_version SET version_num = ?", (to,))


def test_the_migrations_make_what_the_models_declare(tmp_path: Path) -> None:
    path = tmp_path / "huiwu.db"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert not differences
    assert standing(path) == "current"


def test_the_program_names_the_newest_of_its_migrations() -> None:
    assert ScriptDirectory.from_config(running.config()).get_heads() == [running.HEAD]


def test_an_empty_file_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "huiwu.db"
    path.touch()
    assert standing(path) == "none"


def test_a_command_upgrades_an_older_event_says_so_and_keeps_its_file(old: Path) -> None:
    path = database_path(old)
    before = content(path)
    said = run(old, "audit")
    assert (said.code, said.payload) == (0, {"scans": 2, "differences": []})
    assert standing(path) == "current"
    (kept,) = old.glob(f"before-upgrade-{FIRST}-*.db")
    assert content(kept) == before
    assert kept.stat().st_mode & 0o077 == 0
    assert "已升级" in said.words and str(kept) in said.words
    assert files(old) == {"huiwu.db", kept.name}
    assert "已升级" not in run(old, "audit").words
    assert files(old) == {"huiwu.db", kept.name}, "what is current is left alone"


def test_an_upgraded_event_is_what_a_new_one_is(old: Path) -> None:
    assert run(old, "audit").code == 0
    engine = create_engine(f"sqlite:///{database_path(old)}")
    with engine.connect() as connection:
        assert not compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()


def test_a_server_upgrades_an_older_event_before_it_serves(old: Path) -> None:
    with serving(old, "--http") as served:
        assert "已升级" in served.said
        assert Visitor(served.url).get("/healthz").status == 200
    assert standing(database_path(old)) == "current"
    assert look_into(database_path(old)).head == 2


def test_rows_that_only_the_log_has_are_upgraded_and_kept(old: Path) -> None:
    path = database_path(old)
    with closing(sqlite3.connect(path)) as there:       # another command that is there keeps SQLite from folding it in
        there.execute("UPDATE attendee SET name = '只在日志里'")
        there.commit()
        assert "只在日志里".encode() not in path.read_bytes()
        assert run(old, "audit").code == 0
    (kept,) = old.glob("before-upgrade-*.db")
    for file in (path, kept):
        assert any("只在日志里" in line for line in content(file))


def test_nothing_is_upgraded_while_a_server_of_the_older_version_runs(old: Path) -> None:
    before = content(database_path(old))
    with holding(old):
        said = run(old, "audit")
    assert (said.code, said.payload["error"]) == (1, "in_use")
    assert "旧版本" in said.words
    assert content(database_path(old)) == before
    assert files(old) == {"huiwu.db"}


def test_a_command_beside_a_server_of_this_version_works(data: Path, desk: Tablet) -> None:
    with holding(data):
        assert run(data, "audit").code == 0
    assert not list(data.glob("before-upgrade-*"))


def test_an_event_of_a_newer_version_is_refused_and_untouched(old: Path) -> None:
    set_revision(old, "9999")
    before = database_path(old).read_bytes()
    for command in ("audit", "backup"):
        said = run(old, command)
        assert (said.code, said.payload["error"]) == (1, "newer")
        assert "更新版本" in said.words and "newer version" in said.words
    assert database_path(old).read_bytes() == before
    assert files(old) == {"huiwu.db"}


def test_an_empty_file_does_not_become_a_new_empty_event(tmp_path: Path) -> None:
    database_path(tmp_path).touch()
    assert run(tmp_path, "audit").payload["error"] == "damaged"
    assert content(database_path(tmp_path)) == ["BEGIN TRANSACTION;", "COMMIT;"]


def test_a_damaged_older_event_is_not_upgraded(old: Path) -> None:
    path = database_path(old)
    with closing(sqlite3.connect(path)) as there:
        page = there.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_scan_station'").fetchone()[0]
        size = there.execute("PRAGMA page_size").fetchone()[0]
    whole = bytearray(path.read_bytes())
    whole[(page - 1) * size:page * size] = b"\x55" * size
    path.write_bytes(whole)
    said = run(old, "audit")
    assert said.payload["error"] == "damaged" and "restore" in said.words
    assert (path.read_bytes(), files(old)) == (bytes(whole), {"huiwu.db"})


def test_a_program_killed_in_the_middle_of_an_upgrade_leaves_the_old_event_and_the_next_one_upgrades_it(
        old: Path, tmp_path: Path) -> None:
    before, killed = content(database_path(old)), add_step(tmp_path / "killed", KILL)
    for _ in range(2):
        assert in_child(killed, old).returncode == -signal.SIGKILL
        assert content(database_path(old)) == before
        assert len(files(old)) == 2, "beside it the copy that had no name yet, one however often it was cut off"
    assert run(old, "audit").payload == {"scans": 2, "differences": []}
    (kept,) = old.glob("before-upgrade-*.db")
    assert content(kept) == before
    assert files(old) == {"huiwu.db", kept.name}


@pytest.mark.parametrize("step", [FULL, ORPHAN], ids=["disk full", "a step that breaks references"])
def test_an_upgrade_that_fails_half_way_changes_nothing(old: Path, tmp_path: Path, step: str) -> None:
    before = content(database_path(old))
    ended = in_child(add_step(tmp_path / "failing", step), old)
    assert ended.returncode == 1
    assert '"error": "not_upgraded"' in ended.stdout and "没有改动" in ended.stderr
    assert "Traceback" not in ended.stderr and "CREATE" not in ended.stderr
    assert content(database_path(old)) == before
    assert files(old) == {"huiwu.db"}
    assert run(old, "audit").payload == {"scans": 2, "differences": []}


def test_without_room_for_the_copy_nothing_is_upgraded(old: Path) -> None:
    resource = pytest.importorskip("resource")
    before, half = content(database_path(old)), database_path(old).stat().st_size // 2
    ended = in_child(running.FOLDER, old, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (half, half)))
    assert ended.returncode == 1
    assert '"error": "not_copied"' in ended.stdout
    assert content(database_path(old)) == before
    assert files(old) == {"huiwu.db"}
    assert run(old, "audit").code == 0


@pytest.fixture
def commits_fail() -> Iterator[None]:
    """The disk is full at the very commit."""
    def fail(_connection: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")
    event.listen(Engine, "commit", fail)
    yield
    event.remove(Engine, "commit", fail)


def test_an_upgrade_whose_commit_fails_keeps_no_needless_copy(old: Path, commits_fail: None) -> None:
    before = content(database_path(old))
    assert run(old, "audit").payload["error"] == "not_upgraded"
    assert content(database_path(old)) == before
    assert files(old) == {"huiwu.db"}


def test_a_step_that_builds_a_table_anew_deletes_nothing_that_refers_to_it(old: Path, tmp_path: Path) -> None:
    """`device` refers to `station` with ON DELETE CASCADE."""
    ended = in_child(add_step(tmp_path / "rebuilding", REBUILD), old)
    assert ended.returncode == 0, ended.stderr
    with closing(sqlite3.connect(database_path(old))) as there:
        assert there.execute("SELECT count(*) FROM device").fetchone() == (1,)
    assert revision(database_path(old)) == "9001"
