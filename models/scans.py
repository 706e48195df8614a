"""The append-only ledger and what is born with its rows: print jobs and stock moves."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, UTCDateTime


class Scan(Model):
    """扫码记录: one row a judgement, refusals and undos included. Nothing is ever updated or deleted.

    `holder` is the attendee's id, or minus the coupon's id where nobody is named; no value when the code is unknown.
    `use_no` counts a holder's accepted uses of a service and is never given twice, not even after an undo.
    """

    __table_args__ = (
        UniqueConstraint("service_key", "holder", "use_no"),
        Index("ix_scan_holder", "holder", sqlite_where=text("verdict = 'accepted'"),
              postgresql_where=text("verdict = 'accepted'")),
        Index("ix_scan_conflict", "seq", sqlite_where=text("conflict = 1"), postgresql_where=text("conflict")),
        Index("ix_scan_station", "station_key", "uploaded_at"),      # a desk's own recent scans and today's numbers
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    fingerprint: Mapped[str]                              # of the content: same id, other content is a 409
    service_key: Mapped[str]
    station_key: Mapped[str]
    device_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(default="")
    holder: Mapped[int | None]
    attendee_id: Mapped[int | None]
    badge_id: Mapped[int | None]
    coupon_id: Mapped[int | None]
    raw_code: Mapped[str | None]                          # of an unknown code only
    direction: Mapped[str | None]                         # in | out, of a session
    quantity: Mapped[int] = mapped_column(default=1)
    verdict: Mapped[str]
    reason: Mapped[str | None]
    use_no: Mapped[int | None]
    forced: Mapped[bool] = mapped_column(default=False)
    overrode: Mapped[str | None]
    conflict: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None]                              # the person's reason for a force or an undo
    offline: Mapped[bool] = mapped_column(default=False)
    answers: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    voids: Mapped[int | None] = mapped_column(index=True)  # seq of the scan that this row undoes
    scanned_at: Mapped[datetime] = mapped_column(UTCDateTime)
    uploaded_at: Mapped[datetime] = mapped_column(UTCDateTime)
    answer: Mapped[dict[str, Any]] = mapped_column(JSON)  # what was said, to say it again; never a name
    chain: Mapped[str]                                    # SHA-256 over the row before and this one


class StockMove(Model):
    """Stock going down with a scan, back with an undo, or corrected by a person (then without a scan)."""

    id: Mapped[int] = mapped_column(primary_key=True)
    service_key: Mapped[str] = mapped_column(index=True)
    quantity: Mapped[int]                                 # negative: given out
    scan_id: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(default="")


class Tally(Model):
    """What the ledger counts up to for one service, kept in the scan's own transaction; `audit` recomputes it."""

    service_key: Mapped[str] = mapped_column(primary_key=True)
    people: Mapped[int] = mapped_column(default=0)
    uses: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    inside: Mapped[int] = mapped_column(default=0)
    stock_moved: Mapped[int] = mapped_column(default=0)


class PrintJob(Model):
    """打印任务 (printing.md): content as data, born in the scan's transaction; bytes frozen before the first send."""

    __table_args__ = (
        UniqueConstraint("origin", "kind", "copy"),
        Index("ix_print_job_open", "printer_key", "state", "number"),
    )

    number: Mapped[int] = mapped_column(primary_key=True)  # on every slip
    id: Mapped[str] = mapped_column(unique=True)
    code: Mapped[str | None] = mapped_column(index=True)   # the slip's own S code; a coupon's is its C code
    origin: Mapped[str]                                    # scan id, coupon:id, badge:id …: a second click makes no other
    kind: Mapped[str]                                      # slip | coupon | badge | test
    copy: Mapped[int] = mapped_column(default=1)
    scan_id: Mapped[str | None] = mapped_column(index=True)
    attendee_id: Mapped[int | None] = mapped_column(ForeignKey("attendee.id"), index=True)
    station_key: Mapped[str | None]
    printer_key: Mapped[str]                               # where it is meant to come out
    content: Mapped[dict[str, Any]] = mapped_column(JSON)  # printers/slip.py SlipContent
    blob: Mapped[bytes | None]                             # zlib of the frozen bytes: a tenth of them
    sha256: Mapped[str | None]                             # of the bytes themselves
    state: Mapped[str] = mapped_column(default="queued")
    reason: Mapped[str] = mapped_column(default="")        # why it waits or is unknown, in words
    attempts: Mapped[int] = mapped_column(default=0)
    process_id: Mapped[str | None]
    sent_to: Mapped[str | None]                            # the printer of the last attempt
    actor: Mapped[str] = mapped_column(default="", server_default="")   # who asked for a copy, or decided about it last
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UTCDateTime)
    sending_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
