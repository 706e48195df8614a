"""Reads a roster file apart from the server (admin/apart.py), which takes over what was read in small pieces.

Whatever needs a look at each row happens in the child: reading, checking, folding names, pinyin. The people come while
the rest is still being checked, and the keys by which they are found while the first of them are being written.
"""
from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from admin import apart
from admin.roster_file import Refusal, RosterRow, Sheet, read
from admin.roster_rows import Checking, Kind, fold_unit
from admin.roster_words import RosterError
from models.names import fold, search_keys

SECONDS = 4.0                        # for files up to a megabyte: 20,000 people take half of one
SECONDS_MORE = 4.0                   # for each further megabyte
SECONDS_MOST = 60.0
PIECE = 1000                         # people


class Person(msgspec.Struct, array_like=True, gc=False):
    """A row that can be taken; its name and its unit as they are compared."""

    row: int
    values: dict[str, Any]
    name: str
    unit: str


class _Kind(msgspec.Struct):
    key: str
    name: str
    name_en: str


class _Asked(msgspec.Struct):
    """What the child is told, on its first line; with no path the file's bytes follow."""

    path: str | None
    name: str
    sheet: str | None
    mapping: dict[str, str] | None
    kinds: list[_Kind] | None
    piece: int


class _Refused(msgspec.Struct, tag=True):
    error: str
    params: dict[str, Any]


class _Opening(msgspec.Struct, tag=True):
    """What comes before the people."""

    sheet: Sheet
    count: int
    pieces: int


class _Closing(msgspec.Struct):
    """What is known after the last one."""

    refused: list[Refusal]
    said: dict[int, dict[str, Any]]


class Reading:
    """A file that is being read. Its parts come once each and in this order: `opening`, `people`, `closing`, `search_keys`."""

    def __init__(self, pieces: Iterator[bytes]):
        self._pieces = pieces
        self._left = 0

    def opening(self) -> tuple[Sheet, int]:
        """The sheet, without its rows, and how many people it has. Raises RosterError."""
        opening = msgspec.msgpack.decode(next(self._pieces), type=_Refused | _Opening)
        if isinstance(opening, _Refused):
            raise RosterError(opening.error, **opening.params)
        self._left = opening.pieces
        return opening.sheet, opening.count

    def people(self) -> Iterator[list[Person]]:
        """The people who can be taken, by the piece."""
        return map(msgspec.msgpack.Decoder(list[Person]).decode, islice(self._pieces, self._left))

    def closing(self) -> tuple[list[Refusal], dict[int, dict[str, Any]]]:
        """The rows that were refused, and what they say, by row."""
        closing = msgspec.msgpack.decode(next(self._pieces), type=_Closing)
        return closing.refused, closing.said

    def search_keys(self) -> Iterator[dict[int, str]]:
        """By what these people are found, by row, in pieces as they were."""
        return map(msgspec.msgpack.Decoder(dict[int, str]).decode, self._pieces)


@contextmanager
def read_apart(source: Path | str | bytes, name: str = "", sheet: str | None = None,
               mapping: Mapping[str, str] | None = None, kinds: Iterable[Kind] | None = None,
               piece: int = PIECE) -> Iterator[Reading]:
    """As `roster_file.read` and `check`, in a child that is at work from now on and ends with the context. RosterError is
    raised within it, also where time or memory came to their end."""
    data = source if isinstance(source, bytes) else b""
    path = None if isinstance(source, bytes) else Path(source).resolve()
    asked = _Asked(str(path) if path else None, name or (path.name if path else ""), sheet, dict(mapping) if mapping else None,
                   None if kinds is None else [_Kind(kind.key, kind.name, kind.name_en) for kind in kinds], piece)
    try:
        with apart.hearing("admin.roster_apart", msgspec.json.encode(asked) + b"\n" + data,
                           _seconds(_size(path) if path else len(data))) as pieces:
            yield Reading(pieces)
    except apart.TooHeavy as problem:
        raise RosterError("too_heavy") from problem


def _seconds(size: int) -> float:
    return min(SECONDS + SECONDS_MORE * max(0, size - 1_000_000) / 1_000_000, SECONDS_MOST)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0                         # the child says in words that it is not there


def _answer(told: bytes) -> Iterator[bytes]:
    line, _, data = told.partition(b"\n")
    asked = msgspec.json.decode(line, type=_Asked)
    try:
        sheet = read(Path(asked.path) if asked.path is not None else data, asked.name, asked.sheet, asked.mapping)
    except RosterError as refused:
        yield msgspec.msgpack.encode(_Refused(refused.error, refused.params))
        return
    yield from _said(sheet, asked)


def _said(sheet: Sheet, asked: _Asked) -> Iterator[bytes]:
    encode = msgspec.msgpack.encode
    pieces = [sheet.rows[start:start + asked.piece] for start in range(0, len(sheet.rows), asked.piece)]
    yield encode(_Opening(replace(sheet, rows=[]), len(sheet.rows), len(pieces)))
    checking = Checking(sheet.rows, asked.kinds)
    good = []
    for piece in pieces:
        good.append(checking.take(piece))
        yield encode([_person(row) for row in good[-1]])
    rows = {refusal.row for refusal in checking.refused}
    yield encode(_Closing(checking.refused, {row.row: row.values for row in sheet.rows if row.row in rows}))
    for piece in good:
        yield encode({row.row: search_keys(row.values["name"], row.values.get("name_en", "")) for row in piece})


def _person(row: RosterRow) -> Person:
    return Person(row.row, row.values, fold(row.values["name"]), fold_unit(row.values.get("organisation", "")))


if __name__ == "__main__":
    sys.exit(apart.tell(_answer))
