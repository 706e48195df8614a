"""Files that are there whole or not at all: written beside, flushed to disk, then renamed into place."""
from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

DATABASE = "huiwu.db"
AUTHORITY_FOLDER, AUTHORITY, AUTHORITY_KEY = "https", "authority.pem", "authority.key"    # what tablets trust
FOLDER_MODE, FILE_MODE = 0o700, 0o600      # of what holds personal data: its owner's alone, where a system knows owners


def database_path(data: Path) -> Path:
    """The event's database in a data folder."""
    return data / DATABASE


@contextmanager
def replacing(target: Path, private: bool = False) -> Iterator[Path]:
    """A temporary path in the target's folder; it becomes the target at the end, or goes away with an error. `private`:
    nobody else may read it from its first byte on."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        if private:
            with suppress(OSError):         # a folder that takes no file refuses the writer next, who has the words
                beside.touch(FILE_MODE)
        yield beside
        sync(beside)
        beside.replace(target)
        sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Makes a file, or the names in a folder, durable."""
    if path.is_dir() and os.name == "nt":
        return                      # Windows opens no folders; its rename is written through by the file system
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_folder(folder: Path) -> None:
    """Makes a folder that nobody else may look into. One that was there is closed to others while it is empty, and else
    stays as its owner has it: it may hold more than ours."""
    if not folder.exists():
        folder.mkdir(FOLDER_MODE, parents=True)
    elif os.name != "nt" and not any(folder.iterdir()):
        folder.chmod(FOLDER_MODE)


def stamped(folder: Path, word: str, at: datetime, ending: str = ".db") -> Path:
    """A name of a word and a moment that nothing in the folder has yet: trial-20261205-091500.db."""
    stem = f"{word}-{at:%Y%m%d-%H%M%S}"
    path, again = folder / f"{stem}{ending}", 1
    while path.exists():
        again += 1
        path = folder / f"{stem}-{again}{ending}"
    return path


def take_lock(lock: BinaryIO) -> bool:
    """Takes an open file's lock if nobody has it; the system lets go when the process ends, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
