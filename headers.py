"""What every answer tells the browser: which scripts are ours, that no page of a stranger may frame us, and that
nothing personal is kept on a disk.
"""
from __future__ import annotations

from flask import Flask, Response, request

CSP = ("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data: blob:; object-src 'none'; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
# Referrer-Policy: with `no-referrer` browsers send `Origin: null` with our own forms (Fetch, 3.2), and a form of ours
# could not be told from a stranger's. X-Frame-Options is for tablets whose browser is older than frame-ancestors.
HEADERS = (
    ("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"), ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"), ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"))


def install(app: Flask) -> None:
    """Puts the headers on every answer of an application."""
    app.after_request(add)


def add(answer: Response) -> Response:
    """On every answer, static ones too (a worker takes its policy from its own file)."""
    for name, value in HEADERS:
        answer.headers.add(name, value)     # nobody sets them before us; `setdefault` would look four times
    if request.endpoint != "static":
        answer.headers["Cache-Control"] = "no-store"       # a file that is sent says `no-cache`, which is kept on disk
    return answer
