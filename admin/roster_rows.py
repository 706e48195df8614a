"""Rows of people: cells cleaned column by column (a repeated value once), then judged row by row."""
from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from admin.roster_cells import ERRORS, Problem, Value, cleaner
from admin.roster_columns import PARTS, Column, Header
from admin.roster_words import Refusal
from admin.roster_workbook import Grid
from models.names import fold

# What a cell merged over several rows says for each of them; a person's own data is never spread.
_SHARED = ("organisation", "delegation", "category", "room", "table", "arrival", "diet")

fold_unit = lru_cache(maxsize=1024)(fold)  # a roster names its units again and again
Match = tuple[str | None, str | None]      # the key, or None and the nearest name


class RosterRow(NamedTuple):
    """One person of the file: `row` as the spreadsheet shows it, the fields that say something, or a problem."""

    row: int
    values: dict[str, Any]
    problem: Problem | None = None


class Kind(Protocol):
    """A category as the matching needs it (models.event.Category, or a plan's)."""

    @property
    def key(self) -> Any: ...
    @property
    def name(self) -> Any: ...
    @property
    def name_en(self) -> Any: ...


def rows_of(grid: Grid, header: Header) -> tuple[list[RosterRow], list[Refusal]]:
    """The people below a header, and remarks on cells that were errors."""
    body = grid.rows[header.first:]
    problems: dict[int, Problem] = {}
    remarks: list[Refusal] = []
    fields: dict[str, list[Value]] = {}
    for name, columns in _by_field(header).items():
        label = " + ".join(column.header for column in columns)
        cells = [_cells(grid, header, body, column) for column in columns]
        remarks += _error_cells(grid, header, columns, cells)
        joined = cells[0] if len(cells) == 1 else _whole_names(*cells)
        fields[name] = _cleaned(joined, cleaner(name, label), problems)
    return _assemble(header, fields, problems), sorted(remarks, key=lambda one: one.row)


def _by_field(header: Header) -> dict[str, list[Column]]:
    """The columns of each field; two for a name in parts, the given name first."""
    fields: dict[str, list[Column]] = {}
    for column in sorted(header.columns, key=lambda one: (PARTS.index(one.part) if one.part else 0, one.index)):
        fields.setdefault(column.field, []).append(column)
    return fields


def _cells(grid: Grid, header: Header, body: list[list[Any]], column: Column) -> list[Any]:
    at = column.index
    cells = [row[at] if at < len(row) else "" for row in body]
    if column.field in _SHARED:
        for (top, left), (bottom, _) in grid.merges:
            start, end = max(top - header.first, 0), bottom + 1 - header.first
            if left - grid.left == at and top >= header.first and end - start > 1:
                cells[start:end] = [cells[start]] * len(cells[start:end])
    return cells


def _whole_names(given: list[Any], family: list[Any]) -> list[Any]:
    """First and last name as one: in Chinese order and without a blank where they are Chinese."""
    names = []
    for first, last in zip(given, family, strict=True):
        one, other = str(first).strip(), str(last).strip()
        chinese = one and other and all(letter >= "\u3400" for letter in one + other)
        names.append(other + one if chinese else f"{one} {other}".strip())
    return names


def _error_cells(grid: Grid, header: Header, columns: list[Column], cells: list[list[Any]]) -> list[Refusal]:
    found = []
    for column, values in zip(columns, cells, strict=True):
        broken = {row: text for row, at, text in grid.errors if at - grid.left == column.index and row >= header.first}
        if not ERRORS.isdisjoint(values):
            broken |= {header.first + index: value for index, value in enumerate(values) if value in ERRORS}
        found += [Refusal(row + 1, "error_cell", {"column": column.header, "value": value})
                  for row, value in broken.items()]
    return found


def _cleaned(cells: list[Any], clean: Callable[[Any], Value], problems: dict[int, Problem]) -> list[Value]:
    """Each different cell is cleaned once. True and 1.0 are one key to a dictionary, so kinds are kept apart."""
    if bool in set(map(type, cells)):
        cells = [("FALSE", "TRUE")[cell] if isinstance(cell, bool) else cell for cell in cells]
    known = {cell: "" if cell in ERRORS else clean(cell) for cell in set(cells)}
    bad = {cell: value for cell, value in known.items() if isinstance(value, Problem)}
    if bad:
        known |= dict.fromkeys(bad, "")
        for index, cell in enumerate(cells):
            if cell in bad:
                problems.setdefault(index, bad[cell])
    return [known[cell] for cell in cells]


