"""Processor time of the server for a scan beside that for a hello: neighbours on the machine hardly move it."""
from __future__ import annotations

import time
from collections.abc import Iterator

from bench import venue
from bench.figures import Options, Row, compared, measured
from bench.load import run
from bench.processes import IS_LINUX, processor_seconds
from bench.venue import Server

CLIENTS = (1, 16)


def rows(options: Options) -> list[Row]:
    """Microseconds of processor for each answer, hello and scan in turn; and what the load itself takes."""
    if not IS_LINUX:
        return [Row("服务器处理器时间 server CPU", None, "us", note="not measured: needs /proc of Linux")]
    with venue.event(options.people, options.cache) as place, venue.huiwu(place.folder) as ours, venue.hello() as plain:
        scans = venue.scans(place.badges)
        cost(ours, 4, scans, 0.5)
        cost(plain, 4, venue.hellos(), 0.5)
        made: list[Row] = []
        for clients in CLIENTS:
            pairs = [(cost(plain, clients, venue.hellos(), options.seconds), cost(ours, clients, scans, options.seconds))
                     for _ in range(options.rounds)]
            made += _rows(clients, pairs)
    return made


def _rows(clients: int, pairs: list[tuple[tuple[float, ...], tuple[float, ...]]]) -> list[Row]:
    hello, scan = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return [
        compared(f"服务器 CPU server CPU a scan, {clients} 客户端 clients", [one[0] for one in scan], "us",
                 [one[0] for one in hello], "hello"),
        compared(f"扫码 scans, {clients} 客户端 clients", [one[1] for one in scan], "/s", [one[1] for one in hello], "hello"),
        measured(f"压测程序 CPU of the load a scan, {clients} 客户端 clients", [one[2] for one in scan], "us")]


def cost(server: Server, clients: int, requests: Iterator[bytes], seconds: float) -> tuple[float, float, float]:
    """(server's processor microseconds an answer, answers a second, the load's own microseconds an answer)."""
    before, own = processor_seconds(server.group), time.process_time()
    done = venue.checked(run(server.port, clients, requests, seconds))
    used, own = processor_seconds(server.group) - before, time.process_time() - own
    return used / len(done.times) * 1e6, done.rate, own / len(done.times) * 1e6
