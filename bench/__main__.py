"""`make bench`: every figure beside its reference, in interleaved rounds on one machine."""
from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.markup import escape

from bench import report
from bench.figures import Options, Row, missing
from bench.meeting import ROOT
from bench.table import WORDS, notes, table

PARTS = ("scans", "growth", "streams", "disk", "outbox", "nodes", "camera", "paper", "imports", "badges", "start", "memory")
BESIDE = ("cpu",)               # parts for a quick look, not in the whole
CACHE = ROOT / ".cache" / "bench"
Part = Callable[[Options], list[Row]]


def main() -> int:
    """Runs the parts and prints the table; 1 if a part failed."""
    signal.signal(signal.SIGTERM, _stop)        # the servers beside end with us
    chosen = options()
    screen = Console(width=max(Console().width, 140))
    if chosen.read:
        rows, said = report.read(chosen.read)
    else:
        settings = Options(chosen.rounds, chosen.seconds, cache=CACHE)
        said = report.machine(settings)
        rows = measure(chosen.only or PARTS, settings, screen)
    screen.print(table(rows))
    for line in [said, *(f"[{at}] {note}" for at, note in enumerate(notes(rows), 1)), *WORDS]:
        screen.print(escape(line), highlight=False)
    if chosen.json:
        report.save(chosen.json, rows, said)
    if chosen.write:
        report.write(rows, said)
        screen.print(f"{report.PAGE.relative_to(ROOT)}, {report.PICTURE.relative_to(ROOT)}")
    return int(any(row.note.startswith("failed") for row in rows))


def options() -> argparse.Namespace:
    """What was asked for."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--only", nargs="+", choices=[*PARTS, *BESIDE], help="these parts instead of the whole")
    asked.add_argument("--rounds", type=int, default=Options.rounds)
    asked.add_argument("--seconds", type=float, default=Options.seconds, help="of each measurement")
    asked.add_argument("--json", type=Path, metavar="FILE", help="saves the figures")
    asked.add_argument("--read", type=Path, metavar="FILE", help="shows saved figures instead of measuring")
    asked.add_argument("--write", action="store_true", help="puts the table into docs/speed.md and draws docs/speed.svg")
    chosen = asked.parse_args()
    if chosen.write and chosen.only:
        asked.error("--write takes the whole, not parts of it")
    return chosen


def measure(names: tuple[str, ...] | list[str], settings: Options, screen: Console) -> list[Row]:
    """The rows of these parts; one that fails says so in a row and lets the others go on."""
    made: list[Row] = []
    for name in names:
        part: Part = import_module(f"bench.parts.{name}").rows
        started = time.perf_counter()
        try:
            made += part(settings)
        except (Exception, SystemExit) as error:
            made.append(missing(name, f"{type(error).__name__}: {error}", failed=True))
        screen.print(f"{name}: {time.perf_counter() - started:.0f} s", style="dim")
    return made


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
