"""What more people and a longer ledger cost: the same scans on events of three sizes, in turn."""
from __future__ import annotations

from contextlib import ExitStack

from bench import meeting, venue
from bench.figures import Goal, Options, Row, compared, missing
from bench.load import run
from bench.parts.cpu import Cost, cost
from bench.processes import IS_LINUX

CLIENTS = 16
WITHIN = Goal(0.95, at_least=True, of_ratio=True)      # 5 % slower at most


def rows(options: Options) -> list[Row]:
    """Scans a second, and processor a scan, with many people, and with many people and many scans."""
    if not IS_LINUX:
        return [missing("规模 growth", "needs Linux", WITHIN)]
    sizes = {"few": (options.people, 0), "many": (options.many, 0), "long": (options.many, options.scans)}
    found: dict[str, list[Cost]] = {name: [] for name in sizes}
    with ExitStack() as stack:
        served = {}
        for name, (people, scans) in sizes.items():
            place = stack.enter_context(meeting.event(people, scans, cache=options.cache))
            served[name] = stack.enter_context(venue.huiwu(place.folder)), venue.scans(place.badges)
        for server, requests in served.values():
            run(server.port, 4, requests, min(1.0, options.seconds))
        for _ in range(options.rounds):
            for name, (server, requests) in served.items():
                found[name].append(cost(server, CLIENTS, requests, options.seconds))
    return [*_rows(f"{options.many:,} people", found["many"], found["few"], f"{options.people:,} people"),
            *_rows(f"{options.many:,} people, {options.scans:,} scans", found["long"], found["few"],
                   f"{options.people:,} people, 0")]


def _rows(name: str, large: list[Cost], small: list[Cost], beside: str) -> list[Row]:
    return [compared(f"扫码 scans, {name}", [one.rate for one in large], "/s", [one.rate for one in small], beside, WITHIN),
            compared(f"CPU a scan, {name}", [one.server for one in large], "us", [one.server for one in small], beside)]
