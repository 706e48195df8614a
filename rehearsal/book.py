"""Our own acknowledgement ledger: what was sent, and what the server promised, one JSON object a line.

It lies outside the server's folder and is written before anything counts. The reckoning reads it back from the file.
"""
from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

Entry = dict[str, Any]


class Book:
    """Lines `sent` (before the first attempt) and `ack` (after the answer), from many threads."""

    def __init__(self, path: Path, advance: Callable[[int], None] = lambda steps: None):
        self.path, self.acknowledged = path, 0
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._changed = threading.Condition()
        self._advance = advance

    def __enter__(self) -> Book:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def sent(self, entry: Entry) -> None:
        """Something is about to be sent for the first time."""
        self._write({"kind": "sent", **entry})

    def ack(self, entry: Entry) -> None:
        """The server has answered for it; the same id may be answered again."""
        self._write({"kind": "ack", **entry})
        with self._changed:
            self.acknowledged += not entry.get("again")
            self._changed.notify_all()
        if not entry.get("again"):
            self._advance(1)

    def wait_for(self, count: int, seconds: float) -> bool:
        """Whether so many were acknowledged in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.acknowledged >= count, seconds)

    def _write(self, entry: Entry) -> None:
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._changed:
            self._file.write(line)


def read(path: Path) -> tuple[list[Entry], list[Entry]]:
    """What a book says: (sent, acknowledged), in the order written."""
    sent: list[Entry] = []
    acks: list[Entry] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry = json.loads(line)
            (sent if entry.pop("kind") == "sent" else acks).append(entry)
    return sent, acks
