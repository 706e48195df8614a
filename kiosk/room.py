"""The blueprint of the tablets' pages, and how a page or a part of one is answered."""
from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request

import guard
from kiosk import handles
from kiosk.station import station_news
from models.database import now
from sessions import choose_language

pages = Blueprint("kiosk", __name__)


def page(template: str, status: int = 200, **more: Any) -> Response:
    """A whole page in the person's language. It is nobody's business after it was left: no cache keeps it."""
    lang = "en" if choose_language() == "en" else "zh-CN"
    answer = make_response(render_template(template, lang=lang, **more), status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def part(template: str, status: int = 200, **more: Any) -> Response:
    """A part of the desk: alone for htmx, within the whole desk for a browser without scripts."""
    if request.headers.get("HX-Request"):
        return page(template, status, **more)
    return page("kiosk/desk.html", status, station=station_news(guard.runtime(), guard.station()), inside=template, **more)


def words_of(name: str, name_en: str) -> str:
    """A name of the plan in the person's language."""
    return (name_en or name) if choose_language() == "en" else name


def in_words(message: str) -> str:
    """A printer's message, which is kept in both languages ("缺纸 · Out of paper"), in the person's."""
    chinese, _dot, english = message.partition(" · ")
    return (english or chinese) if choose_language() == "en" else chinese


def device_id() -> int:
    """The tablet that asks; only in views that a station may call."""
    return int(g.device.id)


def handle(attendee_id: int) -> str:
    """A handle of this tablet for a person."""
    return handles.make(guard.runtime().plan().event.secret, attendee_id, device_id(), now())


def whose(who: str) -> int | None:
    """The person of a desk form's handle; None when it is another tablet's, forged, or older than an hour."""
    return handles.read(guard.runtime().plan().event.secret, who, device_id(), now(), handles.AT_A_DESK)
