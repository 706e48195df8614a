"""What a plan's parts say of each other: names that must be defined, times in order, kinds that fit.

Works on the well-formed values (plan_shape), so that a mistake in one key hides none in another.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from models.plan_shape import nearest
from models.plan_words import Path, Report

_FAR = timedelta(days=3)   # people arrive a day early; another year is a plan copied from the last meeting
_TIMES = ("opens", "closes", "starts", "ends")
_FOR_SESSIONS = ("starts", "ends", "late_after_minutes", "reentry", "missing_out")

Values = Mapping[str, Any]


def check(plan: Values, report: Report) -> None:
    """Reports every contradiction in the well-formed part of a plan."""
    event = plan.get("event", {})
    starts, ends = event.get("starts"), event.get("ends")
    if starts and ends and ends < starts:
        report.error(("event", "ends"), "event_order", starts=starts, ends=ends)
    if not report.raw.get("category"):
        report.error(("category",), "no_category")
    for table in ("category", "service", "station", "printer"):
        _unique((table,), plan.get(table) or [], report)
    for path, service in items(plan, "service"):
        _service(path, service, plan, report)
    _circles(plan, report)
    for path, station in items(plan, "station"):
        _station(path, station, plan, report)
    for path, printer in items(plan, "printer"):
        _printer(path, printer, plan, report)
    _nowhere(plan, report)


def items(plan: Values, table: str) -> Iterator[tuple[Path, Values]]:
    """The tables of one name with their paths, without those that are no tables."""
    for at, item in enumerate(plan.get(table) or []):
        if item is not None:
            yield (table, at), item


def keys(plan: Values, table: str) -> dict[str, Values]:
    """The tables of one name by key."""
    return {item["key"]: item for _, item in items(plan, table) if item.get("key")}


def exists_in(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether a local time occurs: not in the hour that summer time leaves out."""
    return moment.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None, fold=0) == moment


# --- names ---

def _unique(path: Path, tables: list[Any], report: Report) -> None:
    seen: dict[str, int] = {}
    for at, item in enumerate(tables):
        key = item.get("key") if item else None
        if key is None:
            continue
        if key in seen:
            report.error((*path, at, "key"), "duplicate", value=key, first=seen[key] + 1)
        seen.setdefault(key, at)


def _defined(path: Path, names: list[str | None], table: str, plan: Values, report: Report) -> None:
    """Every name in the list at this path must be a key of the table."""
    for at, name in enumerate(names):
        if name is not None:
            _is_defined((*path, at), name, table, plan, report)


def _is_defined(path: Path, name: str, table: str, plan: Values, report: Report) -> None:
    known = keys(plan, table)
    if name in known:
        return
    if near := nearest(name, known):
        report.error(path, "undefined_near", what=table, value=name, nearest=near)
    else:
        report.error(path, "undefined", what=table, value=name)


# --- services ---

def _service(path: Path, service: Values, plan: Values, report: Report) -> None:
    _defined((*path, "entitled"), service.get("entitled") or [], "category", plan, report)
    _defined((*path, "needs"), service.get("needs") or [], "service", plan, report)
    _unique((*path, "question"), service.get("question") or [], report)
    _kinds(path, service, report)
    _windows(path, service, plan, report)
    _order(path, service, "starts", "ends", report)
    if service.get("entitled") == []:
        report.remark((*path, "entitled"), "nobody")


def _kinds(path: Path, service: Values, report: Report) -> None:
    kind = service.get("kind")
    if kind is None:
        return
    if service.get("coupon") and kind != "meal":
        report.error((*path, "coupon"), "only_meal")
    if service.get("stock") is not None and kind != "material":
        report.error((*path, "stock"), "only_material")
    for key in _FOR_SESSIONS:
        if key in service and kind != "session":
            report.remark((*path, key), "only_session", key=key)


def _windows(path: Path, service: Values, plan: Values, report: Report) -> None:
    single = [key for key in ("opens", "closes") if report.given((*path, key))]
    if single and report.given((*path, "windows")):
        report.error((*path, "windows"), "both")
    elif len(single) == 1:
        other = "closes" if single == ["opens"] else "opens"
        report.error((*path, single[0]), "pair", given=single[0], missing=other)
    _order(path, service, "opens", "closes", report)
    _times(path, service, plan, report)
    for at, window in enumerate(service.get("windows") or []):
        if window is not None:
            where = (*path, "windows", at)
            _order(where, window, "opens", "closes", report)
            _times(where, window, plan, report)


def _order(path: Path, values: Values, before: str, after: str, report: Report) -> None:
    first, last = values.get(before), values.get(after)
    if first and last and last <= first:
        report.error((*path, after), "order", before=before, after=after)


def _times(path: Path, values: Values, plan: Values, report: Report) -> None:
    event = plan.get("event", {})
    for key in _TIMES:
        moment = values.get(key)
        if moment is None:
            continue
        if event.get("timezone") and not exists_in(moment, ZoneInfo(event["timezone"])):
            report.error((*path, key), "no_such_time", value=moment)
        elif _is_far(moment.date(), event.get("starts"), event.get("ends")):
            report.remark((*path, key), "far_off", key=key, value=moment)


def _is_far(day: date, starts: date | None, ends: date | None) -> bool:
    return bool(starts and ends and (day < starts - _FAR or day > ends + _FAR))


def _circles(plan: Values, report: Report) -> None:
    """Services that wait for each other, each circle named once, at the first of its services."""
    services = keys(plan, "service")
    told: set[frozenset[str]] = set()
    for path, service in items(plan, "service"):
        way = _way_back(service.get("key"), services)
        if way and frozenset(way) not in told:
            told.add(frozenset(way))
            report.error((*path, "needs"), "needs_itself", way=" → ".join([*way, way[0]]))


def _way_back(start: str | None, services: Mapping[str, Values]) -> list[str] | None:
    """The shortest way from a service through what it needs back to itself."""
    if start is None:
        return None
    ways, seen = [[start]], {start}
    for way in ways:                      # grows while it is walked: breadth first
        for need in services[way[-1]].get("needs") or []:
            if need == start:
                return way
            if need in services and need not in seen:
                seen.add(need)
                ways.append([*way, need])
    return None


# --- stations and printers ---

def _station(path: Path, station: Values, plan: Values, report: Report) -> None:
    mode, services = station.get("mode"), station.get("services", [])
    _defined((*path, "services"), services, "service", plan, report)
    if "printer" in station:
        _is_defined((*path, "printer"), station["printer"], "printer", plan, report)
    if station.get("offline") and mode in ("kiosk", "board"):
        report.error((*path, "offline"), "only_desk")
    unreadable = "services" not in station and report.given((*path, "services"))
    known = keys(plan, "service")
    kinds = [known[key].get("kind", "sign_in") for key in services if key in known]
    if mode == "kiosk" and "sign_in" not in kinds and not unreadable:
        report.error((*path, "services"), "kiosk")
    elif mode in ("gate", "desk") and not services and not unreadable:
        report.remark(path, "idle")


def _printer(path: Path, printer: Values, plan: Values, report: Report) -> None:
    backup = printer.get("backup")
    if backup is None:
        return
    if backup == printer.get("key"):
        report.error((*path, "backup"), "backup_itself")
    else:
        _is_defined((*path, "backup"), backup, "printer", plan, report)


def _nowhere(plan: Values, report: Report) -> None:
    given = {key for _, station in items(plan, "station") for key in station.get("services", [])}
    for path, service in items(plan, "service"):
        if service.get("key") and service["key"] not in given:
            report.remark(path, "nowhere")
