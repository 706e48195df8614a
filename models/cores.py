"""On which of the machine's cores our threads run.

Of all threads that run Python one runs at a time; the others wait for the interpreter. Handing it over costs 24 us where
the next thread is on another core, which sleeps and has to be woken, and 6 us on the same core (the machine of
docs/speed.md); a scan's road hands it over about ten times. So the threads of that road share one core: a quarter more
scans, for a fifth less processor time. What runs long without the interpreter goes `everywhere`: a secret's hash, and
whatever is begun in the meantime, for threads and processes start on the cores of the thread that starts them.

Only a server does it that is alone with its event (`choose`): two nodes would take the same core. And only on Linux:
elsewhere, and where there is but one core, threads stay where the system puts them.
"""
from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_SPEED = "/sys/devices/system/cpu/cpu{}/cpufreq/cpuinfo_max_freq"

if sys.platform == "linux":
    ALL = frozenset(os.sched_getaffinity(0))        # as the process was started, before any thread settles
    _move: Callable[[int, frozenset[int]], None] = os.sched_setaffinity
    _cores: Callable[[int], set[int]] = os.sched_getaffinity
else:
    ALL = frozenset()


_chosen: set[int] = set()       # one core, or none: then threads run where the system puts them


def choose() -> None:
    """Chooses the core for a scan's road: the last of the fastest, for the first one answers the devices."""
    _chosen.clear()
    if len(ALL) > 1:
        _chosen.add(max(ALL, key=lambda core: (_speed(core), core)))


def _speed(core: int) -> int:
    try:
        return int(Path(_SPEED.format(core)).read_text())
    except (OSError, ValueError):       # a virtual machine does not say
        return 0


def settle() -> None:
    """Keeps the calling thread on the shared core from now on, where there is one."""
    if _chosen:
        with suppress(OSError):         # taken from this process meanwhile: then it runs where it may
            _move(0, frozenset(_chosen))


def road(app: Any) -> Any:
    """A Flask application whose threads settle at their first request: this one."""
    mine, inside = threading.local(), app.wsgi_app

    def settled(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        if not hasattr(mine, "settled"):
            mine.settled = True
            settle()
        return inside(environ, start)
    app.wsgi_app = settled
    return app


@contextmanager
def everywhere() -> Iterator[None]:
    """Work that does not hold the interpreter: it, and threads and processes begun in it, may run on any core."""
    if not _chosen:
        yield
        return
    before = frozenset(_cores(0))
    with suppress(OSError):
        _move(0, ALL)
    try:
        yield
    finally:
        with suppress(OSError):
            _move(0, before)
