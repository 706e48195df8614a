"""What purging does to each table: rows that go, columns that are emptied, people who become numbers.

Everything happens in one transaction. Counts stay: who had what, when and where stays, by people without names. Their
ids are new and shuffled, because an id in the order of the old list would name them. The ledger's rows are rewritten
with what is left, and its chain of hashes begins anew (models/purged.py).
"""
from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models import chain, purged, road_sql
from models.aside import KeptAside, Settlement
from models.database import now
from models.devices import Device, Grant, PairingCode
from models.disclosures import TERMINAL, Disclosure
from models.event import Entitlement, Event, Service, Station
from models.people import Attendee, Badge, Correction, Coupon, Delegation, ImportRun, Staff, StaffSession
from models.scans import PrintJob, Scan, StockMove

CHUNK = 2000
OPEN = ("queued", "sending", "held", "unknown")     # a print job that may still come out
SEEN = ("*", "phone", "id_number", "code", "pdf", "zip", "csv")   # of a disclosure; anything else is where a file went
EMPTIED = {"name_en": "", "organisation": "", "post": "", "phone": "", "email": "", "id_number": "", "sex": "",
           "nation": "", "diet": "", "hint": "", "seat": "", "table_no": "", "room": "", "vip": False, "arrival": "",
           "remarks": "", "folded": "", "search_keys": ""}
DELETED: tuple[Any, ...] = (KeptAside, Badge, Coupon, Correction, ImportRun, PairingCode, Grant)
# Table -> columns that stay as they are; a test fails for a column of which nobody has decided.
KEPT: Mapping[str, frozenset[str]] = {
    "attendee": frozenset({"state", "category_key"}),
    "delegation": frozenset(),
    "device": frozenset({"id", "station_key", "paired_at", "last_seen", "waiting"}),
    "disclosure": frozenset({"id", "at", "station_key", "purpose", "count"}),
    "entitlement": frozenset({"service_key", "allowed", "limit"}),
    "print_job": frozenset({"number", "id", "origin", "kind", "copy", "scan_id", "station_key", "printer_key", "attempts",
                            "process_id", "sent_to", "created_at", "not_before", "sending_at", "done_at"}),
    "settlement": frozenset({"scan_id", "decision", "at"}),
    "scan": frozenset({"seq", "id", "service_key", "station_key", "device_id", "coupon_id", "direction", "quantity",
                        "verdict", "reason", "use_no", "forced", "overrode", "conflict", "offline", "voids",
                       "scanned_at", "uploaded_at"}),
    "staff": frozenset({"id", "role", "secret_hash", "created_at", "disabled_at"}),
    "staff_session": frozenset({"token_hash", "staff_id", "created_at", "expires_at", "seen_at", "confirmed_at"}),
    "stock_move": frozenset({"id", "service_key", "quantity", "scan_id", "at"}),
}
CHANGED: Mapping[str, frozenset[str]] = {
    "attendee": frozenset({"id", "number", "import_id", "name", "delegation_id", *EMPTIED}),
    "delegation": frozenset({"id", "name"}),
    "device": frozenset({"name", "token_hash", "revoked_at"}),
    "disclosure": frozenset({"actor", "attendee_id", "fields"}),
    "entitlement": frozenset({"attendee_id"}),
    "print_job": frozenset({"code", "attendee_id", "content", "blob", "sha256", "state", "reason", "actor"}),
    "scan": frozenset({"fingerprint", "actor", "holder", "attendee_id", "badge_id", "raw_code", "note", "answers", "answer", "chain"}),
    "settlement": frozenset({"actor", "note"}),
    "staff": frozenset({"name"}),
    "staff_session": frozenset(),
    "stock_move": frozenset({"actor"}),
}
# The plan and what is counted say nothing of a person.
PLAN = frozenset({"category", "service", "station", "printer", "event", "lease", "tally", "purged", "alembic_version"})
_S: Any = Scan.__table__
_A: Any = Attendee.__table__
Step = Callable[[str, int, int], None]


@dataclass(slots=True)
class Change:
    """What one transaction changed: counts by kind."""

    removed: Counter[str] = field(default_factory=Counter)
    anonymised: Counter[str] = field(default_factory=Counter)


