"""Forms of the plan: what the browser sends becomes the plan's own raw values, so that `plan_file.of` judges them.

What cannot be read as a number or a time stays the text that was typed: it is refused by the same check as in a file,
and the form shows it again.
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

Raw = dict[str, Any]
Form = MultiDict[str, str]
SHOWN = {     # the keys that each form has a field for
    "event": ("name", "name_en", "organiser", "venue", "timezone", "starts", "ends"),
    "category": ("key", "name", "name_en", "colour", "hint"),
    "service": ("key", "name", "name_en", "windows", "entitled", "needs", "tolerance_minutes", "limit", "per", "slip",
                "coupon", "stock", "starts", "ends", "late_after_minutes", "reentry", "missing_out", "question"),
    "station": ("key", "name", "name_en", "mode", "services", "printer", "offline"),
    "printer": ("key", "name", "name_en", "url", "width", "backup"),
}
_REFERENCES = (   # table, the key that points, the table it points to
    ("service", "entitled", "category"), ("service", "needs", "service"), ("station", "services", "service"),
    ("station", "printer", "printer"), ("printer", "backup", "printer"))
_SPACE = re.compile(r"[^a-z0-9]+")
_DAY = timedelta(days=1)


# --- from the form ---

def read(table: str, form: Form, kind: str = "", keep_blank: bool = False) -> Raw:
    """The raw item that a form says. `keep_blank` keeps rows that are still empty, for a form that is shown again."""
    item: Raw = {}
    for name in ("key", "name"):
        item[name] = form.get(name, "").strip()
    if table == "event" or not item["key"]:
        del item["key"]
    _texts(item, form, "name_en")
    return _READERS[table](item, form, kind, keep_blank)


def _event(item: Raw, form: Form, _kind: str, _keep: bool) -> Raw:
    _texts(item, form, "organiser", "venue", "timezone")
    for name in ("starts", "ends"):
        item[name] = _day(form.get(name, ""))
    return item


def _category(item: Raw, form: Form, _kind: str, _keep: bool) -> Raw:
    _texts(item, form, "colour", "hint")
    return item


def _service(item: Raw, form: Form, kind: str, keep: bool) -> Raw:
    item["kind"] = kind
    windows = [_window(*pair) for pair in zip(form.getlist("opens"), form.getlist("closes"), strict=False)]
    item["windows"] = [window for window in windows if window or keep]
    if form.get("who") == "some":
        item["entitled"] = form.getlist("entitled")
    item["needs"] = form.getlist("needs")
    _numbers(item, form, "tolerance_minutes", "limit")
    if form.get("per") == "day":
        item["per"] = "day"
    _ticks(item, form, "slip", *(("coupon",) if kind == "meal" else ()))
    if kind == "material":
        _numbers(item, form, "stock")
    if kind == "session":
        _session(item, form)
    item["question"] = _questions(form, keep)
    return item


def _session(item: Raw, form: Form) -> None:
    for name in ("starts", "ends"):
        if form.get(name):
            item[name] = _moment(form[name])
    _numbers(item, form, "late_after_minutes")
    if not form.get("reentry"):
        item["reentry"] = False
    if form.get("missing_out") == "none":
        item["missing_out"] = "none"


def _questions(form: Form, keep: bool) -> list[Raw]:
    required, found = set(form.getlist("q_required")), list[Raw]()
    rows = zip(form.getlist("q_key"), form.getlist("q_text"), form.getlist("q_choices"), strict=False)
    for at, (key, text, choices) in enumerate(rows):
        lines = [line.strip() for line in choices.splitlines() if line.strip()]
        if keep or text.strip() or lines:
            taken = {str(question["key"]) for question in found} | set(form.getlist("q_key"))
            found.append({"key": key or unused("q", taken), "text": text.strip(), "choices": lines,
                          "required": str(at) in required})
    return found


def _station(item: Raw, form: Form, _kind: str, _keep: bool) -> Raw:
    item["mode"] = form.get("mode", "")
    if item["mode"] != "board":
        item["services"] = form.getlist("services")
        _texts(item, form, "printer")
    if item["mode"] in ("gate", "desk"):
        _ticks(item, form, "offline")
    return item


def _printer(item: Raw, form: Form, _kind: str, _keep: bool) -> Raw:
    item["url"] = form.get("url", "").strip()
    if not item["name"]:
        del item["name"]
    _numbers(item, form, "width")
    _texts(item, form, "backup")
    return item


_READERS: dict[str, Callable[[Raw, Form, str, bool], Raw]] = {
    "event": _event, "category": _category, "service": _service, "station": _station, "printer": _printer}


def _texts(item: Raw, form: Form, *names: str) -> None:
    item.update({name: form[name].strip() for name in names if form.get(name, "").strip()})


def _numbers(item: Raw, form: Form, *names: str) -> None:
    for name in names:
        if typed := form.get(name, "").strip():
            item[name] = int(typed) if re.fullmatch(r"-?\d{1,12}", typed) else typed


def _ticks(item: Raw, form: Form, *names: str) -> None:
    item.update({name: True for name in names if form.get(name)})


def _window(opens: str, closes: str) -> Raw:
    return {name: _moment(typed) for name, typed in (("opens", opens), ("closes", closes)) if typed}


def _moment(typed: str) -> Any:
    try:
        return datetime.fromisoformat(typed)  # local to the event, as the plan's times are; a zone is refused by the check
    except ValueError:
        return typed


def _day(typed: str) -> Any:
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return typed


# --- rows that come and go before anything is saved ---

def reshape(item: Raw, wish: str) -> Raw:
    """The item after a button inside the form: `add-window`, `drop-window:1`, `add-question`, `up:KEY` …"""
    what, _, which = wish.partition(":")
    place = int(which) if which.isascii() and which.isdigit() else -1
    if what == "add-window":
        item["windows"] = [*item.get("windows", []), _next_window(item.get("windows", []))]
    elif what == "add-question":
        item["question"] = [*item.get("question", []), {}]
    elif what in ("drop-window", "drop-question"):
        rows = item["windows" if what == "drop-window" else "question"]
        if 0 <= place < len(rows):
            del rows[place]
    elif what in ("up", "down") and which in item.get("services", []):
        _shift(item["services"], which, -1 if what == "up" else 1)
    return item


def _next_window(windows: list[Raw]) -> Raw:
    """The same hours a day later: meals come every day."""
    last = windows[-1] if windows else {}
    if all(isinstance(last.get(name), datetime) for name in ("opens", "closes")):
        return {name: last[name] + _DAY for name in ("opens", "closes")}
    return {}


def _shift(keys: list[str], key: str, by: int) -> None:
    at = keys.index(key)
    to = min(max(at + by, 0), len(keys) - 1)
    keys.insert(to, keys.pop(at))


# --- the item in the plan ---

def find(raw: Mapping[str, Any], table: str, key: str) -> Raw | None:
    """The item of a key."""
    return next((item for item in raw[table] if item.get("key") == key), None)


def put(raw: Raw, table: str, key: str | None, item: Raw, after: str | None = None) -> int:
    """Puts an item in the place of the one with this key, or as a new one; returns where it stands. `after` moves it
    behind that key ("" to the front), None leaves it where it is (a new one at the end)."""
    if table == "event":
        raw["event"] = item
        return 0
    items = raw[table]
    at = next((i for i, there in enumerate(items) if key is not None and there["key"] == key), len(items))
    items[at:at + 1] = [item]
    if after is not None:
        items.remove(item)
        at = next((i + 1 for i, there in enumerate(items) if there["key"] == after), 0)
        items.insert(at, item)
    return at


def remove(raw: Raw, table: str, key: str) -> None:
    """Takes an item out, and every mention of it, so that nothing points at what is gone."""
    raw[table] = [item for item in raw[table] if item["key"] != key]
    for where, name, to in _REFERENCES:
        for item in raw[where] if to == table else ():
            if isinstance(item.get(name), list):
                item[name] = [one for one in item[name] if one != key]
            elif item.get(name) == key:
                del item[name]


def mentions(raw: Mapping[str, Any], table: str, key: str) -> list[tuple[str, Raw]]:
    """The items that speak of this one: (table, item)."""
    return [(where, item) for where, name, to in _REFERENCES if to == table for item in raw[where]
            if key == item.get(name) or (isinstance(item.get(name), list) and key in item[name])]


def new_key(raw: Mapping[str, Any], table: str, item: Raw) -> str:
    """A key that is still free, from the English name or from what kind of thing it is."""
    words = _SPACE.sub("-", item.get("name_en", "").lower()).strip("-")[:30].strip("-")
    taken = {there["key"] for there in raw[table]}
    if words and words not in taken:
        return words
    return unused(words or item.get("kind", "").replace("_", "-") or item.get("mode") or table, taken, "-")


def unused(stem: str, taken: set[str], between: str = "") -> str:
    """stem1, stem2 …: the first that is not taken."""
    number = 1
    while f"{stem}{between}{number}" in taken:
        number += 1
    return f"{stem}{between}{number}"


def print_of(item: Any) -> str:
    """A short fingerprint, by which a form notices that somebody else has changed the item meanwhile."""
    return hashlib.sha256(repr(item).encode()).hexdigest()[:16]
