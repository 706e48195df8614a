"""Workbooks: what a file really is, whether it is safe to open, and its sheets as grids (xlsx, xls).

calamine keeps a sheet as one dense block from its first to its last cell: a single cell at XFD1048576 asks for
hundreds of gigabytes. So an xlsx is inflated once as a stream, and measured, before calamine sees it.
"""
from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from admin import roster_biff
from admin.roster_words import RosterError

FILE_LIMIT = 50_000_000          # bytes
UNPACKED_LIMIT = 300_000_000     # bytes
ROW_LIMIT = 200_000
COLUMN_LIMIT = 200
_TITLE_ROWS = 100                # how many rows above and between may come on top of ROW_LIMIT
_CHUNK = 1 << 20
_ROW_BYTES = 1 << 24             # 200 cells of 32,767 characters need 6.5 MB

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAGIC = {b"%PDF": "pdf", b"\x89PNG": "image", b"\xff\xd8\xff": "image", b"GIF8": "image", b"{\\rtf": "word",
          b"Rar!": "archive", b"7z\xbc\xaf": "archive", b"\x1f\x8b": "archive", b"MZ\x90": "binary"}
_REF = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*\br="([0-9]{1,9})"')
_CELL = re.compile(rb"<(?:\w+:)?c[\s>]")
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>'
                         rb'.*?<(?:\w+:)?v>([^<]*)', re.DOTALL)

Cell = Any                       # str, float, bool, datetime, date, time or timedelta, as calamine gives it
Range = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Grid:
    """A sheet as rows of cells. Row and column indexes count from 0; `left` is the column of each row's first cell."""

    name: str
    rows: list[list[Cell]]
    left: int = 0
    merges: list[Range] = field(default_factory=list)
    errors: list[tuple[int, int, str]] = field(default_factory=list)     # row, column, #N/A …


def kind_of(data: bytes) -> str:
    """xlsx, xls or text by content; the ending is not asked. Raises RosterError for anything else."""
    if data.startswith(b"PK"):
        return _zip_kind(data)
    if data.startswith(_OLE):
        return _ole_kind(data)
    for magic, kind in _MAGIC.items():
        if data.startswith(magic):
            raise RosterError("wrong_kind", kind=kind)
    return "text"


