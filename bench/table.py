"""The rows as a table for a terminal."""
from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from bench.figures import Row, plain

HEAD = ("figure", "value", "spread", "reference", "ratio", "goal", "holds")


def cells(row: Row) -> tuple[str, ...]:
    """A row's cells in the order of HEAD; words and marks, no colour."""
    if row.value is None:
        return row.name, row.note, "", "", "", str(row.goal or ""), ""
    reference = "" if row.reference is None else f"{plain(row.reference)} {row.unit} {row.beside}"
    return (row.name, f"{plain(row.value)} {row.unit}", "" if row.spread is None else f"±{plain(row.spread)}", reference,
            "" if row.ratio is None else plain(row.ratio), str(row.goal or ""), verdict(row))


def verdict(row: Row) -> str:
    """Whether the goal holds, in a mark and a word."""
    return {None: "", True: "✓ holds", False: "✗ not yet"}[row.holds]


def table(rows: Iterable[Row]) -> Table:
    """All rows for a terminal."""
    made = Table(*HEAD)
    for column in made.columns[1:]:
        column.justify = "right"
    for row in rows:
        made.add_row(*cells(row))
    return made
