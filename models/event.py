"""The event and what a plan says of it: categories, services, stations, printers."""
from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, ForeignKey, String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.database import Model, UTCDateTime

KINDS = ("sign_in", "material", "session", "meal")
MODES = ("kiosk", "gate", "desk", "board")


class Event(Model):
    """会议. One row, id 1. The revisions tell memory that the plan or the roster changed."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    organiser: Mapped[str] = mapped_column(default="")
    venue: Mapped[str] = mapped_column(default="")
    timezone: Mapped[str] = mapped_column(default="Asia/Shanghai")
    starts: Mapped[date]
    ends: Mapped[date]
    epoch: Mapped[str]                                   # another one after a restore
    trial: Mapped[bool] = mapped_column(default=True)    # 试运行
    live_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)   # the event is over
    plan_revision: Mapped[int] = mapped_column(default=1)
    roster_revision: Mapped[int] = mapped_column(default=1)
    ledger_revision: Mapped[int] = mapped_column(default=1)   # another one when the ledger starts anew
    head_floor: Mapped[int] = mapped_column(default=0)   # head never falls, not even when the trial is put aside
    secret: Mapped[str]                                  # signs search handles and sessions
    setup_code_hash: Mapped[str | None]                  # makes the first coordinator in the browser
    logo: Mapped[bytes | None]
    backup_folder: Mapped[str | None]                    # where the server copies the event to, every minute

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which days and windows are meant."""
        return ZoneInfo(self.timezone)


class Category(Model):
    """证件种类: colour on the badge, default entitlements, a hint for the operator at every scan."""

    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    colour: Mapped[str] = mapped_column(default="#3c4a6b")
    hint: Mapped[str] = mapped_column(default="")


class Service(Model):
    """服务项目: a thing a person may receive. Times are moments; the plan's are local to the event."""

    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str]
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    closed: Mapped[bool] = mapped_column(default=False)
    windows: Mapped[list[list[str]]] = mapped_column(JSON, default=list)     # [[opens, closes]] ISO, UTC
    entitled: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))                 # None: all categories
    needs: Mapped[list[str]] = mapped_column(JSON, default=list)
    tolerance_minutes: Mapped[int] = mapped_column(default=0)
    limit: Mapped[int | None]                                                # None: no limit
    per: Mapped[str] = mapped_column(default="event")                        # or "day"
    slip: Mapped[bool] = mapped_column(default=False)
    coupon: Mapped[bool] = mapped_column(default=False)
    stock: Mapped[int | None]
    starts: Mapped[datetime | None] = mapped_column(UTCDateTime)
    ends: Mapped[datetime | None] = mapped_column(UTCDateTime)
    late_after_minutes: Mapped[int] = mapped_column(default=0)
    reentry: Mapped[bool] = mapped_column(default=True)
    missing_out: Mapped[str] = mapped_column(default="ends")                 # or "none"
    question: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)


class Entitlement(Model):
    """资格: an exception to a category's default, for one attendee and one service."""

    attendee_id: Mapped[int] = mapped_column(ForeignKey("attendee.id"), primary_key=True)
    service_key: Mapped[str] = mapped_column(ForeignKey("service.key", ondelete="CASCADE"), primary_key=True)
    allowed: Mapped[bool]
    limit: Mapped[int | None]


class Station(Model):
    """服务点: what a paired tablet is."""

    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    mode: Mapped[str]
    services: Mapped[list[str]] = mapped_column(JSON, default=list)
    printer_key: Mapped[str | None] = mapped_column(ForeignKey("printer.key"))
    offline: Mapped[bool] = mapped_column(default=False)


class Printer(Model):
    """打印机: where it is and what was learnt of it."""

    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(default="")
    name_en: Mapped[str] = mapped_column(default="")
    url: Mapped[str]
    width: Mapped[int] = mapped_column(default=576)
    backup: Mapped[str | None]
    ability: Mapped[str | None] = mapped_column(String(16))      # completed | parsed | none, learnt from a real job
    state: Mapped[str] = mapped_column(String(16), default="idle")
    message: Mapped[str] = mapped_column(default="")
    checked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)   # None: a person wants it looked at now
    turn: Mapped[int] = mapped_column(default=0, server_default="0")   # jobs sent so far: the next one's process id


def touch(session: Session, *what: str) -> None:
    """Says that the `plan` or the `roster` (or the `ledger`'s run) is another one now, in this transaction."""
    columns = {f"{name}_revision": getattr(Event, f"{name}_revision") + 1 for name in what}
    session.execute(update(Event).values(columns))
