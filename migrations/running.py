"""Running the migrations on a file, without an application around it."""
from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from models.files import FILE_MODE

FOLDER = Path(__file__).resolve().parent


def config() -> Config:
    """Alembic's configuration with our folder."""
    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    return made


def upgrade(path: Path) -> None:
    """Brings the database file (a new one if it is not there) to this program's tables, all or nothing."""
    path.touch(FILE_MODE)           # SQLite gives its log and its index the mode of the file
    engine = create_engine(f"sqlite:///{path}", execution_options={"writes": True})
    try:
        with engine.begin() as connection:
            settings = config()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    finally:
        engine.dispose()


def is_current(path: Path) -> bool:
    """Whether the file has the tables of this program's version."""
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.connect() as connection:
            here = MigrationContext.configure(connection).get_current_revision()
        return here == ScriptDirectory.from_config(config()).get_current_head()
    finally:
        engine.dispose()
