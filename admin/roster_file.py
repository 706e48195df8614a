"""Reads a roster file: bytes or a path in, people with their rows out. Below the database, and without Flask.

    sheet = read("名单.xls")            # what the file is, its header, its columns, its rows
    good, refused = check(sheet.rows, categories)
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from admin.roster_columns import Header, find_header, score
from admin.roster_rows import RosterRow, check, match_category, rows_of
from admin.roster_text import grid as text_grid
from admin.roster_words import Refusal, RosterError
from admin.roster_workbook import FILE_LIMIT, ROW_LIMIT, Grid, Workbook, column_letters, kind_of

__all__ = ["Refusal", "RosterError", "RosterRow", "SeenColumn", "Sheet", "check", "match_category", "read"]
EXAMPLES = 3


class SeenColumn(NamedTuple):
    """A column as a person chooses its field: `key` names it in a mapping; `field` is "" where it is not taken."""

    key: str
    header: str
    field: str
    examples: list[str]             # its first values that say something


@dataclass
class Sheet:
    """What was read. `header_row` is as the spreadsheet shows it, 0 for a list without header."""

    name: str                       # of the sheet; "" for a text file
    sheets: list[str]               # all the workbook's sheets
    headers: list[str]
    mapping: dict[str, str]         # header -> field; both parts of a name in two columns are `name`
    ignored: list[str]              # columns that are not taken
    header_row: int
    rows: list[RosterRow]
    remarks: list[Refusal]          # nothing refused: cells that were errors and count as empty
    columns: list[SeenColumn] = field(default_factory=list)


def read(source: Path | str | bytes, name: str = "", sheet: str | None = None,
         mapping: Mapping[str, str] | None = None) -> Sheet:
    """The roster in a file. `mapping` is {column: field}, by header or by letter; a field "ignore" leaves one out.

    `name` is the file's name for messages. Raises RosterError with a sentence for a person.
    """
    data = source if isinstance(source, bytes) else _bytes(Path(source), name)
    if len(data) > FILE_LIMIT:
        raise RosterError("too_large", limit=FILE_LIMIT // 1_000_000)
    if not data.strip():
        raise RosterError("empty")
    kind = kind_of(data)
    if kind == "text":
        if sheet:
            raise RosterError("no_sheets_here", sheet=sheet)
        sheets: list[str] = []
        grid = text_grid(data, lambda records: score(records, mapping))
    else:
        book = Workbook(data, kind)
        sheets = book.sheets
        grid = _chosen(book, sheet, mapping)
    if not any(any(cell != "" for cell in row) for row in grid.rows):
        raise RosterError("empty_sheet", sheet=grid.name) if grid.name else RosterError("empty")
    return _sheet(grid, sheets, find_header(grid, mapping))


def _bytes(path: Path, name: str) -> bytes:
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise RosterError("too_large", limit=FILE_LIMIT // 1_000_000)
        return path.read_bytes()
    except OSError as problem:
        raise RosterError("not_found", name=name or path.name) from problem


def _chosen(book: Workbook, sheet: str | None, mapping: Mapping[str, str] | None) -> Grid:
    """The sheet that was asked for, else the first that looks like a roster, else the first with something in it."""
    if sheet is not None:
        if sheet not in book.sheets:
            raise RosterError("no_sheet", sheet=sheet, found="、".join(book.sheets))
        return book.grid(sheet)
    first = None
    for name in book.sheets:
        grid = book.grid(name)
        if score(grid.rows, mapping):
            return grid
        if first is None and grid.rows:
            first = grid
    return first or Grid(book.sheets[0] if book.sheets else "", [])


def _sheet(grid: Grid, sheets: list[str], header: Header) -> Sheet:
    rows, remarks = rows_of(grid, header)
    if not rows:
        raise RosterError("no_people")
    if len(rows) > ROW_LIMIT:
        raise RosterError("too_many_rows", limit=ROW_LIMIT)
    return Sheet(grid.name, sheets, [text for text in header.texts.values() if text], header.mapping,
                 list(_ignored(grid, header)), header.row + 1, rows, remarks, list(_columns(grid, header)))


def _columns(grid: Grid, header: Header) -> Iterable[SeenColumn]:
    """Every column with a header or something in it, from the left."""
    taken = {column.index: column.field for column in header.columns}
    texts = [text for text in header.texts.values() if text]
    for index in range(max(map(len, grid.rows))):
        text, letters = header.texts.get(index, ""), column_letters(index + grid.left)
        cells = (row[index] for row in grid.rows[header.first:] if index < len(row) and row[index] != "")
        examples = [_shown(cell) for cell in islice(cells, EXAMPLES)]
        if text or examples:
            key = text if texts.count(text) == 1 else letters
            yield SeenColumn(key, text or letters, taken.get(index, ""), examples)


def _shown(cell: Any) -> str:
    whole = isinstance(cell, float) and cell.is_integer()
    return str(int(cell) if whole else cell).strip()


def _ignored(grid: Grid, header: Header) -> Iterable[str]:
    """Columns that are not taken; one without a header is named by its letter when there is something in it."""
    taken = {column.index for column in header.columns}
    width = max(map(len, grid.rows))
    for index in range(width):
        if index in header.ignored:
            yield header.ignored[index]
        elif index not in taken and any(index < len(row) and row[index] != "" for row in grid.rows[header.first:]):
            yield f"({column_letters(index + grid.left)})"
