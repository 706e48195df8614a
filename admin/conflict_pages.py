"""冲突: uses too many that tablets let through without the server. A lead asks on the spot and settles each with a tap."""
from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import flash, g, redirect, render_template, url_for
from flask_babel import gettext as _

import guard
from admin import ledger_pages
from admin.room import pages
from guard import may
from models import conflicts
from models.asks import Caller, Problem, UndoRequest
from models.conflicts import Conflict, NoConflict
from models.database import now
from models.masks import mask_name
from models.snapshot import Snapshot


@pages.get("/admin/conflicts", endpoint="conflicts")
@may("lead")
def list_conflicts() -> str:
    """What waits, service by service, and what was settled."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        waiting, count = conflicts.waiting(connection), conflicts.count(connection)
        settled = conflicts.settled(connection)
    place = {key: at for at, key in enumerate(plan.services)}
    waiting.sort(key=lambda one: (place.get(one.scan.service_key, len(place)), one.scan.service_key))    # within: oldest first
    groups = [(key, list(ones)) for key, ones in groupby(waiting, lambda one: one.scan.service_key)]
    return render_template("admin/conflicts.html", groups=groups, settled=settled, count=count, plan=plan,
                           more=count - len(waiting), named=named, meaning=meaning, clock=_clock(plan),
                           is_coordinator=guard.is_open_to(ledger_pages.ledger, g.staff.role))


@pages.post("/admin/conflicts/<uuid:scan_id>/stand")
@may("lead")
def let_stand(scan_id: uuid.UUID) -> Any:
    """Both uses are real."""
    actor = guard.actor()
    try:
        guard.runtime().writer.do(lambda session: conflicts.let_stand(session, str(scan_id), actor))
    except NoConflict:
        return _settled_already()
    flash(_("已保留，两次都算数。点错了可以在下面退回。"), "ok")
    return redirect(url_for("admin.conflicts"), 303)


@pages.post("/admin/conflicts/<uuid:scan_id>/undo")
@may("lead")
def undo_conflict(scan_id: uuid.UUID) -> Any:
    """The later use is undone, by an ordinary row of the ledger, which takes one undo of a scan and no second."""
    runtime, actor, reason = guard.runtime(), guard.actor(), _("离线重复，核对后撤销")
    with runtime.reading() as session:
        if not conflicts.is_waiting(session, str(scan_id)):
            return _settled_already()
    wish = UndoRequest(str(uuid.uuid4()), str(scan_id),
                       Caller(ledger_pages.NOT_AT_A_STATION, None, actor, granted=True), now(), reason)
    if isinstance(runtime.ledger.record([wish])[0].result, Problem):
        return _settled_already()
    runtime.writer.do(lambda session: conflicts.note_undone(session, str(scan_id), actor, reason))
    flash(_("已撤销这一次，只算前一次。"), "ok")
    return redirect(url_for("admin.conflicts"), 303)


@pages.post("/admin/conflicts/<uuid:scan_id>/again")
@may("lead")
def reopen_conflict(scan_id: uuid.UUID) -> Any:
    """Takes a tap on "both stand" back."""
    if guard.runtime().writer.do(lambda session: conflicts.reopen(session, str(scan_id))):
        flash(_("已退回，请重新核对。"), "ok")
    return redirect(url_for("admin.conflicts"), 303)


def _settled_already() -> Any:
    flash(_("这一条已经有人处理过了。"), "ok")
    return redirect(url_for("admin.conflicts"), 303)


def named(conflict: Conflict) -> str:
    """Who it is, masked as on every screen that others see."""
    return mask_name(conflict.scan.name) if conflict.scan.name else _("不记名")


def meaning(conflict: Conflict, plan: Snapshot) -> str:
    """What it may be, in plain words."""
    if conflict.first is not None and conflict.first.undone_by:
        return _("前一次后来撤销了，只剩这一次，一般保留。")
    service = plan.services.get(conflict.scan.service_key)
    words = {"meal": _("可能多吃了一份，也可能只是扫重了。"), "material": _("可能多领了一份，也可能只是扫重了。"),
             "session": _("可能两个人用一张证进了场，也可能只是扫重了。")}
    return words.get(service.kind if service else "", _("可能真的办了两次，也可能只是扫重了。"))


def _clock(plan: Snapshot) -> Callable[[datetime], str]:
    return lambda at: f"{at.astimezone(plan.event.zone):%m-%d %H:%M}"
