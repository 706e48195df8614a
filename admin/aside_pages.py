"""停用平板的扫码: what revoked tablets still sent. The coordinator takes all of a tablet's, or drops them."""
from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

import guard
from admin.room import pages
from guard import may
from kiosk import aside
from kiosk.shapes import BATCH
from models import aside_rows
from models.aside import KeptAside
from models.asks import Problem
from models.facts import ACCEPTED


@pages.get("/admin/aside", endpoint="aside")
@may("coordinator")
def list_aside() -> str:
    """Each revoked tablet with what it left."""
    runtime = guard.runtime()
    with runtime.connection() as connection:
        heaps = aside_rows.heaps(connection)
    return render_template("admin/aside.html", heaps=heaps, plan=runtime.plan(fresh=True))


@pages.post("/admin/aside/<int:device>/accept")
@may("coordinator")
def take_aside(device: int) -> Any:
    """Records all that waits of a tablet, by the ordinary rules. A second tap finds nothing more to record."""
    passed = refused = lost = 0
    while batch := _waiting(device):
        for result in _record(batch):
            passed += result == ACCEPTED
            refused += result == "refused"
            lost += result == ""
    words = [_("已记录 %(n)s 条", n=passed)]
    if refused:
        words.append(_("%(n)s 条按规则没有通过，也记下了", n=refused))
    if lost:
        words.append(_("%(n)s 条记不了（已经记过别的，或这个服务点不办理），算作丢弃", n=lost))
    flash(_("，").join(words) + _("。"), "ok")
    return redirect(url_for("admin.aside"), 303)


@pages.post("/admin/aside/<int:device>/drop")
@may("coordinator")
def drop_aside(device: int) -> Any:
    """Records none of them."""
    actor = guard.actor()
    gone = guard.runtime().writer.do(lambda session: aside_rows.drop(session, device, actor))
    flash(_("已丢弃 %(n)s 条，没有记录。", n=gone), "ok")
    return redirect(url_for("admin.aside"), 303)


def _waiting(device: int) -> list[KeptAside]:
    with guard.runtime().reading() as session:
        rows = list(aside_rows.waiting(session, device, BATCH))
        session.expunge_all()
        return rows


def _record(rows: list[KeptAside]) -> list[str]:
    """Puts kept rows to the ledger and notes what became of them: accepted, refused, or "" where no row could be."""
    runtime, actor = guard.runtime(), guard.actor()
    secret = runtime.plan().event.secret
    with runtime.reading() as session:
        asked = [(row.id, aside.as_request(row, actor, secret, aside_rows.is_own_undo(session, row))) for row in rows]
    requests = [request for _id, request in asked if request is not None]
    outcomes = iter(runtime.ledger.record(requests) if requests else [])
    results: dict[int, str] = {}
    for row_id, request in asked:
        result = next(outcomes).result if request is not None else None
        results[row_id] = "" if result is None or isinstance(result, Problem) else result.verdict
    decided = {row_id: aside_rows.TAKEN if verdict else aside_rows.DROPPED for row_id, verdict in results.items()}
    runtime.writer.do(lambda session: aside_rows.settle(session, decided, actor))
    return list(results.values())
