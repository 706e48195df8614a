"""Browsers in which somebody has signed in before, so that wrong tries elsewhere do not lock the person out here.

The cookie is signed and names nobody: a random number of the browser and digests of the names that signed in here. It
opens nothing. Whoever copies it has that browser's few tries, and no more.
"""
from __future__ import annotations

import secrets
from dataclasses import dataclass

from flask import Request, current_app
from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug import Response

import sessions
from models import codes

COOKIE = "huiwu_known"
SECONDS = 90 * 24 * 3600        # longer than an event and its rehearsals
NAMES = 12                      # of one shared browser; then the oldest is forgotten


@dataclass(frozen=True, slots=True)
class Browser:
    """One that was seen before."""

    id: str
    names: tuple[str, ...]

    def knows(self, name: str) -> bool:
        """Whether this person has signed in here."""
        return _digest(name) in self.names


def of(asked: Request) -> Browser | None:
    """The browser that asks, if it was seen before."""
    try:
        number, names = _signer().loads(sessions.read(COOKIE, asked) or "")
        return Browser(str(number), tuple(map(str, names)))
    except (BadSignature, TypeError, ValueError):
        return None


def remember(answer: Response, asked: Request, name: str) -> None:
    """This person signed in here."""
    before = of(asked) or Browser(secrets.token_hex(8), ())
    names = [*(one for one in before.names if one != _digest(name)), _digest(name)][-NAMES:]
    sessions.keep(answer, COOKIE, str(_signer().dumps([before.id, names])), SECONDS)


def _digest(name: str) -> str:
    return codes.digest(name.strip().casefold())[:16]


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt="known-browser")
