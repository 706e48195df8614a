"""Tablets: pairing codes, paired devices, a lead's grant at one of them."""
from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, UTCDateTime


class PairingCode(Model):
    """A one-time code for a station: ten minutes, stored as a hash."""

    id: Mapped[int] = mapped_column(primary_key=True)
    station_key: Mapped[str] = mapped_column(ForeignKey("station.key", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(index=True)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Device(Model):
    """A paired tablet. A station may have several; each can be revoked by itself."""

    id: Mapped[int] = mapped_column(primary_key=True)
    station_key: Mapped[str] = mapped_column(ForeignKey("station.key", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(default="")
    token_hash: Mapped[str] = mapped_column(unique=True)
    paired_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    last_seen: Mapped[datetime | None] = mapped_column(UTCDateTime)
    waiting: Mapped[int] = mapped_column(default=0)          # scans in its outbox, as it said last


class Grant(Model):
    """A lead or coordinator stands beside the tablet: five minutes, this tablet only."""

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id", ondelete="CASCADE"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
