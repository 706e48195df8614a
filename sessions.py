"""The browser's side: which cookies there are, Flask's signed session, and the language a person chose."""
from __future__ import annotations

from flask import Flask, Request, g, has_request_context, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

STATION_COOKIE = "huiwu_station"
STAFF_COOKIE = "huiwu_staff"
LANGUAGES = ("zh", "en")


class Sessions(SecureCookieSessionInterface):
    """Flask's signed session, which carries the CSRF token. A bearer token needs none, so none is unsigned for it."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """An empty session for a request that brings no session cookie."""
        if app.config["SESSION_COOKIE_NAME"] not in request.cookies:
            return SecureCookieSession()
        return super().open_session(app, request)


def choose_language() -> str:
    """One tap sets the cookie; without it the browser's wish counts, Chinese first (and always on the terminal)."""
    if not has_request_context():
        return "zh"
    if "language" not in g:
        chosen = request.cookies.get("lang")
        wished = request.accept_languages.best_match(LANGUAGES, "zh") if "Accept-Language" in request.headers else "zh"
        g.language = chosen if chosen in LANGUAGES else wished or "zh"
    return str(g.language)
