"""`backup`, `restore`, `golive` and `audit`: keeping the event's file, and knowing that it is right."""
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import Console, Failed, command
from migrations.running import upgrade
from models import audit as auditing
from models import care, disclosures, purged
from models.care import CareRefused
from models.files import private_folder
from models.people import Attendee
from models.runtime import Runtime
from serving import holding

_SHOWN = 20     # differences said on the terminal; --json gives all


@click.command()
@click.option("--to", type=click.Path(path_type=Path),
              help="备份文件或文件夹，默认放在数据文件夹的 backups/ 里"
                   " the file or a folder; by default backups/ of the data folder")
@command
def backup(console: Console, to: Path | None) -> None:
    """备份，服务运行时也可以 A consistent, checked copy of the event, also while serving.

    例 Example: python app.py backup --to /media/usb
    """
    if to is not None and not to.absolute().parent.is_dir():
        raise Failed("no_folder", f"文件夹 {to.absolute().parent} 不存在，请先建好。 The folder is not there.")
    runtime = console.app().extensions["huiwu"]
    _note(runtime, to)
    before = 0

    def told(done: int, _all: int) -> None:
        nonlocal before
        advance(done - before)
        before = done
    with console.progress("备份 backup") as advance:
        try:
            made = care.backup(runtime.data, to, told)
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from None
    console.done({"file": str(made.file), "head": made.head, "epoch": made.epoch},
                 f"已备份到 {made.file}，并检查过。 Backed up and checked.")


def _note(runtime: Runtime, to: Path | None) -> None:
    """A copy holds everybody's data; one outside the data folder is kept with its place, for `purge` to name it."""
    def write(session: Session) -> None:
        count = session.scalar(select(func.count()).select_from(Attendee)) or 0
        fields = [*disclosures.EVERYTHING, *([str(to.absolute())] if to else [])]
        disclosures.note(session, "backup", disclosures.TERMINAL, fields, count=count)
    runtime.writer.do(write)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@command
def restore(console: Console, file: Path) -> None:
    """恢复备份；现在的状态留在一个文件里 Puts a backup in place; the present state is kept aside.

    服务运行时不能恢复 It refuses while a server holds the folder.

    例 Example: python app.py restore backups/huiwu-20261205-120000.db
    """
    private_folder(console.data)
    with holding(console.data):
        try:
            made, kept = care.restore(console.data, file, upgrade)
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from None
    aside = f"\n原来的状态在 {kept}。 What was there before is kept in that file." if kept else ""
    console.done({"file": str(file), "head": made.head, "epoch": made.epoch, "kept": kept and str(kept)},
                 f"已恢复 {file}。 Restored.{aside}")


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


COMMANDS = (backup, restore, golive, audit)
