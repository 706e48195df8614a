"""Disks that fail, fill up or lose their power under the real server: nobody sees green for what is not on the disk,
and what was answered is there afterwards."""
from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from models.database import database_path
from models.runtime import Runtime
from tests.conftest import scan
from tests.fault_site import (
    Ledger,
    Load,
    Outbox,
    Server,
    agrees,
    everything_is_recorded,
    outboxes,
    people,
    serving,
)

SHIM = Path(__file__).with_name("fault_disk.c")
MEGABYTES = 48
POWER_CUTS = 5
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process, LD_PRELOAD and loop files are Linux's")
compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc, for a disk that fails on request")
root = pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0,
                          reason="needs root, to mount an ext4 file: `.ci/run` runs as root and has it")


class Site:
    """An event in a folder that this process holds open no more, with tablets and badges."""

    def __init__(self, data: Path, runtime: Runtime, folder: Path, tablets: int = 1):
        self.badges = people(runtime, 60)
        self.tablets = outboxes(runtime, tablets)
        runtime.engine.dispose()
        self.data = shutil.copytree(data, folder)

    @contextmanager
    def serving(self, **more: Any) -> Iterator[Server]:
        with serving(self.data, **more) as server:
            for tablet in self.tablets:
                tablet.url = server.url
            try:
                yield server
            finally:
                for tablet in self.tablets:
                    tablet.hang_up()


@pytest.fixture
def site(data: Path, runtime: Runtime, tmp_path: Path) -> Site:
    return Site(data, runtime, tmp_path / "site" / "event")


def is_refused_and_then_recorded_once(site: Site, server: Server, fails: Callable[[bool], None]) -> None:
    """A scan before, one while the disk fails (503, Retry-After, nothing recorded), and the same one after it: once."""
    (tablet,), badges = site.tablets, site.badges
    tablet.put(scan(badges[0], "signin"))
    tablet.drain()
    fails(True)
    tablet.put(scan(badges[1], "signin"), scan(badges[2], "signin"))
    for _ in range(3):
        status, said, headers = tablet.ask("POST", "/api/v1/scans", tablet.waiting)
        assert (status, said["error"]) == (503, "not_recorded")
        assert int(headers["Retry-After"]) > 0
    while tablet.ask("GET", "/healthz")[0] == 200:      # for a quarter of a second it says what it saw last
        pass
    assert len(Ledger(site.data).rows) == 1
    fails(False)
    tablet.drain()
    server.kill()
    everything_is_recorded(site.data, site.tablets)


# --- errors of the disk ---

@linux
@compiler
@pytest.mark.parametrize("order", ["sync", "write", "full"])
def test_a_disk_that_does_not_take_a_scan_is_a_503_and_the_scan_is_recorded_once_when_it_does(
        site: Site, tmp_path: Path, order: str) -> None:
    shim, orders = tmp_path / "fault_disk.so", tmp_path / "orders"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(shim), str(SHIM)], check=True)

    def fails(now: bool) -> None:
        orders.write_text(order if now else "")
    with site.serving(LD_PRELOAD=str(shim), FAULT_ORDERS=str(orders)) as server:
        is_refused_and_then_recorded_once(site, server, fails)


@linux
def test_a_file_that_may_not_grow_is_a_503_and_the_scan_is_recorded_once_when_it_may(site: Site) -> None:
    import resource

    with site.serving() as server:
        def fails(now: bool) -> None:
            for process in server.workers():
                hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
                resource.prlimit(process, resource.RLIMIT_FSIZE, (0 if now else hard, hard))
        is_refused_and_then_recorded_once(site, server, fails)


# --- a disk of its own: an ext4 file ---

@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """An ext4 file as a disk. A disk that lost its power replays its journal here."""
    at.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk; its image lies beside it as `disk.img`."""
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(MEGABYTES * 2 ** 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    with mounted(image, tmp_path / "disk") as folder:
        yield folder


@linux
@root
def test_a_full_disk_is_a_503_and_the_scans_are_recorded_once_when_there_is_room_again(
        data: Path, runtime: Runtime, disk: Path) -> None:
    site, filler = Site(data, runtime, disk / "event"), disk / "filler"

    def fails(now: bool) -> None:
        if not now:
            filler.unlink()
            return
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 4096):
                pass
    with site.serving() as server:
        is_refused_and_then_recorded_once(site, server, fails)


@linux
@root
def test_a_power_cut_under_load_loses_no_acknowledged_scan(data: Path, runtime: Runtime, disk: Path, tmp_path: Path) -> None:
    site = Site(data, runtime, disk / "event", tablets=4)
    with site.serving() as server:
        load = Load(site.tablets, site.badges, seed=1)
        for cut in range(POWER_CUTS):
            load.wait(25 + cut)
            server.signal(signal.SIGSTOP)
            acknowledged = [Outbox("", answers=dict(tablet.answers)) for tablet in site.tablets]
            image = as_the_power_left_it(tmp_path / "disk.img", tmp_path / "cut.img")
            server.signal(signal.SIGCONT)
            with mounted(image, tmp_path / "after") as after:
                found = shutil.copytree(after / "event", tmp_path / f"found-{cut}" / "event")
            assert sum(len(tablet.answers) for tablet in acknowledged) > cut
            agrees(found, acknowledged)
        load.end()


def as_the_power_left_it(disk: Path, copy: Path) -> Path:
    """What the disk holds at one moment: two copies in a row that are the same, so that nothing was written between."""
    before = None
    while (content := disk.read_bytes()) != before:
        before = content
    copy.write_bytes(content)
    return copy


# --- the file locked, by somebody else ---

def test_a_database_locked_for_ten_seconds_is_a_503_and_the_scan_is_recorded_once(site: Site) -> None:
    with site.serving() as server, closing(sqlite3.connect(database_path(site.data), isolation_level=None)) as blocker:
        (tablet,), badges = site.tablets, site.badges
        blocker.execute("BEGIN IMMEDIATE")
        tablet.put(scan(badges[0], "signin"))
        status, said, headers = tablet.ask("POST", "/api/v1/scans", tablet.waiting)
        assert (status, said["error"], int(headers["Retry-After"]) > 0) == (503, "not_recorded", True)
        blocker.close()
        tablet.drain()
        server.kill()
    everything_is_recorded(site.data, site.tablets)
