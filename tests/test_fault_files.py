"""The event's file is damaged, gone, changed or cut short: the real server says so and how to go on, makes no new event
in its place, and tablets bring back what its log had lost."""
from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from models.database import database_path
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet, scan
from tests.fault_site import Ledger, Outbox, Server, everything_is_recorded, outboxes, people, serving
from tests.plans import EXAMPLE
from tests.served import ROOT


@pytest.fixture
def stopped(data: Path, runtime: Runtime, desk: Tablet, badge: str, tmp_path: Path) -> Path:
    """A folder with an event of one scan, that nobody holds open, and a backup beside it."""
    assert desk.scan(badge, "signin")["verdict"] == "accepted"
    assert run(data, "backup", "--to", tmp_path / "good.db").code == 0
    with closing(sqlite3.connect(database_path(data))) as there:
        there.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    runtime.engine.dispose()
    folder = tmp_path / "stopped"
    folder.mkdir()
    shutil.copy(database_path(data), database_path(folder))
    return folder


def refused(data: Path) -> str:
    """What `serve` says to a person when it refuses to start."""
    ended = subprocess.run([sys.executable, "app.py", "--data", str(data), "serve", "--http", "--port", "0"], cwd=ROOT,
                           capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    return ended.stderr


def is_served_after_restore(data: Path, backup: Path) -> None:
    assert run(data, "restore", backup).code == 0
    server = Server(data)
    server.start()
    server.kill()
    assert run(data, "audit").payload == {"scans": 1, "differences": []}


@pytest.mark.parametrize("damage", ["header", "empty", "half"])
def test_a_damaged_file_is_not_served_and_the_words_lead_to_a_restore(stopped: Path, tmp_path: Path, damage: str) -> None:
    path = database_path(stopped)
    whole = path.read_bytes()
    path.write_bytes({"header": b"\x55" * 4096 + whole[4096:], "empty": b"", "half": whole[:len(whole) // 8192 * 4096]}[damage])
    left = path.read_bytes()
    said = refused(stopped)
    assert "restore" in said and "恢复备份" in said
    assert not left or path.read_bytes() == left       # an empty file gets SQLite's header, and no table
    is_served_after_restore(stopped, tmp_path / "good.db")


def test_after_an_unclean_stop_a_page_damaged_deep_inside_is_found_before_anybody_is_served(
        stopped: Path, tmp_path: Path) -> None:
    path = database_path(stopped)
    with closing(sqlite3.connect(path)) as there:
        page = there.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ix_scan_station'").fetchone()[0]
        size = there.execute("PRAGMA page_size").fetchone()[0]
    server = Server(stopped)
    server.start()
    server.kill()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\x00" * size)
    assert path.with_name("huiwu.db-wal").stat().st_size > 0
    said = refused(stopped)
    assert "restore" in said and "恢复备份" in said
    is_served_after_restore(stopped, tmp_path / "good.db")


@pytest.mark.parametrize("trace", ["log", "backup"])
def test_a_missing_file_is_said_and_no_new_event_takes_its_place(stopped: Path, tmp_path: Path, trace: str) -> None:
    database_path(stopped).unlink()
    left = stopped / ("huiwu.db-wal" if trace == "log" else "backups/huiwu-20261205-090000.db")
    left.parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "good.db", left)
    said = refused(stopped)
    assert "不见了" in said and "restore" in said and "init" not in said
    plan = tmp_path / "plan.toml"
    plan.write_text(EXAMPLE, encoding="utf-8")
    made = run(stopped, "init", "--plan", plan)
    assert (made.code, made.payload["error"]) == (1, "missing")
    assert left.exists() and not database_path(stopped).exists()
    is_served_after_restore(stopped, tmp_path / "good.db")


def test_the_log_of_an_event_that_is_gone_is_not_read_into_the_backup_that_is_restored(
        data: Path, runtime: Runtime, desk: Tablet, tmp_path: Path) -> None:
    first, *rest = people(runtime, 40)
    desk.scan(first, "signin")
    run(data, "backup", "--to", tmp_path / "good.db")
    with closing(sqlite3.connect(database_path(data))) as reader:
        reader.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM scan").fetchone()        # keeps the log from being folded in
        desk.batch([scan(code, "signin") for code in rest])
        folder = tmp_path / "gone"
        folder.mkdir()
        shutil.copy(data / "huiwu.db-wal", folder / "huiwu.db-wal")
    is_served_after_restore(folder, tmp_path / "good.db")


def test_a_flipped_byte_is_served_unnoticed_and_found_by_the_audit_beside_the_server(stopped: Path) -> None:
    path = database_path(stopped)
    with closing(sqlite3.connect(path)) as there:
        (printed,) = there.execute("SELECT fingerprint FROM scan").fetchone()
    whole = bytearray(path.read_bytes())
    whole[whole.index(printed.encode())] ^= 1
    path.write_bytes(whole)
    with serving(stopped):
        said = run(stopped, "audit")
        assert said.code == 1
        assert [(d["kind"], d["seq"]) for d in said.payload["differences"]] == [("chain", 1)]


def cut_short(data: Path, tablets: list[Outbox], badges: list[str], into: Path) -> int:
    """Scans of which only the log knows, and the folder as a kill leaves it; returns the head that was promised last."""
    with serving(data) as server, closing(sqlite3.connect(database_path(data), isolation_level=None)) as reader:
        for tablet in tablets:
            tablet.url = server.url
        tablets[0].put(scan(badges[0], "signin"))
        tablets[0].drain()
        reader.execute("BEGIN")
        reader.execute("SELECT 1 FROM scan").fetchone()         # as a long export does
        for number, code in enumerate(badges[1:]):
            tablet = tablets[number % len(tablets)]
            tablet.put(scan(code, "signin"))
            tablet.drain()
        for tablet in tablets:
            tablet.hang_up()
        server.signal(signal.SIGSTOP)
        shutil.copytree(data, into)
    return max(int(tablet.told["head"]) for tablet in tablets)


@pytest.mark.parametrize("how", ["cut", "torn"])
def test_scans_that_a_cut_log_lost_come_back_from_the_tablets(
        data: Path, runtime: Runtime, tmp_path: Path, how: str) -> None:
    badges, tablets, after = people(runtime, 60), outboxes(runtime, 3), tmp_path / "after" / "event"
    runtime.engine.dispose()
    promised = cut_short(data, tablets, badges, after)
    log = after / "huiwu.db-wal"
    whole = bytearray(log.read_bytes())
    if how == "cut":
        whole = whole[:len(whole) // 2]
    else:
        whole[len(whole) // 2] ^= 1
    log.write_bytes(whole)
    with serving(after) as server:
        left = server_head(server, tablets[0])
        assert 0 < left < promised == len(badges)
        for tablet in tablets:
            tablet.url = server.url
        assert [tablet.check() for tablet in tablets] == [True] * len(tablets), "the head is below what each was promised"
        for tablet in tablets:
            tablet.drain()
            tablet.hang_up()
    everything_is_recorded(after, tablets)
    assert len(Ledger(after).rows) == len(badges)


def server_head(server: Server, tablet: Outbox) -> int:
    tablet.url = server.url
    return int(tablet.ask("GET", "/healthz")[1]["head"])
