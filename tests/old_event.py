"""An event as an older version of the program left it, and a program whose newest step does what a test wants."""
from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from migrations import running
from models.database import database_path

FIRST = "0001"


def make_old(event: Path, folder: Path) -> Path:
    """A data folder with the rows of an event, in the tables of the first version."""
    folder.mkdir()
    path = database_path(folder)
    engine = create_engine(f"sqlite:///{path}", execution_options={"writes": True})
    with engine.begin() as connection:
        settings = running.config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, FIRST)
    engine.dispose()
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("ATTACH ? AS new", (str(database_path(event)),))
        for (table,) in old.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table != "alembic_version":
                columns = ", ".join(f'"{row[1]}"' for row in old.execute(f'PRAGMA main.table_info("{table}")'))
                old.execute(f'INSERT INTO main."{table}" ({columns}) SELECT {columns} FROM new."{table}"')
    return folder


def add_step(folder: Path, body: str) -> Path:
    """The program's migrations in a folder of their own, with one more step at the end that runs `body`."""
    shutil.copytree(running.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "9001_test.py").write_text(
        f"import os, signal\nfrom alembic import op\nrevision, down_revision = '9001', '{running.HEAD}'\n"
        f"branch_labels = depends_on = None\n\n\ndef upgrade():\n    {body}\n")
    return folder


def content(path: Path) -> list[str]:
    """Every table and row of a database, its log included."""
    with closing(sqlite3.connect(path)) as there:
        return list(there.iterdump())


def files(folder: Path) -> set[str]:
    """What lies in a data folder, without what SQLite and the servers' lock put beside the event."""
    return {path.name for path in folder.iterdir()} - {"huiwu.db-wal", "huiwu.db-shm", "serve.lock"}
