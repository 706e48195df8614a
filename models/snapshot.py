"""The plan in memory, as the road of a scan reads it. Trusted only while its revision is the database's."""
from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.engine import Connection

from models import event as tables
from models.devices import Device
from models.facts import Question, Service, Window
from models.people import Delegation, ImportRun


@dataclass(frozen=True, slots=True)
class StationView:
    """A station as the road sees it."""

    key: str
    name: str
    name_en: str
    mode: str
    services: tuple[str, ...]
    printer: str | None
    offline: bool


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A paired tablet that has not been revoked."""

    id: int
    station: str
    name: str


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category's words and colour."""

    key: str
    name: str
    name_en: str
    colour: str
    hint: str


@dataclass(frozen=True, slots=True)
class EventView:
    """The event's words and settings."""

    name: str
    name_en: str
    zone: ZoneInfo
    timezone: str
    starts: datetime
    ends: datetime
    epoch: str
    trial: bool
    secret: str
    closed_at: datetime | None = None      # the event is over
    live_at: datetime | None = None        # the trial ended


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One revision of plan and roster facts that are few: read whole, never changed, thrown away on a new revision."""

    plan_revision: int
    roster_revision: int
    event: EventView
    services: Mapping[str, Service]
    stations: Mapping[str, StationView]
    categories: Mapping[str, CategoryView]
    delegations: Mapping[int, str]
    printers: Mapping[str, str]
    exceptions: Mapping[int, Mapping[str, tuple[bool, int | None]]]
    devices: Mapping[str, DeviceView]          # by the hash of their token
    device_ids: frozenset[int]
    imports_under_way: frozenset[int]          # whose people are not seen yet


class Memory:
    """Keeps the newest snapshot and reads another when the revisions differ."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: Snapshot | None = None

    def at(self, connection: Connection, plan_revision: int, roster_revision: int) -> Snapshot:
        """The snapshot of these revisions, which the caller has just read in the same transaction."""
        kept = self.kept
        if kept and (kept.plan_revision, kept.roster_revision) == (plan_revision, roster_revision):
            return kept
        with self._lock:
            self.kept = read(connection)
            return self.kept

    def current(self, connection: Connection) -> Snapshot:
        """The snapshot of now."""
        row = connection.execute(_REVISIONS).one()
        return self.at(connection, row.plan_revision, row.roster_revision)


_REVISIONS = select(tables.Event.plan_revision, tables.Event.roster_revision)


def read(connection: Connection) -> Snapshot:
    """Reads the plan whole. Under 2 ms for a large one."""
    event = connection.execute(select(tables.Event.__table__)).one()
    exceptions: dict[int, dict[str, tuple[bool, int | None]]] = defaultdict(dict)
    for row in connection.execute(select(tables.Entitlement.__table__)):
        exceptions[row.attendee_id][row.service_key] = (row.allowed, row.limit)
    devices = {row.token_hash: DeviceView(row.id, row.station_key, row.name)
               for row in connection.execute(select(Device.__table__).where(Device.revoked_at.is_(None)))}
    return Snapshot(
        event.plan_revision, event.roster_revision, _event(event),
        {row.key: _service(row) for row in connection.execute(_ordered(tables.Service))},
        {row.key: StationView(row.key, row.name, row.name_en, row.mode, tuple(row.services), row.printer_key,
                              row.offline) for row in connection.execute(_ordered(tables.Station))},
        {row.key: CategoryView(row.key, row.name, row.name_en, row.colour, row.hint)
         for row in connection.execute(_ordered(tables.Category))},
        {row.id: row.name for row in connection.execute(select(Delegation.__table__))},
        {row.key: row.name or row.key for row in connection.execute(_ordered(tables.Printer))},
        dict(exceptions),
        devices, frozenset(device.id for device in devices.values()),
        frozenset(connection.execute(select(ImportRun.id).where(ImportRun.finished_at.is_(None))).scalars()),
    )


def _ordered(table: Any) -> Any:
    return select(table.__table__).order_by(table.position, table.key)


def _event(row: Any) -> EventView:
    zone = ZoneInfo(row.timezone)
    midnight = datetime.min.time()
    return EventView(row.name, row.name_en, zone, row.timezone,
                     datetime.combine(row.starts, midnight, zone), datetime.combine(row.ends, midnight, zone),
                     row.epoch, row.trial, row.secret, row.closed_at, row.live_at)


def _service(row: Any) -> Service:
    return Service(
        key=row.key, kind=row.kind, name=row.name, name_en=row.name_en, closed=row.closed,
        windows=tuple(Window(*map(datetime.fromisoformat, pair)) for pair in row.windows),
        entitled=None if row.entitled is None else frozenset(row.entitled), needs=tuple(row.needs),
        tolerance=timedelta(minutes=row.tolerance_minutes), limit=row.limit, per=row.per, slip=row.slip,
        coupon=row.coupon, stock=row.stock, starts=row.starts, ends=row.ends,
        late_after=timedelta(minutes=row.late_after_minutes), reentry=row.reentry, missing_out=row.missing_out,
        questions=tuple(Question(q["key"], q["text"], tuple(q.get("choices", ())), q.get("required", False))
                        for q in row.question),
    )
