"""Pairing a tablet with a station, the station's page by its mode, and leaving the station again."""
from __future__ import annotations

from typing import Any

from flask import Response, current_app, g, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.exceptions import HTTPException

import guard
import sessions
from guard import may
from kiosk import offline, pairing, tried
from kiosk.room import device_id, page, pages
from kiosk.station import station_news
from models.writer import NotRecorded
from sessions import STATION_COOKIE

YEAR_SECONDS = 365 * 24 * 3600
PAGES = {"kiosk": "kiosk/kiosk.html", "gate": "kiosk/gate.html", "desk": "kiosk/desk.html"}
NOT_A_LEAD = lazy_gettext("组长姓名或 PIN 不对")
_DEVICES = ("iPad", "iPhone", "Android", "Windows", "Macintosh", "CrOS", "Linux")   # Android says Linux too


@pages.get("/")
@may("anyone")
def home() -> Any:
    """A paired tablet's station; a new device is asked for its pairing code."""
    if g.station is not None:
        return redirect(url_for("kiosk.station"), 303)
    return page("kiosk/pair.html")


@pages.get("/pair")
@may("anyone")
def pair() -> Response:
    """Where the pairing QR leads. The code is looked at when it is sent, so that opening the page tells nothing."""
    return page("kiosk/pair.html", code=_digits(request.args.get("code", "")), now_at=g.station)


@pages.post("/pair")
@may("anyone")
def redeem() -> Any:
    """A pairing code makes this device a tablet of its station. A tablet that was one before leaves its old
    station; a kiosk does so for a lead only."""
    typed, name, old = _digits(request.form.get("code", "")), _device_name(), g.device
    if not _may_leave():
        return page("kiosk/pair.html", 403, code=typed, problem=NOT_A_LEAD, now_at=g.station)
    try:
        token, _key = tried.pair(typed, name, old.id if old is not None else None)
    except pairing.PairingRefused as refused:
        status = 404 if refused.reason == "unknown" else 410
        return page("kiosk/pair.html", status, code=typed, problem=_why(refused.reason), now_at=g.station)
    guard.runtime().plan(fresh=True)
    answer = redirect(url_for("kiosk.station"), 303)
    sessions.keep(answer, STATION_COOKIE, token, YEAR_SECONDS)
    return answer


@pages.get("/station")
@may("kiosk", "gate", "desk", "board")
def station() -> Any:
    """This tablet's own page. Names and codes are in none of them when they open."""
    here = guard.station()
    if here.mode == "board":
        return redirect("/board", 303)
    answer = page(PAGES[here.mode], station=station_news(guard.runtime(), here))
    answer.headers["X-Huiwu-Build"] = offline.build(str(current_app.static_folder))
    if here.mode == "kiosk" and g.staff is not None:     # a lead signed in here and left: the next one is a stranger
        sessions.forget(answer, sessions.STAFF_COOKIE)
    return answer


@pages.get("/station/leave")
@may("kiosk", "gate", "desk", "board")
def leaving() -> Response:
    """Asks before the tablet leaves its station; at a kiosk, where strangers stand, for a lead."""
    return page("kiosk/leave.html", here=guard.station())


@pages.post("/station/leave")
@may("kiosk", "gate", "desk", "board")
def leave() -> Any:
    """Ends this tablet's pairing."""
    here = guard.station()
    if not _may_leave():
        return page("kiosk/leave.html", 403, here=here, problem=NOT_A_LEAD)
    device = device_id()
    guard.runtime().writer.do(lambda session: pairing.revoke(session, device))
    answer = redirect(url_for("kiosk.pair"), 303)
    sessions.forget(answer, STATION_COOKIE)
    return answer


@pages.errorhandler(429)
def too_often(_error: HTTPException) -> Any:
    """Somebody tries code after code."""
    if request.endpoint == "kiosk.redeem":
        said = (_("有人在乱试配对码，短码暂停使用。请会务组重新生成一个，新码更长") if g.station is None
                else _("试得太多了，请等一分钟再试"))
        return page("kiosk/pair.html", 429, problem=said, now_at=g.station)
    return page("kiosk/problem.html", 429, message=_("试得太多了，请等一分钟再试"))


@pages.errorhandler(NotRecorded)
def not_recorded(_error: NotRecorded) -> Any:
    """503: nothing was written, trying again is safe."""
    answer = page("kiosk/problem.html", 503, message=_("没有记录下来，请再试一次"))
    answer.headers["Retry-After"] = "1"
    return answer


def _may_leave() -> bool:
    """Whether this device may become something else: a kiosk, where strangers stand, only with a lead's PIN."""
    if g.station is None or g.station.mode != "kiosk":
        return True
    return tried.lead_beside(request.form.get("name", ""), request.form.get("pin", ""))


def _why(reason: str) -> str:
    return {"unknown": _("没有这个配对码。请核对六位数字"),
            "used": _("这个配对码已经用过。一个码只配一台，请会务组再生成一个"),
            "expired": _("这个配对码已过期。配对码 10 分钟内有效，请会务组再生成一个")}[reason]


def _digits(text: str) -> str:
    """The digits of a pairing code, at most so many as one has; full-width ones as well."""
    return "".join(str(int(letter)) for letter in text if letter.isdecimal())[:12]


def _device_name() -> str:
    """What the device says it is, so that the coordinator tells two tablets apart."""
    agent = request.headers.get("User-Agent", "")
    return next((name for name in _DEVICES if name in agent), "")
