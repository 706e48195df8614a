"""Signing in and out, and the first coordinator's one-time code.

How often it may be tried, and who is kept from trying by whom, says tries.py. Signing in begins a new session, with a
new token for the forms as well: what a browser brought along is worth nothing.
"""
from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug import Response

import browsers
import guard
import pins
import sessions
from admin import people
from admin.refusals import sentence
from admin.room import pages
from admin.shell import FOR_LEADS, local_path
from doors import DOOR, LAN, LAPTOP
from guard import may
from sessions import STAFF_COOKIE
from tries import Tries

HOME = "/admin/"


@pages.get("/login")
@may("anyone")
def login() -> Any:
    """The form; who is signed in already goes to their work."""
    if g.staff is not None and not request.args.get("again"):
        return _welcome(g.staff.role, request.args.get("next"))
    return render_template("admin/login.html", next=local_path(request.args.get("next")) or "", name="", error=None)


@pages.post("/login")
@may("anyone")
def log_in() -> Any:
    """Starts a session for a name with its passphrase or PIN."""
    name, wanted = request.form.get("name", ""), local_path(request.form.get("next"))
    try:
        token, role = _compared(name, request.form.get("secret", ""))
    except people.StaffRefused as refused:
        return render_template("admin/login.html", next=wanted or "", name=name, error=sentence(refused.error)), 403
    return _signed_in(token, _way(role, wanted), name)


def _compared(name: str, secret: str) -> tuple[str, str]:
    """The session's token and the role; StaffRefused, TooOften, Busy. A browser or tablet that is known, and the
    laptop's own door, have tries and a turn of their own: nobody elsewhere can use them up."""
    budgets, browser = guard.budgets(), browsers.of(request)
    account, gate = people.account_of(guard.runtime(), name), pins.HOUSE
    counted: list[tuple[Tries, Any]]
    if g.device is not None:
        counted = budgets.at_tablet(g.device.id, account)
    elif browser is not None and browser.knows(name):
        counted = [(budgets.browser, (browser.id, account))]
    elif _door() == LAPTOP:
        counted = [(budgets.laptop, account)]
    else:
        counted, gate = [(budgets.strangers, ""), (budgets.account, account)], pins.STRANGERS
    with budgets.trying(*counted) as right:
        made = people.sign_in(guard.runtime(), name, secret, gate)
        right()
    return made


def _door() -> str:
    """Whose tries these are: LAPTOP for its own browser at the plain door, LAN for everybody else."""
    return LAPTOP if request.environ.get(DOOR) == LAPTOP else LAN


@pages.post("/logout")
@may("anyone")
def logout() -> Response:
    """Ends the session at the server: the cookie is worth nothing from now on, wherever it was copied to."""
    token = sessions.read(STAFF_COOKIE, request)
    if token:
        people.sign_out(guard.runtime(), token)
    answer = redirect(url_for("admin.login"), 303)
    sessions.forget(answer, STAFF_COOKIE)
    session.clear()
    return answer


@pages.get("/setup")
@may("anyone")
def setup() -> str:
    """The form for the one-time code, or a kind word once there is a coordinator."""
    return render_template("admin/setup.html", done=people.has_coordinator(guard.runtime()), name="", error=None)


@pages.post("/setup")
@may("anyone")
def make_first() -> Any:
    """The one-time code makes the first coordinator."""
    form, runtime = request.form, guard.runtime()
    name, error = form.get("name", ""), None
    if form.get("secret", "") != form.get("again", ""):
        error = _("两次输入的口令不一样，请再输一次。")
    else:
        try:
            people.fits_first(name, form.get("secret", ""))     # a slip, no guess
            gate = pins.HOUSE if _door() == LAPTOP else pins.STRANGERS
            with guard.budgets().trying((guard.budgets().founding, _door())) as right:
                token = people.redeem_setup(runtime, form.get("code", ""), name, form.get("secret", ""), gate)
                right()
            return _signed_in(token, HOME, name)
        except people.StaffRefused as refused:
            error = sentence(refused.error)
    done = people.has_coordinator(runtime)
    return render_template("admin/setup.html", done=done, name=name, error=None if done else error), 403


def _welcome(role: str, wanted: str | None) -> Any:
    if role == "coordinator":
        return redirect(local_path(wanted) or HOME, 303)
    return render_template("admin/welcome.html")


def _way(role: str, wanted: str | None) -> str:
    """Where a person goes after signing in: the page they came from, if it is theirs."""
    if role == "coordinator":
        return wanted or HOME
    if role == "lead" and wanted in FOR_LEADS:
        return wanted
    return wanted if wanted and not wanted.startswith("/admin") else url_for("admin.login")


def _signed_in(token: str, way: str, name: str) -> Response:
    """A new session in this browser: nothing of the one before is kept, so none that somebody planted here."""
    before = sessions.read(STAFF_COOKIE, request)
    if before:                               # whoever was signed in here before is not any more
        people.sign_out(guard.runtime(), before)
    answer = redirect(way, 303)
    sessions.keep(answer, STAFF_COOKIE, token, int(people.SESSION.total_seconds()))
    browsers.remember(answer, request, name)
    session.clear()
    return answer
