"""代表证: how they look, for whom, and as what: a PDF to print, pictures or a table for a print shop.

The codes are secrets: a finished file lies in the work's own folder for an hour at most and goes only to the person
who had it made. The preview's code is no badge's.
"""
from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug import Response

import guard
from admin import badge_data, logo, works
from admin.badges import (
    BadgeCard,
    BadgeError,
    BadgeSheet,
    MissingCharacters,
    make_csv,
    make_pdf,
    make_png,
    make_zip,
)
from admin.confirm import confirmed
from admin.import_pages import progress
from admin.room import pages
from admin.works import Work
from guard import may
from models import disclosures
from models.event import Event, touch
from models.people import Attendee, visible
from models.runtime import Runtime
from models.snapshot import CategoryView

KIND = "badges"
PREVIEW_DPI = 130
MISSING_SHOWN = 50
FORMS = {"pdf": "application/pdf", "zip": "application/zip", "csv": "text/csv"}
_NO_BADGE = "B" + "0" * 20           # has a code's shape, and is nobody's: codes have 100 random bits


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose badges, and as what."""

    layout: str
    form: str
    category: str
    delegation: int
    numbers: tuple[str, ...]
    allow_missing: bool


@pages.get("/admin/badges")
@may("coordinator")
def badges() -> str:
    """The choices, with a preview of every category's badge."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.reading() as session:
        count = select(Attendee.category_key, func.count()).where(visible(), Attendee.state == "registered")
        people = {row[0]: row[1] for row in session.execute(count.group_by(Attendee.category_key))}
        has_logo = session.scalars(select(Event.logo)).one() is not None
    return render_template("admin/badges.html", plan=plan, people=people, total=sum(people.values()), logo=has_logo,
                           look=plan.plan_revision, delegations=sorted(plan.delegations.items(), key=lambda pair: pair[1]))


@pages.get("/admin/badges/preview/<category>.png")
@may("coordinator")
def badge_preview(category: str) -> Response:
    """An invented person's badge of a category."""
    runtime = guard.runtime()
    kind = runtime.plan(fresh=True).categories.get(category) or abort(404)
    with runtime.reading() as session:
        sheet = badge_data.sheet(session)
    try:
        made = make_png(sample_card(kind), sheet, PREVIEW_DPI, allow_missing=True)
    except BadgeError:
        made = make_png(sample_card(kind), replace(sheet, logo=None), PREVIEW_DPI, allow_missing=True)
    return send_file(io.BytesIO(made), "image/png")


def sample_card(kind: CategoryView) -> BadgeCard:
    """A badge of nobody."""
    return BadgeCard("A00001", "王小明", "Wang Xiaoming", "江北大学", "教授", kind.name, kind.name_en, kind.colour, _NO_BADGE)


@pages.post("/admin/badges/logo")
@may("coordinator")
def set_logo() -> Response:
    """Takes a logo as the picture that it gives; without a file the logo goes."""
    file = request.files.get("logo")
    data = file.read(logo.LIMIT + 1) if file else b""
    remove = bool(request.form.get("remove"))
    try:
        picture = None if remove else _logo_of(data)
    except BadgeError as problem:
        flash(str(problem), "bad")
        return redirect(url_for("admin.badges"), 303)

    def change(session: Session) -> None:
        session.scalars(select(Event)).one().logo = picture
        touch(session, "plan")
    guard.runtime().writer.do(change)
    flash(_("会标已去掉。") if remove else _("会标已换上，见右边预览。"), "ok")
    return redirect(url_for("admin.badges"), 303)


def _logo_of(data: bytes) -> bytes:
    if not data:
        raise BadgeError(_("请先选择一张图片。"))
    if len(data) > logo.LIMIT:
        raise BadgeError(_("会标最多 1 MB，请缩小后再传。"))
    return logo.take(data)


@pages.post("/admin/badges")
@may("coordinator")
@confirmed
def make_badges() -> Response:
    """Begins to make them."""
    choice = _choice()
    work = works.works().add(works.mine(), KIND, choice=choice)
    works.works().start(work, partial(_make, guard.runtime(), choice, guard.actor()))
    return redirect(url_for("admin.badge_work", key=work.id), 303)


def _choice() -> Choice:
    form, whom = request.form, request.form.get("whom", "all")
    delegation = form.get("delegation", "")
    numbers = tuple(re.split(r"[\s,，、;；]+", form.get("numbers", "").strip())) if whom == "numbers" else ()
    return Choice(
        "single" if form.get("layout") == "single" else "a4",
        form.get("form", "") if form.get("form") in FORMS else "pdf", form.get("category", "") if whom == "category" else "",
        int(delegation) if whom == "delegation" and delegation.isdecimal() and len(delegation) < 9 else 0,
        tuple(filter(None, numbers)), bool(form.get("allow")))


