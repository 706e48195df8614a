"""Where automatic backups go: a folder or stick that somebody chose, else `backups/` of the data folder.

A folder that was chosen carries a mark, a small file with what a replacement laptop needs besides the event. A folder
without it is not the stick that was chosen: an empty mount point, or another stick; nothing is written there. Names
and permissions are those that FAT and exFAT know.
"""
from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import backups, disclosures
from models.care import BACKUPS, CareRefused, Copy, Step, copy_database, look_into
from models.chain_end import hangs_together
from models.database import database_path
from models.event import Event
from models.files import private_folder, replacing
from models.people import Attendee
from models.runtime import Runtime

ROOM = 1.05                     # times the event's file: the copy and what a file system needs for it
SMALL = 4 << 20                 # free bytes that are wanted besides
LONGEST_PAUSE = 0.25            # seconds between two steps of a copy
SERVED = Path(__file__).resolve().parent.parent / "static"      # what the server gives to anybody
Papers = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, whether somebody chose it, and the event's part of the names in it."""

    folder: Path
    is_chosen: bool
    event: str


def place(data: Path, chosen: str | None, secret: str) -> Place:
    """Where an event's backups go."""
    return Place(Path(chosen) if chosen else data / BACKUPS, bool(chosen), backups.event_of(secret))


def mark(where: Place) -> Path:
    """The file that says: this is the folder that was chosen, and what a replacement laptop needs."""
    return where.folder / f"huiwu-{where.event}-laptop.json"


def guide(where: Place) -> Path:
    """The page for a person who opens the stick on another computer."""
    return where.folder / f"huiwu-{where.event}-READ-ME.txt"


def trouble(where: Place) -> str:
    """Why nothing can be written there now, in both languages; "" when it can."""
    if not where.is_chosen:
        return ""
    try:
        if not where.folder.is_dir():
            return "备份的 U 盘或文件夹不在，请插好 · The backup stick or folder is missing: plug it in"
        if not mark(where).is_file():
            return ("备份文件夹里不是原来的 U 盘，请插回原来的，或重新选择 · "
                    "Not the backup stick that was chosen: plug that one in, or choose again")
    except OSError:
        return "备份的 U 盘读不出来，请换一个 · The backup stick cannot be read: take another one"
    return ""


def is_same_disk(data: Path, folder: Path) -> bool:
    """Whether a folder dies with the disk that the event is on."""
    try:
        return folder.stat().st_dev == data.stat().st_dev
    except OSError:
        return False


def check(data: Path, folder: Path) -> None:
    """Refuses a folder that cannot be written, or that everybody on the network may read. CareRefused: no_folder, within,
    not_written."""
    if not folder.is_absolute() or not _is_folder(folder):
        raise CareRefused("no_folder", f"找不到文件夹 {folder}：请写完整的路径，U 盘要插好。"
                                       " There is no such folder: give its whole path, with the stick plugged in.")
    if folder.resolve().is_relative_to(data.resolve()):
        raise CareRefused("within", f"{folder} 在会议自己的数据文件夹里：请选 U 盘或别的文件夹。"
                                    " That is within the event's own folder: choose a stick or another folder.")
    if folder.resolve().is_relative_to(SERVED):
        raise CareRefused("within", f"{folder} 里的文件谁都能从网上下载：请选 U 盘或别的文件夹。"
                                    " Anybody on the network may download what is there: choose another folder.")
    try:
        with replacing(folder / ".huiwu-try", private=True) as beside:
            beside.write_bytes(b"try")
        (folder / ".huiwu-try").unlink()
    except OSError as error:
        raise CareRefused("not_written", f"{folder} 不能写入（{error.strerror}）：请检查 U 盘是否写保护。"
                                         " The folder cannot be written: is the stick write-protected?") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:         # a name that is too long, or a folder on the way that we may not look into
        return False


def choose(runtime: Runtime, folder: Path | None, papers: dict[str, Any], actor: str,
           step: Step | None = None) -> Copy | None:
    """Makes a folder the place of the automatic backups, with a first one in it; None: the data folder's own again.

    Kept with who took everybody's data where, for `purge` to name it. CareRefused: as `check` and `make`; on_a_server.
    """
    if runtime.engine.dialect.name != "sqlite":
        raise CareRefused("on_a_server", "会议在 PostgreSQL 上：自动备份由数据库自己做（pg_dump，见 docs/large.md）；手动备份照常可用。"
                                         " On PostgreSQL the database's own tools keep its backups; a backup by hand works as ever.")
    made = None
    if folder is not None:
        check(runtime.data, folder)
        where = place(runtime.data, str(folder), _secret(runtime))
        write_papers(where, papers)
        made = make(runtime.data, where, datetime.now(), step)     # noqa: DTZ005  the laptop's own time, as in the names

    def change(session: Session) -> None:
        session.execute(update(Event).values(backup_folder=folder and str(folder)))
        if folder is not None:
            count = session.scalar(select(func.count()).select_from(Attendee)) or 0
            disclosures.note(session, "backup", actor, [*disclosures.EVERYTHING, str(folder)], count=count)
    runtime.writer.do(change)
    return made


