"""`backup`, `golive` and `audit`: keeping the event's file, and knowing that it is right."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin import standby
from console import Console, Failed, command, steps
from models import audit as auditing
from models import backup_folder, care, disclosures, purged
from models.care import CareRefused
from models.people import Attendee
from models.runtime import Runtime

_SHOWN = 20     # differences said on the terminal; --json gives all


@click.command()
@click.option("--to", type=click.Path(path_type=Path),
              help="备份文件或文件夹，默认放在数据文件夹的 backups/ 里"
                   " the file or a folder; by default backups/ of the data folder")
@click.option("--auto", type=click.Path(path_type=Path), metavar="FOLDER",
              help="从现在起每分钟自动备份到这个文件夹或 U 盘，并马上做一份；- 为数据文件夹 from now on the server copies the"
                   " event to this folder or stick every minute, beginning with one now; - for the data folder again")
@command
def backup(console: Console, to: Path | None, auto: Path | None) -> None:
    """备份，服务运行时也可以 A consistent, checked copy of the event, also while serving.

    例 Example: python app.py backup --auto /media/usb
    """
    if to is not None and auto is not None:
        raise click.UsageError("--to 和 --auto 只用一个。 Use --to or --auto, not both.")
    if auto is not None:
        _keep_at(console, None if str(auto) == "-" else auto.absolute())
        return
    if to is not None and not to.absolute().parent.is_dir():
        raise Failed("no_folder", f"文件夹 {to.absolute().parent} 不存在，请先建好。 The folder is not there.")
    runtime = console.app().extensions["huiwu"]
    _note(runtime, to)
    with console.progress("备份 backup") as advance:
        try:
            made = care.backup(runtime.data, to, steps(advance), runtime.engine)
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from None
    console.done({"file": str(made.file), "head": made.head, "epoch": made.epoch},
                 f"已备份到 {made.file}，并检查过。 Backed up and checked.")


def _keep_at(console: Console, folder: Path | None) -> None:
    """Chooses where the server copies the event to."""
    runtime = console.app().extensions["huiwu"]
    try:
        made = backup_folder.choose(runtime, folder, standby.papers(runtime), disclosures.TERMINAL)
    except CareRefused as refused:
        raise Failed(refused.error, str(refused)) from None
    if made is None or folder is None:
        console.done({"folder": None}, "自动备份改回数据文件夹里的 backups/：电脑坏了它也没有了。"
                                       " Backups go to the data folder again, and would be lost with the laptop.")
        return
    same = backup_folder.is_same_disk(runtime.data, folder)
    warning = "\n注意：它和会议在同一块硬盘上。 It is on the same disk as the event." if same else ""
    console.done({"folder": str(folder), "same_disk": same, "file": str(made.file), "head": made.head, "epoch": made.epoch},
                 f"从现在起每分钟备份到 {folder}，第一份已做好并检查过。 Backed up there every minute from now on.{warning}")


def _note(runtime: Runtime, to: Path | None) -> None:
    """A copy holds everybody's data; one outside the data folder is kept with its place, for `purge` to name it."""
    def write(session: Session) -> None:
        count = session.scalar(select(func.count()).select_from(Attendee)) or 0
        fields = [*disclosures.EVERYTHING, *([str(to.absolute())] if to else [])]
        disclosures.note(session, "backup", disclosures.TERMINAL, fields, count=count)
    runtime.writer.do(write)


@click.command()
@click.option("--yes", is_flag=True, help="不再询问 does not ask first")
@command
def golive(console: Console, yes: bool) -> None:
    """正式开始：试运行的记录另存，从零计数 Ends the trial: its ledger goes aside, counting starts from nothing.

    代表证、配对和名单都保留。 Badges, pairings and roster stay.

    例 Example: python app.py golive
    """
    runtime = console.app().extensions["huiwu"]
    if sys.stdin.isatty() and not (yes or console.as_json):
        click.confirm("正式开始？试运行的扫码记录将另存为文件，计数清零。 Go live?", abort=True, err=True)
    try:
        scans, file = care.go_live(runtime)
    except CareRefused as refused:
        raise Failed(refused.error, str(refused)) from None
    console.done({"trial_scans": scans, "file": str(file)},
                 f"正式开始。试运行的 {scans} 条记录在 {file}。 Live; the trial's ledger is in that file.")


@click.command()
@command
def audit(console: Console) -> None:
    """核对：重算每个计数，检查记录链 Recomputes every count from the ledger and checks its chain of hashes.

    例 Example: python app.py audit
    """
    runtime = console.app().extensions["huiwu"]
    with console.progress("核对 audit") as advance:
        scans, differences = auditing.audit(runtime, advance)
    if differences:
        for difference in differences[:_SHOWN]:
            console.say(f"  {difference['message']}")
        raise Failed("differences", f"{scans} 条记录中发现 {len(differences)} 处不符。"
                                    f" {len(differences)} differences in {scans} scans.",
                     scans=scans, differences=differences)
    with runtime.connection() as connection:
        purge = purged.newest(connection)
    said = {"purged": purge.at.isoformat()} if purge else {}
    console.done({"scans": scans, "differences": [], **said}, f"{scans} 条记录，全部相符。 All {scans} rows agree.{_since(purge)}")


def _since(purge: Any | None) -> str:
    if purge is None:
        return ""
    return (f"\n个人信息已于 {purge.at:%Y-%m-%d %H:%M} UTC 清除，第 {purge.last_seq} 条以前的记录已匿名，校验链从那时重新开始。"
            f" Personal data was purged then: rows up to {purge.last_seq} are anonymous, their chain begins anew.")


COMMANDS = (backup, golive, audit)
