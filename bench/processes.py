"""What a server's whole process group has used: processor time and memory, as Linux counts them in /proc."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

IS_LINUX = sys.platform == "linux"
_PROC = Path("/proc")


def members(group: int) -> Iterator[Path]:
    """The /proc folders of a process group's processes."""
    for folder in _PROC.iterdir():
        if folder.name.isdecimal():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):     # it ended while we looked
                continue
            if int(fields[2]) == group:
                yield folder


def processor_seconds(group: int) -> float:
    """utime + stime of the group so far, in seconds; the kernel counts in ticks of 10 ms. 0 where there is no /proc."""
    if not IS_LINUX:
        return 0.0
    ticks = 0
    for folder in members(group):
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(group: int) -> tuple[float, float]:
    """(RSS, PSS) of the group in MB of 10^6 bytes. PSS counts a page that processes share once."""
    found = {"Rss:": 0, "Pss:": 0}
    for folder in members(group):
        for line in (folder / "smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(" ")
            if name in found:
                found[name] += int(rest.split()[0])
    return found["Rss:"] * 1024 / 1e6, found["Pss:"] * 1024 / 1e6
