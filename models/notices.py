"""Nodes on one PostgreSQL database tell each other that something was committed: LISTEN and NOTIFY.

Said at most four times a second from a thread and a connection of its own, never in a scan's transaction. The same
connection says that this node serves (leases.serve): when it is lost, so is that, and both come back together.
"""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, text

from models import leases

log = logging.getLogger("huiwu.nodes")
CHANNEL = "huiwu"
QUIET = 0.25            # seconds between two notices at least
AGAIN = 1.0             # seconds until a lost connection is tried anew


class Notices:
    """One per node. `heard` is called when another node may have changed something: it must not block."""

    def __init__(self, engine: Engine, node: str, heard: Callable[[], None]):
        self._engine, self._node, self._heard = engine, node, heard
        self._news, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self) -> None:
        """Something was committed here: the others hear of it in a moment."""
        self._news.set()

    def start(self) -> None:
        """Starts the thread; only `serve`'s worker does."""
        self._thread = threading.Thread(target=self._loop, name="nodes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; the database is free of this node then."""
        self._stopping.set()
        if self._thread:
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except Exception as error:      # a thread that ends would leave this node deaf until its next start
                log.warning("not listening to the other nodes: %s", type(error).__name__)
            self._stopping.wait(AGAIN)

    def _listen(self) -> None:
        """Until we stop or the connection is lost."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver: Any = connection.connection.driver_connection
            connection.detach()         # it is closed at the end and not lent to others: it listens and holds a lock
            if not leases.serve(connection):
                log.warning("the database is held by a restore or a move")
                return
            connection.execute(text(f"LISTEN {CHANNEL}"))
            self._heard()               # what was said while nobody listened
            while not self._stopping.is_set():
                if self._news.is_set():
                    self._news.clear()
                    connection.execute(text("SELECT pg_notify(:channel, :node)"), {"channel": CHANNEL, "node": self._node})
                for notice in driver.notifies(timeout=QUIET):
                    if notice.payload != self._node:
                        self._heard()
