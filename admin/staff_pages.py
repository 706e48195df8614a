"""人员: who works at the event, their roles, a new secret for the morning it was forgotten."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

import guard
from admin import people
from admin.confirm import confirmed
from admin.refusals import sentence
from admin.room import pages
from guard import may
from models.people import Staff


@pages.get("/admin/staff")
@may("coordinator")
def staff() -> str:
    """Everybody, and the form for one more."""
    return _page()


@pages.post("/admin/staff")
@may("coordinator")
@confirmed
def add_staff() -> Any:
    """One more."""
    name, role = request.form.get("name", "").strip(), request.form.get("role", "")
    return _try(lambda: people.create(guard.runtime(), name, role, request.form.get("secret", "")),
                _("已添加%(name)s。", name=name), name=name, role=role)


@pages.get("/admin/staff/<int:staff_id>")
@may("coordinator")
def staff_member(staff_id: int) -> str:
    """One of them: a new secret, or the end of their work."""
    return render_template("admin/staff_member.html", one=_known(staff_id), error=None, roles=roles())


@pages.post("/admin/staff/<int:staff_id>/reset")
@may("coordinator")
@confirmed
def reset_staff(staff_id: int) -> Any:
    """A new secret; it ends their sessions and lets a disabled one in again."""
    one = _known(staff_id)
    try:
        people.reset(guard.runtime(), one.name, request.form.get("secret", ""))
    except people.StaffRefused as refused:
        return render_template("admin/staff_member.html", one=one, error=sentence(refused.error), roles=roles()), 400
    flash(_("%(name)s的口令已重设，请当面告诉本人。", name=one.name), "ok")
    return redirect(url_for("admin.staff"), 303)


@pages.post("/admin/staff/<int:staff_id>/disable")
@may("coordinator")
@confirmed
def disable_staff(staff_id: int) -> Any:
    """The end of their work here, at once."""
    one = _known(staff_id)
    return _try(lambda: people.disable(guard.runtime(), one.name), _("%(name)s已停用，不能再登录。", name=one.name))


def _try(change: Callable[[], None], done: str, **typed: str) -> Any:
    try:
        change()
    except people.StaffRefused as refused:
        return _page(sentence(refused.error), **typed), 400
    flash(done, "ok")
    return redirect(url_for("admin.staff"), 303)


def _page(error: str | None = None, **typed: str) -> str:
    return render_template("admin/staff.html", everyone=people.everyone(guard.runtime()), error=error, typed=typed,
                           roles=roles(), zone=guard.runtime().plan().event.zone)


def _known(staff_id: int) -> Staff:
    return next((one for one in people.everyone(guard.runtime()) if one.id == staff_id), None) or abort(404)


def roles() -> dict[str, tuple[str, str]]:
    """The roles, the lowest first: what they are called and what they may."""
    return {"staff": (_("工作人员"), _("在服务点扫码、补证、补打；PIN 至少 4 位数字")),
            "lead": (_("组长"), _("还能放行和撤销；PIN 至少 4 位数字")),
            "coordinator": (_("总负责"), _("能看能改一切；口令至少 8 个字"))}
