"""Signing in and out, and the first coordinator's one-time code.

The rate limits count tries by name and address together: who guesses one name locks neither that person at another
device nor others at the same one. A wider one by address alone bounds guessing over many names. A try is counted
before it is judged: counted afterwards, sixty at once would all be judged.
"""
from __future__ import annotations

from typing import Any

from flask import g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_limiter.util import get_remote_address
from werkzeug import Response

import guard
import sessions
from admin import people
from admin.refusals import sentence
from admin.room import pages
from admin.shell import FOR_LEADS, local_path
from guard import may
from sessions import STAFF_COOKIE
from throttle import limiter

HOME = "/admin/"
TRIES = "10 per 5 minutes"            # of one name at one address
TRIES_OF_ADDRESS = "100 per 5 minutes"


def _name_at_address() -> str:
    return f"{get_remote_address()}|{request.form.get('name', '').strip().casefold()[:80]}"


@pages.get("/login")
@may("anyone")
def login() -> Any:
    """The form; who is signed in already goes to their work."""
    if g.staff is not None and not request.args.get("again"):
        return _welcome(g.staff.role, request.args.get("next"))
    return render_template("admin/login.html", next=local_path(request.args.get("next")) or "", name="", error=None)


@pages.post("/login")
@limiter.limit(TRIES, key_func=_name_at_address)
@limiter.limit(TRIES_OF_ADDRESS)
@may("anyone")
def log_in() -> Any:
    """Starts a session for a name with its passphrase or PIN."""
    name, wanted = request.form.get("name", ""), local_path(request.form.get("next"))
    try:
        token, role = people.sign_in(guard.runtime(), name, request.form.get("secret", ""))
    except people.StaffRefused as refused:
        return render_template("admin/login.html", next=wanted or "", name=name, error=sentence(refused.error)), 403
    return _signed_in(token, _way(role, wanted))


@pages.post("/logout")
@may("anyone")
def logout() -> Response:
    """Ends the session at the server: the cookie is worth nothing from now on, wherever it was copied to."""
    token = sessions.read(STAFF_COOKIE, request)
    if token:
        people.sign_out(guard.runtime(), token)
    answer = redirect(url_for("admin.login"), 303)
    sessions.forget(answer, STAFF_COOKIE)
    return answer


@pages.get("/setup")
@may("anyone")
def setup() -> str:
    """The form for the one-time code, or a kind word once there is a coordinator."""
    return render_template("admin/setup.html", done=people.has_coordinator(guard.runtime()), name="", error=None)


@pages.post("/setup")
@limiter.limit(TRIES)
@may("anyone")
def make_first() -> Any:
    """The one-time code makes the first coordinator."""
    form, runtime = request.form, guard.runtime()
    name, error = form.get("name", ""), None
    if form.get("secret", "") != form.get("again", ""):
        error = _("两次输入的口令不一样，请再输一次。")
    else:
        try:
            token = people.redeem_setup(runtime, form.get("code", ""), name, form.get("secret", ""))
            return _signed_in(token, HOME)
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


def _signed_in(token: str, way: str) -> Response:
    before = sessions.read(STAFF_COOKIE, request)
    if before:                               # whoever was signed in here before is not any more
        people.sign_out(guard.runtime(), before)
    answer = redirect(way, 303)
    sessions.keep(answer, STAFF_COOKIE, token, int(people.SESSION.total_seconds()))
    return answer
