"""What the ledger, the roster, coupons, tablets and printers still need of a plan."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.devices import Device
from models.event import Entitlement
from models.people import Attendee, Coupon
from models.plan_words import Problem, sentence
from models.scans import PrintJob, Scan, StockMove

_UNSETTLED = ("queued", "sending", "unknown", "held")   # printing.md: these still need their printer or a person


def in_use(session: Session, removed: Sequence[tuple[str, str]], other_kinds: Sequence[str]) -> list[Problem]:
    """Why these rows (table, key) cannot go, and these services cannot become another kind; empty if they can."""
    problems = []
    for table, key in removed:
        if reason := _REASONS[table](session, key):
            problems.append(Problem(None, f"[[{table}]] {key}", reason))
    for key in other_kinds:
        if _has(session, Scan.service_key == key) or _has(session, Coupon.service_key == key):
            problems.append(Problem(None, f"[[service]] {key} · kind", sentence("kind_used")))
    return problems


def _category(session: Session, key: str) -> str | None:
    count = _count(session, Attendee.category_key == key)
    return sentence("category_used", count=count) if count else None


def _service(session: Session, key: str) -> str | None:
    uses = (Scan.service_key, Coupon.service_key, Entitlement.service_key, StockMove.service_key)
    return sentence("service_used") if any(_has(session, column == key) for column in uses) else None


def _station(session: Session, key: str) -> str | None:
    if _has(session, Scan.station_key == key):
        return sentence("station_scanned")
    count = _count(session, Device.station_key == key, Device.revoked_at.is_(None))
    return sentence("station_paired", count=count) if count else None


def _printer(session: Session, key: str) -> str | None:
    count = _count(session, PrintJob.printer_key == key, PrintJob.state.in_(_UNSETTLED))
    return sentence("printer_busy", count=count) if count else None


_REASONS: dict[str, Callable[[Session, str], str | None]] = {
    "category": _category, "service": _service, "station": _station, "printer": _printer,
}


def _count(session: Session, *conditions: Any) -> int:
    return session.scalar(select(func.count()).where(*conditions)) or 0


def _has(session: Session, condition: Any) -> bool:
    return session.scalar(select(1).where(condition).limit(1)) is not None
