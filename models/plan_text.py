"""A plan as TOML text that reads back to the same plan: stable order, short, with comments for whoever edits it."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from models.plan_file import default_limit, to_raw
from models.plan_types import Plan

_HEAD = """\
# 会务方案 Conference plan
# 时间都是 [event] 里 timezone 的当地时间。没有写出的项用默认值，每一项的意思见 docs/plan.md。
# Times are local to the timezone of [event]. What is not written has its default; docs/plan.md explains each key.
"""
_TITLES = {
    "category": "证件种类 Categories of badge",
    "service": "服务项目 Services",
    "station": "服务点 Stations",
    "printer": "打印机 Printers",
}


def write(plan: Plan) -> str:
    """The TOML text of a plan."""
    raw = to_raw(plan)
    raw["event"].setdefault("timezone", plan.event.timezone)
    parts = [_HEAD, "[event]\n" + _pairs(raw["event"])]
    for table, title in _TITLES.items():
        if raw[table]:
            parts.append(f"# {title}\n")
            parts += [f"[[{table}]]\n{_pairs(_short(table, values))}" for values in raw[table]]
    return "\n".join(parts)


def _short(table: str, values: dict[str, Any]) -> dict[str, Any]:
    """A service with one window says opens and closes; the limit of its kind goes without saying."""
    if table != "service":
        return values
    short: dict[str, Any] = {}
    for key, value in values.items():
        if key == "windows" and len(value) == 1:
            short.update(value[0])
        elif key != "limit" or value != default_limit(values["kind"]):
            short[key] = value
    return short


def _pairs(values: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list):
        return _list(value)
    return str(value)


def _list(values: list[Any]) -> str:
    if values and isinstance(values[0], Mapping):
        return "[\n" + "".join(f"  {{{', '.join(_inside(part))}}},\n" for part in values) + "]"
    return f"[{', '.join(map(_value, values))}]"


def _inside(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key} = {_value(value)}" for key, value in values.items())


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
