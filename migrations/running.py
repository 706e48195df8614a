"""Running the migrations on a file, without an application around it: a new file, an older one, one of a newer program.

Alembic is loaded only where a file is not current: what a command asks each time is one row (`standing`).
"""
from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import create_engine
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from models.care import CareRefused, copy_database, look_into
from models.database import BUSY_SECONDS, database_path, now
from models.files import FILE_MODE, replacing, stamped

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).resolve().parent
HEAD = "0005"                       # the newest of versions/
BEFORE = "before-upgrade"           # how the older files that are kept begin
Standing = Literal["current", "older", "newer", "none"]


def revision(path: Path) -> str | None:
    """Which tables the file has; None if it says nothing of it. sqlite3.DatabaseError if it cannot be read."""
    # Not mode=ro: SQLite leaves a log and an index behind that it may not remove.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as there:
        if not there.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        row = there.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None


def standing(path: Path) -> Standing:
    """How the file's tables stand to this program's; "none" if it has no revision. sqlite3.DatabaseError as above."""
    here = revision(path)
    if here is None:
        return "none"
    if here == HEAD:
        return "current"
    return "older" if here in known() else "newer"


def upgrade(path: Path) -> None:
    """Brings the database file (a new one if it is not there) to this program's tables, all or nothing.

    CareRefused: newer, or damaged if it has tables of nobody knows which version.
    """
    path.touch(FILE_MODE)           # SQLite gives its log and its index the mode of the file
    here = revision(path)
    with _writing(path) as connection:
        if here is None and connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first():
            raise CareRefused("damaged", "这个文件没有说明是哪个版本的程序做的，不能使用。"
                                         " The file does not say which version of the program made it.")
        migrate(connection, here)


def bring_up(data: Path) -> Path | None:
    """Brings the event of a folder to this program's tables, all or nothing; its file as it was is kept in another.

    Returns that other file, None if there was nothing to do. Call it only while you hold the folder. The copy is made
    inside the transaction that upgrades, so it has every row that the upgrade sees; it has its name before the commit.
    CareRefused: newer, damaged, not_copied, not_upgraded; the event's file is as it was then.
    """
    path, kept = database_path(data), None
    for left in data.glob(f".{BEFORE}-*.part"):     # by an upgrade that was cut off
        left.unlink()
    try:
        with _writing(path) as connection:
            was = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
            if was == HEAD:
                return None
            kept = stamped(data, f"{BEFORE}-{was}", now().astimezone())
            with replacing(kept, private=True) as beside:
                copy_database(path, beside)
                look_into(beside)
                migrate(connection, was)
    except (sqlite3.Error, DBAPIError, OSError) as error:
        with suppress(sqlite3.Error):
            if kept and revision(path) == was:      # the commit failed: a copy of what is there is no use
                kept.unlink(missing_ok=True)
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise CareRefused("not_upgraded", f"会议文件没有升级成（{reason}），原来的数据没有改动：请检查磁盘空间和权限，再运行一次。"
                                          " The event could not be upgraded and is as it was: look at disk space and"
                                          " permissions, then run it again.") from error
    return kept


def config() -> Config:
    """Alembic's configuration with our folder."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return made


def known() -> set[str]:
    """The revisions that this program has steps for."""
    from alembic.script import ScriptDirectory

    return {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}


def migrate(connection: Connection, here: str | None) -> None:
    """Runs the steps after a revision (None: all of them) on a connection that writes. CareRefused("newer")."""
    from alembic import command

    if here is not None and here not in known():
        raise CareRefused("newer", "这个文件是更新版本的程序做的，请用那个版本打开；文件没有改动。"
                                   " It was made by a newer version of the program; use that one. Nothing was changed.")
    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
    if connection.dialect.name != "sqlite":
        return                  # PostgreSQL checks references at each statement
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken is not None:
        raise sqlite3.IntegrityError(f"{broken[0]} → {broken[2]}")


@contextmanager
def _writing(path: Path) -> Iterator[Connection]:
    """One writing transaction on a file. References are checked at its end and not within: a step that builds a table
    anew drops the old one, and SQLite would delete with it all that refers to its rows."""
    engine = create_engine(f"sqlite:///{path}", execution_options={"writes": True})
    try:
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            driver.execute("PRAGMA foreign_keys=OFF")       # has no effect once a transaction has begun
            with connection.begin():
                yield connection
    finally:
        engine.dispose()
