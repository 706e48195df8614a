"""The migrations make the tables that the code declares, and an older file is brought up to date."""
from __future__ import annotations

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from migrations.running import is_current, upgrade
from models.database import Base


def test_the_migrations_make_what_the_models_declare(tmp_path: Path) -> None:
    path = tmp_path / "huiwu.db"
    upgrade(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert not differences
    assert is_current(path)


def test_an_empty_file_is_not_current(tmp_path: Path) -> None:
    path = tmp_path / "huiwu.db"
    path.touch()
    assert not is_current(path)
