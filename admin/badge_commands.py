"""`badges`, `reissue` and `state`: what is printed for people, and what becomes of it."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from admin import badge_data
from admin.badges import BadgeCard, BadgeError, BadgeSheet, MissingCharacters, make_csv, make_pdf, make_zip
from console import Console, Failed, command, steps
from models import badges as badge_table
from models import disclosures
from models.badges import NoSuchNumber
from models.files import replacing
from models.people import STATES

ENDINGS = (".pdf", ".csv", ".zip")
_WARNING = ("注意：里面的编码就是代表证本身，请像现金一样保管，发给印刷厂后删除。"
           " These codes are secrets: whoever has one has the badge.")


@click.command()
@click.option("--out", "target", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="文件，按后缀 .pdf .csv .zip the file; its ending says which kind")
@click.option("--only", multiple=True, metavar="NUMBER", help="只要这些编号 only these numbers")
@click.option("--layout", type=click.Choice(["single", "a4"]), default="single", show_default=True,
              help="每页一张，或 A4 一页四张带裁切线 a page each, or four on A4 with crop marks")
@click.option("--allow-missing", is_flag=True, help="字体缺字也照做 makes them even where a character cannot be drawn")
@click.argument("numbers", nargs=-1, metavar="[NUMBER …]")
@command
def badges(console: Console, target: Path, only: Sequence[str], layout: str, allow_missing: bool,
           numbers: Sequence[str]) -> None:
    """制作代表证 Makes the badges: .pdf to print; .csv or .zip (one PNG each) for a print shop.

    例 Example: python app.py badges --out 代表证.pdf --layout a4

    例 Example: python app.py badges --out one.pdf --only A00001 A00002
    """
    if numbers and not only:
        raise click.UsageError("要指定编号请用 --only。 To name people, use --only NUMBER …")
    check_target(target, ENDINGS)
    runtime = console.app().extensions["huiwu"]
    wanted = (*only, *numbers) or None
    with runtime.reading() as session:
        found, sheet = badge_data.cards(session, wanted), badge_data.sheet(session, layout=layout)
        if wanted:
            _explain_missing(session, wanted, found)
    if not found:
        raise Failed("no_badges", "还没有可以制作的代表证：先用 import 导入名单。 No badges to make: import a roster first.")
    seen = ["code", target.suffix.lower()[1:]]
    runtime.writer.do(lambda session: disclosures.note(session, "badges", disclosures.TERMINAL, seen, count=len(found)))
    try:
        _make(console, target, found, sheet, allow_missing)
    except MissingCharacters as missing:
        raise Failed("missing_characters", f"{missing}（加 --allow-missing 照做） --allow-missing makes them anyway.",
                     missing=[{"number": n, "name": name, "characters": c} for n, name, c in missing.cards]) from None
    except BadgeError as error:
        raise Failed("badges", str(error)) from error
    console.done({"badges": len(found), "file": str(target)}, f"{len(found)} 张代表证 badges: {target}\n{_WARNING}")


def _make(console: Console, target: Path, cards: list[BadgeCard], sheet: BadgeSheet, allow_missing: bool) -> None:
    with console.progress("代表证 badges", len(cards)) as advance, replacing(target) as beside:
        progress, ending = steps(advance), target.suffix.lower()
        if ending == ".csv":
            beside.write_bytes(make_csv(cards))
        elif ending == ".pdf":
            beside.write_bytes(make_pdf(cards, sheet, progress, allow_missing))
        else:
            with beside.open("wb") as out:
                for part in make_zip(cards, sheet, progress, allow_missing):
                    out.write(part)


def _explain_missing(session: Session, wanted: Sequence[str], found: list[BadgeCard]) -> None:
    """Names the number asked for that has no badge, and why."""
    for number in dict.fromkeys(wanted):
        person = _person(session, number)
        if person.number not in {card.number for card in found}:
            raise Failed("no_badge", f"{number} {person.name} 没有有效的代表证（状态 {person.state}）。"
                                     f" No badge that stands.", number=number)


@click.command()
@click.argument("number")
@command
def reissue(console: Console, number: str) -> None:
    """补发代表证，旧的立即作废 A new badge code for a person; the old one is `revoked` from now on.

    例 Example: python app.py reissue A00001
    """
    def change(session: Session) -> tuple[str, str]:
        person = _person(session, number)
        return person.name, badge_table.reissue(session, person.id)
    name, code = console.app().extensions["huiwu"].writer.do(change)
    console.done({"number": number, "code": code}, f"{number} {name} 的新编码 new code: {code}")


@click.command()
@click.argument("number")
@click.argument("new_state", metavar="registered|pending|cancelled")
@command
def state(console: Console, number: str, new_state: str) -> None:
    """改一个人的状态 Changes a person's state; scans go by it at once.

    例 Example: python app.py state A00001 cancelled
    """
    if new_state not in STATES:
        raise Failed("no_state", f"没有状态 {new_state}；可用的有：registered 已报名、pending 待审核、cancelled 已取消。"
                                 " No such state.", number=number)

    def change(session: Session) -> str:
        person = _person(session, number)
        badge_table.set_state(session, person, new_state)
        return str(person.name)
    name = console.app().extensions["huiwu"].writer.do(change)
    console.done({"number": number, "state": new_state}, f"{number} {name}: {new_state}")


def check_target(target: Path, endings: Sequence[str]) -> None:
    """Failed unless a file of one of these endings can stand there."""
    if target.suffix.lower() not in endings:
        raise Failed("ending", f"文件名要以 {' '.join(endings)} 结尾。 The file's ending must be one of these.")
    if not target.absolute().parent.is_dir():
        raise Failed("no_folder", f"文件夹 {target.absolute().parent} 不存在，请先建好。 The folder is not there.")


def _person(session: Session, number: str) -> Any:
    try:
        return badge_table.person_of(session, number)
    except NoSuchNumber:
        raise Failed("no_number", f"名单里没有编号 {number}。 Nobody has that number.", number=number) from None


COMMANDS = (badges, reissue, state)
