"""What waits for a person: scans of a revoked tablet's outbox, and conflicts that somebody settled; and who prints.

None of it is the ledger: a scan that was kept aside becomes a row of it only when the coordinator accepts it, and a
conflict that is settled by taking one use back is undone by an ordinary row. Both tables say who decided, and when.
"""
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, UTCDateTime


class KeptAside(Model):
    """A scan that a revoked tablet still sent (behaviour 43), as it was sent; `settled` is accepted or dropped."""

    __table_args__ = (UniqueConstraint("device_id", "scan_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    station_key: Mapped[str]
    scan_id: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    received_at: Mapped[datetime] = mapped_column(UTCDateTime)
    settled: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    actor: Mapped[str | None]


class Settlement(Model):
    """A conflict that a person settled: `decision` is stands or undone."""

    scan_id: Mapped[str] = mapped_column(primary_key=True)
    decision: Mapped[str]
    actor: Mapped[str]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    note: Mapped[str | None]


class Lease(Model):
    """Who does a thing that only one process may do, until when (several app nodes on one database)."""

    key: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    until: Mapped[datetime] = mapped_column(UTCDateTime)
