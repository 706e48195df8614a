"""The plan in the database: made from a file, changed by another one, given out again.

What the plan does not say stays as it is when the plan changes: whether a service is closed just now, what was learnt
of a printer, the ledger. Nothing is removed that the ledger, the roster, a coupon or a paired tablet still speaks of.
"""
from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from models import event as tables
from models import plan_types as types
from models.plan_text import write
from models.plan_types import Plan
from models.plan_use import in_use
from models.plan_words import PlanError, Problem, sentence
from models.recount import overlaps, rewrite_tallies
from models.scans import Tally
from models.snapshot import read

_TABLES: dict[str, Any] = {"printer": tables.Printer, "category": tables.Category, "service": tables.Service,
                           "station": tables.Station}   # printers first: stations point at them


@dataclass
class Changes:
    """What another plan changed: (table, key) of each row; `event` whether the event's own words are other ones."""

    event: bool = False
    added: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    removed: list[tuple[str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.event or self.added or self.changed or self.removed)


def create(session: Session, plan: Plan) -> dict[str, Any]:
    """A new event from a plan: its name and how many of each there are. PlanError if there is an event already."""
    there = session.scalar(select(tables.Event))
    if there is not None:
        raise PlanError([Problem(None, "", sentence("exists", name=there.name))])
    session.add(tables.Event(id=1, epoch=uuid.uuid4().hex, secret=secrets.token_urlsafe(32), trial=True,
                             plan_revision=1, roster_revision=1, ledger_revision=1, **_event_values(plan)))
    for table, rows in _wanted(plan).items():
        for key, values in rows.items():
            session.add(_TABLES[table](key=key, **values))
        session.flush()
    session.add_all(Tally(service_key=service.key, people=0, uses=0, refused=0, inside=0, stock_moved=0)
                    for service in plan.service)
    session.flush()
    return {"event": plan.event.name, "categories": len(plan.category), "services": len(plan.service),
            "stations": len(plan.station), "printers": len(plan.printer)}


def update(session: Session, plan: Plan) -> Changes:
    """Makes an edited plan the event's plan, at once for everyone. PlanError, with all reasons and nothing changed,
    if it takes away what is still in use."""
    event = session.scalars(select(tables.Event)).one()
    there, wanted = _there(session), _wanted(plan)
    changes = _compare(event, there, wanted, plan)
    if problems := in_use(session, changes.removed, _other_kinds(there, wanted)):
        raise PlanError(problems)
    before = _overlaps(session, wanted["service"])
    _assign(event, _event_values(plan))
    for table, key in changes.added:
        session.add(_TABLES[table](key=key, **wanted[table][key]))
        if table == "service":
            session.add(Tally(service_key=key, people=0, uses=0, refused=0, inside=0, stock_moved=0))
        session.flush()
    for table, key in changes.changed:
        _change(table, there[table][key], wanted[table][key])
    session.flush()
    for table, key in sorted(changes.removed, key=lambda pair: pair[0] == "printer"):   # after its stations
        _remove(session, table, there[table][key])
    if _overlaps(session, there["service"]) != before:
        rewrite_tallies(session)
    if changes:
        tables.touch(session, "plan")
    return changes


def preview(session: Session, plan: Plan) -> tuple[Changes, list[Problem]]:
    """What `update` would change, and why it would refuse; nothing is written."""
    there, wanted = _there(session), _wanted(plan)
    changes = _compare(session.scalars(select(tables.Event)).one(), there, wanted, plan)
    return changes, in_use(session, changes.removed, _other_kinds(there, wanted))


def _there(session: Session) -> dict[str, dict[str, Any]]:
    return {table: {row.key: row for row in session.scalars(select(model))} for table, model in _TABLES.items()}


def load(session: Session) -> Plan:
    """The event's plan as it stands, in local times: canonical, to be changed with msgspec.structs.replace or
    plan_file.to_raw, checked by plan_file.of, and given to `update`."""
    event = session.scalars(select(tables.Event)).one()

    def all_of(table: str, turn: Callable[[Any], Any]) -> list[Any]:
        model = _TABLES[table]
        return [turn(row) for row in session.scalars(select(model).order_by(model.position, model.key))]

    return Plan(
        event=_plain(types.Event, event),
        category=all_of("category", lambda row: _plain(types.Category, row)),
        service=all_of("service", lambda row: _service(row, event.zone)),
        station=all_of("station", lambda row: _plain(types.Station, row, printer=row.printer_key)),
        printer=all_of("printer", lambda row: _plain(types.Printer, row)),
    )


def export(session: Session) -> str:
    """The event's plan as a TOML text that reads back to the same plan."""
    return write(load(session))


# --- from the plan to rows ---

def _event_values(plan: Plan) -> dict[str, Any]:
    return msgspec.structs.asdict(plan.event)


def _wanted(plan: Plan) -> dict[str, dict[str, dict[str, Any]]]:
    """The columns of each row that the plan speaks of, by table and key."""
    zone = ZoneInfo(plan.event.timezone)
    turns: dict[str, Callable[[Any], dict[str, Any]]] = {
        "printer": msgspec.structs.asdict, "category": msgspec.structs.asdict,
        "service": lambda service: _service_values(service, zone), "station": _station_values}
    wanted: dict[str, dict[str, dict[str, Any]]] = {}
    for table, turn in turns.items():
        rows = [{**turn(item), "position": at} for at, item in enumerate(getattr(plan, table))]
        wanted[table] = {row.pop("key"): row for row in rows}
    return wanted


def _station_values(station: types.Station) -> dict[str, Any]:
    values = msgspec.structs.asdict(station)
    values["printer_key"] = values.pop("printer")
    return values


def _service_values(service: types.Service, zone: ZoneInfo) -> dict[str, Any]:
    values = msgspec.structs.asdict(service)
    del values["opens"], values["closes"]
    values["windows"] = [[_moment(w.opens, zone).isoformat(), _moment(w.closes, zone, last=True).isoformat()]
                         for w in service.windows]
    values["question"] = msgspec.to_builtins(service.question)
    values["starts"] = service.starts and _moment(service.starts, zone)
    values["ends"] = service.ends and _moment(service.ends, zone, last=True)
    return values


def _moment(local: datetime, zone: ZoneInfo, last: bool = False) -> datetime:
    """A local time as a moment in UTC. Of an hour that comes twice (end of summer time) a beginning means the first
    and an end the last, so that nobody stands before a closed door in it."""
    return local.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)


