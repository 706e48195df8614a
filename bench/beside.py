"""Scans that go on beside what is measured, in a process of their own."""
from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench import venue
from bench.load import run

FOREVER = 3600.0


@contextmanager
def scanning(port: int, clients: int, badges: Sequence[str], services: Sequence[str]) -> Iterator[None]:
    """So many clients scan these badges until the block ends."""
    beside = multiprocessing.get_context("spawn").Process(target=_scan, args=(port, clients, list(badges), list(services)),
                                                          daemon=True)
    beside.start()
    try:
        yield
    finally:
        beside.kill()
        beside.join()


def _scan(port: int, clients: int, badges: list[str], services: list[str]) -> None:
    run(port, clients, venue.scans(badges, services), FOREVER)
