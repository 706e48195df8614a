"""Limits that keep one caller from holding up everybody: how often a view may be asked for, and how many forms are
under way at once. How often a secret may be tried says tries.py.
"""
from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, after_this_request, current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

STRANGERS = 32              # forms of nobody we know under way at once, of the server's 256 threads
OF_ONE_ADDRESS = 8
KNOWN = 192                 # of tablets and people we know: some threads are left for whoever only looks
OF_ONE_KNOWN = 24           # a stolen tablet's token holds no more; a tablet has three under way at most


class Limits(Limiter):
    """Flask-Limiter whose hooks run for limited views only: for all others they cost a fifth of bare Flask."""

    def init_app(self, app: Flask) -> None:
        """Takes the hooks that it hangs on every request off again; `limit` runs the one that is needed."""
        all_hooks: list[dict[Any, list[Any]]] = [app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs]
        own = [list(hooks.get(None, ())) for hooks in all_hooks]
        super().init_app(app)
        app.extensions["huiwu.limited"] = app.after_request_funcs[None][len(own[1]):]     # none where limits are off
        for hooks, kept in zip(all_hooks, own, strict=True):
            hooks[None] = kept

    def limit(self, *rules: Any, **options: Any) -> Callable[[Any], Any]:  # type: ignore[override]  # a decorator here, never a context manager
        """How often a view may be asked for, as Flask-Limiter says it."""
        check = super().limit(*rules, **options)

        def mark(view: Callable[..., Any]) -> Callable[..., Any]:
            limited = check(view)

            @wraps(limited)     # its mark too: stacked limits are checked once
            def asked(*args: Any, **named: Any) -> Any:
                if "limited" not in g:      # once, of however many limits: it counts what is counted afterwards
                    g.limited = True
                    for hook in current_app.extensions["huiwu.limited"]:
                        after_this_request(hook)
                return limited(*args, **named)
            return asked
        return mark


limiter = Limits(get_remote_address, storage_uri="memory://", headers_enabled=True)


def each_device() -> str:
    """The key of a limit that counts for each tablet by itself."""
    return f"device-{g.device.id if g.get('device') else get_remote_address()}"


class Places:
    """Places for forms under way. Whoever sends half a form and waits holds a thread: 300 such held up every tablet."""

    def __init__(self, in_all: int | None = None, of_one: int | None = None) -> None:
        """Without numbers: strangers' places."""
        self._in_all, self._of_one = in_all, of_one
        self._taken: dict[str, int] = {}
        self._sum = 0
        self._lock = threading.Lock()

    def take(self, caller: str) -> bool:
        """A place for a form of this caller, if there is one."""
        with self._lock:
            mine = self._taken.get(caller, 0)
            if self._sum >= (self._in_all or STRANGERS) or mine >= (self._of_one or OF_ONE_ADDRESS):
                return False
            self._taken[caller] = mine + 1
            self._sum += 1
            return True

    def give(self, caller: str) -> None:
        """The form was answered."""
        with self._lock:
            self._sum -= 1
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]


places = Places()
of_known = Places(KNOWN, OF_ONE_KNOWN)
