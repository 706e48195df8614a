"""Automatic backups: their names, which of them are kept by age, and how room is made on a full stick.

A name says the event, a running number, and the laptop's own time: huiwu-3fa2c1d0-000123-20261205-120000.db. The number
orders them, so that a clock set back neither hides the newest nor throws it away; the time thins them. The event's part
keeps two events in one folder apart. Only files of such a name are ever removed, and only those of the same event.
"""
from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

NAME = re.compile(r"huiwu-([0-9a-f]{8})-([0-9]{6,12})-([0-9]{8}-[0-9]{6})\.db")
STAMP = "%Y%m%d-%H%M%S"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTES, TENS, HOURS = timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1)
# How close together backups stay: in the last hour, in the last day, before it. A level below each is for a full disk.
SCHEDULES = ((MINUTES, TENS, HOURS), (TENS, HOURS, 6 * HOURS), (6 * HOURS, DAY, DAY))
SPARED = 3          # the newest, whatever the clock says and however full it is
START = datetime(2000, 1, 1)    # noqa: DTZ001  slots are counted from it, in the laptop's own time as the names are


@dataclass(frozen=True, slots=True)
class Backup:
    """One file; `at` is the laptop's own time when it was made, without zone, as its name says it."""

    path: Path
    event: str
    number: int
    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """How the automatic backups stand, for pages and alerts. `trouble` is in both languages, "…… · ……".

    `head` and `at` are of the newest good one (None: none since the start, and none was there); `done` is the
    monotonic clock at its end, `patience` how many seconds may pass while scans go on.
    """

    folder: Path
    is_chosen: bool
    same_disk: bool
    is_live: bool
    at: datetime | None
    head: int
    done: float
    patience: float
    count: int
    size: int
    trouble: str = ""

    def overdue(self, head: int, clock: float) -> int:
        """Minutes since the last good one, where scans are not in it for longer than we have patience; else 0."""
        late = clock - self.done
        return int(late // 60) if head > self.head and late > self.patience else 0


def event_of(secret: str) -> str:
    """The event's part of a name: the same after a restore, another one for another event."""
    return hashlib.sha256(f"backups {secret}".encode()).hexdigest()[:8]


def name(event: str, number: int, at: datetime) -> str:
    """A backup's name."""
    return f"huiwu-{event}-{number:06}-{at:{STAMP}}.db"


def parsed(path: Path, size: int = 0) -> Backup | None:
    """What a name says; None if it is none of ours."""
    match = NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        at = datetime.strptime(match[3], STAMP)     # noqa: DTZ007  the laptop's own time
    except ValueError:
        return None
    return Backup(path, match[1], int(match[2]), at, size)


def listed(folder: Path, event: str) -> list[Backup]:
    """The event's backups in a folder, the oldest first. OSError: it cannot be read."""
    files = ((path, parsed(path)) for path in folder.iterdir())
    found = [Backup(path, one.event, one.number, one.at, path.stat().st_size) for path, one in files
             if one is not None and one.event == event]
    return sorted(found, key=lambda one: (one.number, one.at))


def kept(backups: Iterable[Backup], now: datetime, level: int = 0) -> set[Path]:
    """Which of one event's backups stay: the first of each slot of a minute, ten minutes or an hour, by their age.

    The first, so that it is still the first when the slots grow. Where the clock was set back new slots begin, else what
    was made before would stand for what was made after; the newest SPARED stay in any case.
    """
    ordered = sorted(backups, key=lambda one: (one.number, one.at))
    stay = {one.path for one in ordered[-SPARED:]}
    taken: set[tuple[timedelta, int]] = set()
    before = datetime.min  # noqa: DTZ901  as the names: without zone
    for one in ordered:
        if one.at < before:
            taken.clear()
        before = one.at
        slot = _slot(one.at, now, SCHEDULES[level])
        if slot not in taken:
            taken.add(slot)
            stay.add(one.path)
    return stay


def _slot(at: datetime, now: datetime, schedule: Sequence[timedelta]) -> tuple[timedelta, int]:
    age = now - at
    step = schedule[0 if age <= HOUR else 1 if age <= DAY else 2]
    return step, (at - START) // step


def thin(folder: Path, event: str, now: datetime) -> None:
    """Removes what its age does not keep. OSError."""
    backups = listed(folder, event)
    stay = kept(backups, now)
    for one in backups:
        if one.path not in stay:
            one.path.unlink(missing_ok=True)


def make_room(folder: Path, event: str, needed: int, now: datetime) -> bool:
    """Removes the event's own older backups, thinning harder step by step, until so many bytes are free. False if there
    is not enough all the same; the newest SPARED stay. OSError."""
    for level in range(len(SCHEDULES) + 1):
        backups = listed(folder, event)
        stay = ({one.path for one in backups[-SPARED:]} if level == len(SCHEDULES) else kept(backups, now, level))
        for one in backups:
            if shutil.disk_usage(folder).free >= needed:
                return True
            if one.path not in stay:
                one.path.unlink(missing_ok=True)
    return shutil.disk_usage(folder).free >= needed
