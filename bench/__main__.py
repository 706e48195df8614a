"""`make bench`: every figure beside its reference, in interleaved rounds on one machine."""
from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module

from rich.console import Console

from bench.figures import Options, Row
from bench.meeting import ROOT
from bench.table import table

PARTS = ("cpu", "scans", "growth", "streams", "disk", "outbox", "paper", "start", "memory", "imports", "badges")
Part = Callable[[Options], list[Row]]


def main() -> None:
    """Runs the parts and prints the table."""
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="these parts instead of all")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    chosen = asked.parse_args()
    screen = Console(width=130)
    options = Options(chosen.rounds, chosen.seconds, cache=ROOT / ".cache" / "bench", say=lambda words: screen.print(f"[dim]{words}[/dim]"))
    made: list[Row] = []
    for name in chosen.only:
        part: Part = import_module(f"bench.parts.{name}").rows
        made += part(options)
    screen.print(table(made))


if __name__ == "__main__":
    main()
