"""The reference: the road as a Flask-SQLAlchemy user would write it, one transaction a request through the ORM.

The same durability (WAL, synchronous=FULL), the same server, and a unique constraint as the last word on "once". It
looks the tablet up by its token, the badge and its person, whether the service was used, and inserts the scan.
"""
from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, abort, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, UniqueConstraint, event, insert, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from bench import hosting
from bench.tablets import SERVICES, TABLETS, token

DATABASE = "BENCH_TEXTBOOK"       # the environment variable that names the database to granian's worker


class Base(DeclarativeBase):
    """The tables' own metadata."""


class Device(Base):
    """A tablet."""

    __tablename__ = "device"
    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    station: Mapped[str]


class Attendee(Base):
    """A person."""

    __tablename__ = "attendee"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    organisation: Mapped[str]


class Badge(Base):
    """A person's code."""

    __tablename__ = "badge"
    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    attendee_id: Mapped[int] = mapped_column(ForeignKey("attendee.id"))
    attendee: Mapped[Attendee] = relationship()


class Service(Base):
    """A thing to receive once."""

    __tablename__ = "service"
    key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class Scan(Base):
    """A use."""

    __tablename__ = "scan"
    __table_args__ = (UniqueConstraint("service_key", "attendee_id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    service_key: Mapped[str] = mapped_column(ForeignKey("service.key"))
    attendee_id: Mapped[int] = mapped_column(ForeignKey("attendee.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    at: Mapped[datetime]


db = SQLAlchemy(model_class=Base)


def digest(bearer: str) -> str:
    """How a token is kept."""
    return hashlib.sha256(bearer.encode()).hexdigest()


def _promise(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def create_app(database: str | None = None) -> Flask:
    """The application on a database that `create` made."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{database or os.environ[DATABASE]}"
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 30}}
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "connect", _promise)
    app.add_url_rule("/", view_func=lambda: "ready")
    app.add_url_rule("/api/v1/scans", view_func=scan, methods=["POST"])
    return app


def scan() -> Any:
    """One scan: who sends it, whose badge it is, whether it was used, and the row."""
    asked = request.get_json()
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    device = db.session.scalar(select(Device).where(Device.token_hash == digest(bearer)))
    if device is None:
        abort(401)
    badge = db.session.scalar(select(Badge).where(Badge.code == asked["code"]))
    service = db.session.get(Service, asked["service"])
    if badge is None or service is None:
        return jsonify(verdict="refused", reason="unknown")
    used = db.session.scalar(select(Scan).where(Scan.service_key == service.key, Scan.attendee_id == badge.attendee_id))
    if used is None:
        db.session.add(Scan(id=asked["id"], service_key=service.key, attendee_id=badge.attendee_id, device_id=device.id,
                            at=datetime.now(UTC)))
        try:
            db.session.commit()
        except IntegrityError:          # another tablet was first
            db.session.rollback()
            return jsonify(verdict="refused", reason="used_up")
    return jsonify(verdict="refused" if used else "accepted", reason="used_up" if used else None,
                   name=badge.attendee.name, organisation=badge.attendee.organisation, service=service.name)


def create(database: Path, badges: Sequence[str]) -> None:
    """A database with tablets, services, and the people of these badges."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    app = create_app(str(database))
    with app.app_context():
        db.create_all()
        db.session.execute(insert(Device), [{"token_hash": digest(token(n)), "station": "desk"} for n in range(TABLETS)])
        db.session.execute(insert(Service), [{"key": key, "name": key} for key in SERVICES])
        numbered = list(enumerate(badges, 1))
        db.session.execute(insert(Attendee), [{"id": n, "name": f"参会{n}", "organisation": "研究所"} for n, _ in numbered])
        db.session.execute(insert(Badge), [{"id": n, "code": code, "attendee_id": n} for n, code in numbered])
        db.session.commit()
        engine: Engine = db.engine
        engine.dispose()


if __name__ == "__main__":
    os.environ[DATABASE] = sys.argv[2]
    hosting.serve("bench.textbook:create_app", int(sys.argv[1]))
