"""Huiwu 会务: the application of one event's data folder, and the entry of the command line.

`create_app({"DATA": folder})` starts no thread: commands and tests never run a second writer. Only `serve`'s worker
(serving.py) starts the writer, the spooler and the live hub.
"""
from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask, request
from flask_babel import Babel
from flask_migrate import Migrate
from sqlalchemy import select

import guard
from admin import views as admin_views
from cli import cli
from kiosk import api as device_api
from kiosk import live
from kiosk import routes as kiosk_routes
from models.database import Base, database_path, db
from models.event import Event
from models.runtime import Runtime
from printers import views as printer_views

ROOT = Path(__file__).resolve().parent
CATALOGUES = ("kiosk", "admin", "printers", "models")
LANGUAGES = ("zh", "en")
BODY_LIMIT = 2 * 1024 * 1024            # of any request but an upload, which says its own
migrate = Migrate(directory=str(ROOT / "migrations"), render_as_batch=True)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application of a data folder (`DATA`). The folder holds one event, or none yet."""
    app = Flask(__name__, instance_path=str(ROOT / "instance"))
    app.config.from_mapping(config or {})
    data = Path(app.config.setdefault("DATA", ROOT / "instance"))
    app.config.update(
        # mode=rw: a missing file is an error in words, never a new empty event
        SQLALCHEMY_DATABASE_URI=f"sqlite:///file:{quote(str(database_path(data).resolve()))}?mode=rw&uri=true",
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 40, "max_overflow": 240},
        BABEL_DEFAULT_LOCALE="zh", BABEL_DOMAIN=";".join(CATALOGUES),
        BABEL_TRANSLATION_DIRECTORIES=";".join([str(ROOT / "translations")] * len(CATALOGUES)))
    app.config.setdefault("MAX_CONTENT_LENGTH", BODY_LIMIT)
    db.init_app(app)
    migrate.init_app(app, db)
    Babel(app, locale_selector=choose_language)
    with app.app_context():
        runtime = app.extensions["huiwu"] = Runtime(db.engine, data)
    app.extensions["huiwu.live"] = live.Hub(runtime)
    app.config["SECRET_KEY"] = app.config.get("SECRET_KEY") or _secret(data, runtime)
    guard.limiter.init_app(app)
    guard.install(app)
    for room in (device_api.api, kiosk_routes.pages, admin_views.pages, printer_views.pages):
        app.register_blueprint(room)
    return app


def choose_language() -> str:
    """One tap sets the cookie; without it the browser's wish counts, Chinese first."""
    chosen = request.cookies.get("lang")
    if chosen in LANGUAGES:
        return str(chosen)
    return request.accept_languages.best_match(LANGUAGES, "zh") or "zh"


def create_tables(data: Path) -> None:
    """Makes the database file of a new event; refuses to touch an existing one (FileExistsError)."""
    from migrations.running import upgrade
    upgrade(database_path(data))


def _secret(data: Path, runtime: Runtime) -> str:
    """The event's own secret signs cookies, so that a restart signs nobody out."""
    if not database_path(data).exists():
        return secrets.token_hex(32)
    with runtime.connection() as connection:
        return connection.execute(select(Event.secret)).scalar() or secrets.token_hex(32)


__all__ = ["Base", "cli", "create_app"]

if __name__ == "__main__":
    sys.exit(cli())
