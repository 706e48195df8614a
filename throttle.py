"""Limits that keep one stranger from holding up everybody: how often a thing may be tried, and how many forms of
people nobody knows are under way at once.

A try is counted before it is judged: counted afterwards, sixty at once would all be judged.
"""
from __future__ import annotations

import threading
from collections import Counter

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

STRANGERS = 32              # forms of nobody we know under way at once, of the server's 256 threads
OF_ONE_ADDRESS = 8
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)


class Places:
    """Places for strangers' forms. Whoever sends half a form and waits holds a thread: 300 such held up every tablet."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, address: str) -> bool:
        """A place for a form from an address, if there is one."""
        with self._lock:
            if self._taken.total() >= STRANGERS or self._taken[address] >= OF_ONE_ADDRESS:
                return False
            self._taken[address] += 1
            return True

    def give(self, address: str) -> None:
        """The form was answered."""
        with self._lock:
            self._taken -= Counter((address,))


places = Places()


def install(app: Flask) -> None:
    """Gives an application the limits of its views."""
    limiter.init_app(app)
    # There are no limits for all views: a limited view is checked by its own decorator, the others need no check.
    hooks = app.before_request_funcs[None]
    app.before_request_funcs[None] = [hook for hook in hooks if hook != limiter._check_request_limit]
