"""That personal data was removed: when, and where the ledger's chain of hashes begins anew because of it.

Law 4 says that the ledger's rows never change. Purging is the one exception, made once the event is over, and it
says so: the new chain grows out of this record, which keeps the end of the chain before it.
"""
from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column

from models import chain
from models.database import Model, UTCDateTime


class Purged(Model):
    """One purge; the newest one counts."""

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime)
    people: Mapped[int]                    # attendees made anonymous
    last_seq: Mapped[int]                  # the ledger's rows up to here were rewritten
    chain_before: Mapped[str]              # the end of the chain before that


def newest(connection: Connection) -> Any | None:
    """The row of the last purge, if there was one."""
    return connection.execute(select(Purged.__table__).order_by(Purged.id.desc()).limit(1)).first()


def start_after(at: datetime, chain_before: str, last_seq: int) -> str:
    """Where a chain begins that was written anew by a purge; 32 hex digits."""
    words = f"purged {at.astimezone(UTC).isoformat()} {chain_before} {last_seq}"
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def chain_start(connection: Connection, first_seq: int) -> str:
    """What the chain of a ledger whose first row is `first_seq` begins with."""
    purge = newest(connection)
    if purge is None or first_seq > purge.last_seq:        # rows of a ledger that began after it
        return chain.START
    return start_after(purge.at, purge.chain_before, purge.last_seq)
