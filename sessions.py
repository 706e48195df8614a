"""The browser's side: which cookies there are, Flask's signed session, and the language a person chose.

Cookies know no port: the https door and the plain one of the same laptop would share them. Over https each has a name
that begins with `__Host-`, which a browser takes over https only, for this host only; over plain http the bare name.
Each door reads its own, so what somebody planted over http is nobody over https.
"""
from __future__ import annotations

from typing import Any

from flask import Flask, Request, g, has_request_context, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from werkzeug import Response

from addresses import name_of, of_proxy

STATION_COOKIE = "huiwu_station"
STAFF_COOKIE = "huiwu_staff"
SESSION_COOKIE = "huiwu_session"
LANGUAGE_COOKIE = "lang"
STRICT = frozenset({STATION_COOKIE})        # sent with no request that another site began
LANGUAGES = ("zh", "en")
_PROXIES = of_proxy()


def here() -> tuple[Any, Request]:
    """Flask's `g` and `request` themselves. Each use of the proxies looks them up anew, 1 us each: a road that reads
    them sixty times asks for them once."""
    return g._get_current_object(), request._get_current_object()  # type: ignore[attr-defined]


def is_secure(asked: Request) -> bool:
    """Whether the browser came over https: to our own door, or to the proxy in front that HUIWU_HOSTS names."""
    environ = asked.environ
    return environ["wsgi.url_scheme"] == "https" or (
        bool(_PROXIES) and name_of(environ.get("HTTP_HOST", "")) in _PROXIES)


def name(cookie: str, asked: Request) -> str:
    """A cookie's name at the door that is asked."""
    return f"__Host-{cookie}" if is_secure(asked) else cookie


def read(cookie: str, asked: Request) -> str | None:
    """A cookie of this door; none for a request that brings no cookies at all."""
    return asked.cookies.get(name(cookie, asked)) if "HTTP_COOKIE" in asked.environ else None


def keep(answer: Response, cookie: str, value: str, seconds: int) -> None:
    """Gives the browser a cookie for this door. No script ever sees one."""
    asked = request
    answer.set_cookie(name(cookie, asked), value, max_age=seconds, path="/", secure=is_secure(asked), httponly=True,
                      samesite="Strict" if cookie in STRICT else "Lax")


def forget(answer: Response, cookie: str) -> None:
    """Takes a cookie of this door back."""
    asked = request
    answer.delete_cookie(name(cookie, asked), path="/", secure=is_secure(asked), httponly=True,
                         samesite="Strict" if cookie in STRICT else "Lax")


class Sessions(SecureCookieSessionInterface):
    """Flask's signed session, which carries the CSRF token. A bearer token needs none, so none is unsigned for it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """An empty session for a request that brings no session cookie."""
        if read(SESSION_COOKIE, request) is None:
            return SecureCookieSession()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Any) -> None:
        """Nothing to keep of a session that nobody looked at, as with every request that brings a token."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)

    def get_cookie_name(self, app: Flask) -> str:
        """The name at this door."""
        return name(SESSION_COOKIE, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        """Over https only, where it was made over https."""
        return is_secure(request)


def choose_language() -> str:
    """One tap sets the cookie; without it the browser's wish counts, Chinese first (and always on the terminal)."""
    if not has_request_context():
        return "zh"
    kept, asked = here()
    if "language" not in kept:
        chosen = read(LANGUAGE_COOKIE, asked)
        wished = asked.accept_languages.best_match(LANGUAGES, "zh") if "HTTP_ACCEPT_LANGUAGE" in asked.environ else "zh"
        kept.language = chosen if chosen in LANGUAGES else wished or "zh"
    return str(kept.language)
