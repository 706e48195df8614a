"""Commands that are killed in the middle: nothing is half there, and the next run works."""
from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from models.runtime import Runtime
from tests.command_line import run
from tests.served import ROOT

ROWS = 2500
KILLS = 4


def started(data: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "app.py", "--data", str(data), "--json", *arguments], cwd=ROOT,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def folder(data: Path, runtime: Runtime, tmp_path: Path) -> Path:
    runtime.engine.dispose()
    return shutil.copytree(data, tmp_path / "site" / "event")


def test_an_import_killed_at_random_moments_is_there_whole_or_not_at_all_and_the_next_one_works(
        folder: Path, tmp_path: Path) -> None:
    dice, file = random.Random(5), tmp_path / "名单.csv"
    file.write_text("编号,姓名,单位\n" + "".join(f"Z{n:05},代表{n},第{n % 40}研究所\n" for n in range(ROWS)), encoding="utf-8")
    for _ in range(KILLS):
        importing = started(folder, "import", str(file))
        threading.Event().wait(dice.uniform(0.5, 3.0))
        importing.kill()
        importing.wait()
        assert seen(folder) in (0, ROWS)
    said = run(folder, "import", file)
    assert said.code == 0, said.words
    assert said.payload["new"] + said.payload["unchanged"] == ROWS
    assert seen(folder) == ROWS
    assert run(folder, "audit").payload == {"scans": 0, "differences": []}


def seen(folder: Path) -> int:
    """People on the roster, as an export gives them to anybody."""
    said = run(folder, "export", "roster", "--out", folder.parent / "out.json")
    (folder.parent / "out.json").unlink()
    return int(said.payload["rows"])


def test_a_backup_killed_at_random_moments_leaves_no_file_that_is_half_one(folder: Path, tmp_path: Path) -> None:
    dice, target = random.Random(6), tmp_path / "copy.db"
    for _ in range(KILLS):
        copying = started(folder, "backup", "--to", str(target))
        threading.Event().wait(dice.uniform(0.3, 1.5))
        copying.kill()
        copying.wait()
        if target.exists():
            with closing(sqlite3.connect(target)) as there:
                assert there.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            target.unlink()
    assert run(folder, "backup", "--to", target).code == 0
    assert run(folder, "audit").payload == {"scans": 0, "differences": []}
