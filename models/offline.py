"""What a tablet needs to know of each holder to judge without the server (api.md, the roster). Reads only.

A holder is an attendee, or a coupon of nobody's (then the id is below zero, as in the ledger). People are read a few at
a time, each few in a look of their own: a roster of 100,000 never holds up a scan.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from models import road_sql
from models.asks import PersonView
from models.event import Event
from models.facts import ACCEPTED, Entry, Facts, Person
from models.gather import person_view
from models.people import Attendee, Badge, Coupon
from models.runtime import Runtime
from models.scans import Scan
from models.snapshot import Snapshot, StationView

FEW = 50        # holders of one look: 2-3 ms of this thread
DIGITS = 18     # of a number that a database takes (64 bits)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a snapshot is of. `scope` is another one when plan, epoch or the ledger's run changed for this station."""

    scope: str
    roster: int
    head: int

    @property
    def revision(self) -> str:
        """How it is told to a tablet."""
        return f"{self.scope}.{self.roster}.{self.head}"

    @property
    def base(self) -> str:
        """Everything but the ledger's rows."""
        return f"{self.scope}.{self.roster}"


@dataclass(frozen=True, slots=True)
class Code:
    """A badge of a holder, or a coupon with what it is for."""

    text: str
    revoked: bool
    coupon_id: int | None = None
    service: str = ""


@dataclass(slots=True)
class Holder:
    """Somebody with codes, and what they did. `person` None: a coupon of nobody's."""

    id: int
    person: PersonView | None
    facts: Facts
    codes: list[Code] = field(default_factory=list)


def read_revision(text: str) -> Moment | None:
    """A revision as a tablet gives it back; None if it is none of ours."""
    scope, _dot, rest = text.partition(".")
    roster, _dot, head = rest.partition(".")
    if not (scope.isalnum() and len(scope) == 16 and all(one.isdecimal() and len(one) <= DIGITS for one in (roster, head))):
        return None
    return Moment(scope, int(roster), int(head))


def moment(runtime: Runtime, asking: StationView) -> tuple[Moment, Snapshot, StationView]:
    """Now, for a station, with the station as it is now. The ledger's end is read first: what is newer than it is told
    once more next time."""
    with runtime.connection() as connection:
        run, head = connection.execute(select(
            Event.ledger_revision, func.coalesce(select(func.max(Scan.seq)).scalar_subquery(), 0))).one()
    plan = runtime.plan(fresh=True)
    station = plan.stations.get(asking.key, asking)
    return Moment(_scope(plan, station, run), plan.roster_revision, head), plan, station


def _scope(plan: Snapshot, station: StationView, run: int) -> str:
    """A digest of all that entries of this station say of the plan: a tablet paired or a printer renamed is none of it."""
    services = [(s.key, s.kind, s.per, s.reentry, s.needs, sorted(s.entitled) if s.entitled is not None else None,
                 s.starts, s.ends) for s in plan.services.values()]
    words = [(c.key, c.name, c.hint) for c in plan.categories.values()]
    names = [(s.key, s.name) for s in plan.stations.values()]
    said = repr((plan.event.epoch, run, station.mode, station.services, plan.event.timezone, services, words, names))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def everybody(runtime: Runtime, plan: Snapshot, station: StationView) -> Iterator[list[Holder]]:
    """All holders with a code, a few at a time."""
    last = 0
    while ids := _ids(runtime, select(Attendee.id).where(Attendee.id > last).order_by(Attendee.id)):
        yield these(runtime, plan, station, ids)
        last = ids[-1]
    last = 0
    while ids := _ids(runtime, select(Coupon.id).where(
            Coupon.id > last, Coupon.attendee_id.is_(None), Coupon.service_key.in_(station.services)).order_by(Coupon.id)):
        yield these(runtime, plan, station, [-coupon_id for coupon_id in ids])
        last = ids[-1]


def changed(runtime: Runtime, plan: Snapshot, station: StationView, after: int) -> Iterator[list[Holder]]:
    """Those who did something since the ledger ended with the row `after`."""
    with runtime.connection() as connection:
        found = connection.execute(select(Scan.holder).distinct().where(
            Scan.seq > after, Scan.verdict == ACCEPTED).order_by(Scan.holder)).scalars()
        ids = [holder for holder in found if holder is not None]
    for start in range(0, len(ids), FEW):
        yield these(runtime, plan, station, ids[start:start + FEW])


def _ids(runtime: Runtime, query: Any) -> list[int]:
    with runtime.connection() as connection:
        return list(connection.execute(query.limit(FEW)).scalars())


def these(runtime: Runtime, plan: Snapshot, station: StationView, ids: Sequence[int]) -> list[Holder]:
    """The holders of these ids, with their codes and what they did."""
    with runtime.connection() as connection:
        did: dict[int, list[Entry]] = {holder: [] for holder in ids}
        for holder, *row in road_sql.rows(connection, "history", ids):
            did[holder].append(road_sql.entry(row))
        named = [holder for holder in ids if holder > 0]
        people = {row[0]: person_view(row) for row in (road_sql.rows(connection, "people", named) if named else ())
                  if row[-1] not in plan.imports_under_way}
        found = {holder: Holder(holder, people.get(holder), Facts(
            plan.services, plan.event.zone, person=_person(plan, people.get(holder)), history=tuple(did[holder])))
            for holder in ids if holder < 0 or holder in people}
        for holder, code in _codes(connection, station, ids):
            if holder in found:
                found[holder].codes.append(code)
    return [holder for holder in found.values() if holder.codes]


def _person(plan: Snapshot, view: PersonView | None) -> Person | None:
    if view is None:
        return None
    category = plan.categories.get(view.category)
    return Person(view.id, view.state, view.category, view.hint, category.hint if category else "", view.diet,
                  plan.exceptions.get(view.id, {}))


def _codes(connection: Connection, station: StationView, ids: Sequence[int]) -> Iterator[tuple[int, Code]]:
    """Every badge, revoked ones too, and the coupons of what this station gives out."""
    people, nobodies = [i for i in ids if i > 0], [-i for i in ids if i < 0]
    for badge in connection.execute(select(Badge.attendee_id, Badge.code, Badge.revoked_at)
                                    .where(Badge.attendee_id.in_(people)).order_by(Badge.id)):
        yield badge.attendee_id, Code(badge.code, badge.revoked_at is not None)
    whose = Coupon.attendee_id.in_(people) | Coupon.attendee_id.is_(None) & Coupon.id.in_(nobodies)
    for one in connection.execute(select(Coupon.id, Coupon.attendee_id, Coupon.code, Coupon.service_key, Coupon.voided_at)
                                  .where(whose, Coupon.service_key.in_(station.services)).order_by(Coupon.id)):
        yield one.attendee_id or -one.id, Code(one.code, one.voided_at is not None, one.id, one.service_key)
