"""Workbooks: what a file really is, and its sheets as grids (xlsx, xls).

What calamine would stumble over is measured before it sees the file: roster_package (xlsx), roster_biff (xls).
"""
from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any

from admin import roster_biff, roster_package
from admin.roster_package import COLUMN_LIMIT, ROW_LIMIT, SHEET_LIMIT, column_index, column_letters
from admin.roster_words import RosterError

__all__ = ["COLUMN_LIMIT", "FILE_LIMIT", "ROW_LIMIT", "Cell", "Grid", "Workbook", "column_index", "column_letters",
           "kind_of"]
FILE_LIMIT = 50_000_000          # bytes

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAGIC = {b"%PDF": "pdf", b"\x89PNG": "image", b"\xff\xd8\xff": "image", b"GIF8": "image", b"{\\rtf": "word",
          b"Rar!": "archive", b"7z\xbc\xaf": "archive", b"\x1f\x8b": "archive", b"MZ\x90": "binary"}
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
        columns, sheets = roster_biff.measure(data, SHEET_LIMIT)
    except roster_biff.Locked as problem:
        raise RosterError("password") from problem
    except roster_biff.Broken as problem:
        raise RosterError("broken") from problem
    if sheets > SHEET_LIMIT:
        raise RosterError("too_many_sheets", limit=SHEET_LIMIT)
    if columns > COLUMN_LIMIT:
        raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
    return "xls"


class Workbook:
    """An opened workbook; `sheets` are the names of its worksheets, visible ones first."""

    def __init__(self, data: bytes, kind: str) -> None:
        self._errors = roster_package.measure(data) if kind == "xlsx" else {}
        with _calamine():
            from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

            self._book = CalamineWorkbook.from_filelike(io.BytesIO(data))
            found = [one for one in self._book.sheets_metadata if one.typ == SheetTypeEnum.WorkSheet]
        if len(found) > SHEET_LIMIT:
            raise RosterError("too_many_sheets", limit=SHEET_LIMIT)
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
