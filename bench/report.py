"""The figures of a run on paper: docs/speed.md between its markers, the chart beside it, and a file of numbers."""
from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from bench import chart
from bench.figures import Goal, Options, Row
from bench.meeting import ROOT
from bench.table import HEAD, WORDS, cells, notes

PAGE, PICTURE = ROOT / "docs" / "speed.md", ROOT / "docs" / "speed.svg"
BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


class Saved(msgspec.Struct):
    """What `--json` writes and `--read` reads."""

    machine: str
    rows: list[dict[str, Any]]


def machine(options: Options) -> str:
    """What the run was made on and how, in words."""
    return (f"{os.cpu_count()} 核 cores · {_processor()} · {platform.system()} · Python {platform.python_version()} · "
            f"{options.rounds} 轮 rounds, {options.seconds:g} s")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def save(file: Path, rows: Sequence[Row], said: str) -> None:
    """Writes the figures as JSON."""
    found = [{**asdict(row), "holds": row.holds} for row in rows]
    file.write_bytes(msgspec.json.format(msgspec.json.encode(Saved(said, found))) + b"\n")


def read(file: Path) -> tuple[list[Row], str]:
    """The rows of a saved run and what it was made on."""
    saved = msgspec.json.decode(file.read_bytes(), type=Saved)
    for row in saved.rows:
        del row["holds"]
    return [Row(**{**row, "goal": row["goal"] and Goal(**row["goal"])}) for row in saved.rows], saved.machine


def write(rows: Sequence[Row], said: str, page: Path = PAGE, picture: Path = PICTURE) -> None:
    """Puts the table between the page's markers and draws the chart beside it."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} has no place for the table: {BEGIN} … {END}")
    page.write_text(f"{before}{BEGIN}\n{markdown(rows, said)}\n{END}{after}")
    picture.write_text(chart.draw(rows))


def markdown(rows: Sequence[Row], said: str) -> str:
    """The table, its footnotes, and what it was measured on."""
    lines = [said, "", f"| {' | '.join(HEAD)} |", "| --- |" + " ---: |" * (len(HEAD) - 2) + " --- |"]
    told = notes(rows)
    lines += [f"| {' | '.join(cells(row, told))} |" for row in rows]
    lines += ["", *(f"{at}. {note}" for at, note in enumerate(told, 1)), "", *(f"- {words}" for words in WORDS)]
    return "\n".join(lines)
