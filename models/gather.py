"""Gathers the facts for a whole batch: a bounded number of SELECTs, never one per row (behaviour 13)."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from models import codes, road_sql
from models.asks import Found, PersonView, Request, ScanRequest, UndoRequest
from models.facts import Coupon, Entry, Facts, Person
from models.kept import Kept
from models.road_sql import KnownRow, Now
from models.snapshot import Memory, Snapshot, StationView

TALLY_FIELDS = ("people", "uses", "refused", "inside", "stock_moved")


@dataclass(slots=True)
class Gathered:
    """All facts for a batch, folded forward as the batch is judged."""

    plan: Snapshot
    now: Now                                     # revisions, epoch and the chain's end
    head: int
    known: dict[str, KnownRow] = field(default_factory=dict)     # scan id -> ledger row
    found: dict[Any, Found] = field(default_factory=dict)        # code or attendee id -> who it is
    people: dict[int, PersonView] = field(default_factory=dict)
    history: dict[int, list[Entry]] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    held: dict[int, set[str]] = field(default_factory=dict)      # attendee -> services with a coupon still good
    started: set[str] = field(default_factory=set)               # scans to undo whose slip has left for a printer
    moved: dict[str, int] = field(default_factory=dict)          # scan to undo, or of this batch -> stock it moved

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


def gather(connection: Connection, memory: Memory, requests: Sequence[Request], kept: Kept | None = None) -> Gathered:
    """Reads what is needed to judge these requests, whoever sent them, as far as `kept` does not know it already."""
    kept = kept if kept is not None else Kept()
    ids = {r.id for r in requests} | {r.target for r in requests if isinstance(r, UndoRequest)}
    *looked, known = road_sql.rows(connection, "look", ids)
    now = Now(*looked)
    plan = memory.at(connection, now.plan_revision, now.roster_revision)
    kept.check(now)
    if not kept.tally:
        kept.tally = {key: dict(zip(TALLY_FIELDS, values, strict=True))
                      for key, *values in road_sql.rows(connection, "tally")}
    # What is kept is shared and not copied: judging folds into it, and a batch that fails makes the ledger forget it all.
    facts = Gathered(plan, now, max(now.head or 0, now.head_floor), history=kept.history, tally=kept.tally)
    facts.known = {row.id: row for row in map(road_sql.known_row, known)}
    _identify(connection, facts, kept, [r for r in requests if isinstance(r, ScanRequest)])
    _read_people(connection, facts, requests)
    holders = {f.holder for f in facts.found.values() if f.holder is not None}
    holders |= {row.holder for row in facts.known.values() if row.holder is not None}
    _read_histories(connection, facts, holders)
    _read_paper(connection, facts, requests, holders)
    return facts


def _read_histories(connection: Connection, facts: Gathered, holders: set[int]) -> None:
    """What holders did, of those of whom it is not known."""
    strangers = {holder for holder in holders if holder not in facts.history}
    if strangers:
        facts.history.update({holder: [] for holder in strangers})
        for holder, *row in road_sql.rows(connection, "history", strangers):
            facts.history[holder].append(road_sql.entry(row))


def _read_paper(connection: Connection, facts: Gathered, requests: Sequence[Request], holders: set[int]) -> None:
    """Coupons that people hold, where one may be printed now; where a scan is undone, its slips already on their way
    and the stock that it moved."""
    services = facts.plan.services
    signing = any(isinstance(r, ScanRequest) and r.service in services and services[r.service].kind == "sign_in"
                  for r in requests)
    if signing and any(s.coupon for s in services.values()):
        for attendee_id, service in road_sql.rows(connection, "held", holders):
            facts.held.setdefault(attendee_id, set()).add(service)
    targets = [r.target for r in requests if isinstance(r, UndoRequest)]
    if targets:
        facts.started = {scan_id for scan_id, in road_sql.rows(connection, "started", targets)}
        facts.moved = dict(road_sql.rows(connection, "moved", targets))


def person_view(row: Sequence[Any]) -> PersonView:
    """A person's columns (road_sql) as an answer's words; the last one is the import they came with."""
    values = [*row[:14], bool(row[14]), row[15]]
    return PersonView(*values)


def _is_seen(facts: Gathered, row: Sequence[Any]) -> bool:
    """Whether the import that a person came with, if any, is complete."""
    return row[-1] not in facts.plan.imports_under_way


def _identify(connection: Connection, facts: Gathered, kept: Kept, scans: Iterable[ScanRequest]) -> None:
    wanted = {s.code for s in scans if s.code is not None and codes.is_code(s.code)}
    badges = {c for c in wanted if c.startswith(codes.BADGE)}
    strangers = {code for code in badges if code not in kept.badges}     # `badges - keys()` would walk all that is kept
    for code, badge_id, revoked_at, did, *person in (
            road_sql.rows(connection, "by_code", strangers) if strangers else ()):
        if _is_seen(facts, person):
            view = person_view(person)
            kept.badges[code] = Found(view.id, view, badge_id, None, revoked_at is not None)
            facts.history.setdefault(view.id, sorted(map(road_sql.entry, did), key=lambda entry: entry.seq))
    for code in badges:
        if (found := kept.badges.get(code)) is not None:
            facts.found[code] = found
            if found.person is not None:
                facts.people[found.person.id] = found.person
    coupons = [c for c in wanted if c.startswith(codes.COUPON)]
    for coupon_id, code, service, attendee_id, voided_at in (
            road_sql.rows(connection, "coupons", coupons) if coupons else ()):
        coupon = Coupon(coupon_id, service, voided_at is not None)
        facts.found[code] = Found(attendee_id or -coupon_id, None, None, coupon)


def _read_people(connection: Connection, facts: Gathered, requests: Iterable[Request]) -> None:
    """The people behind handles, bound coupons, repeats and undos."""
    handles = {r.attendee_id for r in requests if isinstance(r, ScanRequest) and r.attendee_id is not None}
    behind = {f.holder for f in facts.found.values() if f.coupon and f.holder and f.holder > 0}
    before = {row.attendee_id for row in facts.known.values() if row.attendee_id is not None}
    ids = (handles | behind | before) - facts.people.keys()
    for person in road_sql.rows(connection, "people", ids) if ids else ():
        view = facts.people[person[0]] = person_view(person)
        if view.id in handles and _is_seen(facts, person):
            facts.found[view.id] = Found(view.id, view)
    for attendee_id in handles & facts.people.keys():
        facts.found.setdefault(attendee_id, Found(attendee_id, facts.people[attendee_id]))
    for found in facts.found.values():
        if found.coupon and found.holder and found.holder > 0:
            found.person = facts.people.get(found.holder)
