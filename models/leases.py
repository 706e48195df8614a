"""Several nodes on one PostgreSQL database: who serves it, who may have it alone, and which one prints at a printer.

Serving and "alone" are the server's own advisory locks: they end with the connection that holds them, however it ends.
A printer's owner stands in the table `lease` until a moment of the database's clock, which is one for all nodes: an
owner that is gone is followed by another when that moment has passed. On SQLite one server holds the folder, and
there is nothing to share.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import Session

from models.aside import Lease
from models.care import CareRefused
from models.database import WRITING
from models.files import take_lock

SERVING = WRITING + 1               # held by every node, shared; alone by who puts another event in place
IMPORTING = WRITING + 2             # held by one import of a roster
IMPORT_LOCK = "import.lock"         # in the data folder, where that is what is shared
HELD = timedelta(seconds=15)        # how long a printer stays its owner's without a word
RENEW_SECONDS = 5.0


def is_shared(engine: Engine) -> bool:
    """Whether other nodes may work on the same database."""
    return engine.dialect.name != "sqlite"


def serve(connection: Connection) -> bool:
    """Says through a connection that stays open that this node serves; False while somebody has the database alone."""
    return bool(connection.execute(select(func.pg_try_advisory_lock_shared(SERVING))).scalar())


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Has a server's database alone. CareRefused("in_use"): a node serves it, or somebody has it alone already."""
    with trying(engine, SERVING) as held:
        if not held:
            raise CareRefused("in_use", "有节点正在使用这个数据库：请先停止所有节点。"
                                        " A node is serving this database: stop all nodes first.")
        yield


@contextmanager
def trying(engine: Engine, key: int) -> Iterator[bool]:
    """Holds one of the server's locks while it is entered; False if somebody else has it."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        held = bool(connection.execute(select(func.pg_try_advisory_lock(key))).scalar())
        try:
            yield held
        finally:
            if held and not connection.invalidated:
                connection.execute(select(func.pg_advisory_unlock(key)))


@contextmanager
def importing(engine: Engine, data: Path) -> Iterator[bool]:
    """Held by one import of a roster at a time; False if another one is under way, on this node or any other."""
    if is_shared(engine):
        with trying(engine, IMPORTING) as held:
            yield held
        return
    with open(data / IMPORT_LOCK, "a+b") as lock:  # noqa: PTH123  a lock is held by an open file
        yield take_lock(lock)


class Leases:
    """What one node owns. `owned` and `holds` say so only while the database says so too."""

    def __init__(self, owner: str, clock: Callable[[], float] = time.monotonic):
        self.owner, self._clock = owner, clock
        self._until: dict[str, float] = {}
        self._renewed_at = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time to renew."""
        return self._clock() - self._renewed_at >= RENEW_SECONDS

    def owned(self) -> set[str]:
        """What is ours at this moment."""
        return {key for key, until in self._until.items() if self._clock() < until}

    def renew(self, write: Callable[[Callable[[Session], set[str]]], set[str]], keys: Iterable[str],
              taken: Callable[[Session, str], object]) -> None:
        """Renews what is ours and takes what is nobody's any more; `taken` is called for each of those, within the
        transaction. NotRecorded from `write`: then what we own runs out by itself."""
        began = self._clock()
        ours = write(lambda session: self._renew(session, set(keys), taken))
        self._renewed_at = began
        self._until = dict.fromkeys(ours, began + HELD.total_seconds())

    def _renew(self, session: Session, keys: set[str], taken: Callable[[Session, str], object]) -> set[str]:
        at = _moment(session)
        rows = {lease.key: lease for lease in session.scalars(select(Lease))}
        free = {key for key in keys if key not in rows or rows[key].until <= at}
        ours = free | {key for key in keys & rows.keys() if rows[key].owner == self.owner}
        for key in sorted(ours):
            session.merge(Lease(key=key, owner=self.owner, until=at + HELD))
        for key in sorted(free):
            taken(session, key)
        session.flush()
        return ours

    def holds(self, session: Session, key: str) -> bool:
        """Within the transaction that begins a job: whether the printer is still ours."""
        return session.scalar(select(Lease.owner).where(Lease.key == key, Lease.until > _moment(session))) == self.owner

    def release(self, session: Session) -> None:
        """Lets go of everything, for another node to take at once."""
        session.execute(delete(Lease).where(Lease.owner == self.owner))
        self._until = {}


def _moment(session: Session) -> datetime:
    """The database's clock: nodes may disagree about the time, this one is for all of them."""
    found: datetime = session.scalars(select(func.clock_timestamp())).one()
    return found
