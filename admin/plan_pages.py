"""方案: what the meeting has, as one page, and a form for each part of it. A change is in force at once.

Buttons inside a form that only reshape it (one more window, a service further up) answer with the form again and save
nothing; they need no script.
"""
from __future__ import annotations

import io
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _

import guard
from admin import plan_forms, plan_said, plan_saving
from admin.confirm import confirmed
from admin.plan_forms import Raw
from admin.plan_view import overview
from admin.room import pages
from admin.shell import said
from guard import may
from models import plan_file, plan_store
from models.plan_words import PlanError

TABLE = "any(category,service,station,printer)"
TEMPLATES = {"event": "admin/event_edit.html", "category": "admin/category.html", "service": "admin/service.html",
             "station": "admin/station.html", "printer": "admin/printer_edit.html"}
STARTS: dict[str, Raw] = {      # what a new one begins as
    "category": {"colour": "#3c4a6b"}, "service": {}, "station": {"mode": "desk"},
    "printer": {"url": "virtual://"}}
COMMON_ZONES = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Urumqi", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo",
                "Europe/London", "Europe/Berlin", "America/New_York", "UTC")


@pages.get("/admin/plan")
@may("coordinator")
def plan() -> str:
    """The whole plan, by day."""
    return render_template("admin/plan.html", **overview(guard.runtime()))


@pages.get("/admin/plan/export")
@may("coordinator")
def export_plan() -> Response:
    """The plan as the TOML file that reads back to the same plan."""
    runtime = guard.runtime()
    with runtime.reading() as session:
        text = plan_store.export(session)
    return send_file(io.BytesIO(text.encode()), "application/toml", as_attachment=True,
                     download_name=f"{_('会务方案')}.toml", max_age=0)


# --- the event ---

@pages.get("/admin/plan/event")
@may("coordinator")
def edit_event() -> str:
    """The form of the event's own words and dates."""
    raw = plan_file.to_raw(plan_saving.load(guard.runtime()))
    return _form("event", None, raw["event"], raw)


@pages.post("/admin/plan/event")
@may("coordinator")
def save_event() -> Any:
    """Takes the event's form."""
    return _take("event", None, plan_forms.read("event", request.form))


# --- categories, services, stations, printers ---

@pages.get(f"/admin/plan/new/<{TABLE}:table>")
@may("coordinator")
def new_item(table: str) -> str:
    """An empty form; a service's kind is chosen before, since it decides what there is to fill in."""
    raw = plan_file.to_raw(plan_saving.load(guard.runtime()))
    item = dict(STARTS[table])
    if table == "service":
        if (kind := request.args.get("kind")) not in plan_said.KINDS:
            return render_template("admin/service_kinds.html", kinds=plan_said.KINDS, icons=plan_said.KIND_ICONS)
        item["kind"] = kind
    return _form(table, None, item, raw)


@pages.post(f"/admin/plan/new/<{TABLE}:table>")
@may("coordinator")
def add_item(table: str) -> Any:
    """Takes the form of a new one."""
    return _add_printer(table) if table == "printer" else _add(table)


def _add(table: str) -> Any:
    kind = request.form.get("kind", "")
    if table == "service" and kind not in plan_said.KINDS:
        abort(400)
    wish = request.form.get("do")
    item = plan_forms.read(table, request.form, kind, keep_blank=wish is not None)
    return _take(table, None, item, wish)


@pages.get(f"/admin/plan/<{TABLE}:table>/<key>")
@may("coordinator")
def edit_item(table: str, key: str) -> str:
    """The form of one that is there."""
    raw = plan_file.to_raw(plan_saving.load(guard.runtime()))
    return _form(table, key, plan_forms.find(raw, table, key) or abort(404), raw)


@pages.post(f"/admin/plan/<{TABLE}:table>/<key>")
@may("coordinator")
def save_item(table: str, key: str) -> Any:
    """Takes the form of one that is there. Its key and a service's kind stay: the ledger speaks of them."""
    return _save_printer(table, key) if table == "printer" else _save(table, key)


def _save(table: str, key: str) -> Any:
    raw = plan_file.to_raw(plan_saving.load(guard.runtime()))
    there = plan_forms.find(raw, table, key) or abort(404)
    wish = request.form.get("do")
    item = plan_forms.read(table, request.form, there.get("kind", ""), keep_blank=wish is not None)
    return _take(table, key, {**item, "key": key}, wish)


# A printer's address says where the laptop itself sends bytes: not without the passphrase.
_add_printer, _save_printer = confirmed(_add), confirmed(_save)


@pages.post(f"/admin/plan/<{TABLE}:table>/<key>/delete")
@may("coordinator")
def delete_item(table: str, key: str) -> Any:
    """Takes it out of the plan, and its mentions with it."""
    raw = plan_file.to_raw(plan_saving.load(guard.runtime()))
    there = plan_forms.find(raw, table, key) or abort(404)
    try:
        plan_saving.edit(guard.runtime(), lambda raw: plan_forms.remove(raw, table, key))
    except PlanError as error:
        after = {**raw}
        plan_forms.remove(after, table, key)
        return _form(table, key, there, raw, others=_why(error, after)), 409
    flash(_("已删除“%(name)s”。", name=said(there) or key), "ok")
    return redirect(url_for("admin.plan"), 303)