def _zip_kind(data: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as problem:
        raise RosterError("broken") from problem
    if "xl/workbook.xml" in names:
        return "xlsx"
    for start, error, kind in (("xl/workbook.bin", "old_format", "xlsb"), ("word/", "wrong_kind", "word"),
                               ("ppt/", "wrong_kind", "slides"), ("content.xml", "old_format", "ods")):
        if any(name.startswith(start) for name in names):
            raise RosterError(error, kind=kind)
    if any(name.startswith("xl/") for name in names):
        raise RosterError("broken")
    raise RosterError("wrong_kind", kind="archive")


def _ole_kind(data: bytes) -> str:
    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if holds("EncryptedPackage"):
        raise RosterError("password")
    if holds("WordDocument"):
        raise RosterError("wrong_kind", kind="word")
    if holds("PowerPoint Document"):
        raise RosterError("wrong_kind", kind="slides")
    if not holds("Workbook") and not holds("Book"):
        raise RosterError("broken")
    try:
        columns = roster_biff.measure(data)
    except roster_biff.Locked as problem:
        raise RosterError("password") from problem
    except roster_biff.Broken as problem:
        raise RosterError("broken") from problem
    if columns > COLUMN_LIMIT:
        raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
    return "xls"


class Workbook:
    """An opened workbook; `sheets` are the names of its worksheets, visible ones first."""

    def __init__(self, data: bytes, kind: str) -> None:
        self._errors = _measure(data) if kind == "xlsx" else {}
        with _calamine():
            from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

            self._book = CalamineWorkbook.from_filelike(io.BytesIO(data))
            found = [one for one in self._book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        found.sort(key=lambda one: one.visible != SheetVisibleEnum.Visible)
        self.sheets = [one.name for one in found]

    def grid(self, name: str) -> Grid:
        """One sheet. Raises RosterError when it cannot be read or is larger than the limits."""
        with _calamine():
            sheet = self._book.get_sheet_by_name(name)
            start = sheet.start
            if start is None:
                return Grid(name, [])
            merges = list(sheet.merged_cell_ranges or [])
            rows = list(sheet.iter_rows())
        if sheet.total_width - start[1] > COLUMN_LIMIT:
            raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
        return Grid(name, rows, start[1], merges, self._errors.get(name, []))


class _calamine:
    """calamine's errors, and the panics of its parser on broken bytes, are one thing to a person: a broken file."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        if kind is None or issubclass(kind, RosterError):
            return
        if kind.__name__ == "PasswordError":
            raise RosterError("password") from problem
        if issubclass(kind, Exception) or kind.__name__ == "PanicException":
            raise RosterError("broken") from problem


def _measure(data: bytes) -> dict[str, list[tuple[int, int, str]]]:
    """Inflates what calamine will read, within the limits; gives the error cells by sheet name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = {one.filename: one for one in archive.infolist()}
        if sum(one.file_size for one in parts.values()) > UNPACKED_LIMIT:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
        left = [UNPACKED_LIMIT]
        sheets = _sheet_parts(data, parts, left)
        errors = {}
        for path, one in parts.items():
            if path.startswith("xl/worksheets/") and path.endswith(".xml"):
                errors[sheets.get(path, "")] = _scan(_inflate(data, one, left))
            elif path.startswith("xl/") and path.endswith((".xml", ".rels")):
                for _ in _inflate(data, one, left):
                    pass
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, OSError) as problem:
        raise RosterError("broken") from problem
    return errors


def _inflate(data: bytes, part: zipfile.ZipInfo, left: list[int]) -> Iterator[bytes]:
    """A part in chunks. `left[0]` counts down what may still be unpacked: the declared size could be a lie."""
    at = part.header_offset
    if data[at:at + 4] != b"PK\x03\x04" or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RosterError("broken")
    at += 30 + int.from_bytes(data[at + 26:at + 28], "little") + int.from_bytes(data[at + 28:at + 30], "little")
    packed = data[at:at + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED:
        chunks: Iterator[bytes] = iter([packed])
    else:
        chunks = _deflated(packed)
    for chunk in chunks:
        left[0] -= len(chunk)
        if left[0] < 0:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
        yield chunk


def _deflated(packed: bytes) -> Iterator[bytes]:
    engine = zlib.decompressobj(-15)
    while packed and not engine.eof:
        chunk = engine.decompress(packed, _CHUNK)
        packed = engine.unconsumed_tail
        yield chunk
    if not engine.eof:
        raise RosterError("broken")


def _sheet_parts(data: bytes, parts: dict[str, zipfile.ZipInfo], left: list[int]) -> dict[str, str]:
    """Which part of the package is which sheet, from the workbook and its relationships."""
    def text(path: str) -> str:
        return b"".join(_inflate(data, parts[path], left)).decode("utf-8", "replace") if path in parts else ""

    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", text("xl/_rels/workbook.xml.rels")):
        attributes = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        targets[attributes.get("Id")] = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
    sheets = {}
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^>]*>", text("xl/workbook.xml")):
        attributes = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        linked = next((value for key, value in attributes.items() if key.endswith(":id")), None)
        sheets[targets.get(linked, "")] = unescape(attributes.get("name", ""))
    return sheets


def _scan(chunks: Iterator[bytes]) -> list[tuple[int, int, str]]:
    """Measures the cells that have a value; gives the error cells."""
    errors = []
    for number, row in enumerate(_row_pieces(chunks), 1):
        last = row.rfind(b"<v>")
        if last < 0:
            last = max(row.rfind(b"<v"), row.rfind(b"<is"), row.rfind(b":v"), row.rfind(b":is"))
            if last < 0:
                continue
        cell = max(row.rfind(b"<c ", 0, last), row.rfind(b":c ", 0, last))
        found = _REF.search(row, cell, last) if cell >= 0 else None
        if found is None:
            named = _ROW.findall(row)
            last_column, last_row = len(_CELL.findall(row)), max(number, int(named[-1]) if named else 0)
        else:
            letters, last_row = found[1], int(found[2])
            last_column = 0 if len(letters) == 1 else column_index(letters.decode())
        if last_column >= COLUMN_LIMIT or (len(row) > 2000 and row.count(b"<v") > COLUMN_LIMIT):
            raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
        if last_row > ROW_LIMIT + _TITLE_ROWS:
            raise RosterError("too_many_rows", limit=ROW_LIMIT)
        if b't="e"' in row:
            errors += [(int(hit[2]) - 1, column_index(hit[1].decode()), hit[3].decode("ascii", "replace"))
                       for hit in _ERROR_CELL.finditer(row)]
    return errors


def _row_pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    end, tail = b"", b""
    for chunk in chunks:
        tail += chunk
        if not end:
            opened = re.search(rb"<(\w+:)?sheetData\b", tail)
            end = b"</" + (opened[1] or b"") + b"row>" if opened else b""
        if end:
            *rows, tail = tail.split(end)
            yield from rows
        if len(tail) > _ROW_BYTES:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
    yield tail


def column_index(letters: str) -> int:
    """A -> 0, AA -> 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
