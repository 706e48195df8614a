"""What the dashboard shows, read only: the numbers of `/api/v1/counts` (api.md), last scans, people by name."""
from __future__ import annotations

import time
from collections import defaultdict
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, exists, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import aliased

from models import aside_rows, conflicts
from models.backups import Keeping
from models.counts import State
from models.database import now
from models.devices import Device
from models.event import Printer
from models.facts import ACCEPTED
from models.people import Attendee
from models.runtime import ONLINE, Runtime
from models.scans import PrintJob, Scan, Tally
from models.snapshot import Snapshot

NEWEST = 20_000          # rows in which the last minutes lie even at a rush of 60 scans a second
SHORT = 0.1              # of those entitled: fewer left than this, and fewer than are due, asks for a person
JOB_STATES = ("queued", "sending", "printed", "parsed", "sent", "unknown", "held")

# Made once: the live hub asks them four times a second, and making one costs as much as running it.
_TALLIES = select(Tally.__table__)
_JOBS = (select(PrintJob.printer_key, PrintJob.state, func.count().label("jobs"))
         .group_by(PrintJob.printer_key, PrintJob.state))
_PRINTERS = select(Printer.__table__).order_by(Printer.position)
_DEVICES = (select(Device.id, Device.station_key, Device.last_seen, Device.waiting)
            .where(Device.revoked_at.is_(None)))


def counts(runtime: Runtime, connection: Connection) -> dict[str, Any]:
    """The dashboard's numbers, each the same as the ledger's, the forms' and the exports'."""
    plan = runtime.ledger.memory.current(connection)
    state = runtime.ledger.counts.current(connection)
    return {
        "head": state.head, "server_time": now().astimezone(plan.event.zone).isoformat(timespec="milliseconds"),
        "services": services(plan, state, connection),
        "categories": {key: _group(state, "category", key) for key in plan.categories},
        "delegations": {name: _group(state, "delegation", key) for key, name in plan.delegations.items()},
        "printers": printers(connection), "stations": stations(runtime, plan, connection),
        "conflicts": conflicts.count(connection), "aside": aside_rows.count(connection),
    }


def services(plan: Snapshot, state: State, connection: Connection) -> dict[str, Any]:
    """Service by service: entitled, people, uses, refused, inside (sessions), stock left (materials)."""
    tallies = {row.service_key: row for row in connection.execute(_TALLIES)}
    found = {}
    for key, service in plan.services.items():
        tally = tallies.get(key)
        moved = tally.stock_moved if tally else 0
        found[key] = {
            "kind": service.kind, "name": service.name, "name_en": service.name_en,
            "entitled": state.entitled[key], "people": tally.people if tally else 0, "uses": tally.uses if tally else 0,
            "refused": tally.refused if tally else 0,
            "inside": (tally.inside if tally else 0) if service.kind == "session" else None,
            "stock_left": None if service.stock is None else service.stock + moved,
        }
    return found


def _group(state: State, what: str, key: Any) -> dict[str, int]:
    return {"expected": state.expected[what, key], "people": state.people[what, key],
            "inside": state.inside[what, key]}


def printers(connection: Connection) -> dict[str, Any]:
    """Printer by printer: what it says and how many jobs are where."""
    jobs: dict[str, dict[str, int]] = defaultdict(dict)
    for row in connection.execute(_JOBS):
        jobs[row.printer_key][row.state] = row.jobs
    return {row.key: {"name": row.name or row.key, "state": row.state, "message": row.message,
                      **{state: jobs[row.key].get(state, 0) for state in JOB_STATES}}
            for row in connection.execute(_PRINTERS)}


def stations(runtime: Runtime, plan: Snapshot, connection: Connection) -> dict[str, Any]:
    """Station by station: whether a tablet of it is there, when it spoke last, what waits in its outbox."""
    found: dict[str, dict[str, Any]] = {
        key: {"name": s.name, "name_en": s.name_en, "mode": s.mode, "online": False, "last_seen": None, "waiting": 0,
              "devices": 0} for key, s in plan.stations.items()}
    moment = now()
    last: dict[str, datetime] = {}
    for row in connection.execute(_DEVICES):
        seen = runtime.seen.get(row.id)
        elsewhere = runtime.is_shared and seen and row.last_seen and row.last_seen > seen.at     # by another node
        at, waiting = (seen.at, seen.waiting) if seen and not elsewhere else (row.last_seen, row.waiting)
        station = found.get(row.station_key)
        if station is None:
            continue
        station["devices"] += 1
        station["waiting"] += waiting
        if at is not None:
            station["online"] = station["online"] or moment - at < ONLINE
            last[row.station_key] = max(at, last.get(row.station_key, at))
    for key, at in last.items():
        found[key]["last_seen"] = at.isoformat(timespec="seconds")
    return found


