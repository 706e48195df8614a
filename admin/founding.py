"""A new event in a data folder: there whole, or nothing of it."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine

from migrations.running import upgrade
from models import leases, plan_store, server_care
from models.care import CareRefused
from models.database import database_path, database_uri
from models.files import private_folder, sync
from models.plan_types import Plan
from models.runtime import Runtime

T = TypeVar("T")


def found_on_server(url: str, data: Path, plan: Plan, fill: Callable[[Runtime], T]) -> tuple[dict[str, Any], T]:
    """As `found`, in a PostgreSQL database: made in a file beside, then carried there in one transaction.

    CareRefused: event_exists, not_empty, in_use, no_database. The folder is this node's.
    """
    private_folder(data)
    with (server_care.connected(url) as engine, leases.alone(engine),
          tempfile.TemporaryDirectory(prefix=".new-", dir=data) as workshop):
        with engine.connect() as connection:
            if server_care.has_event(connection):       # said before a long roster is read
                raise CareRefused("event_exists", server_care.EXISTS)
        made = _build(Path(workshop), plan, fill)
        server_care.bring(database_path(Path(workshop)), engine)
    return made


def found(data: Path, plan: Plan, fill: Callable[[Runtime], T]) -> tuple[dict[str, Any], T]:
    """Makes the event of a plan, lets `fill` add to it (a roster, the demo's history), then gives it its place.

    Returns what the plan made and what `fill` gave. FileExistsError if the folder holds an event; whatever `fill`
    raises. It is built in a folder beside its place, so that a failure leaves nothing behind.
    """
    if database_path(data).exists():
        raise FileExistsError(database_path(data))
    new = [folder for folder in (data, *data.parents) if not folder.exists()]
    try:
        private_folder(data)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=data) as workshop:
            made = _build(Path(workshop), plan, fill)
            if database_path(data).exists():
                raise FileExistsError(database_path(data))
            database_path(Path(workshop)).replace(database_path(data))
        sync(data)
    except BaseException:
        for folder in new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return made


def _build(workshop: Path, plan: Plan, fill: Callable[[Runtime], T]) -> tuple[dict[str, Any], T]:
    upgrade(database_path(workshop))
    runtime = Runtime(create_engine(database_uri(workshop), hide_parameters=True), workshop)
    try:
        made = runtime.writer.do(lambda session: plan_store.create(session, plan))
        return made, fill(runtime)
    finally:
        runtime.engine.dispose()        # the last connection folds SQLite's log into the file
