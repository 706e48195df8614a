"""`app.py` on a laptop whose clock is wrong: a program of the tests, run in its place.

FAULT_CLOCK names a file with the seconds that the clock is off; it may change while the server runs. The worker that
serving starts loads this file too (multiprocessing runs a program's top level again in its children).
"""
from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from models import database

_ORDERS = Path(os.environ["FAULT_CLOCK"])


def now() -> datetime:
    """What the wrong clock shows."""
    return datetime.now(UTC) + timedelta(seconds=float(_ORDERS.read_text()))


database.now = now

if __name__ == "__main__":
    from cli import cli

    sys.exit(cli())
