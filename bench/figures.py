"""What a part of the bench hands back: rows of figures, each beside its reference, its spread and its goal."""
from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Goal:
    """A figure to reach (the issue's "Figures to reach"): of the value, or of the ratio to the reference."""

    limit: float
    at_least: bool = False
    of_ratio: bool = False

    def __str__(self) -> str:
        return f"{'ratio ' if self.of_ratio else ''}{'≥' if self.at_least else '≤'} {plain(self.limit)}"


@dataclass(frozen=True)
class Row:
    """One line of the table: medians over the rounds. `spread` is half the range over the rounds, of the ratio where
    there is one, else of the value. A row without a value was not measured, and its note says why."""

    name: str
    value: float | None
    unit: str
    spread: float | None = None
    reference: float | None = None
    beside: str = ""                 # what the reference is
    ratio: float | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the goal is reached; None without a goal or a figure."""
        if self.goal is None:
            return None
        figure = self.ratio if self.goal.of_ratio else self.value
        if figure is None:
            return None
        return figure >= self.goal.limit if self.goal.at_least else figure <= self.goal.limit


@dataclass(frozen=True)
class Options:
    """How long and how large: `make bench` takes these, the tests take less."""

    rounds: int = 3
    seconds: float = 1.5             # of each measurement
    people: int = 5_000
    many: int = 100_000              # people where growth is asked for
    scans: int = 1_000_000           # rows of the ledger where growth is asked for
    streams: int = 200
    cache: Path | None = None        # where built events are kept for the next run


def middle(values: Sequence[float]) -> float:
    """The median over the rounds."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float | None:
    """Half of what lies between the lowest and the highest round; None of a single one."""
    return (max(values) - min(values)) / 2 if len(values) > 1 else None


def share(ordered: Sequence[float], part: float) -> float:
    """The value that this part of the sorted values stays within."""
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def measured(name: str, values: Sequence[float], unit: str, goal: Goal | None = None, note: str = "") -> Row:
    """A row of a value that stands alone, one value a round."""
    return Row(name, middle(values), unit, spread(values), goal=goal, note=note)


def worst(name: str, values: Sequence[float], unit: str, goal: Goal | None = None, reference: float | None = None,
          beside: str = "") -> Row:
    """A row of the highest value of all rounds, beside the reference's highest."""
    highest = max(values)
    ratio = None if reference is None else highest / reference
    return Row(name, highest, unit, spread(values) if ratio is None else None, reference, beside, ratio, goal)


def compared(name: str, values: Sequence[float], unit: str, references: Sequence[float], beside: str,
             goal: Goal | None = None, note: str = "") -> Row:
    """A row whose ratio is taken round by round, so that a slow minute of the machine is in both."""
    ratios = [value / reference for value, reference in zip(values, references, strict=True)]
    return Row(name, middle(values), unit, spread(ratios), middle(references), beside, middle(ratios), goal, note)


def missing(name: str, why: str, goal: Goal | None = None, *, failed: bool = False) -> Row:
    """A row that says why there is no figure."""
    return Row(name, None, "", goal=goal, note=f"{'failed' if failed else 'not measured'}: {why}")


def plain(value: float) -> str:
    """A number with three figures that say something."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 0.1 or value == 0 else f"{value:.3f}"
