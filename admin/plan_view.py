"""The plan as the coordinator sees it: services by day, who may, where, and what is left or stopped."""
from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from admin import plan_said
from admin.shell import said
from models import plan_file, plan_store, reports
from models.database import now
from models.plan_types import Plan, Service
from models.runtime import Runtime

Slot = dict[str, Any]


def overview(runtime: Runtime) -> dict[str, Any]:
    """Everything that templates/admin/plan.html shows."""
    with runtime.reading() as session:
        plan = plan_store.load(session)
    with runtime.connection() as connection:
        snapshot = runtime.ledger.memory.current(connection)
        numbers = reports.services(snapshot, runtime.ledger.counts.current(connection), connection)
    local = now().astimezone(snapshot.event.zone).replace(tzinfo=None)
    categories = {category.key: category for category in plan.category}
    stations = _where(plan)
    rows = {service.key: {
        "service": service, "closed": snapshot.services[service.key].closed, "number": numbers[service.key],
        "who": None if service.entitled is None else [categories[key] for key in service.entitled],
        "limit": plan_said.limit_words(service), "stations": stations[service.key],
        "needs": [one for one in plan.service if one.key in service.needs]} for service in plan.service}
    return {"plan": plan, "rows": rows, "days": _days(plan, local), "always": _always(plan), "words": plan_said,
            "today": local.date(), "remarks": _remarks(plan), "trial": snapshot.event.trial,
            "service_names": {station.key: plan_said.names((rows[key]["service"] for key in station.services), 4)
                              for station in plan.station},
            "printers": {printer.key: printer for printer in plan.printer}}


def _where(plan: Plan) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for station in plan.station:
        for key in station.services:
            found[key].append(station)
    return found


def _always(plan: Plan) -> list[str]:
    """Services that no time binds, in the plan's order."""
    return [service.key for service in plan.service if not _spans(service)]


def _days(plan: Plan, local: datetime) -> list[dict[str, Any]]:
    """The meeting's days, and others on which something is open, each with its slots in order of time."""
    slots: dict[date, list[Slot]] = defaultdict(list)
    event = plan.event
    for extra in range(min((event.ends - event.starts).days, 60) + 1):
        slots[event.starts + timedelta(days=extra)] = []
    for service in plan.service:
        for opens, closes in _spans(service):
            slots[opens.date()].append({"key": service.key, "opens": opens, "closes": closes,
                                        "words": plan_said.span_words(opens, closes), "runs": opens <= local <= closes,
                                        "over": closes < local})
    return [{"date": day, "words": plan_said.day_words(day), "number": (day - event.starts).days + 1,
             "inside": event.starts <= day <= event.ends,
             "slots": sorted(slots[day], key=lambda slot: (slot["opens"], slot["closes"]))} for day in sorted(slots)]


def _spans(service: Service) -> list[tuple[datetime, datetime]]:
    """When a service is on: a session by its own times, others by their windows."""
    if service.kind == "session" and service.starts and service.ends:
        return [(service.starts, service.ends)]
    return [(window.opens, window.closes) for window in service.windows]


def _remarks(plan: Plan) -> list[dict[str, str]]:
    """What is allowed but hardly meant: whose, in words, and the form where it is put right."""
    raw, found = plan_file.to_raw(plan), []
    for problem in plan_file.remarks(raw):
        item = plan_said.item_at(problem.path, raw)
        if item is not None:
            found.append({"table": str(problem.path[0]), "key": item["key"], "name": said(item) or item["key"],
                          "words": plan_said.sentence(problem)})
    return found
