"""Limits that keep one stranger from holding up everybody: how often a thing may be tried, and how many forms of
people nobody knows are under way at once.

A try is counted before it is judged: counted afterwards, sixty at once would all be judged.
"""
from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, after_this_request, current_app, g
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

STRANGERS = 32              # forms of nobody we know under way at once, of the server's 256 threads
OF_ONE_ADDRESS = 8


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
