"""Gathers the facts for a whole batch: a bounded number of SELECTs, never one per row (behaviour 13)."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.engine import Connection

from models import codes
from models.asks import PersonView, Request, ScanRequest, UndoRequest
from models.event import Event
from models.facts import ACCEPTED, Coupon, Entry, Facts, Person
from models.people import Attendee, Badge
from models.people import Coupon as CouponTable
from models.scans import PrintJob, Scan, Tally
from models.snapshot import Memory, Snapshot, StationView

_A: Any = Attendee.__table__
_B: Any = Badge.__table__
_C: Any = CouponTable.__table__
_S: Any = Scan.__table__
_PERSON = (_A.c.id, _A.c.number, _A.c.name, _A.c.name_en, _A.c.organisation, _A.c.post, _A.c.category_key,
           _A.c.delegation_id, _A.c.state, _A.c.diet, _A.c.hint, _A.c.seat, _A.c.table_no, _A.c.room, _A.c.vip,
           _A.c.phone, _A.c.import_id)


def _many(name: str) -> Any:
    return bindparam(name, expanding=True)


_NOW = select(
    Event.plan_revision, Event.roster_revision, Event.ledger_revision, Event.epoch, Event.head_floor,
    select(Scan.seq).order_by(Scan.seq.desc()).limit(1).scalar_subquery().label("head"),
    select(Scan.chain).order_by(Scan.seq.desc()).limit(1).scalar_subquery().label("chain"))
_KNOWN: Select[Any] = select(_S).where(_S.c.id.in_(_many("ids")))
_BY_CODE: Select[Any] = select(_B.c.code, _B.c.id.label("badge_id"), _B.c.revoked_at, *_PERSON).join_from(
    _B, _A, _B.c.attendee_id == _A.c.id).where(_B.c.code.in_(_many("codes")))
_COUPONS: Select[Any] = select(_C).where(_C.c.code.in_(_many("codes")))
_PEOPLE: Select[Any] = select(*_PERSON).where(_A.c.id.in_(_many("ids")))
_HISTORY: Select[Any] = select(
    _S.c.holder, _S.c.seq, _S.c.id, _S.c.service_key, _S.c.scanned_at, _S.c.station_key, _S.c.direction, _S.c.use_no,
    _S.c.quantity, _S.c.coupon_id, _S.c.voids,
).where(_S.c.holder.in_(_many("holders")), _S.c.verdict == ACCEPTED).order_by(_S.c.seq)
_HELD: Select[Any] = select(_C.c.attendee_id, _C.c.service_key).where(
    _C.c.attendee_id.in_(_many("holders")), _C.c.voided_at.is_(None))
_STARTED: Select[Any] = select(PrintJob.scan_id).where(
    PrintJob.scan_id.in_(_many("ids")), PrintJob.state.not_in(("queued", "cancelled")))
_TALLY: Select[Any] = select(Tally.__table__)


@dataclass(slots=True)
class Found:
    """Who a request's code or handle leads to. `holder` None: nobody."""

    holder: int | None = None
    person: PersonView | None = None
    badge_id: int | None = None
    coupon: Coupon | None = None
    revoked: bool = False


@dataclass(slots=True)
class Gathered:
    """All facts for a batch, folded forward as the batch is judged."""

    plan: Snapshot
    now: Any                                     # revisions, epoch and the chain's end
    head: int
    known: dict[str, Any] = field(default_factory=dict)          # scan id -> ledger row
    found: dict[Any, Found] = field(default_factory=dict)        # code or attendee id -> who it is
    people: dict[int, PersonView] = field(default_factory=dict)
    history: dict[int, list[Entry]] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    held: dict[int, set[str]] = field(default_factory=dict)      # attendee -> services with a coupon still good
    started: set[str] = field(default_factory=set)               # scans to undo whose slip has left for a printer

    def who(self, request: ScanRequest) -> Found:
        """Whom this scan is about."""
        key = request.code if request.code is not None else request.attendee_id
        return self.found.get(key) or Found()

    def stock(self) -> dict[str, int]:
        """What is left of every service whose stock is counted."""
        return {s.key: s.stock + self.tally.get(s.key, {}).get("stock_moved", 0)
                for s in self.plan.services.values() if s.stock is not None}

    def facts(self, found: Found, station: StationView) -> Facts:
        """What the rules may know when they judge a scan of this holder at this station."""
        history = self.history.get(found.holder, []) if found.holder is not None else []
        return Facts(
            services=self.plan.services, zone=self.plan.event.zone, known=found.holder is not None,
            revoked=found.revoked, person=self._person(found.person), coupon=found.coupon, history=tuple(history),
            stock=self.stock(), offered=station.services, prints=station.printer is not None)

    def _person(self, view: PersonView | None) -> Person | None:
        if view is None:
            return None
        category = self.plan.categories.get(view.category)
        return Person(view.id, view.state, view.category, view.hint, category.hint if category else "", view.diet,
                      self.plan.exceptions.get(view.id, {}))


