"""The passphrase typed anew: before personal data leaves the server, before the staff changes, before the event goes
live or ends. It is good for five minutes in that sign-in, and signing in is typing it, too.

Nothing that was asked for is lost: a page is gone back to, and a form is kept in memory, not in the page (it may hold
somebody's new PIN), and is taken once the passphrase was right.
"""
from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import current_app, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException

import guard
import pins
from admin import refusals, standby
from admin.room import pages
from admin.shell import local_path
from guard import may
from models import sign_ins
from sessions import here

View = TypeVar("View", bound=Callable[..., Any])
KEPT_SECONDS = 600.0
KEPT_FORMS = 50          # of everybody; of the coordinators at work there are a few


class Forms:
    """Forms that wait for a passphrase, each for the sign-in and the address that it was sent by and to."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, str, float, ImmutableMultiDict[str, str]]] = {}
        self._lock = threading.Lock()

    def keep(self, sign_in: str, path: str, form: ImmutableMultiDict[str, str]) -> str:
        """Keeps a form; the oldest goes where there are too many."""
        key, limit = secrets.token_urlsafe(12), time.monotonic() - KEPT_SECONDS
        with self._lock:
            fresh = [(name, one) for name, one in self._kept.items() if one[2] > limit]
            self._kept = dict(fresh[-(KEPT_FORMS - 1):])
            self._kept[key] = (sign_in, path, time.monotonic(), form)
        return key

    def take(self, key: str, sign_in: str, path: str) -> ImmutableMultiDict[str, str] | None:
        """The form, once."""
        with self._lock:
            found = self._kept.get(key)
            if found is None or found[:2] != (sign_in, path) or found[2] < time.monotonic() - KEPT_SECONDS:
                return None
            return self._kept.pop(key)[3]


def confirmed(view: View) -> View:
    """Asks for the passphrase where it was not typed within five minutes. Stands below `@may`."""
    @wraps(view)
    def asked(*args: Any, **named: Any) -> Any:
        if sign_ins.is_fresh(g.confirmed_at) and "kept_form" not in request.form:
            return view(*args, **named)
        if request.method in guard.SAFE:
            return redirect(url_for("admin.confirm", next=request.full_path.rstrip("?")), 303)
        if "kept_form" not in request.form:
            return _ask(_forms().keep(g.sign_in, request.path, request.form))
        return _confirmed_form(view, args, named)
    asked.confirmed = True  # type: ignore[attr-defined]  # so that the table of routes can say so
    return asked  # type: ignore[return-value]  # it takes and gives what the view does


def _confirmed_form(view: Callable[..., Any], args: Any, named: Any) -> Any:
    key = request.form.get("kept_form", "")
    if not _is_right():
        return _ask(key, wrong=True)
    form = _forms().take(key, g.sign_in, request.path)
    if form is None:
        return refusals.page(400, _("页面放得太久了"), _("没有做任何改动。请返回上一页，刷新后再试一次。"))
    here()[1].form = form
    return view(*args, **named)


def _is_right() -> bool:
    """Whether the passphrase that came with the request is that of whoever is signed in; then it is noted."""
    budgets, sign_in = guard.budgets(), g.sign_in
    with budgets.trying((budgets.confirming, sign_in)) as right:
        if not pins.is_right(g.staff.secret_hash, request.form.get("passphrase", "")):
            return False
        right()
    guard.runtime().writer.do(lambda session: sign_ins.confirm(session, sign_in))
    standby.seal(guard.runtime().data, g.staff.secret_hash, request.form["passphrase"])
    return True


def _ask(key: str, wrong: bool = False) -> Any:
    return _page(request.path, kept=key, wrong=wrong), 403


def _page(action: str, *, kept: str = "", wanted: str = "", wrong: bool = False) -> str:
    return render_template("admin/confirm.html", action=action, kept=kept, next=wanted, wrong=wrong, back=_back(wanted))


def _back(wanted: str) -> str:
    """Where 取消 goes: the page of ours that they came from if a link may open it, else home. Never here again, nor to
    the page that asks."""
    came = urlsplit(request.referrer or "")
    sent = came._replace(scheme="", netloc="", fragment="").geturl() if came.netloc == request.host else ""
    path = local_path(request.form.get("back") or sent)
    if path is None or path == wanted:
        return url_for("admin.dashboard")
    try:
        found, _named = current_app.url_map.bind("").match(urlsplit(path).path, method="GET")
    except HTTPException:
        found = "admin.confirm"
    return url_for("admin.dashboard") if found == "admin.confirm" else path


@pages.get("/confirm")
@may("coordinator")
def confirm() -> str:
    """Asks for the passphrase before a page is shown."""
    return _page(url_for("admin.confirm"), wanted=local_path(request.args.get("next")) or "")


@pages.post("/confirm")
@may("coordinator")
def take_confirmation() -> Any:
    """Takes it, and goes back to the page."""
    wanted = local_path(request.form.get("next")) or url_for("admin.dashboard")
    if _is_right():
        return redirect(wanted, 303)
    return _page(url_for("admin.confirm"), wanted=wanted, wrong=True), 403


def _forms() -> Forms:
    found: Forms = current_app.extensions.setdefault("huiwu.forms", Forms())
    return found