def last_scans(connection: Connection, plan: Snapshot, limit: int = 20, station: str | None = None,
               refused: bool = False) -> list[dict[str, Any]]:
    """The newest rows of the ledger with the person's name, for staff; masked by whoever shows them in public."""
    query = _newest_scans(limit)
    if station:
        query = query.where(Scan.station_key == station)
    if refused:
        query = query.where(Scan.verdict != ACCEPTED, Scan.voids.is_(None))
    zone = plan.event.zone
    return [{**row._mapping, "scanned_at": row.scanned_at.astimezone(zone),
             "service": plan.services[row.service_key].name if row.service_key in plan.services else row.service_key,
             "station": plan.stations[row.station_key].name if row.station_key in plan.stations else row.station_key}
            for row in connection.execute(query)]


@lru_cache(maxsize=8)
def _newest_scans(limit: int) -> Select[Any]:
    return (select(Scan.seq, Scan.id, Scan.service_key, Scan.station_key, Scan.verdict, Scan.reason, Scan.direction,
                   Scan.voids, Scan.scanned_at, Scan.forced, Scan.conflict, Scan.actor, Attendee.id.label("attendee"),
                   Attendee.name, Attendee.organisation)
            .outerjoin(Attendee, Attendee.id == Scan.attendee_id).order_by(Scan.seq.desc()).limit(limit))


def by_station(connection: Connection, station: str, since: datetime | None = None) -> dict[str, int]:
    """How many scans of each service a station had accepted that stand; `since` when, by the time of upload."""
    undo = aliased(Scan)
    wanted = [Scan.station_key == station, Scan.verdict == ACCEPTED, Scan.voids.is_(None),
              ~exists().where(undo.voids == Scan.seq, undo.verdict == ACCEPTED)]
    if since is not None:
        wanted.append(Scan.uploaded_at >= since)
    rows = connection.execute(
        select(Scan.service_key, func.count().label("scans")).where(*wanted).group_by(Scan.service_key))
    return {row.service_key: row.scans for row in rows}


def arrivals(state: State, until: datetime, hours: int = 12) -> list[tuple[int, int]]:
    """People signed in per five minutes, oldest first: (start in epoch seconds, people). Gaps are zeros."""
    starts = sorted(key for key, people in state.arrivals.items()
                    if people and key >= (until - timedelta(hours=hours)).timestamp())
    if not starts:
        return []
    return [(at, state.arrivals[at]) for at in range(starts[0], starts[-1] + 1, 300)]


def recent_arrivals(connection: Connection, plan: Snapshot, since: datetime) -> list[int]:
    """When each person who signed in since a moment did (epoch seconds, oldest first): the pace of now.

    Only the ledger's newest rows are looked at, so that the answer costs the same at a million scans.
    """
    signing = [key for key, service in plan.services.items() if service.kind == "sign_in"]
    newest = select(func.coalesce(func.max(Scan.seq), 0) - NEWEST).scalar_subquery()
    undone = select(Scan.voids).where(Scan.seq > newest, Scan.voids.is_not(None), Scan.verdict == ACCEPTED)
    rows = connection.execute(
        select(func.min(Scan.scanned_at).label("at")).where(
            Scan.seq > newest, Scan.verdict == ACCEPTED, Scan.use_no.is_not(None), Scan.service_key.in_(signing),
            Scan.scanned_at >= since, Scan.seq.not_in(undone)).group_by(Scan.holder))
    return sorted(int(row.at.timestamp()) for row in rows)


def alerts(found: dict[str, Any], keeping: Keeping | None = None) -> list[dict[str, Any]]:
    """What asks for a person: no backups, printers in trouble, slips nobody knows of, tablets away, materials running
    out."""
    said: list[dict[str, Any]] = _backups(found["head"], keeping) if keeping else []
    if found["conflicts"]:
        said.append({"kind": "conflict", "key": "conflicts", "name": "", "waiting": found["conflicts"]})
    if found["aside"]:
        said.append({"kind": "aside", "key": "aside", "name": "", "waiting": found["aside"]})
    for key, printer in found["printers"].items():
        if printer["state"] in ("blocked", "offline"):
            said.append({"kind": "printer", "key": key, "name": printer["name"], "message": printer["message"],
                         "waiting": printer["queued"]})
        if printer["unknown"]:
            said.append({"kind": "slip", "key": key, "name": printer["name"], "waiting": printer["unknown"]})
    for key, station in found["stations"].items():
        if station["devices"] and not station["online"]:
            said.append({"kind": "station", "key": key, "name": station["name"], "waiting": station["waiting"]})
    for key, service in found["services"].items():
        left, due = service["stock_left"], service["entitled"] - service["people"]
        if left is not None and left < due and left <= service["entitled"] * SHORT:
            said.append({"kind": "stock", "key": key, "name": service["name"], "left": max(left, 0), "waiting": due})
    return said


def _backups(head: int, keeping: Keeping) -> list[dict[str, Any]]:
    """Backups that do not come off, that are late while scans go on, or that would be lost together with the laptop."""
    if late := keeping.overdue(head, time.monotonic()):
        return [{"kind": "backup_late", "key": "backup", "name": "", "message": keeping.trouble, "waiting": late}]
    if keeping.trouble:
        return [{"kind": "backup", "key": "backup", "name": "", "message": keeping.trouble, "waiting": 0}]
    if keeping.is_live and keeping.same_disk:
        return [{"kind": "backup_here", "key": "backup", "name": "", "message": "", "waiting": 0}]
    return []