def gather(connection: Connection, memory: Memory, requests: Sequence[Request]) -> Gathered:
    """Reads what is needed to judge these requests, whoever sent them."""
    row = connection.execute(_NOW).one()
    plan = memory.at(connection, row.plan_revision, row.roster_revision)
    facts = Gathered(plan, row, max(row.head or 0, row.head_floor))
    ids = {r.id for r in requests} | {r.target for r in requests if not isinstance(r, ScanRequest)}
    facts.known = {row.id: row for row in connection.execute(_KNOWN, {"ids": list(ids)})}
    _identify(connection, facts, [r for r in requests if isinstance(r, ScanRequest)])
    _read_people(connection, facts, requests)
    holders = {f.holder for f in facts.found.values() if f.holder is not None}
    holders |= {row.holder for row in facts.known.values() if row.holder is not None}
    for row in connection.execute(_HISTORY, {"holders": list(holders)}) if holders else ():
        facts.history.setdefault(row.holder, []).append(entry(row))
    _read_paper(connection, facts, requests, holders)
    facts.tally = {row.service_key: dict(row._mapping) for row in connection.execute(_TALLY)}
    return facts


def _read_paper(connection: Connection, facts: Gathered, requests: Sequence[Request], holders: set[int]) -> None:
    """Coupons that people hold, where one may be printed now; slips already on their way, where one is undone."""
    services = facts.plan.services
    signing = any(isinstance(r, ScanRequest) and r.service in services and services[r.service].kind == "sign_in"
                  for r in requests)
    if signing and holders and any(s.coupon for s in services.values()):
        for row in connection.execute(_HELD, {"holders": list(holders)}):
            facts.held.setdefault(row.attendee_id, set()).add(row.service_key)
    targets = [r.target for r in requests if isinstance(r, UndoRequest)]
    if targets:
        facts.started = set(connection.execute(_STARTED, {"ids": targets}).scalars())


def entry(row: Any) -> Entry:
    """A ledger row as the rules read it."""
    return Entry(row.seq, row.id, row.service_key, row.scanned_at, row.station_key, row.direction, row.use_no,
                 row.quantity, row.coupon_id, row.voids)


def person_view(row: Any) -> PersonView:
    """An attendee's row as an answer's words."""
    return PersonView(row.id, row.number, row.name, row.name_en, row.organisation, row.post, row.category_key,
                      row.delegation_id, row.state, row.diet, row.hint, row.seat, row.table_no, row.room, row.vip,
                      row.phone)


def _identify(connection: Connection, facts: Gathered, scans: Iterable[ScanRequest]) -> None:
    wanted = {s.code for s in scans if s.code is not None and codes.is_code(s.code)}
    badges = [c for c in wanted if c.startswith(codes.BADGE)]
    for row in connection.execute(_BY_CODE, {"codes": badges}) if badges else ():
        if row.import_id not in facts.plan.imports_under_way:
            facts.people[row.id] = person_view(row)
            facts.found[row.code] = Found(row.id, facts.people[row.id], row.badge_id, None, row.revoked_at is not None)
    coupons = [c for c in wanted if c.startswith(codes.COUPON)]
    for row in connection.execute(_COUPONS, {"codes": coupons}) if coupons else ():
        coupon = Coupon(row.id, row.service_key, row.voided_at is not None)
        facts.found[row.code] = Found(row.attendee_id or -row.id, None, None, coupon)


def _read_people(connection: Connection, facts: Gathered, requests: Iterable[Request]) -> None:
    """The people behind handles, bound coupons, repeats and undos."""
    handles = {r.attendee_id for r in requests if isinstance(r, ScanRequest) and r.attendee_id is not None}
    behind = {f.holder for f in facts.found.values() if f.coupon and f.holder and f.holder > 0}
    before = {row.attendee_id for row in facts.known.values() if row.attendee_id is not None}
    ids = (handles | behind | before) - facts.people.keys()
    for row in connection.execute(_PEOPLE, {"ids": list(ids)}) if ids else ():
        facts.people[row.id] = person_view(row)
        if row.id in handles and row.import_id not in facts.plan.imports_under_way:
            facts.found[row.id] = Found(row.id, facts.people[row.id])
    for attendee_id in handles & facts.people.keys():
        facts.found.setdefault(attendee_id, Found(attendee_id, facts.people[attendee_id]))
    for found in facts.found.values():
        if found.coupon and found.holder and found.holder > 0:
            found.person = facts.people.get(found.holder)
