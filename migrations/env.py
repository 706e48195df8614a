"""Alembic's environment: our own metadata, batch mode for SQLite, on the connection that running.py hands over."""
from __future__ import annotations

from typing import Any

from alembic import context
from sqlalchemy.types import DateTime

from models.database import UTCDateTime
from models.every_table import METADATA


def render(kind: str, item: Any, _autogen: Any) -> Any:
    """Migrations stand by themselves: our moment type is written as what it is stored as."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UTCDateTime) else False


def compare(_context: Any, _inspected: Any, _meta: Any, inspected_type: Any, meta_type: Any) -> bool | None:
    """A stored moment is a DateTime in the database."""
    return False if isinstance(meta_type, UTCDateTime) and isinstance(inspected_type, DateTime) else None


def run() -> None:
    """Runs the migrations on the connection given."""
    connection = context.config.attributes.get("connection")
    if connection is None:
        from flask import current_app
        connection = current_app.extensions["migrate"].db.engine.connect()
    context.configure(connection=connection, target_metadata=METADATA, render_as_batch=True,
                      render_item=render, compare_type=compare)
    with context.begin_transaction():
        context.run_migrations()


run()
