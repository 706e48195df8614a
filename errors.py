"""What is answered when something goes wrong: JSON to whoever called the API, a plain page in the person's language to
everybody else, and never a trace, a value or a path of the inside.

A failure of ours gets a short incident number: it stands on the page and beside the traceback in the log. The log has
neither the exception's words nor the request's: both may hold names, phones and codes (law 8).
"""
from __future__ import annotations

import secrets
import sys
import traceback
from types import TracebackType
from typing import Any

from flask import Flask, Response, current_app, g, jsonify, make_response, render_template, request
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from werkzeug.exceptions import HTTPException, InternalServerError

from models.writer import NotRecorded

_AGAIN = lazy_gettext("没有做任何改动。请返回上一页，刷新后再试一次。")
_LATER = lazy_gettext("请过几秒再试一次。")
# status -> the contract's error, what is said of it, the way on
WORDS: dict[int, tuple[str, Any, Any]] = {
    400: ("bad_request", lazy_gettext("没有看懂这个请求"), _AGAIN),
    401: ("unauthorised", lazy_gettext("请先配对设备或登录"), ""),
    403: ("forbidden", lazy_gettext("这里不对您开放"), lazy_gettext("请换一位有权限的同事来操作。")),
    404: ("not_found", lazy_gettext("没有找到"), lazy_gettext("它可能已经被删除，或者地址写错了。")),
    405: ("method_not_allowed", lazy_gettext("这个地址不能这样打开"), lazy_gettext("请从页面上的按钮进入。")),
    413: ("too_large", lazy_gettext("内容太大"), lazy_gettext("没有做任何改动。请减少内容后再试一次。")),
    414: ("too_long", lazy_gettext("地址太长"), lazy_gettext("请从页面上的按钮进入。")),
    415: ("unsupported", lazy_gettext("这种格式读不了"), _AGAIN),
    429: ("too_many", lazy_gettext("试得太多了，请等一分钟再试"), ""),
    500: ("failed", lazy_gettext("服务器出错了"), lazy_gettext("请再试一次。还不行，请把下面的编号告诉会务组。")),
    503: ("busy", lazy_gettext("现在太忙"), _LATER),
}
CSRF = ("csrf", lazy_gettext("页面放得太久了"), _AGAIN)
NOT_RECORDED = ("not_recorded", lazy_gettext("没有记下来"), lazy_gettext("没有做任何改动。请再试一次。"))


class Incidents(Flask):
    """Flask that logs a failure of ours under a number: where it happened, and not with what."""

    def log_exception(self, exc_info: Any) -> None:
        """One entry: the number, the route's own words, the types and places of the exceptions."""
        g.incident = secrets.token_hex(3).upper()
        where = request.url_rule.rule if request.url_rule else "no route"
        self.logger.error("incident %s: %s %s\n%s", g.incident, request.method, where, trace(exc_info))


def trace(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """Types and places of an exception and of what led to it, without their messages."""
    lines: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        lines.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__name__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nafter\n".join(lines)


def install(app: Flask) -> None:
    """Gives an application its answers to errors. Blueprints may have their own, in their own words."""
    app.register_error_handler(HTTPException, said)
    app.register_error_handler(CSRFError, stale)
    app.register_error_handler(NotRecorded, not_recorded)
    for error in (OperationalError, NoConnection):
        app.register_error_handler(error, unreachable)
    app.register_error_handler(500, failed)


def said(error: HTTPException) -> Any:
    """Any refusal that no room has said in its own words."""
    if error.response is not None:
        return error.response
    status = error.code or 500
    word, title, advice = WORDS.get(status, WORDS[400 if status < 500 else 500])
    answer = _answer(status, word, title, advice)
    for name, value in error.get_headers():     # 405 says which methods there are, 429 when to come again
        if name != "Content-Type":
            answer.headers[name] = value
    return answer


def stale(_error: CSRFError) -> Response:
    """A form without this session's token, or another site's page that sent one."""
    return _answer(400, *CSRF)


def not_recorded(_error: NotRecorded) -> Response:
    """The disk did not take it: nothing was written, trying again is safe (law 3)."""
    answer = _answer(503, *NOT_RECORDED)
    answer.headers["Retry-After"] = "1"
    return answer


def unreachable(_error: SQLAlchemyError) -> Response:
    """The database could not even be read: gone, starting again, locked. It comes back by itself (law 3)."""
    current_app.logger.warning("the database does not answer: %s", request.url_rule.rule if request.url_rule else "no route")
    return not_recorded(NotRecorded())


def failed(_error: InternalServerError) -> Response:
    """A failure of ours, with the number under which the log has it."""
    return _answer(500, *WORDS[500], incident=g.get("incident", ""))


def is_for_a_program(path: str) -> bool:
    """Whether an answer to this path is JSON."""
    return path.startswith("/api/") or path == "/healthz"


def _answer(status: int, word: str, title: Any, advice: Any, incident: str = "") -> Response:
    if is_for_a_program(request.path):
        more = {"incident": incident} if incident else {}
        answer = jsonify(error=word, message=str(title), **more)
    else:
        answer = _page(str(title), str(advice), incident)
    answer.status_code = status
    return answer


def _page(title: str, advice: str, incident: str) -> Response:
    try:
        return make_response(render_template("error.html", title=title, advice=advice, incident=incident))
    except Exception:      # whatever broke the page may break this one too: then the bare words
        current_app.log_exception(sys.exc_info())
        return Response(f"{title} {gettext('编号')} {g.incident}", mimetype="text/plain")
