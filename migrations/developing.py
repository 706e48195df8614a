"""Whoever writes a new migration: `flask --app migrations.developing db revision --autogenerate -m "…"`.

Flask-Migrate and Alembic take a quarter of a second and 8 MB to load: neither the server nor a command has them.
"""
from __future__ import annotations

from flask import Flask
from flask_migrate import Migrate

from app import create_app as create
from migrations.running import FOLDER
from models.database import db


def create_app() -> Flask:
    """The application with `flask db`."""
    app = create()
    Migrate(app, db, directory=str(FOLDER), render_as_batch=True)
    return app
