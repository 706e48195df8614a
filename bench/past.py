"""A long past, written at once: ledger rows with their chain, stock moves and tallies, such as scans leave behind.

Ten rows a person, service after service, so that one person's rows lie far apart as they do in a real ledger. `audit`
finds no difference afterwards (tests/test_bench.py).
"""
from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models import chain, road_sql
from models.asks import Caller, ScanRequest
from models.event import Service
from models.facts import IN, OUT
from models.scan_row import EMPTY

CHUNK = 20_000
BAG = "p-bag"
# what each person did: a service and, of a session, the direction
STEPS: tuple[tuple[str, str | None], ...] = (
    (BAG, None), ("p-s1", IN), ("p-s1", OUT), ("p-lunch", None), ("p-s2", IN), ("p-s2", OUT), ("p-dinner", None),
    ("p-breakfast", None), ("p-tea", None), ("p-supper", None))
_APART = timedelta(milliseconds=80)
_DESK = Caller("desk", device_id=1, actor="desk")


def services() -> list[Service]:
    """What was served then; all of it has closed."""
    kinds = {BAG: "material", "p-s1": "session", "p-s2": "session"}
    return [Service(key=key, kind=kinds.get(key, "meal"), name=key, limit=1, closed=True, position=20 + n,
                    stock=10_000_000 if key == BAG else None)
            for n, key in enumerate(dict.fromkeys(key for key, _ in STEPS))]


def write(database: Path, badges: Sequence[str], count: int, since: datetime) -> None:
    """Writes `count` rows of people whose attendee and badge ids count from 1, in this order of their badges."""
    connection = sqlite3.connect(database, isolation_level=None)
    # Nobody has been answered yet, and what is cut off is built again: no journal, nothing waited for.
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "locking_mode=EXCLUSIVE"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    before, chunk = chain.START, []
    for row in rows(badges, count, since):
        before = row["chain"] = chain.link(before, row)
        chunk.append(row)
        if len(chunk) == CHUNK:
            _insert(connection, chunk)
            chunk = []
    _insert(connection, chunk)
    connection.executemany("INSERT INTO tally (service_key, people, uses, refused, inside, stock_moved) VALUES (?,?,?,0,0,?)",
                           _tallies(len(badges), count))
    connection.execute("COMMIT")
    connection.close()


def rows(badges: Sequence[str], count: int, since: datetime) -> Iterator[dict[str, Any]]:
    """The rows without their hashes: everybody's first step, then everybody's second …"""
    if count % len(badges) or not count <= len(badges) * len(STEPS):
        raise ValueError(f"{count} scans of {len(badges)} people: whole steps only, at most {len(STEPS)}")
    chance = random.Random(7)
    for seq in range(1, count + 1):
        step, person = divmod(seq - 1, len(badges))
        key, direction = STEPS[step]
        at = since + _APART * (seq * len(STEPS) // len(badges))
        scan_id = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        asked = ScanRequest(scan_id, key, _DESK, at, at, badges[person], sent_at=at.isoformat(), direction=direction or IN)
        use = None if direction == OUT else 1
        yield dict(
            EMPTY, seq=seq, id=scan_id, fingerprint=asked.fingerprint, service_key=key, station_key="desk", device_id=1,
            actor="desk", holder=person + 1, attendee_id=person + 1, badge_id=person + 1, direction=direction,
            verdict="accepted", use_no=use, scanned_at=at, uploaded_at=at, answer=_answer(use or 0))


def _answer(use: int) -> dict[str, Any]:
    return {"use": {"number": use, "limit": 1}, "first": None, "hints": [], "notes": [], "open": ["lunch", "s1"],
            "detail": {}, "print_jobs": []}


def _insert(connection: Any, made: list[dict[str, Any]]) -> None:
    if not made:
        return
    for row in made:
        row["scanned_at"] = row["uploaded_at"] = road_sql.stored("at", row["scanned_at"])
        row["answer"] = road_sql.stored("answer", row["answer"])
    columns = tuple(made[0])
    connection.executemany(f"INSERT INTO scan ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                           [tuple(row.values()) for row in made])
    connection.executemany("INSERT INTO stock_move (service_key, quantity, scan_id, at, actor) VALUES (?, -1, ?, ?, ?)",
                           [(row["service_key"], row["id"], row["scanned_at"], row["actor"])
                            for row in made if row["service_key"] == BAG])


def _tallies(people: int, count: int) -> list[tuple[str, int, int, int]]:
    """(service, people, uses, stock moved): each step that is a use was everybody's."""
    done = [key for key, direction in STEPS[:count // people] if direction != OUT]
    return [(key, people, people, -people if key == BAG else 0) for key in done]
