"""What 200 open dashboards cost: to the scans beside them, and as a share of a core while scans trickle in."""
from __future__ import annotations

import time
from collections.abc import Iterator

from bench import meeting, venue
from bench.figures import Goal, Options, Row, compared, measured, missing
from bench.listen import streams
from bench.load import run
from bench.processes import IS_LINUX, processor_seconds
from bench.venue import Server

CLIENTS = 16
APART = 0.1             # seconds between scans of the trickle: each of the four updates a second has something to say
TRICKLE = 2             # times `seconds`: the processor's clock ticks coarsely


def rows(options: Options) -> list[Row]:
    """With the streams and without, in turn."""
    if not IS_LINUX:
        return [missing("实时画面 live streams", "needs Linux")]
    with meeting.event(options.people, cache=options.cache) as place, venue.huiwu(place.folder) as ours:
        requests = venue.scans(place.badges)
        run(ours.port, 4, requests, min(0.5, options.seconds))
        rates: dict[bool, list[float]] = {False: [], True: []}
        used: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(options.rounds):
            _measure(ours, requests, options, rates[False], used[False])
            with streams(ours.port, options.streams):
                _measure(ours, requests, options, rates[True], used[True])
    name = f"实时画面 {options.streams} streams"
    return [compared(f"{name}: scans, {CLIENTS} clients", rates[True], "/s", rates[False], "no streams",
                     Goal(0.95, at_least=True, of_ratio=True)),
            measured(f"{name}, 4 updates/s", [(busy - idle) * 100 for busy, idle in zip(used[True], used[False], strict=True)],
                     "% of a core", Goal(5), "the server's processor with the streams less that without them, under "
                     f"{1 / APART:.0f} scans/s")]


def _measure(ours: Server, requests: Iterator[bytes], options: Options, rates: list[float], used: list[float]) -> None:
    rates.append(venue.checked(run(ours.port, CLIENTS, requests, options.seconds)).rate)
    used.append(trickle(ours, requests, options.seconds * TRICKLE))


def trickle(ours: Server, requests: Iterator[bytes], seconds: float) -> float:
    """Sends a scan now and then for so long; the share of a core that the server used."""
    started, before = time.perf_counter(), processor_seconds(ours.group)
    while (past := time.perf_counter() - started) < seconds:
        run(ours.port, 1, requests, 0)
        time.sleep(max(0.0, APART - (time.perf_counter() - started - past)))
    return (processor_seconds(ours.group) - before) / (time.perf_counter() - started)
