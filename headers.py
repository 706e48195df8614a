"""What every answer tells the browser: which scripts are ours, that no page of a stranger may frame us, and that
nothing personal is kept on a disk.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

CSP = ("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; object-src 'none'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
# Referrer-Policy: with `no-referrer` browsers send `Origin: null` with our own forms (Fetch, 3.2), and a form of ours
# could not be told from a stranger's. X-Frame-Options is for tablets whose browser is older than frame-ancestors.
HEADERS = (
    ("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"))


NO_STORE = ("Cache-Control", "no-store")


def install(app: Flask) -> None:
    """Puts the headers on every answer of an application, whoever made it: around Flask, where it costs nothing that a
    scan would notice (werkzeug looks through each header that is added for line breaks)."""
    inside: Any = app.wsgi_app
    static = f"{app.static_url_path}/"

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        # A file that is sent says `no-cache`, which is kept on disk; nothing else may be.
        is_file = environ.get("PATH_INFO", "").startswith(static)

        def begin(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if not is_file:
                headers = [header for header in headers if header[0] != "Cache-Control"]
                headers.append(NO_STORE)
            return start(status, [*headers, *HEADERS], *error)
        return inside(environ, begin)
    app.wsgi_app = application  # type: ignore[method-assign, assignment]  # Flask's own documented place for this
