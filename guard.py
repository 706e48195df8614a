"""Deny by default: every route says who may call it, and one gate in front of all of them asks.

`@may("desk", "coordinator")` stands on each view: `anyone`, a station's mode (kiosk, gate, desk, board), or a staff
role (staff < lead < coordinator: a higher role may what a lower one may). A view without it answers 500 and fails
the tests. Authentication, the role check and CSRF are on the measured road of a scan; nothing goes around them.
"""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import (
    Flask,
    Request,
    Response,
    abort,
    current_app,
    g,
    jsonify,
    redirect,
    request,
    url_for,
)
from flask_babel import gettext as _
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy import select

import browsers
from doors import DOOR
from models import codes, sign_ins
from models.database import now
from models.devices import Grant
from models.people import Staff
from models.runtime import Runtime
from models.snapshot import DeviceView, StationView
from sessions import STAFF_COOKIE, STATION_COOKIE, Sessions, here, read
from throttle import limiter, of_known, places
from tries import Budgets

F = TypeVar("F", bound=Callable[..., Any])
ROLES = ("staff", "lead", "coordinator")
MODES = ("kiosk", "gate", "desk", "board")
GRANTERS = ("lead", "coordinator")       # whose PIN lets a tablet force and undo late
SAFE = ("GET", "HEAD", "OPTIONS")
LONGEST_FORM = 128 * 1024       # bytes: read as a whole, a form of two megabytes may be a million fields
csrf = CSRFProtect()


def may(*who: str) -> Callable[[F], F]:
    """States who may call a view."""
    unknown = set(who) - {"anyone", *ROLES, *MODES}
    if not who or unknown:
        raise ValueError(f"who may call it? {unknown or 'nobody'}")

    def mark(view: F) -> F:
        view.may = frozenset(who)  # type: ignore[attr-defined]
        return view
    return mark


def runtime() -> Runtime:
    """The ledger and its company of this application."""
    return current_app.extensions["huiwu"]


def station() -> StationView:
    """The station of the tablet that asks; only in views that a station may call."""
    station = here()[0].station
    return station if station is not None else abort(401)


def staff() -> Staff | None:
    """The person signed in in this browser."""
    return g.staff


def budgets() -> Budgets:
    """How often secrets may be tried at this application."""
    return cast(Budgets, current_app.extensions["huiwu.tries"])


def granted() -> Staff | None:
    """The lead or coordinator whose grant for this tablet is on the request."""
    kept, asked = here()
    if "granted" not in kept:
        kept.granted = _holder(asked.environ.get("HTTP_X_GRANT"), kept.device)
    return cast("Staff | None", kept.granted)


def _holder(grant: str | None, device: DeviceView | None) -> Staff | None:
    if not grant or device is None:
        return None
    with runtime().reading() as session:
        row = session.execute(
            select(Staff).join(Grant, Grant.staff_id == Staff.id).where(
                Grant.token_hash == codes.digest(grant), Grant.device_id == device.id, Grant.expires_at > now(),
                Staff.disabled_at.is_(None), Staff.role.in_(GRANTERS))).scalar()
        if row is not None:
            session.expunge(row)
        return row


def install(app: Flask) -> None:
    """Puts the gate in front of every view of an application."""
    app.config.setdefault("WTF_CSRF_CHECK_DEFAULT", False)
    app.config.setdefault("WTF_CSRF_TIME_LIMIT", None)
    app.config.setdefault("WTF_CSRF_SSL_STRICT", False)     # asks for a Referer; `_refuse_other_sites` asks for better
    csrf.init_app(app)
    app.session_interface = Sessions()
    limiter.init_app(app)
    app.extensions["huiwu.tries"] = Budgets(app.config.get("RATELIMIT_ENABLED", True))
    app.before_request(_admit)
    app.teardown_request(_leave_place)


def _admit() -> Any:
    kept, asked = here()
    kept.device = kept.station = kept.staff = kept.sign_in = kept.confirmed_at = None
    if asked.endpoint is None or asked.endpoint == "static":
        return None
    view = current_app.view_functions[asked.endpoint]
    allowed = getattr(view, "may", None)
    if allowed is None:
        current_app.logger.error("no statement of who may call %s", asked.endpoint)
        abort(500)
    _recognise(kept, asked)
    if not _is_allowed(kept, allowed):
        return _turn_away(view)
    if asked.method in SAFE:
        return None
    # At the plain door the form is there before a thread is taken: the laptop signs in whatever strangers hold.
    if DOOR not in asked.environ and not _has_place(kept):
        return _busy()
    if asked.mimetype == "application/x-www-form-urlencoded":
        asked.max_content_length = LONGEST_FORM
    # A bearer token is not sent by a stranger's page; a cookie is, so whoever leans on one shows the page's token.
    # Any other Authorization is typed into an address by whoever likes, and proves nothing.
    if asked.authorization is None or asked.authorization.type != "bearer":
        _refuse_other_sites(asked)
        if _leans_on_cookie(allowed):
            csrf.protect()
    return None


