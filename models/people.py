"""Attendees, their delegations, badges and coupons; the staff who serve them."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import Model, UTCDateTime
from models.event import Category

STATES = ("registered", "pending", "cancelled")


class Delegation(Model):
    """代表团/单位: a group that the roster names."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Attendee(Model):
    """参会人员. `import_id` names the import the person came with (0: none); one under way is not seen by anybody."""

    __table_args__ = (Index("ix_attendee_name", "folded"), Index("ix_attendee_phone", "phone"))

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    import_id: Mapped[int] = mapped_column(default=0, index=True)
    state: Mapped[str] = mapped_column(default="registered")
    category_key: Mapped[str] = mapped_column(ForeignKey("category.key"))
    delegation_id: Mapped[int | None] = mapped_column(ForeignKey("delegation.id"))
    name: Mapped[str]
    name_en: Mapped[str] = mapped_column(default="")
    organisation: Mapped[str] = mapped_column(default="")
    post: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    id_number: Mapped[str] = mapped_column(default="")
    sex: Mapped[str] = mapped_column(default="")
    nation: Mapped[str] = mapped_column(default="")
    diet: Mapped[str] = mapped_column(default="")
    hint: Mapped[str] = mapped_column(default="")
    seat: Mapped[str] = mapped_column(default="")
    table: Mapped[str] = mapped_column("table_no", default="")
    room: Mapped[str] = mapped_column(default="")
    vip: Mapped[bool] = mapped_column(default=False)
    arrival: Mapped[str] = mapped_column(default="")
    remarks: Mapped[str] = mapped_column(default="")
    folded: Mapped[str] = mapped_column(default="")        # the name as it is compared (models/names.py)
    search_keys: Mapped[str] = mapped_column(default="")   # pinyin and initials, worked out once

    category: Mapped[Category] = relationship(lazy="joined", innerjoin=True)
    delegation: Mapped[Delegation | None] = relationship(lazy="joined")


class Badge(Model):
    """代表证: a random secret code bound to an attendee. A reissue revokes it; it is never deleted."""

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    attendee_id: Mapped[int] = mapped_column(ForeignKey("attendee.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Coupon(Model):
    """餐券: a bearer code good for one use of one service; `attendee_id` is None when it is 不记名."""

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    service_key: Mapped[str] = mapped_column(ForeignKey("service.key"), index=True)
    attendee_id: Mapped[int | None] = mapped_column(ForeignKey("attendee.id"), index=True)
    issued_at: Mapped[datetime] = mapped_column(UTCDateTime)
    voided_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class Staff(Model):
    """工作人员 with a role: staff, lead or coordinator."""

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    secret_hash: Mapped[str]                 # argon2 of the passphrase or PIN
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UTCDateTime)


class StaffSession(Model):
    """A sign-in in a browser; the server ends it, not the cookie."""

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime] = mapped_column(UTCDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)        # its browser last asked, to half a minute
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)   # the passphrase was last typed in it


class ImportRun(Model):
    """One import of a roster: what the file was and what it did, for the page and the record."""

    id: Mapped[int] = mapped_column(primary_key=True)
    file_name: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(UTCDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(default="")
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class Correction(Model):
    """更正: what was changed of a person at a desk, who did it and when. Rows are only added."""

    id: Mapped[int] = mapped_column(primary_key=True)
    attendee_id: Mapped[int] = mapped_column(ForeignKey("attendee.id"), index=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(default="")
    station_key: Mapped[str | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON)   # field -> [before, after]


def visible() -> Any:
    """The condition that an attendee's import, if any, has been completed."""
    return Attendee.import_id.not_in(select(ImportRun.id).where(ImportRun.finished_at.is_(None)))


def standing_badge(attendee_id: int) -> Any:
    """The select of an attendee's badge that is good now: the newest one not revoked."""
    return (select(Badge).where(Badge.attendee_id == attendee_id, Badge.revoked_at.is_(None))
            .order_by(Badge.id.desc()).limit(1))
