"""Print jobs and coupons born with a scan: what the slip will say, as data (printing.md).

Drawing takes milliseconds that the writer does not have, so only the content is frozen here; the spooler draws it.
A job's unique key is (scan id or coupon, kind, copy): a second click or retry finds it and makes no other.
"""
from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.engine import Connection

from models import codes, road_sql
from models.asks import Found, PersonView, ScanRequest
from models.database import now
from models.facts import ACCEPTED, Decision, Entry, Service
from models.gather import Gathered
from models.people import Coupon
from models.rules import may_have
from models.scans import PrintJob, Scan
from models.snapshot import Snapshot, StationView

JOB, COUPON = range(2)        # of `numbers` (road_statements.py)


class Births:
    """Collects the rows of one batch; numbers are taken once, under the writer's transaction."""

    def __init__(self, connection: Connection, facts: Gathered):
        self._connection, self._facts = connection, facts
        self.jobs: list[dict[str, Any]] = []
        self.coupons: list[dict[str, Any]] = []
        self.undone: list[str] = []
        self._last: list[int] | None = None       # numbers of print job and coupon

    def of_scan(self, request: ScanRequest, decision: Decision, found: Found, station: StationView,
                entry: Entry) -> list[str]:
        """The print jobs of an accepted scan: its slip, then the coupons due; returns their ids."""
        if not decision.accepted or station.printer is None:
            return []
        service, made = self._facts.plan.services[request.service], []
        if decision.slip:
            content = slip_content(self._facts.plan, service, found.person, request.at, station)
            made.append(self._job("slip", request.id, request, found, station, content, codes.new(codes.SLIP)))
        for key in self._not_yet_printed(decision.coupons, found):
            made.append(self._coupon(self._facts.plan.services[key], request, found, station))
        return made

    def undo(self, scan_id: str) -> bool:
        """Calls back the waiting jobs of an undone scan; says whether one has left for a printer already."""
        self.undone.append(scan_id)
        return scan_id in self._facts.started

    def void_coupons(self) -> Any:
        """The update that voids what was printed with an undone sign-in and has not been eaten on."""
        born = select(PrintJob.code).where(PrintJob.scan_id.in_(self.undone), PrintJob.kind == "coupon")
        undone = select(Scan.voids).where(Scan.voids.is_not(None), Scan.verdict == ACCEPTED)
        spent = select(Scan.coupon_id).where(Scan.coupon_id.is_not(None), Scan.verdict == ACCEPTED, Scan.seq.not_in(undone))
        return update(Coupon).where(Coupon.code.in_(born), Coupon.id.not_in(spent)).values(voided_at=now())

    def _not_yet_printed(self, due: tuple[str, ...], found: Found) -> list[str]:
        """Signing in twice prints no second coupon: one that is still good counts as held."""
        if not due or found.person is None:
            return []
        held = self._facts.held.setdefault(found.person.id, set())
        return [key for key in due if key not in held]

    def _coupon(self, meal: Service, request: ScanRequest, found: Found, station: StationView) -> str:
        assert found.person is not None
        coupon_id = self._next(COUPON)
        code = codes.new(codes.COUPON)
        self.coupons.append({"id": coupon_id, "code": code, "service_key": meal.key, "attendee_id": found.person.id,
                             "issued_at": request.uploaded_at})
        self._facts.held[found.person.id].add(meal.key)
        content = coupon_content(self._facts.plan, meal, found.person, request.at, station)
        return self._job("coupon", f"coupon:{coupon_id}", request, found, station, content, code)

    def _next(self, which: int) -> int:
        if self._last is None:
            self._last = road_sql.rows(self._connection, "numbers")
        self._last[which] += 1
        return self._last[which]

    def _job(self, kind: str, origin: str, request: ScanRequest, found: Found, station: StationView,
             content: dict[str, Any], code: str) -> str:
        number = self._next(JOB)
        job_id = str(uuid.uuid4())
        self.jobs.append({
            "number": number, "id": job_id, "code": code, "origin": origin, "kind": kind, "copy": 1,
            "scan_id": request.id, "attendee_id": found.person.id if found.person else None,
            "station_key": station.key, "printer_key": station.printer, "state": "queued",
            "content": {**content, "number": number, "copy": 1, "code": code},
            "created_at": request.uploaded_at, "reason": "", "attempts": 0})
        return job_id


def slip_content(plan: Snapshot, service: Service, person: PersonView | None, at: datetime,
                 station: StationView) -> dict[str, Any]:
    """What an acceptance slip says. The room stands here and not on the kiosk's screen (law 8)."""
    content = _head(plan, service, person, at, station, "slip")
    if person and service.kind == "sign_in":
        content["lines"] = _places(person, ("座位 Seat", "seat"), ("餐桌 Table", "table"), ("房间 Room", "room"))
        content["programme"] = todays_programme(plan, at, person)
    elif person and service.kind == "meal":
        content["lines"] = _places(person, ("餐桌 Table", "table"), ("饮食 Diet", "diet"))
    return content


def coupon_content(plan: Snapshot, meal: Service, person: PersonView | None, at: datetime,
                   station: StationView | None) -> dict[str, Any]:
    """What a meal coupon says: which meal, when, where; good once, whoever carries it."""
    content = _head(plan, meal, person, at, station, "coupon")
    zone = plan.event.zone
    times = [f"{w.opens.astimezone(zone):%m-%d %H:%M}–{w.closes.astimezone(zone):%H:%M}" for w in meal.windows]
    content["lines"] = [["时间 Time", " / ".join(times)]] if times else []
    if person:
        content["lines"] += _places(person, ("餐桌 Table", "table"), ("饮食 Diet", "diet"))
    content["valid"] = "当餐有效，限用一次 · Good once, for this meal"
    return content


def todays_programme(plan: Snapshot, at: datetime, person: PersonView) -> list[list[str]]:
    """What begins on the local day of a moment and the person may go to: [time, title], in order."""
    exceptions = plan.exceptions.get(person.id, {})
    return [[f"{begins:%H:%M}", service.name] for begins, service in begins_today(plan, at)
            if may_have(service, person.category, exceptions)]


def begins_today(plan: Snapshot, at: datetime) -> list[tuple[datetime, Service]]:
    """Sessions and meals that begin on the local day of a moment, with that local time, in order."""
    zone, rows = plan.event.zone, []
    for service in plan.services.values():
        begins = [service.starts] if service.kind == "session" and service.starts else []
        begins += [w.opens for w in service.windows] if service.kind == "meal" else []
        rows += [(b.astimezone(zone), service) for b in begins]
    day = at.astimezone(zone).date()
    return sorted(((b, s) for b, s in rows if b.date() == day), key=lambda row: (row[0], row[1].name))


def _head(plan: Snapshot, service: Service, person: PersonView | None, at: datetime, station: StationView | None,
          kind: str) -> dict[str, Any]:
    category = plan.categories.get(person.category) if person else None
    return {
        "kind": kind, "event": plan.event.name, "event_en": plan.event.name_en,
        "title": service.name, "title_en": service.name_en,
        "name": person.name if person else "", "name_en": person.name_en if person else "",
        "organisation": person.organisation if person else "", "category": category.name if category else "",
        "lines": [], "programme": [], "note": "试运行 TRIAL" if plan.event.trial else "", "valid": "",
        "at": at.astimezone(plan.event.zone).isoformat(timespec="seconds"), "station": station.name if station else "",
    }


def _places(person: PersonView, *wanted: tuple[str, str]) -> list[list[str]]:
    return [[label, value] for label, name in wanted if (value := getattr(person, name))]
