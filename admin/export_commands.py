"""`export`: counts, ledger and roster as files for other programs."""
from __future__ import annotations

from pathlib import Path

import click

from admin.badge_commands import check_target
from console import Console, Failed, command
from models import disclosures, exports


@click.command()
@click.argument("what", type=click.Choice(exports.KINDS))
@click.option("--out", "target", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="文件，按后缀 .csv .xlsx .json the file; its ending says which kind")
@command
def export(console: Console, what: str, target: Path) -> None:
    """导出计数、扫码记录或名单 Writes counts, the ledger or the roster to a file.

    名单是完整的个人信息，请妥善保管。 The roster is complete: keep it safe.

    例 Example: python app.py export ledger --out 记录.xlsx
    """
    check_target(target, exports.ENDINGS)
    runtime = console.app().extensions["huiwu"]
    with runtime.connection() as connection:
        total = exports.size(connection, what)
    if what != "counts":
        runtime.writer.do(lambda session: disclosures.note(
            session, f"export_{what}", disclosures.TERMINAL, disclosures.EVERYTHING, count=total))
    try:
        with console.progress(f"导出 export {what}", total or None) as advance:
            rows = exports.export(runtime, what, target, advance)
    except exports.TooManyRows:
        raise Failed("too_many_rows", "xlsx 一张表最多 1048576 行，请改用 .csv。 Too many rows for xlsx; use .csv.") from None
    console.done({"rows": rows, "file": str(target)}, f"{rows} 行 rows: {target}")


COMMANDS = (export,)
