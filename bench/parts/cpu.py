"""Processor time of the server for a scan beside that for a hello: neighbours on the machine hardly move it."""
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from bench import meeting, venue
from bench.figures import Options, Row, compared, measured, missing
from bench.load import Run, run
from bench.processes import IS_LINUX, processor_seconds
from bench.venue import Server

CLIENTS = (1, 16)


class Cost(NamedTuple):
    """A run, and the processor microseconds of each of its answers: the server's and the load's own."""

    server: float
    load: float
    run: Run

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.run.rate


def rows(options: Options) -> list[Row]:
    """Microseconds of processor for each answer, hello and scan in turn; and what the load itself takes."""
    if not IS_LINUX:
        return [missing("服务器 CPU a scan", "needs Linux")]
    with meeting.event(options.people, cache=options.cache) as place, \
            venue.huiwu(place.folder) as ours, venue.hello() as plain:
        scans = venue.scans(place.badges)
        cost(ours, 4, scans, 0.5)
        cost(plain, 4, venue.hellos(), 0.5)
        made: list[Row] = []
        for clients in CLIENTS:
            pairs = [(cost(plain, clients, venue.hellos(), options.seconds), cost(ours, clients, scans, options.seconds))
                     for _ in range(options.rounds)]
            made += _rows(f"{clients} clients", [pair[0] for pair in pairs], [pair[1] for pair in pairs])
    return made


def _rows(whose: str, hello: list[Cost], scan: list[Cost]) -> list[Row]:
    return [
        compared(f"服务器 CPU a scan, {whose}", [one.server for one in scan], "us",
                 [one.server for one in hello], "hello"),
        compared(f"扫码 scans, {whose}", [one.rate for one in scan], "/s", [one.rate for one in hello], "hello"),
        measured(f"压测 CPU of the load a scan, {whose}", [one.load for one in scan], "us")]


def cost(server: Server, clients: int, requests: Iterator[bytes], seconds: float) -> Cost:
    """Puts the requests to a server for so long. Not on Linux, the server's share is 0: nothing says it."""
    before, own = processor_seconds(server.group), time.process_time()
    done = venue.checked(run(server.port, clients, requests, seconds))
    used, own = processor_seconds(server.group) - before, time.process_time() - own
    return Cost(used / len(done.times) * 1e6, own / len(done.times) * 1e6, done)
