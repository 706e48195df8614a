"""`doctor` looks at the event: its file, certificate, printers, fonts and backups."""
from __future__ import annotations

import os
import sqlite3
import stat
import time
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.engine import Connection

import certificates
from addresses import LOCAL_NAME, Address
from admin.doctor import Check
from models import backup_folder, backups
from models.database import database_path
from models.event import Event, Printer
from models.people import Attendee
from models.print_states import TROUBLE
from models.runtime import Runtime
from printers import fonts, transports
from printers.emulator import Ability
from printers.sentences import words
from printers.status import Problem
from printers.transports import PREFLIGHT
from printers.worker import paper_folder

MB = 1 << 20
SOON = timedelta(days=14)           # of a certificate that runs out
LATE = timedelta(minutes=5)         # scans without a backup, of a live event
SHOWN = 5


def both(said: str) -> str:
    """Words kept as "中文 · English" as a sentence of `doctor`."""
    chinese, _, english = said.partition(" · ")
    return f"{chinese}。 {english}." if english else said


def database(data: Path) -> Check:
    """Whether the event's file is whole. Reads it all: a few seconds for a very large event."""
    path = database_path(data)
    do = "停下服务，用 restore 恢复最近的备份（docs/drill.md）。 Stop the server and restore the newest backup."
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as there:
            said = str(there.execute("PRAGMA quick_check(1)").fetchone()[0])
            mode = str(there.execute("PRAGMA journal_mode").fetchone()[0])
    except sqlite3.Error as error:
        return Check("database", "bad", f"打不开（{error}）。 It cannot be read.", do)
    if said != "ok":
        return Check("database", "bad", f"文件损坏（{said}）。 The file is damaged.", do)
    size = path.stat().st_size / MB
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return Check("database", "warning", "别的用户也能读这个文件。 Other users of this computer can read the file.",
                     f"chmod 600 {path}")
    if mode != "wal":
        return Check("database", "warning", f"完好，{size:.0f} MB；日志方式是 {mode}，这个磁盘可能不支持。"
                     " Whole, but not in WAL mode: this disk may not know it.", "把数据文件夹放在电脑自己的硬盘上。"
                     " Keep the data folder on the laptop's own disk.")
    return Check("database", "ok", f"完好，{size:.0f} MB。 Whole.")


def certificate(data: Path, own: Iterable[Address], now: datetime) -> Check:
    """Whether the https certificate is good today and names today's addresses."""
    try:
        found = x509.load_pem_x509_certificate((data / certificates.AUTHORITY_FOLDER / certificates.SERVER).read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except FileNotFoundError:
        return Check("certificate", "ok", "还没有，第一次启动服务时做。 Made at the first start of the server.")
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        return Check("certificate", "warning", f"读不出来（{type(error).__name__}），启动服务时会重做。"
                     " Unreadable; made anew at the next start.",
                     "重新启动服务。 Start the server again.")
    left = found.not_valid_after_utc - now
    again = "重新启动服务，证书会自动更新，平板不用重装。 Start the server again: it is renewed, tablets need nothing."
    if left < timedelta(0) or now < found.not_valid_before_utc:
        return Check("certificate", "bad", "今天不在证书的有效期里。 The certificate is not valid today.", f"先看日期对不对。{again}")
    missing = [str(one) for one in own if one not in names.get_values_for_type(x509.IPAddress)]
    if missing:
        return Check("certificate", "warning", f"没有写上 {'、'.join(missing)}。 It does not name that address.",
                     f"{again} 还不行，平板用 https://{LOCAL_NAME}:8443。")
    return Check("certificate", "warning" if left < SOON else "ok", f"还有 {left.days} 天。 {left.days} days left.",
                 again if left < SOON else "")


def printers(runtime: Runtime, is_served: bool) -> list[Check]:
    """Each printer of the plan, asked how it is; nothing is printed."""
    with runtime.connection() as connection:
        rows = list(connection.execute(select(Printer.__table__).order_by(Printer.position, Printer.key)))
    if not rows:
        return [Check("printer", "ok", "方案里没有打印机。 The plan has no printer.")]
    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(lambda row: printer(row, runtime.data, is_served), rows))


