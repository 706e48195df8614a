"""Keys and values of a plan against its types: unknown, missing, of the wrong kind, out of range. All at once.

msgspec alone stops at the first mistake and speaks of types; this walks the same types and speaks to people.
"""
from __future__ import annotations

import difflib
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

import msgspec
from msgspec import inspect

from models.plan_words import Path, Report

_BAD = object()                # a value that was reported and is left out
_YEARS = range(2000, 2101)     # a year outside is a slip of the hand, and far ones overflow in UTC
_KEY = re.compile(r"[a-z0-9-]{1,40}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_HOST = re.compile(r"[0-9A-Za-z.:_-]+")
_USB = re.compile(r"[0-9a-fA-F]{4}:[0-9a-fA-F]{4}")


def clean(raw: Mapping[str, Any], plan: type[msgspec.Struct], report: Report) -> dict[str, Any]:
    """The part of the values that is well formed; everything else is in the report."""
    value = _table(raw, inspect.type_info(plan), (), report)
    return value if isinstance(value, dict) else {}


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


# --- one value ---

def _value(value: Any, kind: Any, path: Path, report: Report) -> Any:
    rule = ""
    while isinstance(kind, inspect.Metadata):
        rule, kind = (kind.extra or {}).get("rule") or rule, kind.type
    if isinstance(kind, inspect.UnionType):
        return _value(value, _with_rule(next(t for t in kind.types if not isinstance(t, inspect.NoneType)), rule),
                      path, report)
    look = _LOOKS[type(kind)]
    before = len(report.errors)
    seen = look(value, kind, path, report)
    if len(report.errors) == before and rule and (wrong := _RULES[rule](seen)):
        code, params = wrong
        report.error(path, code, **{"value": seen, "key": name_of(path), **params})
    return seen if len(report.errors) == before or isinstance(seen, dict | list) else _BAD


def _with_rule(kind: Any, rule: str) -> Any:
    return inspect.Metadata(kind, extra={"rule": rule}) if rule else kind


def name_of(path: Path) -> str:
    """The name of the key that a path ends in."""
    return next((step for step in reversed(path) if isinstance(step, str)), "")


def _table(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, Mapping):
        report.error(path, "one_table" if len(path) == 1 else "table", key=name_of(path), table=name_of(path))
        return _BAD
    fields = {field.encode_name: field for field in kind.fields}
    for key in value:
        if key not in fields:
            _unknown(key, fields, path, report)
    seen: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in value:
            if field.required:
                report.error(path, "missing", key=name if path else f"[{name}]")
        elif (part := _value(value[name], field.type, (*path, name), report)) is not _BAD:
            seen[name] = part
    return seen


def _unknown(key: str, fields: Iterable[str], path: Path, report: Report) -> None:
    known = list(fields)
    near = nearest(key.lower().replace("-", "_"), known)
    if near:
        report.error((*path, key), "unknown_key", key=key, nearest=near)
    else:
        report.error((*path, key), "unknown_key_far", key=key, known=", ".join(known))


def _list(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, list):
        tables = len(path) == 1 and isinstance(kind.item_type, inspect.StructType)
        report.error(path, "many_tables" if tables else "list", key=name_of(path), table=name_of(path))
        return _BAD
    # A bad element keeps its place, so that the paths of those behind it stay true.
    seen = [_value(part, kind.item_type, (*path, at), report) for at, part in enumerate(value)]
    return [None if part is _BAD else part for part in seen]


def _text(value: Any, kind: Any, path: Path, report: Report) -> Any:
    key = name_of(path)
    if not isinstance(value, str):
        report.error(path, "text", key=key)
    elif any(unicodedata.category(c) == "Cc" for c in value):
        report.error(path, "control", key=key)
    elif kind.max_length is not None and len(value) > kind.max_length:
        report.error(path, "too_long", key=key, limit=kind.max_length)
    return value


def _number(value: Any, kind: Any, path: Path, report: Report) -> Any:
    key = name_of(path)
    if not isinstance(value, int) or isinstance(value, bool):
        report.error(path, "number", key=key)
    elif kind.ge is not None and value < kind.ge:
        report.error(path, "too_small", key=key, limit=kind.ge)
    elif kind.le is not None and value > kind.le:
        report.error(path, "too_large", key=key, limit=kind.le)
    return value


def _yes_no(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, bool):
        report.error(path, "yes_no", key=name_of(path))
    return value


def _choice(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if value not in kind.values:
        report.error(path, "choice", key=name_of(path), value=value, known=", ".join(kind.values))
    return value


def _date(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, date) or isinstance(value, datetime):
        report.error(path, "date", key=name_of(path))
    elif value.year not in _YEARS:
        report.error(path, "year", key=name_of(path), value=value)
    return value


def _moment(value: Any, kind: Any, path: Path, report: Report) -> Any:
    if not isinstance(value, datetime) or value.tzinfo is not None:
        report.error(path, "moment", key=name_of(path))
    elif value.year not in _YEARS:
        report.error(path, "year", key=name_of(path), value=value.date())
    return value


_LOOKS: dict[type, Callable[[Any, Any, Path, Report], Any]] = {
    inspect.StructType: _table, inspect.ListType: _list, inspect.StrType: _text, inspect.IntType: _number,
    inspect.BoolType: _yes_no, inspect.LiteralType: _choice, inspect.DateType: _date, inspect.DateTimeType: _moment,
}


# --- what types cannot say: None lets the value pass, else a sentence and its words ---

Wrong = tuple[str, dict[str, Any]] | None


def _key_rule(value: str) -> Wrong:
    return None if _KEY.fullmatch(value) else ("key", {})


def _name_rule(value: str) -> Wrong:
    return None if value.strip() else ("blank", {})


def _colour_rule(value: str) -> Wrong:
    return None if _COLOUR.fullmatch(value) else ("colour", {})


def _width_rule(value: int) -> Wrong:
    return None if value % 8 == 0 and 200 <= value <= 832 else ("width", {})


def _timezone_rule(value: str) -> Wrong:
    zones = _zones()
    return None if value in zones else ("timezone", {"nearest": nearest(value, zones) or "Asia/Shanghai"})


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _url_rule(value: str) -> Wrong:
    """The addresses that printers/transports.py opens."""
    try:
        url = urlsplit(value)
        good = value.startswith(f"{url.scheme}://") and _ADDRESSES[url.scheme](url)
    except (ValueError, KeyError):
        good = False
    return None if good else ("url", {})


def _serial_address(url: SplitResult) -> bool:
    baud = parse_qs(url.query).get("baud", ["9600"])[0]
    return len(url.path) > 1 and not url.netloc and baud.isascii() and baud.isdigit()


_ADDRESSES: dict[str, Callable[[SplitResult], bool]] = {
    "tcp": lambda url: bool(_HOST.fullmatch(url.hostname or "")) and url.port != 0 and not url.path.strip("/"),
    "usb": lambda url: bool(_USB.fullmatch(url.netloc)),
    "serial": _serial_address,
    "win32": lambda url: bool((url.netloc + url.path).strip("/ ")),
    "file": lambda url: len(url.path) > 1 and not url.netloc,
    "virtual": lambda url: not url.netloc or bool(_KEY.fullmatch(url.netloc)),
}
_RULES: dict[str, Callable[[Any], Wrong]] = {
    "key": _key_rule, "name": _name_rule, "colour": _colour_rule, "timezone": _timezone_rule, "url": _url_rule,
    "width": _width_rule,
}
