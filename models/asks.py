"""What is put to the ledger and what it answers: plain values, no web and no SQL in them."""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.facts import IN, Coupon, value


@value
class Caller:
    """Who asks: the tablet's station, and the person (grant's holder, else signed-in staff, else the station)."""

    station: str
    device_id: int | None = None
    actor: str = ""
    granted: bool = False     # a lead or coordinator stands behind it: force and late undo


@value
class ScanRequest:
    """One scan. `at` is the device's time corrected by its offset; `sent_at` the text as sent ("" if left out)."""

    id: str
    service: str
    caller: Caller
    at: datetime
    uploaded_at: datetime
    code: str | None = None
    attendee_id: int | None = None
    sent_at: str = ""
    direction: str = IN
    quantity: int = 1
    offline: bool = False
    force: bool = False
    note: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """What must be equal for a repeat to be a repeat (api.md); `offline` does not count."""
        who = self.code if self.code is not None else f"#{self.attendee_id}"
        return _digest(self.service, who, self.direction, self.quantity, self.sent_at, self.caller.station)


@value
class UndoRequest:
    """The undo of a scan, a ledger row of its own."""

    id: str
    target: str
    caller: Caller
    at: datetime
    note: str | None = None

    @property
    def fingerprint(self) -> str:
        """What must be equal for a repeat to be a repeat."""
        return _digest("undo", self.target, self.caller.station)


Request = ScanRequest | UndoRequest


@value
class PersonView:
    """An attendee's words as they are now, for the answer; masks are put on by whoever shows them."""

    id: int
    number: str
    name: str
    name_en: str
    organisation: str
    post: str
    category: str
    delegation_id: int | None
    state: str
    diet: str
    hint: str
    seat: str
    table: str
    room: str
    vip: bool
    phone: str


@dataclass(slots=True)
class Found:
    """Who a request's code or handle leads to. `holder` None: nobody."""

    holder: int | None = None
    person: PersonView | None = None
    badge_id: int | None = None
    coupon: Coupon | None = None
    revoked: bool = False


@value
class Answer:
    """A judged request. `said` is what the ledger keeps to say it again: use, first, hints, open, detail …"""

    id: str
    seq: int
    service: str
    verdict: str
    reason: str | None
    direction: str | None
    said: Mapping[str, Any]
    person: PersonView | None = None
    replayed: bool = False
    forced: bool = False
    overrode: str | None = None
    conflict: bool = False
    voids: str | None = None
    at: datetime | None = None


@value
class Problem:
    """A request that could not be judged and left no row (but not_yours, which does). `error` is stable."""

    id: str
    error: str
    status: int
    detail: Mapping[str, Any] = field(default_factory=dict)


@value
class Outcome:
    """What came of one request, with the ledger's head and epoch when it was durable."""

    result: Answer | Problem
    head: int
    epoch: str


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]
