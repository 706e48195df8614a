"""扫码记录: the ledger as a list, and the coordinator's late undo, which is a new row of it."""
from __future__ import annotations

import uuid
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

import guard
from admin.refusals import reason, sentence
from admin.room import LONGEST_ID, pages
from guard import may
from models import ledger_rows
from models.asks import Caller, Problem, UndoRequest
from models.database import now
from models.ledger_rows import Wish

ROWS = 100
NOT_AT_A_STATION = ""     # where the coordinator is when undoing: the row names the person, no station


@pages.get("/admin/ledger")
@may("coordinator")
def ledger() -> str:
    """The newest rows, by service, station, kind and person."""
    asked = request.args
    wish = Wish(asked.get("service", ""), asked.get("station", ""), asked.get("verdict", ""),
                _number(asked.get("person", "")), _number(asked.get("before", "")))
    plan = guard.runtime().plan()
    with guard.runtime().connection() as connection:
        found = ledger_rows.rows(connection, wish, ROWS + 1)
        person = ledger_rows.name_of(connection, wish.person) if wish.person else None
    older = found[ROWS - 1].seq if len(found) > ROWS else None
    kept = {key: value for key, value in asked.items() if value and key in ("service", "station", "verdict", "person")}
    return render_template("admin/ledger.html", rows=found[:ROWS], wish=wish, person=person, plan=plan, shows=shows(),
                           reason=reason, older=older and url_for("admin.ledger", **{**kept, "before": older}),
                           kept=kept)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= LONGEST_ID else None


@pages.post("/admin/ledger/person")
@may("coordinator")
def ledger_person() -> Any:
    """Looks somebody up by name; a form that is posted, since a name has no place in an address."""
    words = request.form.get("q", "")
    with guard.runtime().connection() as connection:
        found = ledger_rows.people(connection, words)
    if len(found) == 1:
        return redirect(url_for("admin.ledger", person=found[0].id), 303)
    return render_template("admin/ledger_person.html", found=found, q=words, most=ledger_rows.MOST_PEOPLE)


@pages.get("/admin/ledger/<uuid:scan_id>/undo")
@may("coordinator")
def ask_undo(scan_id: uuid.UUID) -> str:
    """Shows the row and asks for the reason."""
    return _undo_page(scan_id, str(uuid.uuid4()), None)


@pages.post("/admin/ledger/<uuid:scan_id>/undo")
@may("coordinator")
def undo(scan_id: uuid.UUID) -> Any:
    """Undoes a scan, however old. The form carries the new row's id, so that a second click is a repeat."""
    words, own_id = request.form.get("reason", "").strip(), _own_id()
    if not words:
        return _undo_page(scan_id, own_id, sentence("reason_needed")), 400
    wish = UndoRequest(own_id, str(scan_id), Caller(NOT_AT_A_STATION, None, guard.actor(), granted=True), now(),
                       words[:200])
    result = guard.runtime().ledger.record([wish])[0].result
    if isinstance(result, Problem):
        return _undo_page(scan_id, own_id, sentence(result.error)), result.status
    flash(_("已撤销。小票如果已经打印，请收回。") if "slip_printed" in result.said["notes"] else _("已撤销。"), "ok")
    return redirect(url_for("admin.ledger"), 303)


def _own_id() -> str:
    try:
        return str(uuid.UUID(request.form.get("id", "")))
    except ValueError:
        abort(400)


def _undo_page(scan_id: uuid.UUID, own_id: str, error: str | None) -> str:
    with guard.runtime().connection() as connection:
        row = ledger_rows.one(connection, str(scan_id)) or abort(404)
    return render_template("admin/ledger_undo.html", row=row, own_id=own_id, error=error, plan=guard.runtime().plan(),
                           reason=reason)


def shows() -> dict[str, str]:
    """What the list may be narrowed to."""
    return {"accepted": _("通过"), "refused": _("未通过"), "undo": _("撤销"), "forced": _("组长放行"),
            "conflict": _("离线重复，待核对"), "offline": _("离线时放行")}
