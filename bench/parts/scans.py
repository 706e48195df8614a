"""Durable scans a second and how long each waits, beside a bare Flask and the textbook's road."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bench import meeting, venue
from bench.figures import Goal, Options, Row, compared, worst
from bench.load import run
from bench.parts.cpu import Cost, cost
from bench.processes import IS_LINUX
from bench.venue import Server

CLIENTS = (1, 16, 64)
_RATE = {16: Goal(0.34, at_least=True, of_ratio=True), 64: Goal(0.32, at_least=True, of_ratio=True)}
_P99, _WORST = {16: Goal(12)}, {16: Goal(60)}
Contest = dict[str, tuple[Server, Iterator[bytes]]]
CPU_AT = 16                 # clients at which the processor is looked at


def rows(options: Options) -> list[Row]:
    """At each number of clients: hello, the textbook and ours in turn, round by round."""
    with meeting.event(options.people, cache=options.cache) as place, venue.huiwu(place.folder) as ours, \
            venue.hello() as plain, venue.hello("on_one_core") as settled, venue.textbook(place.folder, place.badges) as book:
        contest: Contest = {"hello": (plain, venue.hellos()), "settled": (settled, venue.hellos()),
                            "textbook": (book, venue.scans(place.badges)), "ours": (ours, venue.scans(place.badges))}
        for server, requests in contest.values():
            run(server.port, 4, requests, min(0.5, options.seconds))
        return [row for clients in CLIENTS for row in _rows(clients, rounds(contest, clients, options))]


def rounds(contest: Contest, clients: int, options: Options) -> dict[str, list[Cost]]:
    """Interleaved: a slow minute of the machine hits all of them."""
    found: dict[str, list[Cost]] = {name: [] for name in contest}
    for _ in range(options.rounds):
        for name, (server, requests) in contest.items():
            found[name].append(cost(server, clients, requests, options.seconds))
    return found


def _rows(clients: int, found: dict[str, list[Cost]]) -> list[Row]:
    whose = f"{clients} client{'s' * (clients > 1)}"
    rates: dict[str, Any] = {name: [one.rate for one in costs] for name, costs in found.items()}
    waits = {name: {part: [one.run.at(part) for one in costs] for part in (0.5, 0.99, 1.0)} for name, costs in found.items()}
    ours, book = waits["ours"], waits["textbook"]
    made = [
        compared(f"扫码 scans, {whose}", rates["ours"], "/s", rates["hello"], "hello", _RATE.get(clients)),
        compared(f"教科书 textbook ORM, {whose}", rates["textbook"], "/s", rates["hello"], "hello"),
        compared(f"hello, threads on one core, {whose}", rates["settled"], "/s", rates["hello"], "hello"),
        compared(f"等待 wait p50, {whose}", ours[0.5], "ms", book[0.5], "textbook"),
        compared(f"等待 wait p99, {whose}", ours[0.99], "ms", book[0.99], "textbook", _P99.get(clients)),
        worst(f"等待 wait max, {whose}", ours[1.0], "ms", _WORST.get(clients), max(book[1.0]), "textbook")]
    if clients == CPU_AT and IS_LINUX:
        made.append(compared(f"服务器 CPU a scan, {whose}", [one.server for one in found["ours"]], "us",
                             [one.server for one in found["hello"]], "hello"))
    return made
