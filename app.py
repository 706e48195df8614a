"""Huiwu 会务: the application of one event's data folder, and the entry of the command line.

`create_app({"DATA": folder})` starts no thread: commands and tests never run a second writer. Only `serve`'s worker
(serving.py) starts the writer, the spooler and the live hub.
"""
from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask_babel import Babel
from flask_migrate import Migrate
from sqlalchemy import select

import guard
import sessions
from admin import views as admin_views
from cli import cli
from kiosk import live, openapi
from kiosk import routes as kiosk_routes
from models.database import database_path, database_uri, db
from models.event import Event
from models.runtime import Runtime
from printers import views as printer_views

ROOT = Path(__file__).resolve().parent
CATALOGUES = ("kiosk", "admin", "printers", "models")
BODY_LIMIT = 2 * 1024 * 1024            # of any request but an upload, which says its own
migrate = Migrate(directory=str(ROOT / "migrations"), render_as_batch=True)


class Application(Flask):
    """Flask whose views are ordinary functions: it need not ask of each, at each request, whether it is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none of ours is a coroutine."""
        return func


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application of a data folder (`DATA`). The folder holds one event, or none yet."""
    app = Application(__name__, instance_path=str(ROOT / "instance"))
    app.config.from_mapping(config or {})
    data = Path(app.config.setdefault("DATA", ROOT / "instance"))
    app.config.update(
        SQLALCHEMY_DATABASE_URI=database_uri(data),
        SESSION_COOKIE_SAMESITE="Lax",
        # What was to be written holds names, phones and codes: an error must not carry it into the log (law 8).
        SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 40, "max_overflow": 240, "hide_parameters": True},
        BABEL_DEFAULT_LOCALE="zh", BABEL_DOMAIN=";".join(CATALOGUES),
        BABEL_TRANSLATION_DIRECTORIES=";".join([str(ROOT / "translations")] * len(CATALOGUES)))
    if app.config["MAX_CONTENT_LENGTH"] is None:       # Flask's own default is there already, and means no limit
        app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    db.init_app(app)
    app.teardown_appcontext_funcs.clear()       # nobody uses the extension's session, so nobody closes it
    migrate.init_app(app, db)
    Babel(app, locale_selector=sessions.choose_language)
    with app.app_context():
        runtime = app.extensions["huiwu"] = Runtime(db.engine, data)
    app.extensions["huiwu.live"] = live.Hub(runtime)
    app.config["SECRET_KEY"] = app.config.get("SECRET_KEY") or _secret(data, runtime)
    guard.install(app)
    app.after_request(add_headers)
    for room in (openapi.api, kiosk_routes.pages, admin_views.pages, printer_views.pages):
        app.register_blueprint(room)
    return app


CSP = ("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; object-src 'none'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
HEADERS = (("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"))


def add_headers(answer: Response) -> Response:
    """On every answer, static ones too (a worker takes its policy from its own file)."""
    for name, value in HEADERS:
        answer.headers.add(name, value)     # nobody sets them before us; `setdefault` would look four times
    if request.endpoint != "static" and "Cache-Control" not in answer.headers:
        answer.headers.add("Cache-Control", "no-store")
    return answer


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


if __name__ == "__main__":
    sys.exit(cli())
