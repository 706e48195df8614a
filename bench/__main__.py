"""`make bench`: durable scans through the real server beside a bare Flask hello, in interleaved rounds."""
from __future__ import annotations

import argparse
import statistics
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import venue
from bench.load import Run, run

CLIENTS = (1, 16, 64)


def main() -> None:
    """Runs the rounds and prints the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, nargs="+", default=[5_000, 100_000])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    chosen = options.parse_args()
    screen, table = Console(width=120), head()
    base: dict[int, float] = {}
    for people in chosen.people:
        with venue.event(people) as (folder, badges), venue.huiwu(folder) as ours, venue.hello() as reference:
            measured = rounds(ours, reference, venue.scans(badges), chosen.rounds, chosen.seconds)
        for clients in CLIENTS:
            add(table, people, clients, measured, base)
    screen.print(table)
    screen.print("FULL, one process, two cores shared with the load. ratio = scans/s : hello/s of the same round.")


def rounds(ours: int, reference: int, scans: Any, count: int, seconds: float) -> dict[int, list[tuple[Run, Run]]]:
    """Interleaved: hello, scans, hello, scans … so that a slow minute of the machine hits both."""
    run(ours, 4, scans, 0.5)
    run(reference, 4, venue.hellos(), 0.5)
    found: dict[int, list[tuple[Run, Run]]] = {clients: [] for clients in CLIENTS}
    for _ in range(count):
        for clients in CLIENTS:
            plain = run(reference, clients, venue.hellos(), seconds)
            found[clients].append((plain, run(ours, clients, scans, seconds)))
    return found


def head() -> Table:
    """The table's columns."""
    table = Table("people", "clients", "hello/s", "scans/s", "ratio", "spread", "p50 ms", "p99 ms", "max ms", "growth")
    for column in table.columns:
        column.justify = "right"
    return table


def add(table: Table, people: int, clients: int, measured: dict[int, list[tuple[Run, Run]]],
        base: dict[int, float]) -> None:
    """One line: medians over the rounds. growth: how much slower than with the first number of people."""
    pairs = measured[clients]
    wrong = {status for _, ours in pairs for status in ours.statuses} - {200}
    if wrong:
        raise SystemExit(f"answers with status {wrong}: the figures would not mean anything")
    ratios = [ours.rate / plain.rate for plain, ours in pairs]
    ratio = statistics.median(ratios)
    first = base.setdefault(clients, ratio)

    def middle(share: float) -> str:
        return f"{statistics.median(ours.at(share) for _, ours in pairs):.1f}"
    table.add_row(
        f"{people:,}", str(clients), f"{statistics.median(plain.rate for plain, _ in pairs):,.0f}",
        f"{statistics.median(ours.rate for _, ours in pairs):,.0f}", f"{ratio:.3f}",
        f"±{(max(ratios) - min(ratios)) / 2:.3f}", middle(0.5), middle(0.99), middle(1.0), f"{first / ratio - 1:+.1%}")


if __name__ == "__main__":
    main()