def _take(table: str, key: str | None, item: Raw, wish: str | None = None) -> Any:
    """Saves a form, or shows it again: reshaped, or with what is wrong at its fields."""
    runtime, seen, after = guard.runtime(), request.form.get("seen", ""), request.form.get("after")
    before = plan_file.to_raw(plan_saving.load(runtime))
    if wish is not None:
        return _form(table, key, plan_forms.reshape(item, wish), before, seen=seen, after=after)
    if table != "event" and "key" not in item:
        item["key"] = plan_forms.new_key(before, table, item)
    looked_at: Raw = {}

    def change(raw: Raw) -> None:
        there = raw["event"] if table == "event" else plan_forms.find(raw, table, key) if key else None
        if there is not None and plan_forms.print_of(there) != seen:
            raise plan_saving.Overtaken
        looked_at.update(raw)
        looked_at["at"] = plan_forms.put(raw, table, key, item, after)
    try:
        changes = plan_saving.edit(runtime, change)
    except plan_saving.Overtaken:
        return _form(table, key, item, before, after=after, others=[_(
            "您打开之后，别人改过这一项。您填的还在下面：核对后再保存一次，就以您的为准。")]), 409
    except PlanError as error:
        path = ("event",) if table == "event" else (table, looked_at["at"])
        fields, others = plan_said.split(error.problems, path, looked_at, plan_forms.SHOWN[table])
        return _form(table, key, item, before, seen=seen, after=after, wrong=fields, others=others), 422
    name = said(item) or item.get("key", "")
    flash(_("已保存“%(name)s”，立即生效。", name=name) if changes else _("没有改动。"), "ok")
    return redirect(url_for("admin.plan", _anchor=None if table == "event" else f"{table}-{item['key']}"), 303)


def _why(error: PlanError, raw: Raw) -> list[str]:
    return [plan_said.about(problem, raw) + plan_said.sentence(problem) for problem in error.problems]


def _form(table: str, key: str | None, item: Raw, raw: Raw, *, seen: str | None = None, after: str | None = None,
          wrong: dict[str, str] | None = None, others: list[str] | None = None) -> str:
    """A form as it stands. `raw` is the whole plan, for what there is to choose from."""
    there = raw["event"] if table == "event" else plan_forms.find(raw, table, key) if key else None
    items = raw.get(table, []) if table != "event" else []
    keys = [one["key"] for one in items]
    if after is None and key in keys:
        after = ["", *keys][keys.index(key)]
    elif after is None:
        after = keys[-1] if keys else ""
    more = _stock_of(key) if table == "service" and key and item.get("kind") == "material" else {}
    return render_template(
        TEMPLATES[table], table=table, key=key, item=item, raw=raw, wrong=wrong or {}, others=others or [], after=after,
        seen=plan_forms.print_of(there) if seen is None else seen, neighbours=[one for one in items if one["key"] != key],
        mentions=plan_forms.mentions(raw, table, key) if key else [], words=plan_said, zones=COMMON_ZONES,
        title=said(there) or key if there else None, **more)


def _stock_of(key: str) -> dict[str, Any]:
    """What is left of a material, and who corrected it."""
    runtime = guard.runtime()
    with runtime.reading() as session:
        return {"left": plan_saving.left_of(session, key), "newest": plan_saving.newest_correction(session, key),
                "corrections": plan_saving.corrections(session, key), "zone": runtime.plan().event.zone}


# --- at once, without the form ---

@pages.post("/admin/plan/service/<key>/closed")
@may("coordinator")
def close_service(key: str) -> Any:
    """Stops a service at once (`service_closed`), or lets it go on."""
    closed = request.form.get("closed") == "1"
    try:
        plan_saving.set_closed(guard.runtime(), key, closed)
    except KeyError:
        abort(404)
    name = said(guard.runtime().plan(fresh=True).services[key])
    flash(_("“%(name)s”已停止：从现在起扫码一律不通过，直到恢复。", name=name) if closed
          else _("“%(name)s”已恢复。", name=name), "ok")
    return redirect(url_for("admin.plan", _anchor=f"service-{key}"), 303)


@pages.post("/admin/plan/service/<key>/stock")
@may("coordinator")
def correct_stock(key: str) -> Any:
    """Corrects what is left of a material."""
    form, back = request.form, redirect(url_for("admin.edit_item", table="service", key=key, _anchor="stock"), 303)
    try:
        pieces, seen = int(form.get("pieces", "")), int(form.get("newest", ""))
        if not 0 <= pieces <= 10_000_000 or form.get("how") not in ("counted", "more", "fewer"):
            raise ValueError(pieces)
    except ValueError:
        flash(_("没有改动：请写 0 以上的整数。"), "bad")
        return back
    try:
        moved, left = plan_saving.correct_stock(guard.runtime(), key, -pieces if form["how"] == "fewer" else pieces,
                                                form["how"] == "counted", seen, guard.actor())
    except KeyError:
        abort(404)
    except ValueError as error:
        flash(_("没有改动：只剩 %(left)s，减不了 %(n)s。", left=error.args[0], n=pieces), "bad")
    except plan_saving.Overtaken:
        flash(_("没有改动：这项库存刚刚更正过，请看现在的数字。"), "bad")
    else:
        flash(_("库存更正 %(moved)s，现在剩 %(left)s。", moved=f"{moved:+}", left=left), "ok")
    return back
