"""Huiwu 会务: the application of one event's data folder, and the entry of the command line.

`create_app({"DATA": folder})` starts no thread: commands and tests never run a second writer. Only `serve`'s worker
(worker.py) starts the writer, the spooler and the live hub.
"""
from __future__ import annotations

import os
import secrets
import sys

if __name__ == "__main__":      # before the program is loaded: the process that starts a server never needs it
    from cli import cli
    sys.exit(cli())

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from flask_babel import Babel
from sqlalchemy import select

import addresses
import errors
import guard
import headers
import sessions
import trust
from admin import views as admin_views
from kiosk import health, live, openapi
from kiosk import routes as kiosk_routes
from models.database import database_path, database_uri, db, engine_options
from models.event import Event
from models.runtime import Runtime
from printers import views as printer_views

ROOT = Path(__file__).resolve().parent
CATALOGUES = ("kiosk", "admin", "printers", "models")
BODY_LIMIT = 2 * 1024 * 1024            # of any request but an upload, which says its own
FORM_MEMORY = 500_000                   # bytes of a form's fields; a plan's text says its own
FORM_PARTS = 1000                       # the largest form, a plan's service with its windows, has two hundred


class Application(errors.Incidents):
    """Flask whose views are ordinary functions: it need not ask of each, at each request, whether it is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none of ours is a coroutine."""
        return func


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application of a data folder (`DATA`). The folder holds one event, or none yet."""
    app = Application(__name__, instance_path=str(ROOT / "instance"))
    app.config.from_mapping(config or {})
    data = Path(app.config.setdefault("DATA", ROOT / "instance"))
    url = app.config.setdefault("DATABASE_URL", os.environ.get("DATABASE_URL"))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=database_uri(data, url),
        SESSION_COOKIE_SAMESITE="Lax",
        # FLASK_DEBUG in the environment of the laptop must not show strangers our inside.
        DEBUG=False, PROPAGATE_EXCEPTIONS=bool(app.config["TESTING"]),
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY, MAX_FORM_PARTS=FORM_PARTS,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(url),
        BABEL_DEFAULT_LOCALE="zh", BABEL_DOMAIN=";".join(CATALOGUES),
        BABEL_TRANSLATION_DIRECTORIES=";".join([str(ROOT / "translations")] * len(CATALOGUES)))
    if app.config["MAX_CONTENT_LENGTH"] is None:       # Flask's own default is there already, and means no limit
        app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    db.init_app(app)
    app.teardown_appcontext_funcs.clear()       # nobody uses the extension's session, so nobody closes it
    Babel(app, locale_selector=sessions.choose_language)
    with app.app_context():
        runtime = app.extensions["huiwu"] = Runtime(db.engine, data)
    app.extensions["huiwu.live"] = live.Hub(runtime)
    app.extensions["huiwu.pulse"] = health.Pulse(runtime.prove)
    app.config["SECRET_KEY"] = app.config.get("SECRET_KEY") or _secret(data, runtime)
    addresses.install(app)
    trust.install(app)
    guard.install(app)
    headers.install(app)
    errors.install(app)
    for room in (openapi.api, kiosk_routes.pages, admin_views.pages, printer_views.pages):
        app.register_blueprint(room)
    return app


def create_tables(data: Path) -> None:
    """Makes the database file of a new event; refuses to touch an existing one (FileExistsError)."""
    from migrations.running import upgrade
    upgrade(database_path(data))


def _secret(data: Path, runtime: Runtime) -> str:
    """The event's own secret signs cookies, so that a restart signs nobody out."""
    if runtime.engine.dialect.name == "sqlite" and not database_path(data).exists():
        return secrets.token_hex(32)
    with runtime.connection() as connection:
        return connection.execute(select(Event.secret)).scalar() or secrets.token_hex(32)
