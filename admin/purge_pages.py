"""会后: the event's end, and the end of the personal data in it. Purging shows what it will do, and wants the event's
name typed before it begins."""
from __future__ import annotations

from functools import partial
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from werkzeug import Response

import guard
from admin import works
from admin.care_pages import begin, kept
from admin.confirm import confirmed
from admin.room import pages
from admin.works import Work
from guard import may
from models import purge as purging
from models import purged
from models.event import Event
from models.people import Attendee
from models.runtime import Runtime
from models.scans import Scan


@pages.post("/admin/care/close")
@may("coordinator")
@confirmed
def close_event() -> Response:
    """The event is over: no scan is accepted any more."""
    if not request.form.get("sure"):
        flash(_("请先勾选确认。什么都没有改动。"), "bad")
    else:
        purging.close(guard.runtime())
        flash(_("会议已结束，不再接受扫码。"), "ok")
    return redirect(url_for("admin.care") + "#after", 303)


@pages.get("/admin/care/purge")
@may("coordinator")
def before_purge() -> Any:
    """What purging will do, before it is done."""
    return _page()


def _page(problem: str = "") -> str:
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        closed = connection.execute(select(Event.closed_at)).scalar_one()
        count = {table: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (Attendee, Scan)}
        purge = purged.newest(connection)
    return render_template("admin/purge.html", plan=plan, closed=closed, people=count[Attendee], scans=count[Scan],
                           files=len(kept(runtime.data)), purge=purge, problem=problem,
                           local=lambda at: at.astimezone(plan.event.zone))


@pages.post("/admin/care/purge")
@may("coordinator")
@confirmed
def purge_event() -> Any:
    """Removes and anonymises, then searches the files; the coordinator who does it goes on under a pseudonym."""
    runtime = guard.runtime()
    if request.form.get("event", "").strip() != runtime.plan(fresh=True).event.name:
        return _page(_("会议名称不对，什么都没有改动。")), 422
    return begin("purge", partial(_purge, runtime, works.mine()))


def _purge(runtime: Runtime, keeper: int, work: Work) -> purging.Outcome:
    with runtime.copying:       # a backup made meanwhile would keep what is being removed
        return purging.purge(runtime, keeper, work.tell)
