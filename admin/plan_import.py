"""导入方案: a plan file over the plan that is there, with everything it would change shown before it is saved."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

import guard
from admin import plan_forms, plan_said, plan_saving
from admin.confirm import confirmed
from admin.room import pages
from admin.shell import said
from guard import may
from models import plan_file, plan_store
from models.plan_store import Changes
from models.plan_types import Plan
from models.plan_words import PlanError, Problem

LARGEST = 1024 * 1024        # bytes of a plan file; a large meeting's has 50 KB


@pages.get("/admin/plan/import")
@may("coordinator")
def import_plan() -> str:
    """The form."""
    return _page()


@pages.url_value_preprocessor
def allow_a_plan(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """The text comes back in a field after it was looked at: said here, before the token's check reads the form."""
    if endpoint == "admin.look_at_plan":
        request.max_form_memory_size = LARGEST + 1024


@pages.post("/admin/plan/import")
@may("coordinator")
def look_at_plan() -> Any:
    """First shows what the file would change; with `sure`, and if the plan is still the same, changes it.

    Changing asks for the passphrase, looking does not: a plan has the printers' addresses, where the laptop sends bytes.
    """
    return _change() if request.form.get("sure") or "kept_form" in request.form else _look()


def _look() -> Any:
    text = request.form.get("text")
    try:
        text = _uploaded() if text is None else text.replace("\r\n", "\n")
        new, _remarks = plan_file.read(text)
    except UnicodeDecodeError:
        return _page([Problem(None, "", _("这不是 UTF-8 文本，请在编辑器里另存为 UTF-8。"))]), 422
    except PlanError as error:
        return _page(error.problems), 422
    old = plan_saving.load(guard.runtime())
    sure, fresh = bool(request.form.get("sure")), request.form.get("seen") == plan_forms.print_of(plan_file.to_raw(old))
    if not (sure and fresh):
        return _show(text, old, new, moved_on=sure)
    try:
        changes = plan_saving.replace(guard.runtime(), old, new)
    except PlanError as error:
        return _show(text, old, new, error.problems), 409
    if changes is None:
        return _show(text, plan_saving.load(guard.runtime()), new, moved_on=True)
    flash(_("方案已换成导入的这一份，立即生效。"), "ok")
    return redirect(url_for("admin.plan"), 303)


_change = confirmed(_look)


def _uploaded() -> str:
    """The file's text. PlanError if there is none, or if it is too large to be a plan."""
    file = request.files.get("file")
    content = file.stream.read(LARGEST + 1) if file else b""
    if not content:
        raise PlanError([Problem(None, "", _("请先选一个方案文件。"))])
    if len(content) > LARGEST:
        raise PlanError([Problem(None, "", _("这个文件太大，不是会务方案。"))])
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _show(text: str, old: Plan, new: Plan, problems: list[Problem] | None = None, moved_on: bool = False) -> str:
    with guard.runtime().reading() as session:
        changes, in_use = plan_store.preview(session, new)
    before, after = plan_file.to_raw(old), plan_file.to_raw(new)
    remarks = [plan_said.about(problem, after) + plan_said.sentence(problem) for problem in plan_file.remarks(after)]
    return _page(problems if problems is not None else in_use, text=text, lines=list(_lines(changes, before, after)),
                 remarks=remarks, seen=plan_forms.print_of(before), moved_on=moved_on)


def _page(problems: list[Problem] | None = None, **more: Any) -> str:
    more = {"text": "", "lines": None, "remarks": [], "seen": "", "moved_on": False, **more}
    return render_template("admin/plan_import.html", problems=problems or [], words=plan_said, **more)


def _lines(changes: Changes, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each changed part of the plan: what it is, how it changes, and its fields with both values."""
    if changes.event:
        yield {"table": "event", "name": said(before["event"]), "how": "changed",
               "fields": _fields(before["event"], after["event"])}
    for how, pairs in (("removed", changes.removed), ("changed", changes.changed), ("added", changes.added)):
        for table, key in pairs:
            old, new = plan_forms.find(before, table, key), plan_forms.find(after, table, key)
            fields = _fields(old, new) if old and new else []
            if how != "changed" or fields:      # that others came or went around it is no news of its own
                yield {"table": table, "name": said(new or old) or key, "how": how, "fields": fields}
    for table in plan_said.TABLES:
        old_order, new_order = _order(before, after, table), _order(after, before, table)
        if old_order != new_order:
            yield {"table": table, "name": "", "how": "changed", "fields": [
                (_("排列位置"), *(plan_said.names(plan_forms.find(after, table, key) for key in order)
                                for order in (old_order, new_order)))]}


def _fields(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[Any, str, str]]:
    names = [*old, *(name for name in new if name not in old)]
    return [(plan_said.LABELS.get(name, name), plan_said.value_words(old.get(name)), plan_said.value_words(new.get(name)))
            for name in names if old.get(name) != new.get(name)]


def _order(raw: Mapping[str, Any], other: Mapping[str, Any], table: str) -> list[str]:
    """The keys that both plans have, in the order of the first."""
    kept = {item["key"] for item in other[table]}
    return [item["key"] for item in raw[table] if item["key"] in kept]
