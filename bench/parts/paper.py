"""From a scan to the first byte of its slip at a network printer, idle and beside other scans."""
from __future__ import annotations

import json
import time
from typing import IO

from bench import meeting, venue
from bench.beside import scanning
from bench.figures import Goal, Options, Row, middle, share, spread
from bench.load import request, run
from bench.paper import printer
from bench.tablets import SERVICES, token
from bench.venue import Server

SAMPLES = 20                # slips a round
CLIENTS = 4
GOAL = Goal(50)


def rows(options: Options) -> list[Row]:
    """Idle and beside others in turn. The clock runs from sending the scan, so the commit is in it."""
    port = venue.free_port()
    found: dict[str, list[list[float]]] = {"idle": [], "busy": []}
    with meeting.event(options.people, cache=options.cache, printer=f"tcp://127.0.0.1:{port}") as place, \
            printer(port) as slips, venue.huiwu(place.folder) as ours:
        people = iter(place.badges)
        others = [service for service in SERVICES if service != "signin"]
        _slip(ours, next(people), slips)
        for _ in range(options.rounds):
            found["idle"].append(sorted(_slip(ours, next(people), slips) for _ in range(SAMPLES)))
            with scanning(ours.port, CLIENTS, place.badges, others):
                _slip(ours, next(people), slips)
                found["busy"].append(sorted(_slip(ours, next(people), slips) for _ in range(SAMPLES)))
    beside = f"{CLIENTS} clients"
    return [_row("p50", 0.5, "idle", found["idle"]), _row("p95", 0.95, "idle", found["idle"], GOAL),
            _row("p50", 0.5, beside, found["busy"]), _row("p95", 0.95, beside, found["busy"], GOAL)]


def _row(name: str, part: float, when: str, found: list[list[float]], goal: Goal | None = None) -> Row:
    values = [share(one, part) for one in found]
    return Row(f"小票首字节 scan to printer, {when}, {name}", middle(values), "ms", spread(values), goal=goal,
               note=f"from sending the scan, the commit included; {SAMPLES} slips a round")


def _slip(ours: Server, badge: str, slips: IO[str]) -> float:
    """Signs somebody in; milliseconds until the first byte of the slip."""
    body = json.dumps(venue.one_scan(badge, "signin")).encode()
    sent = time.monotonic()
    venue.checked(run(ours.port, 1, iter([request("POST", "/api/v1/scans", body, token(0))]), 1.0))
    return (float(slips.readline()) - sent) * 1000
