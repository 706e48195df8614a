"""The browser's side: which cookies there are, Flask's signed session, and the language a person chose."""
from __future__ import annotations

from typing import Any

from flask import Flask, Request, g, has_request_context, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

STATION_COOKIE = "huiwu_station"
STAFF_COOKIE = "huiwu_staff"
LANGUAGES = ("zh", "en")


def here() -> tuple[Any, Request]:
    """Flask's `g` and `request` themselves. Each use of the proxies looks them up anew, 1 us each: a road that reads
    them sixty times asks for them once."""
    return g._get_current_object(), request._get_current_object()  # type: ignore[attr-defined]


class Sessions(SecureCookieSessionInterface):
    """Flask's signed session, which carries the CSRF token. A bearer token needs none, so none is unsigned for it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """An empty session for a request that brings no session cookie."""
        if "HTTP_COOKIE" not in request.environ or app.config["SESSION_COOKIE_NAME"] not in request.cookies:
            return SecureCookieSession()
        return super().open_session(app, request)


def choose_language() -> str:
    """One tap sets the cookie; without it the browser's wish counts, Chinese first (and always on the terminal)."""
    if not has_request_context():
        return "zh"
    kept, asked = here()
    if "language" not in kept:
        chosen = asked.cookies.get("lang") if "HTTP_COOKIE" in asked.environ else None
        wished = asked.accept_languages.best_match(LANGUAGES, "zh") if "HTTP_ACCEPT_LANGUAGE" in asked.environ else "zh"
        kept.language = chosen if chosen in LANGUAGES else wished or "zh"
    return str(kept.language)
