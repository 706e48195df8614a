"""A disk whose fsync takes 5 ms: many scans must share one, by themselves and not by a timer."""
from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bench import meeting, venue
from bench.figures import Options, Row, compared, missing, worst
from bench.load import run
from bench.meeting import ROOT
from bench.parts.scans import Contest, rounds
from bench.processes import IS_LINUX

CLIENTS = 16
NAME = "fsync 5 ms"


def rows(options: Options) -> list[Row]:
    """Ours and the textbook's road, both on the slow disk, in turn; ours on this disk beside them."""
    compiler = shutil.which("cc")
    if compiler is None or not IS_LINUX:
        return [missing(f"扫码 scans, {NAME}", "no C compiler" if IS_LINUX else "needs Linux")]
    with tempfile.TemporaryDirectory() as scratch, meeting.event(options.people, cache=options.cache) as place, \
            meeting.event(options.people, cache=options.cache) as other:
        slow = {"LD_PRELOAD": str(shim(compiler, Path(scratch)))}
        with venue.huiwu(place.folder, slow) as ours, venue.textbook(place.folder, place.badges, slow) as book, \
                venue.huiwu(other.folder) as quick:
            contest: Contest = {name: (server, venue.scans(place.badges if server is not quick else other.badges))
                                for name, server in (("ours", ours), ("textbook", book), ("quick", quick))}
            for server, requests in contest.values():
                run(server.port, 4, requests, min(0.5, options.seconds))
            return _rows(contest, options)


def shim(compiler: str, folder: Path) -> Path:
    """The library that makes the disk slow, compiled into a folder."""
    made = folder / "slow_fsync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", made, ROOT / "bench" / "slow_fsync.c"], check=True)
    return made


def _rows(contest: Contest, options: Options) -> list[Row]:
    found = rounds(contest, CLIENTS, options)
    rates = {name: [one.rate for one in costs] for name, costs in found.items()}
    name = f"{NAME}, {CLIENTS} clients"
    return [compared(f"扫码 scans, {name}", rates["ours"], "/s", rates["quick"], "this disk"),
            compared(f"教科书 textbook ORM, {name}", rates["textbook"], "/s", rates["ours"], "ours"),
            worst(f"等待 wait p99, {name}", [one.run.at(0.99) for one in found["ours"]], "ms")]
