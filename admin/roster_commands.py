"""The command that brings a roster in."""
from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import click

from admin.roster_file import RosterError
from admin.roster_import import ImportRunning, Verdict, import_file, look
from console import Console, Failed, command, steps

SHOWN = 20      # refused rows and changes listed on the terminal; the JSON has them all


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--sheet", help="工作表 the worksheet")
@click.option("--map", "mapping", multiple=True, metavar="COLUMN=FIELD", help="列=字段 e.g. --map 工作部门=organisation")
@click.option("--dry-run", is_flag=True, help="只看不写 show what would change, write nothing")
@click.option("--skip-bad", is_flag=True, help="跳过有问题的行 take the good rows, leave out the refused ones")
@command
def import_roster(console: Console, file: Path, sheet: str | None, mapping: tuple[str, ...], dry_run: bool,
                  skip_bad: bool) -> None:
    """导入名单 Brings a roster in (xlsx, xls, csv); all or nothing unless --skip-bad.

    例 Example: python app.py import 名单.xlsx --map 工作部门=organisation
    """
    app = console.app()
    gc.freeze()         # the program itself is not looked through again and again while rows come and go
    with app.app_context():
        found = run(console, app.extensions["huiwu"], file, sheet, mappings(mapping), dry_run, skip_bad)
        payload = found.payload()
    tell(console, found, dry_run)
    if found.refused and not skip_bad:
        raise Failed("rows_refused", f"{len(found.refused)} 行有问题，什么都没有写入。改好再来，或加 --skip-bad。"
                                     " Rows were refused, nothing was written.", **payload)
    console.done(payload)


def run(console: Console, runtime: Any, file: Path, sheet: str | None, mapping: dict[str, str], dry_run: bool,
        skip_bad: bool) -> Verdict:
    """The import with a progress bar and its errors in words."""
    try:
        with console.progress("导入 importing") as advance:
            tell = steps(advance)
            if dry_run:
                return look(runtime, file, file.name, sheet, mapping or None)
            return import_file(runtime, file, file.name, sheet, mapping or None, skip_bad=skip_bad,
                               progress=lambda _stage, done, total: tell(done, total), actor="command line")
    except RosterError as error:
        raise Failed(error.error, error.message) from None
    except ImportRunning:
        raise Failed("import_running", "另一个导入正在进行，请稍后再试。 Another import is under way.") from None


def mappings(texts: tuple[str, ...]) -> dict[str, str]:
    """`--map COLUMN=FIELD` as a dictionary."""
    found = {}
    for text in texts:
        column, sign, name = text.rpartition("=")
        if not sign or not column or not name:
            raise click.UsageError(f"--map {text}：要写成 列=字段 must be COLUMN=FIELD")
        found[column.strip()] = name.strip()
    return found


def tell(console: Console, found: Verdict, dry_run: bool) -> None:
    """The outcome for a person."""
    columns = "、".join(f"{header}→{name}" for header, name in found.sheet.mapping.items())
    console.say(f"列 columns: {columns}")
    if found.sheet.ignored:
        console.say(f"未用的列 ignored: {'、'.join(found.sheet.ignored)}")
    for change in found.changed[:SHOWN]:
        fields = "，".join(f"{name} {before or '—'} → {after}" for name, (before, after) in change.fields.items())
        console.say(f"  改 {change.number}: {fields}")
    for refusal in found.refused[:SHOWN]:
        console.say(f"  第 {refusal.row} 行 row {refusal.row}: {refusal.message}")
    word = "将会 would be" if dry_run else "已 done"
    console.say(f"{word}: 新增 new {len(found.new)}，变更 changed {len(found.changed)}，"
                f"不变 unchanged {found.unchanged}，拒绝 refused {len(found.refused)}")


COMMANDS = (import_roster,)
