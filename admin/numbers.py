"""What the dashboard and the board derive from the counts: totals, the pace, who is due. Pure; static/js/numbers.js
does the same for the numbers that arrive later, and tests hold the two against each other."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

PACE = timedelta(minutes=5)      # the time over which arrivals are counted for the pace
ENOUGH = 3                       # arrivals in that time below which a forecast would be a guess
FARTHEST = timedelta(hours=12)   # a forecast beyond this says nothing
AROUND = timedelta(minutes=30)   # a public screen shows a service this long before and after its time


def values(counts: Mapping[str, Any]) -> dict[str, int]:
    """The numbers of the counts under flat names, as the pages' data-n say them: `service.lunch.people`."""
    flat: dict[str, int] = {}
    for what, group in (("service", "services"), ("category", "categories"), ("delegation", "delegations")):
        for key, numbers in counts[group].items():
            flat |= {f"{what}.{key}.{name}": n for name, n in numbers.items() if isinstance(n, int)}
    for name in ("expected", "people", "inside"):
        flat[name] = sum(group[name] for group in counts["categories"].values())
    return flat


def forecast(recent: int, people: int, expected: int, at: datetime) -> tuple[str, datetime | None]:
    """When everybody will have signed in at the pace of the last five minutes: (`done`, `quiet`, `late` or `eta`, when)."""
    due = expected - people
    if due <= 0:
        return ("done" if expected else "nobody"), None
    if recent < ENOUGH:
        return "quiet", None
    wait = PACE * due / recent
    return ("late", None) if wait > FARTHEST else ("eta", at + wait)


def peak(arrivals: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """The busiest five minutes: (start in epoch seconds, people)."""
    return max(arrivals, key=lambda one: one[1], default=None)


def around(service: Any) -> list[tuple[datetime, datetime]]:
    """When a public screen shows a service: its windows or its session's time, and half an hour around."""
    times = [(w.opens, w.closes) for w in service.windows]
    if service.kind == "session" and service.starts and service.ends:
        times = [(service.starts, service.ends)]
    return [(opens - AROUND, closes + AROUND) for opens, closes in times]
