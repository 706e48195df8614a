"""会务方案, the plan: one TOML file that says what a meeting has, read into the types of plan_types.

A plan that was read is canonical: `opens` and `closes` have become a window, and the limit of its kind is filled in,
so that two plans that mean the same are equal. Times are local to the event, without zone.
"""
from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from models import plan_check, plan_shape
from models.plan_lines import TextLines, syntax_problem
from models.plan_types import Category, Event, Plan, Printer, Question, Service, Station, Table, Window
from models.plan_words import Lines, PlanError, Problem, Report

__all__ = ["Category", "Event", "Plan", "PlanError", "Printer", "Problem", "Question", "Service", "Station", "Window",
           "default_limit", "of", "read", "remarks", "to_raw"]


def read(text: str) -> tuple[Plan, list[str]]:
    """The plan of a TOML text, and remarks about it in words. Raises PlanError with all mistakes at once."""
    text = text.removeprefix("\ufeff")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError([syntax_problem(text, error)]) from None
    return of(raw, TextLines(text))


def of(raw: Mapping[str, Any], lines: Lines | None = None) -> tuple[Plan, list[str]]:
    """The same for values that stand in dictionaries already, as an admin page has them (see `to_raw`)."""
    report = Report(raw, lines)
    clean = plan_shape.clean(raw, Plan, report)
    plan_check.check(clean, report)
    if report.errors:
        raise PlanError(report.errors)
    plan = msgspec.convert(clean, Plan)
    plan = msgspec.structs.replace(plan, service=[_canonical(service) for service in plan.service])
    return plan, [str(remark) for remark in report.remarks]


def remarks(raw: Mapping[str, Any]) -> list[Problem]:
    """What a plan without mistakes says that is allowed, but hardly meant; with paths, for a page."""
    report = Report(raw)
    plan_check.check(plan_shape.clean(raw, Plan, report), report)
    return report.remarks


def to_raw(plan: Plan) -> dict[str, Any]:
    """A plan as dictionaries, without what was left out, to be changed and given to `of`."""
    raw: dict[str, Any] = {"event": _without_defaults(plan.event)}
    for table in ("category", "service", "station", "printer"):
        raw[table] = [_without_defaults(item) for item in getattr(plan, table)]
    return raw


def default_limit(kind: str) -> int | None:
    """How often a person may use a service whose plan does not say: once, and a session as often as one likes."""
    return None if kind == "session" else 1


def _canonical(service: Service) -> Service:
    windows, limit = service.windows, service.limit
    if service.opens is not None and service.closes is not None:
        windows = [Window(opens=service.opens, closes=service.closes)]
    if limit is None:
        limit = default_limit(service.kind)
    return msgspec.structs.replace(service, opens=None, closes=None, windows=windows, limit=limit)


def _without_defaults(item: Table) -> dict[str, Any]:
    """The values that differ from their defaults, nested tables too."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(item):
        value = getattr(item, field.name)
        if not field.required and value == _default(field):
            continue
        nested = isinstance(value, list) and value and isinstance(value[0], Table)
        values[field.name] = [_without_defaults(part) for part in value] if nested else value
    return values


def _default(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
