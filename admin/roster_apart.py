"""Reads a roster file apart from the server (admin/apart.py); what was read comes back as plain data."""
from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from admin import apart
from admin.roster_file import Sheet, read
from admin.roster_words import RosterError

SECONDS = 4.0                        # for files up to a megabyte: 20,000 people take half of one
SECONDS_MORE = 4.0                   # for each further megabyte
SECONDS_MOST = 60.0


class _Asked(msgspec.Struct):
    """What the child is told, on its first line; with no path the file's bytes follow."""

    path: str | None
    name: str
    sheet: str | None
    mapping: dict[str, str] | None


class _Refused(msgspec.Struct):
    error: str
    params: dict[str, Any]


def read_apart(source: Path | str | bytes, name: str = "", sheet: str | None = None,
               mapping: Mapping[str, str] | None = None) -> Sheet:
    """As `roster_file.read`, in a child. Raises RosterError, also where time or memory came to their end."""
    data = source if isinstance(source, bytes) else b""
    path = None if isinstance(source, bytes) else Path(source).resolve()
    asked = _Asked(str(path) if path else None, name or (path.name if path else ""), sheet, dict(mapping) if mapping else None)
    try:
        taken, answer = apart.ask("admin.roster_apart", msgspec.json.encode(asked) + b"\n" + data,
                                  _seconds(_size(path) if path else len(data)))
    except apart.TooHeavy as problem:
        raise RosterError("too_heavy") from problem
    if not taken:
        refused = msgspec.msgpack.decode(answer, type=_Refused)
        raise RosterError(refused.error, **refused.params)
    return msgspec.msgpack.decode(answer, type=Sheet)


def _seconds(size: int) -> float:
    return min(SECONDS + SECONDS_MORE * max(0, size - 1_000_000) / 1_000_000, SECONDS_MOST)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0                         # the child says in words that it is not there


def _answer(told: bytes) -> tuple[bool, bytes]:
    line, _, data = told.partition(b"\n")
    asked = msgspec.json.decode(line, type=_Asked)
    try:
        found = read(Path(asked.path) if asked.path is not None else data, asked.name, asked.sheet, asked.mapping)
    except RosterError as refused:
        return False, msgspec.msgpack.encode(_Refused(refused.error, refused.params))
    return True, msgspec.msgpack.encode(found)


if __name__ == "__main__":
    sys.exit(apart.answer(_answer))
