"""Backups while serving, restores, and what becomes of the state before them."""
from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from app import create_app
from migrations.running import standing
from models.audit import audit
from models.care import CareRefused, backup, look_into
from models.runtime import Runtime
from models.scans import Scan
from serving import holding
from tests.command_line import Said, run
from tests.conftest import Tablet, scan
from tests.old_event import content, make_old


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def restore(data: Path, runtime: Runtime) -> Callable[[Path], Said]:
    """Restores as an operator does: with the server stopped."""
    def do(file: Path) -> Said:
        runtime.engine.dispose()
        return run(data, "restore", file)
    return do


def rows(runtime: Runtime) -> int:
    with runtime.connection() as connection:
        return connection.execute(select(func.count()).select_from(Scan)).scalar_one()


def as_event(file: Path, folder: Path) -> Runtime:
    """A copy of an event opened as an event."""
    folder.mkdir()
    shutil.copy(file, folder / "huiwu.db")
    runtime: Runtime = create_app({"DATA": folder}).extensions["huiwu"]
    return runtime


def test_a_backup_taken_between_scans_is_one_consistent_state(
        data: Path, tmp_path: Path, gate: Tablet, desk: Tablet, badge: str, runtime: Runtime) -> None:
    stop, begun = threading.Event(), threading.Event()
    gate.scan(badge, "lunch")

    def go_on() -> None:
        while not stop.is_set():
            gate.batch([scan(badge, "s1", direction=way) for way in ("in", "out")] * 20)
            begun.set()
    scanning = threading.Thread(target=go_on)
    scanning.start()
    try:
        assert begun.wait(30)
        made = backup(data, tmp_path / "copy.db")
    finally:
        stop.set()
        scanning.join()
    copy = as_event(made.file, tmp_path / "copy")
    assert 1 < made.head <= rows(runtime)
    assert audit(copy) == (made.head, [])
    copy.engine.dispose()


def test_a_backup_says_what_it_holds_and_is_one_file(data: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    said = run(data, "backup", "--to", tmp_path / "copy.db")
    assert said.payload == {"file": str(tmp_path / "copy.db"), "head": 1, "epoch": said.payload["epoch"]}
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["copy.db"]
    assert look_into(tmp_path / "copy.db").epoch == said.payload["epoch"]


def test_backups_without_a_name_stand_beside_each_other(data: Path) -> None:
    files = {run(data, "backup").payload["file"] for _ in range(2)}
    assert len(files) == 2
    assert all(Path(file).parent == data / "backups" for file in files)


def test_a_backup_overwrites_nothing(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")
    assert run(data, "backup", "--to", tmp_path / "copy.db").payload["error"] == "file_exists"
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_a_restore_brings_the_old_state_back_under_a_new_epoch_and_keeps_the_present(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said]) -> None:
    signed, later = scan(badge, "signin"), scan(badge, "bag")
    desk.batch([signed])
    before = run(data, "backup", "--to", tmp_path / "copy.db").payload
    desk.batch([later])
    said = restore(tmp_path / "copy.db")
    assert said.code == 0
    assert said.payload["head"] == 1
    assert said.payload["epoch"] != before["epoch"]
    status, answer = desk.call("POST", "/api/v1/scans", [signed, later])
    assert status == 200
    assert answer["epoch"] == said.payload["epoch"]
    assert [result["replayed"] for result in answer["results"]] == [True, False]
    assert [result["verdict"] for result in answer["results"]] == ["accepted", "accepted"]
    kept = as_event(Path(said.payload["kept"]), tmp_path / "kept")
    assert audit(kept) == (2, [])
    kept.engine.dispose()


def test_counts_after_a_restore_are_those_of_the_backup(
        data: Path, tmp_path: Path, desk: Tablet, create_attendee: Callable[..., tuple[int, str]],
        restore: Callable[[Path], Said]) -> None:
    people = [create_attendee()[1] for _ in range(3)]
    desk.scan(people[0], "signin")
    backup(data, tmp_path / "copy.db")
    before = desk.counts()["services"]
    desk.batch([scan(code, "signin") for code in people[1:]])
    assert desk.counts()["services"] != before
    restore(tmp_path / "copy.db")
    assert desk.counts()["services"] == before


def test_nothing_is_restored_while_a_server_holds_the_folder(data: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    backup(data, tmp_path / "copy.db")
    desk.scan(badge, "signin")
    with holding(data):
        said = run(data, "restore", tmp_path / "copy.db")
    assert (said.code, said.payload["error"]) == (1, "in_use")
    assert desk.counts()["head"] == 1


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\x00" * 4000])
def test_what_is_no_backup_is_refused_and_changes_nothing(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said], content: bytes) -> None:
    desk.scan(badge, "signin")
    (tmp_path / "x.db").write_bytes(content)
    said = restore(tmp_path / "x.db")
    assert (said.code, said.payload["error"]) == (1, "damaged")
    assert desk.counts()["head"] == 1
    assert not list(data.glob("before-restore*")) + list(data.glob(".*"))


def test_a_damaged_backup_is_found_out(data: Path, tmp_path: Path, restore: Callable[[Path], Said]) -> None:
    made = backup(data, tmp_path / "copy.db")
    content = bytearray(made.file.read_bytes())
    content[4096:12288] = b"\x55" * 8192
    made.file.write_bytes(content)
    with pytest.raises(CareRefused, match="damaged"):
        look_into(made.file)
    assert restore(made.file).payload["error"] == "damaged"


def test_a_damaged_event_is_replaced_and_still_kept(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said], runtime: Runtime) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    runtime.engine.dispose()
    (data / "huiwu.db").write_bytes(b"a virus was here")
    said = restore(tmp_path / "copy.db")
    assert (said.code, said.payload["head"]) == (0, 1)
    assert Path(said.payload["kept"]).read_bytes() == b"a virus was here"
    assert desk.counts()["services"]["signin"]["people"] == 1