def printer(row: Any, data: Path, is_served: bool) -> Check:
    """One printer. While it prints, or the server has said what is wrong with it, that is what counts: it takes one
    connection at a time."""
    name, do = f"printer:{row.key}", "处理好后，在打印页点“处理好了，再试”。 See to it, then tap “Seen to it” on Printing."
    if is_served and row.state in (*TROUBLE, "waiting"):
        return Check(name, "bad", both(row.message), "在打印页或服务台回答。 Answer on the Printing page or at the desk."
                     if row.state == "waiting" else do)
    if is_served and row.state == "printing":
        return Check(name, "ok", "正在打印。 Printing.")
    try:
        with transports.open_transport(row.url, folder=paper_folder(data, row.key).parent, printer=row.key, width=row.width) as way:
            status = way.preflight(time.monotonic() + PREFLIGHT, Ability(row.ability) if row.ability else None)
    except ValueError as error:
        return Check(name, "bad", str(error), "在方案里改打印机的地址。 Correct its address in the plan.")
    if status.blocking:
        return Check(name, "bad", both(words(status.blocking, status.detail)), do)
    if status.near_end:
        return Check(name, "warning", both(words(Problem.NEAR_END)), "备好纸卷。 Have a roll ready.")
    test = "" if row.ability else "在打印页打一张测试条，就知道它打完会不会回报。 Print a test slip on the Printing page."
    return Check(name, "ok", "连得上，正常。 Reached, and well." if status.answered else
                 "连得上，它不回报状态。 Reached; it does not say how it is.", test)


def glyphs(connection: Connection) -> Check:
    """Whether every character of the roster can be printed."""
    columns = (Attendee.name, Attendee.name_en, Attendee.organisation, Attendee.post)
    letters: set[str] = set()
    who: dict[str, str] = {}
    for number, *texts in connection.execute(select(Attendee.number, *columns)):
        new = set(unicodedata.normalize("NFC", "".join(texts))) - letters
        letters |= new
        who.update(dict.fromkeys(fonts.missing("".join(sorted(new))), number))
    if who:
        shown = "、".join(f"{char}（U+{ord(char):04X}，编号 No. {number}）" for char, number in list(who.items())[:SHOWN])
        return Check("fonts", "warning", f"有 {len(who)} 个字打不出来：{shown}。 Characters that no font here has.",
                     "在名单里换一个写法，小票和代表证上它是空框。 Write it another way on the roster: it prints as an empty box.")
    return Check("fonts", "ok", f"名单上的 {len(letters)} 个字都能打。 Every character of the roster can be printed.")


def backup(runtime: Runtime, event: Event, last_scan: datetime | None, is_served: bool, now: datetime) -> Check:
    """Where backups go, whether that can be written, and how old the newest is."""
    if runtime.is_shared:
        return Check("backup", "ok", "会议在 PostgreSQL 上，备份由数据库做（docs/large.md）。 PostgreSQL's own tools keep its backups.")
    where = backup_folder.place(runtime.data, event.backup_folder, event.secret)
    said = backup_folder.trouble(where)
    if said:
        return Check("backup", "bad", both(said), f"插上原来的 U 盘（{where.folder}）。 Plug in the stick that was chosen.")
    found = backups.listed(where.folder, where.event) if where.folder.is_dir() else []
    newest = found[-1].at.astimezone() if found else None      # names are in the laptop's own time
    age = f"最近一份 {newest:%m-%d %H:%M}。 The newest is of then." if newest else "还没有一份。 There is none yet."
    behind = last_scan is not None and (newest is None or last_scan - newest > LATE) and now - last_scan > LATE
    if behind:
        return Check("backup", "bad" if is_served and not event.trial else "warning", f"后来的扫码不在备份里。{age}",
                     "运行 python app.py backup，看它说什么。 Run `backup` and see what it says.")
    if not where.is_chosen or backup_folder.is_same_disk(runtime.data, where.folder):
        return Check("backup", "warning", f"备份和会议在同一块硬盘上，电脑坏了就都没了。 On the same disk as the event. {age}",
                     "插一个 U 盘，运行 python app.py backup --auto 它的文件夹。 Plug in a stick and run that.")
    return Check("backup", "ok", f"{where.folder}，{len(found)} 份，{age}")
