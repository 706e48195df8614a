"""Text tables: which encoding, which separator, and the records as a grid (csv, txt, and .xls that are text)."""
from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

from admin.roster_words import RosterError
from admin.roster_workbook import COLUMN_LIMIT, ROW_LIMIT, Grid

SEPARATORS = (",", "\t", ";")
_SAMPLE_RECORDS = 60
_SAMPLE_BYTES = 200_000
_MOST_RECORDS = 1_048_576        # of Excel; blank ones count
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# Chinese first: Excel in China saves csv in GB18030, in Hong Kong and Taiwan in Big5.
_ENCODINGS = ("gb18030", "big5hkscs", "cp1252")
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")


def grid(data: bytes, score: Callable[[list[list[str]]], int]) -> Grid:
    """The table in a text file. `score` says how well records look like a roster; raises RosterError."""
    text = decode(data, lambda candidate: max(score(_sample(candidate, one)) for one in SEPARATORS))
    _refuse_markup(text)
    separator = max(SEPARATORS, key=lambda one: _looks(_sample(text, one), score))
    return Grid("", list(_records(text, separator)))


def decode(data: bytes, score: Callable[[str], int]) -> str:
    """The text of a file; `score` helps to choose where several encodings are possible. Raises RosterError."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _strictly(data, encoding)
    if b"\0" in data:
        return _utf16(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data, score)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as problem:
        raise RosterError("encoding") from problem


def _utf16(data: bytes) -> str:
    """UTF-16 without a mark: one half of the bytes of separators and line ends is zero."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    if len(data) % 2 or min(even, odd) * 4 > max(even, odd):
        raise RosterError("wrong_kind", kind="binary")
    text = data.decode("utf-16-le" if odd > even else "utf-16-be", "replace")
    if "\0" in text or "\ufffd" in text or not any(mark in text for mark in "\n\r\t,;"):
        raise RosterError("wrong_kind", kind="binary")
    return text


def _legacy(data: bytes, score: Callable[[str], int]) -> str:
    possible = {}
    for encoding in _ENCODINGS:
        with suppress(UnicodeDecodeError):
            possible[encoding] = data.decode(encoding)
    if sum(map(len, _NOT_ASCII.findall(data))) * 3 > len(data):
        possible.pop("cp1252", None)                     # it decodes nearly anything, but its texts are mostly ASCII
    if not possible:
        raise RosterError("encoding")
    scores = {encoding: score(text) for encoding, text in possible.items()}
    best = [encoding for encoding in possible if scores[encoding] == max(scores.values())]
    return possible[best[0] if len(best) == 1 else _guess(data, best)]


def _guess(data: bytes, encodings: list[str]) -> str:
    """Where the headers do not tell: what charset-normalizer holds for the most natural text, else the first."""
    from charset_normalizer import from_bytes

    end = data.rfind(b"\n", 0, _SAMPLE_BYTES)
    found = from_bytes(data[:end] if end > 0 else data, cp_isolation=encodings).best()
    return found.encoding if found is not None and found.encoding in encodings else encodings[0]


def _refuse_markup(text: str) -> None:
    head = text[:2000].lstrip("\ufeff \r\n\t").lower()
    if not head.startswith("<"):
        return
    if "urn:schemas-microsoft-com:office:spreadsheet" in head:
        raise RosterError("old_format", kind="xml")
    if any(tag in head for tag in ("<html", "<table", "<!doctype", "<head", "<meta", "<body")):
        raise RosterError("old_format", kind="html")
    if head.startswith("<?xml"):
        raise RosterError("wrong_kind", kind="xml")


def _looks(records: list[list[str]], score: Callable[[list[list[str]]], int]) -> tuple[int, int]:
    """Recognised columns first; without any, the separator that divides the most records."""
    return score(records), sum(len(record) > 1 for record in records)


def _sample(text: str, separator: str) -> list[list[str]]:
    """The first records, read leniently: a wrong separator must not fail."""
    reader = csv.reader(io.StringIO(text[:_SAMPLE_BYTES], newline=""), delimiter=separator)
    try:
        return list(islice(reader, _SAMPLE_RECORDS))
    except csv.Error:
        return []


def _records(text: str, separator: str) -> Iterator[list[str]]:
    """All records; a spreadsheet shows each, blank ones too, as one row, whatever line ends a cell holds."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = people = 0
    try:
        for number, record in enumerate(reader, 1):
            people += bool(record)
            if people > ROW_LIMIT + 100 or number > _MOST_RECORDS:
                raise RosterError("too_many_rows", limit=ROW_LIMIT)
            if len(record) > COLUMN_LIMIT:
                if any(cell.strip() for cell in record[COLUMN_LIMIT:]):
                    raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
                del record[COLUMN_LIMIT:]
            yield record
    except csv.Error as problem:
        raise RosterError("quotes", row=number + 1) from problem