def _assemble(header: Header, fields: dict[str, list[Value]], problems: dict[int, Problem]) -> list[RosterRow]:
    """Rows with something in them; a header repeated further down (as printed lists have it) is no person."""
    names, columns = tuple(fields), tuple(fields.values())
    repeated = {column.header for column in header.columns if column.field == "name" and not column.part}
    rows = []
    for index, values in enumerate(zip(*columns, strict=True)):
        said = dict(zip(names, values, strict=True))
        if "" in values:
            said = {name: value for name, value in said.items() if value != ""}
        if (said or index in problems) and not (header.row >= 0 and said.get("name") in repeated):
            rows.append(RosterRow(header.first + index + 1, said, problems.get(index)))
    return rows


class Checking:
    """Looks at the rows of a file in their order: which can be taken, and (`refused`) which cannot. With categories, a
    row's category becomes its key."""

    def __init__(self, rows: Iterable[RosterRow], categories: Sequence[Kind] | None = None):
        self.refused: list[Refusal] = []
        self._met = _Met(all("number" in row.values for row in rows))
        self._categories = categories
        self._matched: dict[str, Match] = {}

    def take(self, rows: Iterable[RosterRow]) -> list[RosterRow]:
        """Those of the next rows that can be taken."""
        good = []
        for row in rows:
            problem = row.problem or (None if row.values.get("name") else Problem("no_name", {}))
            if not problem and self._categories is not None and "category" in row.values:
                problem = _place(row, self._categories, self._matched)
            if not problem:
                first = self._met.before(row)
                problem = Problem("duplicate", {"first": first}) if first else None
            if problem:
                self.refused.append(Refusal(row.row, problem.error, problem.params))
            else:
                good.append(row)
        return good


def check(rows: Iterable[RosterRow], categories: Sequence[Kind] | None = None) -> tuple[list[RosterRow], list[Refusal]]:
    """The rows that can be taken and those that cannot, all at once."""
    rows = list(rows)
    checking = Checking(rows, categories)
    return checking.take(rows), checking.refused


def _place(row: RosterRow, categories: Sequence[Kind], matched: dict[str, Match]) -> Problem | None:
    said = row.values["category"]
    if said not in matched:
        matched[said] = match_category(said, categories)
    key, nearest = matched[said]
    if key is None:
        return Problem("unknown_category", {"value": said, "nearest": nearest or ""})
    row.values["category"] = key
    return None


def match_category(text: str, categories: Iterable[Kind]) -> Match:
    """The key of the category of that name, English name or key; else None and the name of the nearest one."""
    words: dict[str, Kind] = {}
    for category in categories:
        for word in (category.name, category.name_en, category.key):
            words.setdefault(fold(word or ""), category)
    words.pop("", None)
    wanted = fold(text)
    if wanted in words:
        return words[wanted].key, None
    nearest = difflib.get_close_matches(wanted, words, n=1, cutoff=0.0)
    return None, words[nearest[0]].name if nearest else None


class _Met:
    """Who was in the file before (api.md): by number; without one by phone and name; without both by name and unit.

    Two rows are compared by what the one that says less is known by, so that importing the file again meets
    nobody twice.
    """

    def __init__(self, numbered: bool) -> None:
        self._numbered = numbered                               # all have a number: nothing else needs a look
        self._numbers: dict[str, int] = {}
        self._by_phone: dict[tuple[str, str], int] = {}         # everybody with a phone
        self._by_unit: dict[tuple[str, str], int] = {}          # everybody
        self._only_phone: dict[tuple[str, str], int] = {}       # without a number
        self._only_unit: dict[tuple[str, str], int] = {}        # without number and phone

    def before(self, person: RosterRow) -> int | None:
        """The row of the same person, or None, and then this one is remembered."""
        values = person.values
        if self._numbered:
            met = self._numbers.setdefault(values["number"], person.row)
            return None if met == person.row else met
        number, phone = values.get("number"), values.get("phone")
        name = fold(values["name"])
        by_phone, by_unit = (phone or "", name), (name, fold_unit(values.get("organisation", "")))
        if number:
            first = self._numbers.get(number) or self._only_phone.get(by_phone) or self._only_unit.get(by_unit)
        elif phone:
            first = self._by_phone.get(by_phone) or self._only_unit.get(by_unit)
        else:
            first = self._by_unit.get(by_unit)
        if first is None:
            self._remember(person.row, number, by_phone, by_unit)
        return first

    def _remember(self, row: int, number: str | None, by_phone: tuple[str, str], by_unit: tuple[str, str]) -> None:
        if number:
            self._numbers[number] = row
        if by_phone[0]:
            self._by_phone.setdefault(by_phone, row)
            if not number:
                self._only_phone.setdefault(by_phone, row)
        elif not number:
            self._only_unit.setdefault(by_unit, row)
        self._by_unit.setdefault(by_unit, row)
