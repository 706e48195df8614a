"""The last rows of a ledger in a file that is no event of this process: do they hang together as they were written?

The whole chain is `audit`'s, row by row; a backup a minute has its end looked at, where a copy that was cut short or a
stick that forgets would show.
"""
from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Boolean

from models import chain
from models.database import UTCDateTime
from models.scans import Scan

ROWS = 200      # at the end: some minutes of a rush
_COLUMNS: Any = Scan.__table__.c


def hangs_together(file: Path) -> bool:
    """Whether each of the last rows continues the chain of the one before; True where an older program's ledger has
    other columns. False if they cannot be read."""
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as there:
            there.row_factory = sqlite3.Row
            has = {row["name"] for row in there.execute("PRAGMA table_info(scan)")}
            if not {*chain.COLUMNS, "chain"} <= has:
                return True
            rows = there.execute("SELECT * FROM scan ORDER BY seq DESC LIMIT ?", (ROWS,)).fetchall()[::-1]
        return all(chain.link(before["chain"], _as_written(row)) == row["chain"]
                   for before, row in pairwise(rows))
    except (sqlite3.Error, ValueError, TypeError):
        return False


def _as_written(row: sqlite3.Row) -> dict[str, Any]:
    return {name: _value(_COLUMNS[name].type, row[name]) for name in chain.COLUMNS}


def _value(kind: Any, stored: Any) -> Any:
    if stored is None:
        return None
    if isinstance(kind, UTCDateTime):
        return datetime.fromisoformat(stored).replace(tzinfo=UTC)
    if isinstance(kind, JSON):
        return json.loads(stored)
    return bool(stored) if isinstance(kind, Boolean) else stored
