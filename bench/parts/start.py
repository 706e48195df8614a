"""From nothing to ready: the server's start after it was killed, with a small event and a large one."""
from __future__ import annotations

import time
from contextlib import ExitStack

from bench import meeting, venue
from bench.figures import Goal, Options, Row, compared


def rows(options: Options) -> list[Row]:
    """Seconds until /healthz answers, of both in turn; each start follows a kill."""
    found: dict[str, list[float]] = {"small": [], "large": []}
    with ExitStack() as stack:
        places = {"small": stack.enter_context(meeting.event(options.people, cache=options.cache)),
                  "large": stack.enter_context(meeting.event(options.many, options.scans, cache=options.cache))}
        for place in places.values():
            seconds(place)
        for _ in range(options.rounds):
            for name, place in places.items():
                found[name].append(seconds(place))
    return [compared(f"启动 start, {options.many:,} people, {options.scans:,} scans", found["large"], "s",
                     found["small"], f"{options.people:,} people, 0", Goal(3))]


def seconds(place: meeting.Place) -> float:
    """How long one start takes; the server is killed as soon as it is ready."""
    started = time.perf_counter()
    with venue.huiwu(place.folder):
        return time.perf_counter() - started