class Anonymiser:
    """One purge inside the writer's transaction. `keeper` is the id of the member of staff who goes on signing in."""

    def __init__(self, session: Session, keeper: int | None, step: Step):
        self.connection: Connection = session.connection()
        self.keeper, self.step, self.at = keeper, step, now()
        self.change = Change()
        self._stations = set(self.connection.execute(select(Station.key)).scalars())
        self._actors: dict[str, str] = {}
        self._people: dict[int, int] = {}          # old id -> new id
        self._delegation: dict[int, int] = {}

    def run(self) -> Change:
        """All of it."""
        self.connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        self._delete()
        self._delegations()
        self._attendees()
        self._staff()
        self._paper()
        self._small()
        self._ledger()
        self._event()
        return self.change

    # --- who is called what ---

    def _actor(self, name: str) -> str:
        """A pseudonym; stations and the command line are nobody's names."""
        if not name or name in self._stations or name == TERMINAL:
            return name
        if name not in self._actors:
            self._actors[name] = f"经办人 {len(self._actors) + 1}"
        return self._actors[name]

    def _person(self, attendee_id: int | None) -> int | None:
        return None if attendee_id is None else self._people.get(attendee_id)

    # --- tables ---

    def _delete(self) -> None:
        for table in DELETED:
            gone = self.connection.execute(select(func.count()).select_from(table)).scalar_one()
            if gone:
                self.change.removed[table.__tablename__] += gone
            if table is not ImportRun:             # until the people of an unfinished one are gone
                self.connection.execute(delete(table))

    def _attendees(self) -> None:
        """Everybody gets a new, shuffled id beyond the old ones, and a number instead of a name."""
        unfinished = select(ImportRun.id).where(ImportRun.finished_at.is_(None))
        self.connection.execute(delete(_A).where(_A.c.import_id.in_(unfinished)))
        self.connection.execute(delete(ImportRun))
        rows = list(self.connection.execute(select(_A.c.id, _A.c.state, _A.c.category_key, _A.c.delegation_id)))
        SystemRandom().shuffle(rows)
        first = max((row.id for row in rows), default=0) + 1
        self._people = {row.id: first + place for place, row in enumerate(rows)}
        run = secrets.token_hex(2).upper()          # a second purge must not meet the numbers of the first
        for start in range(0, len(rows), CHUNK):
            self.connection.execute(insert(_A), [
                {**EMPTIED, "id": self._people[row.id], "number": f"P{run}-{start + place:06d}", "import_id": 0,
                 "name": f"参会人员 {start + place}", "state": row.state, "category_key": row.category_key,
                 "delegation_id": self._delegation.get(row.delegation_id)}
                for place, row in enumerate(rows[start:start + CHUNK], 1)])
            self.step("people", min(start + CHUNK, len(rows)), len(rows))
        entitlements = [dict(row._mapping) for row in self.connection.execute(select(Entitlement.__table__))]
        self.connection.execute(delete(Entitlement))
        moved = [{**row, "attendee_id": self._people[row["attendee_id"]]} for row in entitlements
                 if row["attendee_id"] in self._people]
        if moved:
            self.connection.execute(insert(Entitlement), moved)
        self.change.anonymised["attendee"] = len(rows)

    def _delegations(self) -> None:
        ids = list(self.connection.execute(select(Delegation.id)).scalars())
        SystemRandom().shuffle(ids)
        first = max(ids, default=0) + 1
        self._delegation = {old: first + place for place, old in enumerate(ids)}
        # Names are unique, and those of an earlier purge would be in the way of this one's.
        self.connection.execute(update(Delegation).values(name=Delegation.name + f" {secrets.token_hex(4)}"))
        if ids:
            self.connection.execute(insert(Delegation), [{"id": first + place, "name": f"代表团 {place + 1}"}
                                                         for place in range(len(ids))])
            self.change.anonymised["delegation"] = len(ids)

    def _staff(self) -> None:
        """Nobody but the keeper signs in any more; the keeper does so under a pseudonym."""
        people = list(self.connection.execute(select(Staff.id, Staff.name)))
        self.connection.execute(delete(StaffSession).where(StaffSession.staff_id.is_not(self.keeper)))
        self.connection.execute(delete(Staff).where(Staff.id.is_not(self.keeper)))
        for person in people:
            if person.id == self.keeper:
                self.connection.execute(update(Staff).where(Staff.id == person.id).values(name=self._actor(person.name)))
        self.change.removed["staff"] = len(people) - (self.keeper is not None)

    def _paper(self) -> None:
        """Print jobs stay as lines without content; nothing that waits is printed any more."""
        job: Any = PrintJob.__table__
        rows = list(self.connection.execute(select(job.c.number, job.c.attendee_id, job.c.actor, job.c.state,
                                                   job.c.content["title"].as_string(), job.c.content["title_en"].as_string())))
        if rows:
            self.connection.execute(update(job).where(job.c.number == bindparam("job")), [
                {"job": number, "code": None, "attendee_id": self._person(attendee_id),
                 "content": {"title": title or "", "title_en": title_en or ""}, "blob": None, "sha256": None, "reason": "",
                 "state": "cancelled" if state in OPEN else state, "actor": self._actor(actor)}
                for number, attendee_id, actor, state, title, title_en in rows])
            self.change.anonymised["print_job"] = len(rows)

    def _small(self) -> None:
        """Who did what: pseudonyms. Tablets are unpaired: what they could still show belongs to people."""
        for row in list(self.connection.execute(select(StockMove.id, StockMove.actor))):
            self.connection.execute(update(StockMove).where(StockMove.id == row.id).values(actor=self._actor(row.actor)))
        for settled in list(self.connection.execute(select(Settlement.scan_id, Settlement.actor))):
            self.connection.execute(update(Settlement).where(Settlement.scan_id == settled.scan_id)
                                    .values(actor=self._actor(settled.actor), note=None))
        looks = list(self.connection.execute(select(Disclosure.id, Disclosure.actor, Disclosure.attendee_id, Disclosure.fields)))
        for look in looks:
            self.connection.execute(update(Disclosure).where(Disclosure.id == look.id).values(
                actor=self._actor(look.actor), attendee_id=self._person(look.attendee_id),
                fields=[name for name in look.fields if name in SEEN]))
        if looks:
            self.change.anonymised["disclosure"] = len(looks)
        devices = list(self.connection.execute(select(Device.id)).scalars())
        for one in devices:
            self.connection.execute(update(Device).where(Device.id == one).values(
                name="", token_hash=f"gone-{secrets.token_hex(16)}", revoked_at=func.coalesce(Device.revoked_at, self.at)))
        if self._people:                            # the old ones, now that nothing points at them
            self.connection.execute(delete(Attendee).where(Attendee.id < min(self._people.values())))
        if self._delegation:
            self.connection.execute(delete(Delegation).where(Delegation.id < min(self._delegation.values())))

    def _ledger(self) -> None:
        """Every row again with what is left of it, linked from the record of this purge."""
        last = self.connection.execute(select(_S.c.seq, _S.c.chain).order_by(_S.c.seq.desc()).limit(1)).first()
        last_seq, end = (last.seq, last.chain) if last else (0, chain.START)
        self.connection.execute(insert(purged.Purged).values(
            at=self.at, people=len(self._people), last_seq=last_seq, chain_before=end))
        total = self.connection.execute(select(func.count()).select_from(Scan)).scalar_one()
        choices = self._choices()
        before, seq, done = purged.start_after(self.at, end, last_seq), -1, 0
        while rows := list(self.connection.execute(select(_S).where(_S.c.seq > seq).order_by(_S.c.seq).limit(CHUNK))):
            fresh = []
            for row in rows:
                values = {**row._mapping, **self._scan(row, choices)}
                before = values["chain"] = chain.link(before, values)
                fresh.append(values)
            self._rewrite(fresh)
            seq, done = rows[-1].seq, done + len(rows)
            self.step("ledger", done, total)
        self.change.anonymised["scan"] = total

    def _scan(self, row: Any, choices: Mapping[str, set[str]]) -> dict[str, Any]:
        """What becomes of a row of the ledger. An answer that the plan offered as a choice may be counted still."""
        chosen = {key: said for key, said in (row.answers or {}).items() if str(said) in choices.get(key, ())}
        holder = self._person(row.holder) if row.holder is not None and row.holder > 0 else row.holder
        return {"fingerprint": "", "actor": self._actor(row.actor), "holder": holder,
                "attendee_id": self._person(row.attendee_id), "badge_id": None, "raw_code": None, "note": None, "answers": chosen or None,
                "answer": {**row.answer, "hints": []}}

    def _rewrite(self, rows: list[dict[str, Any]]) -> None:
        columns = sorted(CHANGED["scan"])
        sql = f"UPDATE scan SET {', '.join(f'{name} = ?' for name in columns)} WHERE seq = ?"     # noqa: S608  our own names
        driver: Any = self.connection.connection.driver_connection
        driver.executemany(sql, [[*(road_sql.stored(name, row[name]) for name in columns), row["seq"]] for row in rows])

    def _choices(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for questions in self.connection.execute(select(Service.question)).scalars():
            for one in questions:
                found.setdefault(one["key"], set()).update(map(str, one.get("choices", ())))
        return found

    def _event(self) -> None:
        self.connection.execute(update(Event).values(
            setup_code_hash=None, plan_revision=Event.plan_revision + 1, roster_revision=Event.roster_revision + 1,
            ledger_revision=Event.ledger_revision + 1))


def left_over(connection: Connection) -> dict[str, int]:
    """Rows that still hold what purging empties, by table: must be none. The search looks for values, this for places."""
    full = [_A.c[name] != value for name, value in EMPTIED.items()]
    condition = full[0]
    for one in full[1:]:
        condition = condition | one
    job: Any = PrintJob.__table__
    checks = {
        "attendee": select(func.count()).select_from(_A).where(condition | ~_A.c.name.like("参会人员 %")),
        "print_job": select(func.count()).select_from(job).where(job.c.blob.is_not(None) | job.c.code.is_not(None)),
        "scan": select(func.count()).select_from(_S).where(_S.c.raw_code.is_not(None) | _S.c.note.is_not(None)),
        **{table.__tablename__: select(func.count()).select_from(table) for table in DELETED}}
    found = {name: connection.execute(query).scalar_one() for name, query in checks.items()}
    return {name: count for name, count in found.items() if count}
