"""谁看过什么: who saw phones and ID numbers in full, or took data of many people away. Names that are filtered by
travel in the body of a POST."""
from __future__ import annotations

from functools import partial
from typing import Any

from flask import render_template, request
from flask_babel import gettext
from flask_babel import lazy_gettext as _

import guard
from admin import person_view
from admin.field_words import label
from admin.room import pages
from admin.shell import said
from guard import may
from models import disclosures
from models.snapshot import Snapshot

PAGE = 100
WHAT = {
    "person": _("看了完整号码"), "edit": _("更正时看了完整号码"), "desk": _("在服务点看了完整号码"), "roster": _("在名单里显示了手机号"),
    "export_roster": _("导出名单"), "export_ledger": _("导出扫码记录"), "badges": _("制作代表证"), "backup": _("取走备份"),
}
FORMS = {"pdf": "PDF", "zip": _("PNG 图片"), "csv": _("编码表 csv")}     # in which badges left the house


@pages.get("/admin/disclosures")
@may("coordinator")
def disclosed() -> str:
    """The newest looks; `person` (an attendee's id) narrows it to one who was looked at."""
    return _page(_number(request.args.get("person", "")))


@pages.post("/admin/disclosures")
@may("coordinator")
def find_disclosed() -> str:
    """The looks of one who looked, or further back."""
    form = request.form
    return _page(_number(form.get("person", "")), form.get("who", "")[:200], _number(form.get("before", "")))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _page(person: int | None, who: str = "", before: int | None = None) -> str:
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        rows = disclosures.looks(connection, actor=who, attendee_id=person, before=before, limit=PAGE + 1)
        actors = disclosures.actors(connection)
    with runtime.reading() as session:
        about = person_view.person_of(session, person) if person else None
    return render_template(
        "admin/disclosures.html", rows=rows[:PAGE], older=rows[PAGE - 1].id if len(rows) > PAGE else None, actors=actors,
        who=who, before=before, about=about, plan=plan, what=WHAT, said_fields=_fields, named=partial(_named, plan),
        local=lambda at: at.astimezone(plan.event.zone))


def _fields(row: Any) -> str:
    """Which fields, and of badges in which form, in words; an export says so by itself."""
    return "、".join([*(label(name) for name in row.fields if name in ("phone", "id_number")),
                     *(str(FORMS[name]) for name in row.fields if name in FORMS)])


def _named(plan: Snapshot, actor: str) -> str:
    """Who looked: a name; a station at which nobody was signed in; the laptop's own command line."""
    if actor in plan.stations:
        return said(plan.stations[actor])
    return gettext("命令行") if actor == disclosures.TERMINAL else actor