# --- from rows to the plan ---

def _plain(kind: Any, row: Any, **others: Any) -> Any:
    """A table of the plan from the columns of the same names."""
    names = [name for name in kind.__struct_fields__ if name not in others]
    return kind(**{name: getattr(row, name) for name in names}, **others)


def _service(row: tables.Service, zone: ZoneInfo) -> types.Service:
    windows = [types.Window(opens=_local(datetime.fromisoformat(opens), zone),
                            closes=_local(datetime.fromisoformat(closes), zone)) for opens, closes in row.windows]
    return _plain(types.Service, row, opens=None, closes=None, windows=windows,
                  starts=row.starts and _local(row.starts, zone), ends=row.ends and _local(row.ends, zone),
                  question=[msgspec.convert(question, types.Question) for question in row.question])


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


# --- one plan against another ---

def _compare(event: tables.Event, there: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]],
             plan: Plan) -> Changes:
    changes = Changes(event=_differs(event, _event_values(plan)))
    for table in _TABLES:
        old, new = there[table], wanted[table]
        changes.added += [(table, key) for key in new if key not in old]
        changes.changed += [(table, key) for key in new if key in old and _differs(old[key], new[key])]
        changes.removed += [(table, key) for key in old if key not in new]
    return changes


def _differs(row: Any, values: Mapping[str, Any]) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _other_kinds(there: Mapping[str, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """The services that are to be of another kind."""
    new = wanted["service"]
    return [key for key, row in there["service"].items() if key in new and new[key]["kind"] != row.kind]


def _assign(row: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)


def _change(table: str, row: Any, values: Mapping[str, Any]) -> None:
    if table == "printer" and row.url != values["url"]:
        # Another machine: what was learnt of the old one is not true of it.
        _assign(row, {"ability": None, "state": "idle", "message": "", "checked_at": None})
    _assign(row, values)


def _overlaps(session: Session, also_in: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The sessions that run at the same time, of those that the other plan has too: one that comes or goes was never
    scanned, so nobody is inside it."""
    services = read(session.connection()).services
    return overlaps({key: service for key, service in services.items() if key in also_in})


def _remove(session: Session, table: str, row: Any) -> None:
    if table == "service" and (tally := session.get(Tally, row.key)):
        session.delete(tally)
    session.delete(row)
    session.flush()