def test_a_log_that_a_power_cut_left_is_kept_with_its_database(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said], runtime: Runtime) -> None:
    backup(data, tmp_path / "copy.db")
    desk.scan(badge, "signin")
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in ("huiwu.db", "huiwu.db-wal"):
        shutil.copy(data / name, cut / name)            # as the disk was when the power went
    runtime.engine.dispose()
    for name in ("huiwu.db", "huiwu.db-wal"):
        shutil.copy(cut / name, data / name)
    said = restore(tmp_path / "copy.db")
    assert said.payload["head"] == 0
    assert look_into(Path(said.payload["kept"])).head == 1


def test_a_backup_of_a_newer_program_is_refused_and_changes_nothing(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said]) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as there:
        there.execute("UPDATE alembic_version SET version_num = '9999'")
    there.close()
    said = restore(tmp_path / "copy.db")
    assert said.payload["error"] == "newer"
    assert "更新版本" in said.words
    assert desk.counts()["head"] == 1
    assert not list(data.glob("before-restore*")) + list(data.glob(".*"))


def test_a_backup_of_an_older_program_is_restored_as_an_event_of_this_one(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said]) -> None:
    desk.scan(badge, "signin")
    older = make_old(data, tmp_path / "older") / "huiwu.db"
    before = content(older)
    desk.scan(badge, "bag")
    said = restore(older)
    assert (said.code, said.payload["head"]) == (0, 1)
    assert standing(data / "huiwu.db") == "current"
    assert run(data, "audit").payload == {"scans": 1, "differences": []}
    assert desk.counts()["services"]["signin"]["people"] == 1
    assert content(older) == before
    assert not list(data.glob("before-upgrade-*"))


def test_a_backup_that_does_not_say_its_version_is_refused_and_changes_nothing(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said]) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    with sqlite3.connect(tmp_path / "copy.db") as there:
        there.execute("DROP TABLE alembic_version")
    there.close()
    assert restore(tmp_path / "copy.db").payload["error"] == "damaged"
    assert desk.counts()["head"] == 1
    assert not list(data.glob("before-restore*")) + list(data.glob(".*"))


def test_an_older_event_is_replaced_by_a_backup_and_kept_as_it_was(
        data: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    older = make_old(data, tmp_path / "older")
    before = content(older / "huiwu.db")
    said = run(older, "restore", tmp_path / "copy.db")
    assert said.code == 0
    assert content(Path(said.payload["kept"])) == before
    assert run(older, "audit").payload == {"scans": 1, "differences": []}


def test_an_event_is_restored_into_an_empty_folder(data: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    said = run(tmp_path / "other" / "laptop", "restore", tmp_path / "copy.db")
    assert (said.payload["head"], said.payload["kept"]) == (1, None)
    assert run(tmp_path / "other" / "laptop", "audit").payload == {"scans": 1, "differences": []}


def test_a_backup_reads_back_as_plain_sqlite_without_its_folder(data: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    backup(data, tmp_path / "copy.db")
    with sqlite3.connect(f"file:{tmp_path / 'copy.db'}?mode=ro&immutable=1", uri=True) as there:
        found: Any = there.execute("SELECT count(*) FROM scan").fetchone()
    there.close()
    assert found == (1,)


def test_after_a_restore_no_slip_prints_by_itself_and_backups_go_nowhere_unasked(
        data: Path, tmp_path: Path, desk: Tablet, badge: str, restore: Callable[[Path], Said]) -> None:
    desk.scan(badge, "signin")
    stick = tmp_path / "stick"
    stick.mkdir()
    run(data, "backup", "--auto", stick)
    assert run(data, "backup", "--to", tmp_path / "copy.db").code == 0
    assert restore(tmp_path / "copy.db").code == 0
    with sqlite3.connect(data / "huiwu.db") as there:
        assert there.execute("SELECT DISTINCT state FROM print_job").fetchall() == [("unknown",)]
        assert there.execute("SELECT backup_folder FROM event").fetchone() == (None,)
    there.close()


def test_the_folder_of_the_automatic_backups_is_chosen_said_and_given_back(data: Path, tmp_path: Path, desk: Tablet) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    said = run(data, "backup", "--auto", stick)
    assert said.payload["folder"] == str(stick)
    assert said.payload["same_disk"] and "同一块硬盘" in said.words
    assert look_into(Path(said.payload["file"])).epoch == said.payload["epoch"]
    assert run(data, "backup", "--auto", "-").payload == {"folder": None}
    assert run(data, "backup", "--auto", tmp_path / "nowhere").payload["error"] == "no_folder"
    assert run(data, "backup", "--auto", stick, "--to", stick).code == 2
