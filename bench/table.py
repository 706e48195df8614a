"""The rows as a table for a terminal, with footnotes."""
from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from bench.figures import Row, plain

HEAD = ("项目 figure", "值 value", "参照 reference", "比 ratio", "散布 spread", "目标 goal", "达到 holds")
WORDS = (
    "值是各轮的中位数，散布是各轮全距的一半（有比值时是比值的）；各轮交替进行。"
    " Values are medians over the rounds, which take turns with their references; spread is half the range over the "
    "rounds, of the ratio where there is one.",
    "每次扫码都落盘：SQLite WAL、synchronous=FULL；鉴权、角色、库存、待打印小票都在路上，打印机关着。"
    " Every scan is durable; authentication, role, stock and the birth of slips are on the road, the printer is off.")


def notes(rows: Sequence[Row]) -> list[str]:
    """The footnotes, each once; their numbers count from 1."""
    return list(dict.fromkeys(row.note for row in rows if row.note))


def cells(row: Row, told: Sequence[str] = ()) -> tuple[str, ...]:
    """A row's cells in the order of HEAD; words and marks, no colour. `told` are the footnotes."""
    name, goal = f"{row.name} [{told.index(row.note) + 1}]" if row.note in told else row.name, "" if row.goal is None else str(row.goal)
    if row.value is None:
        return name, "没有测 not measured", "", "", "", goal, ""
    reference = "" if row.reference is None else f"{plain(row.reference)} {row.beside}"
    return (name, f"{plain(row.value)} {row.unit}", reference, "" if row.ratio is None else plain(row.ratio),
            "" if row.spread is None else f"±{plain(row.spread)}", goal, verdict(row))


def verdict(row: Row) -> str:
    """Whether the goal holds, in a mark and a word."""
    return {None: "", True: "✓ yes", False: "✗ no"}[row.holds]


def table(rows: Sequence[Row]) -> Table:
    """All rows for a terminal."""
    made, told = Table(box=SIMPLE, pad_edge=False), notes(rows)
    for at, name in enumerate(HEAD):
        made.add_column(name.replace(" ", "\n"), justify="left" if at in (0, len(HEAD) - 1) else "right", no_wrap=True)
    for row in rows:
        made.add_row(*map(escape, cells(row, told)))
    return made
