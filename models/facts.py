"""The values that the rules look at and give back. Standard library only; the road of a scan speaks in these."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar, dataclass_transform
from zoneinfo import ZoneInfo

T = TypeVar("T")
IN, OUT, AUTO = "in", "out", "auto"
ACCEPTED, REFUSED = "accepted", "refused"

# The order in which reasons are judged; staff hear the first that applies (api.md).
REASONS = ("unknown", "revoked", "wrong_service", "cancelled", "replaced", "pending", "service_closed", "too_early",
           "too_late", "not_entitled", "needs", "already_inside", "used_up", "out_of_stock", "answers_needed")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(made: type[T]) -> type[T]:
    """A dataclass that nothing changes once it is made. mypy sees to that: a check at run time makes each four times as
    dear (0.9 us in place of 0.2), and a scan's road makes twenty."""
    return dataclass(slots=True, unsafe_hash=True)(made)


@value
class Window:
    """A service is open from `opens` to `closes`, both ends included."""

    opens: datetime
    closes: datetime


@value
class Question:
    """Something the operator asks at the scan."""

    key: str
    text: str
    choices: tuple[str, ...] = ()
    required: bool = False


@value
class Service:
    """A service as the rules see it. `limit` None: as often as one likes."""

    key: str
    kind: str
    name: str = ""
    name_en: str = ""
    closed: bool = False
    windows: tuple[Window, ...] = ()
    entitled: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    tolerance: timedelta = timedelta(0)
    limit: int | None = 1
    per: str = "event"
    slip: bool = False
    coupon: bool = False
    stock: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    late_after: timedelta = timedelta(0)
    reentry: bool = True
    missing_out: str = "ends"
    questions: tuple[Question, ...] = ()

    def overlaps(self, other: Service) -> bool:
        """Whether two sessions run at the same time for at least a moment."""
        if not (self.starts and self.ends and other.starts and other.ends):
            return False
        return self.starts < other.ends and other.starts < self.ends


@value
class Person:
    """An attendee as far as the rules care. `exceptions`: service -> (allowed, limit or None)."""

    id: int
    state: str = "registered"
    category: str = ""
    hint: str = ""
    category_hint: str = ""
    diet: str = ""
    exceptions: Mapping[str, tuple[bool, int | None]] = field(default_factory=dict)


@value
class Coupon:
    """A bearer coupon: its service, and whether it was voided."""

    id: int
    service: str
    voided: bool = False


@value
class Entry:
    """One accepted row of the ledger, of the holder asked about (undone ones and the undos included)."""

    seq: int
    id: str
    service: str
    at: datetime
    station: str
    direction: str | None = None
    use_no: int | None = None
    quantity: int = 1
    coupon_id: int | None = None
    voids: int | None = None


@value
class Ask:
    """One scan as it is put to the rules."""

    service: str
    at: datetime
    direction: str = IN
    quantity: int = 1
    offline: bool = False
    force: bool = False
    answers: Mapping[str, Any] = field(default_factory=dict)


@value
class Facts:
    """All that is known when a scan is judged. `history` is in ledger order; `stock`: what is left of counted ones."""

    services: Mapping[str, Service]
    zone: ZoneInfo
    known: bool = True
    revoked: bool = False
    person: Person | None = None
    coupon: Coupon | None = None
    history: tuple[Entry, ...] = ()
    stock: Mapping[str, int] = field(default_factory=dict)
    offered: tuple[str, ...] = ()     # the station's services, in the plan's order
    prints: bool = False              # the station has a printer
    uses: Mapping[str, Sequence[Entry]] = field(init=False)    # service -> uses that stand, worked out once

    def __post_init__(self) -> None:
        undone = {entry.voids for entry in self.history if entry.voids is not None}
        uses: dict[str, list[Entry]] = {}
        for entry in self.history:
            if entry.use_no is not None and entry.seq not in undone:
                uses.setdefault(entry.service, []).append(entry)
        self.uses = uses  # type: ignore[misc]  # its own beginning

    def with_entry(self, entry: Entry) -> Facts:
        """The facts after one more accepted row."""
        stock = self.stock
        if entry.service in stock:
            stock = {**stock, entry.service: stock[entry.service] - entry.quantity}
        return Facts(self.services, self.zone, self.known, self.revoked, self.person, self.coupon,
                     (*self.history, entry), stock, self.offered, self.prints)


@value
class Decision:
    """What was decided, and all that will be written and said of it. `detail` feeds the words for the person."""

    verdict: str
    reason: str | None = None
    direction: str | None = None
    use_no: int | None = None         # the ledger's own, never reused
    uses: int = 0                     # uses that stand after this answer
    limit: int | None = None
    first: Entry | None = None
    forced: bool = False
    overrode: str | None = None
    conflict: bool = False
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()       # stable words for remarks, such as no_in
    detail: Mapping[str, Any] = field(default_factory=dict)
    slip: bool = False
    coupons: tuple[str, ...] = ()     # services whose coupon is due now
    open: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the person may pass."""
        return self.verdict == ACCEPTED