def _secret(runtime: Runtime) -> str:
    with runtime.connection() as connection:
        return str(connection.execute(select(Event.secret)).scalar_one())


def write_papers(where: Place, papers: dict[str, Any]) -> None:
    """The mark and the page for a person, where they say something else than before. OSError."""
    for path, content in ((mark(where), msgspec.json.format(msgspec.json.encode(papers))),
                          (guide(where), _guide(papers).encode("utf-8-sig"))):
        if not _is_large_as(path, content) or path.read_bytes() != content:
            with replacing(path, private=True) as beside:
                beside.write_bytes(content)


def _is_large_as(path: Path, content: bytes) -> bool:
    """Asked before it is read: somebody may have put a link to a device on the stick, which never ends."""
    return path.is_file() and path.stat().st_size == len(content)


def _guide(papers: dict[str, Any]) -> str:
    url = papers.get("url") or "?"
    text = f"""电脑坏了，怎样在另一台电脑上继续

1. 关掉坏了的电脑，拔掉它的网线。
2. 把这个 U 盘插到备用电脑（装好会务程序的那台）。
3. 把备用电脑的网络地址改成原来的：平板找的是 {url}
4. 打开会务程序的文件夹。Windows：把 U 盘拖到 continue.bat 上。macOS、Linux：在终端运行
   make continue STICK=这个文件夹
   输入总负责的口令。
5. 平板自己连上来，把备份以后的扫码补传。打印任务停着，等您在“打印”页决定。
图文步骤：会务程序文件夹里的 docs/drill.md

The laptop is broken: continue on another one

1. Switch the broken laptop off and unplug it from the network.
2. Plug this stick into the spare laptop (the one with Huiwu installed).
3. Give the spare laptop the old network address: the tablets look for {url}
4. Open Huiwu's folder. Windows: drag the stick onto continue.bat. macOS, Linux: in a terminal, run
   make continue STICK=THIS-FOLDER
   Type a coordinator's passphrase.
5. The tablets come back by themselves and hand in what was scanned since. Print jobs are held until you decide.
With pictures: docs/drill.md in Huiwu's folder.
"""
    return text.replace("\n", "\r\n")


def make(data: Path, where: Place, at: datetime, step: Step | None = None) -> Copy:
    """One more backup, checked before it has its name; then those that their age does not keep are removed.

    CareRefused: disk_full, not_copied, damaged, not_written.
    """
    try:
        if not where.is_chosen:
            private_folder(where.folder)
        needed = int(_size(database_path(data)) * ROOM) + SMALL
        if not backups.make_room(where.folder, where.event, needed, at):
            raise CareRefused("disk_full", f"{where.folder} 满了，备份要 {needed // 1_000_000 + 1} MB。"
                                           f" The disk is full: a backup takes {needed // 1_000_000 + 1} MB.")
        number = max((one.number for one in backups.listed(where.folder, where.event)), default=0) + 1
        target = where.folder / backups.name(where.event, number, at)
        with replacing(target, private=True) as beside:
            _copy(data, beside, step)
            made = look_into(beside)
            if not hangs_together(beside) and hangs_together(database_path(data)):
                raise CareRefused("damaged", f"{target} 写完后检查不通过：U 盘可能坏了。"
                                             " The backup did not pass its check: the stick may be broken.")
        backups.thin(where.folder, where.event, at)
    except sqlite3.Error as error:
        raise CareRefused("not_copied", f"备份没有写成（{error}）。 The backup was not written.") from error
    except OSError as error:
        raise CareRefused("not_written", f"备份写不进 {where.folder}（{error.strerror}）。"
                                         " The backup could not be written.") from error
    return Copy(target, made.head, made.epoch)


def sweep(where: Place) -> None:
    """Removes what a backup left that was cut off. OSError."""
    for left in where.folder.glob(f".huiwu-{where.event}-*.part*"):
        left.unlink(missing_ok=True)


def _size(path: Path) -> int:
    """How large the copy will be."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as there:
        pages, size = (there.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
        return int(pages * size)


def _copy(data: Path, beside: Path, step: Step | None) -> None:
    """Copies at half speed, each step on the disk before the next: scans commit to the same disk, and a backlog of some
    hundred megabytes would hold up each of their commits. Then the copy leaves memory: what is checked is the stick."""
    handle = os.open(beside, os.O_RDWR)
    begun = time.monotonic()

    def gently(done: int, total: int) -> None:
        nonlocal begun
        if done < total:
            os.fsync(handle)
            time.sleep(min(time.monotonic() - begun, LONGEST_PAUSE))
        begun = time.monotonic()
        if step:
            step(done, total)
    try:
        copy_database(database_path(data), beside, gently)
        os.fsync(handle)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def taken(where: Place) -> tuple[int, int]:
    """How many backups there are and how many bytes they take. OSError."""
    found = backups.listed(where.folder, where.event)
    return len(found), sum(one.size for one in found)


def free(folder: Path) -> int:
    """Free bytes. OSError."""
    return shutil.disk_usage(folder).free