def _make(runtime: Runtime, choice: Choice, actor: str, work: Work) -> int:
    """Draws them into the work's folder, after keeping who wanted these codes; how many."""
    work.tell("prepare")
    with runtime.reading() as session:
        cards = badge_data.cards(session, _numbers(session, choice))
        sheet = badge_data.sheet(session, layout=choice.layout)
    if missing := _without_badge(choice.numbers, cards):
        raise BadgeError(_("没有制作：这些编号不在名单里，或没有有效的代表证：%(numbers)s。",
                           numbers=" ".join(missing[:MISSING_SHOWN])))
    if not cards:
        raise BadgeError(_("没有符合的人：只有“已报名”、有有效代表证的人才能制作。请换个范围，或先导入名单。"))
    runtime.writer.do(lambda session: disclosures.note(session, "badges", actor, ["code", choice.form], count=len(cards)))
    target = work.file(f"badges.{choice.form}")
    _write(target, cards, sheet, choice, lambda done, total: work.tell("draw" if done == total else "prepare", done, total))
    return len(cards)


def _without_badge(numbers: tuple[str, ...], cards: list[BadgeCard]) -> list[str]:
    """The numbers asked for of which no badge would be made: a typing error must not pass in silence."""
    there = {card.number for card in cards}
    return [number for number in numbers if number not in there]


def _write(target: Path, cards: list[BadgeCard], sheet: BadgeSheet, choice: Choice,
           tell: Callable[[int, int], None]) -> None:
    if choice.form == "csv":
        target.write_bytes(make_csv(cards))
    elif choice.form == "pdf":
        target.write_bytes(make_pdf(cards, sheet, tell, choice.allow_missing))
    else:
        with target.open("wb") as out:
            for part in make_zip(cards, sheet, tell, choice.allow_missing):
                out.write(part)


def _numbers(session: Session, choice: Choice) -> list[str] | None:
    if choice.numbers:
        return list(choice.numbers)
    wanted = select(Attendee.number).where(visible())
    if choice.category:
        return list(session.scalars(wanted.where(Attendee.category_key == choice.category)))
    if choice.delegation:
        return list(session.scalars(wanted.where(Attendee.delegation_id == choice.delegation)))
    return None


@pages.get("/admin/badges/<key>")
@may("coordinator")
def badge_work(key: str) -> str:
    """How far it is, then the file, or what is in the way."""
    work = works.of(key, KIND)
    choice: Choice = work.about["choice"]
    missing = work.error.cards if isinstance(work.error, MissingCharacters) and not work.running else []
    return render_template(
        "admin/badges_done.html", work=work, choice=choice, missing=missing[:MISSING_SHOWN], missing_count=len(missing),
        people=_ids([number for number, _name, _chars in missing[:MISSING_SHOWN]]),
        error="" if work.running else works.why(work.error), url=url_for("admin.badge_progress", key=key),
        after=url_for("admin.badge_work", key=key), size=_size(work, choice))


def _ids(numbers: list[str]) -> dict[str, int]:
    with guard.runtime().connection() as connection:
        found = connection.execute(select(Attendee.number, Attendee.id).where(Attendee.number.in_(numbers)))
        return {row.number: row.id for row in found}


def _size(work: Work, choice: Choice) -> str:
    file = work.file(f"badges.{choice.form}")
    return f"{max(file.stat().st_size / 1_000_000, 0.1):,.1f} MB" if not work.running and file.exists() else ""


@pages.get("/admin/badges/<key>/progress")
@may("coordinator")
def badge_progress(key: str) -> Any:
    """The progress line."""
    return progress(works.of(key, KIND), url_for("admin.badge_progress", key=key), url_for("admin.badge_work", key=key))


@pages.get("/admin/badges/<key>/file")
@may("coordinator")
@confirmed
def badge_file(key: str) -> Response:
    """The finished file."""
    work = works.of(key, KIND)
    form = work.about["choice"].form
    file = work.file(f"badges.{form}")
    if work.running or work.error is not None or not file.exists():
        abort(404)
    return send_file(file.resolve(), FORMS[form], as_attachment=True, download_name=f"badges.{form}")


@pages.post("/admin/badges/<key>/drop")
@may("coordinator")
def drop_badges(key: str) -> Response:
    """Deletes the finished file from the server."""
    work = works.of(key, KIND)
    if not work.running:
        works.works().drop(work)
        flash(_("文件已从服务器删除。"), "ok")
    return redirect(url_for("admin.badges"), 303)
