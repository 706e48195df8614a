"""Which backup of a folder is restored: the newest good one, whatever the files are called and whatever the clock said."""
from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from models import backups
from models.care import CareRefused, has_code, look_into
from models.chain_end import hangs_together


@dataclass(frozen=True, slots=True)
class Choice:
    """The file to restore, and the newer ones that are damaged."""

    file: Path
    skipped: list[Path]


@dataclass(frozen=True, slots=True)
class _Glance:
    file: Path
    event: str                      # backups.event_of its secret
    name: str
    order: tuple[int, int, int, float]


def newest(folder: Path) -> Choice:
    """The newest backup that opens, of the only event in the folder. CareRefused: no_backup, several_events, damaged."""
    glances, skipped = [], []
    for file in sorted(folder.glob("*.db")):
        if file.name.startswith(".") or not file.is_file():
            continue
        seen = _glance(file)
        if seen is None:
            skipped.append(file)
        else:
            glances.append(seen)
    if not glances and not skipped:
        raise CareRefused("no_backup", f"{folder} 里没有备份。 There is no backup in that folder.")
    _one_event(folder, glances)
    for strictly in (True, False):      # a ledger that was damaged before it was copied is better than none
        damaged: list[Path] = []
        for one in sorted(glances, key=lambda glance: glance.order, reverse=True):
            if _is_good(one.file, strictly):
                return Choice(one.file, [*damaged, *skipped])
            damaged.append(one.file)
    names = "、".join(file.name for file in (*damaged, *skipped))
    raise CareRefused("damaged", f"{folder} 里的备份都已损坏：{names}。 Every backup in that folder is damaged.")


def _one_event(folder: Path, glances: list[_Glance]) -> None:
    by_event = {one.event: one for one in sorted(glances, key=lambda glance: glance.order)}
    if len(by_event) > 1:
        said = "；".join(f"{one.name}（{one.file.name}）" for one in by_event.values())
        raise CareRefused("several_events", f"{folder} 里有几场会议的备份：{said}。请写出要恢复的那个文件。"
                                            " Backups of several events are in that folder: name the file to restore.")


def _glance(file: Path) -> _Glance | None:
    """What a file says of itself without being checked; None if it does not open."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as there:
            if has_code(there):
                return None
            secret, name, run, head = there.execute(
                "SELECT secret, name, ledger_revision, max(head_floor, coalesce((SELECT max(seq) FROM scan), 0))"
                " FROM event").fetchone()
        ours = backups.parsed(file)
        return _Glance(file, backups.event_of(secret), name, (run, head, ours.number if ours else 0, file.stat().st_mtime))
    except (sqlite3.Error, TypeError, OSError):
        return None


def _is_good(file: Path, strictly: bool) -> bool:
    try:
        look_into(file)
    except CareRefused:
        return False
    return hangs_together(file) or not strictly