def _refuse_other_sites(asked: Request) -> None:
    """Refuses what the browser says was sent by another site's page. Browsers over https and at localhost always say
    so themselves; older ones and plain http name the origin. Programs say neither."""
    site, origin = asked.headers.get("Sec-Fetch-Site"), asked.headers.get("Origin")
    if site not in (None, "same-origin", "none") or (site is None and origin and urlsplit(origin).netloc != asked.host):
        raise CSRFError("another site's page")


def _leans_on_cookie(allowed: frozenset[str]) -> bool:
    return "anyone" not in allowed or request.blueprint != "api"


def _has_place(kept: Any) -> bool:
    if kept.device is not None:
        room, caller = of_known, f"device-{kept.device.id}"
    elif kept.staff is not None:
        room, caller = of_known, f"staff-{kept.staff.id}"
    elif (browser := browsers.of(request)) is not None:      # somebody of ours has signed in there before
        room, caller = of_known, f"browser-{browser.id}"
    else:
        room, caller = places, get_remote_address()
    if room.take(caller):
        kept.place = room, caller
        return True
    return False


def _leave_place(_error: BaseException | None) -> None:
    place = g.pop("place", None)
    if place is not None:
        place[0].give(place[1])


def _busy() -> Any:
    message, headers = _("现在登录的人太多，请过几秒再试"), {"Retry-After": "5"}
    if request.blueprint == "api":
        return jsonify(error="busy", message=message), 503, headers
    return Response(message, 503, headers, mimetype="text/plain")


def _recognise(kept: Any, asked: Request) -> None:
    """Finds out which tablet and which person ask."""
    by_cookie = asked.authorization is None and "HTTP_COOKIE" in asked.environ
    token = _token(asked)
    if token:
        found = runtime().device(codes.digest(token))
        if found:
            kept.device, kept.station = found
    session = read(STAFF_COOKIE, asked) if by_cookie else None
    if session:
        found_person = _signed_in(codes.digest(session))
        if found_person:
            kept.sign_in = codes.digest(session)
            kept.staff, kept.confirmed_at = found_person


def _token(asked: Request) -> str | None:
    """The token that a tablet shows: it may be anybody's."""
    bearer = asked.authorization
    if bearer is None:
        return read(STATION_COOKIE, asked)
    return bearer.token if bearer.type == "bearer" else None


def _signed_in(token_hash: str) -> tuple[Staff, datetime | None] | None:
    with runtime().reading() as session:
        found = sign_ins.of_token(session, token_hash, runtime().asked)
    if found is not None:
        runtime().asked[token_hash] = now()
    return found


def is_open_to(view: Callable[..., Any], who: str | None) -> bool:
    """Whether a station's mode or a staff role may call a view."""
    return who in _everybody(view.may)  # type: ignore[attr-defined]  # `may` put it there


def _everybody(allowed: frozenset[str]) -> frozenset[str]:
    """Whom a statement admits: a higher role may what a lower one may."""
    lowest = min((ROLES.index(role) for role in ROLES if role in allowed), default=len(ROLES))
    return allowed | frozenset(ROLES[lowest:])


def _is_allowed(kept: Any, allowed: frozenset[str]) -> bool:
    if "anyone" in allowed:
        return True
    if kept.station is not None and kept.station.mode in allowed:
        return True
    return kept.staff is not None and kept.staff.role in _everybody(allowed)


def _turn_away(view: Callable[..., Any]) -> Any:
    known = g.station is not None or g.staff is not None
    if request.blueprint == "api":
        keeps, token = getattr(view, "keeps_aside", None), _token(request)
        if keeps is not None and token and not known and request.method == "POST":
            return _turn_away_but_keep(keeps, token)
        error, status = ("forbidden", 403) if known else ("unauthorised", 401)
        message = _("这台设备没有这个权限") if known else _("请先配对设备或登录")
        return jsonify(error=error, message=message), status
    if known and g.staff is not None:
        abort(403)
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": url_for("admin.login")}
    return redirect(url_for("admin.login", next=request.full_path if request.method == "GET" else None), 303)


def _turn_away_but_keep(keeps: Callable[[str], dict[str, Any]], token: str) -> Any:
    """401 all the same; but scans of a tablet that was one of ours are not lost (kiosk/aside.py)."""
    kept, asked = here()
    if DOOR not in asked.environ and not _has_place(kept):
        return _busy()
    if asked.authorization is None:
        _refuse_other_sites(asked)
    return jsonify(error="unauthorised", message=_("请先配对设备或登录"), **keeps(token)), 401


def actor() -> str:
    """Who does it: the grant's holder, else the staff member signed in here, else the station (design.md)."""
    kept = here()[0]
    person = granted() or kept.staff
    if person is not None:
        return cast(str, person.name)
    return str(kept.station.key) if kept.station is not None else ""


def measured(sent: str | None) -> datetime | None:
    """The device's own clock, as it sent it with a request (`X-Sent-At`)."""
    if not sent:
        return None
    try:
        moment = datetime.fromisoformat(sent)
    except ValueError:
        return None
    # A clock may have started in 1970; beyond that nothing is a clock, and adding to it would overflow.
    return moment if moment.tzinfo and 1970 <= moment.year <= 2200 else None
