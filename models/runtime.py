"""What one process keeps beside its database: the ledger, the plan in memory, when tablets were last seen."""
from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, delete, insert, or_, update
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models.aside import Lease
from models.backups import Keeping
from models.database import now
from models.devices import Device
from models.ledger import CLOCKS_AGREE, Ledger
from models.people import StaffSession
from models.snapshot import DeviceView, Snapshot, StationView

TRUST_SECONDS = 0.25                     # how old the plan in memory may be where no transaction checks it
ONLINE = timedelta(seconds=45)           # a tablet says something at least every 15 s
CLOCKS_EXIST = timedelta(days=36_525)    # a clock a century off is none: times corrected by it leave the calendar


@dataclass(slots=True)
class Sighting:
    """What a tablet said last."""

    at: datetime
    waiting: int = 0
    offset: timedelta = timedelta(0)


class Runtime:
    """One per application."""

    def __init__(self, engine: Engine, data: Path):
        self.engine, self.data = engine, data
        self.ledger = Ledger(engine)
        self.writer = self.ledger.writer
        self.is_shared = engine.dialect.name != "sqlite"     # with other nodes, which see and write what we do not
        self.node = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"      # this process among them
        self.seen: dict[int, Sighting] = {}
        self.keeping: Keeping | None = None      # how the automatic backups stand; None where nobody keeps them
        self.copying = threading.Lock()          # held while the event is copied, and while no copy may be made: a purge
        self.asked: dict[str, datetime] = {}     # when a signed-in browser last asked, by the hash of its token
        self._fresh_until = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for reads. Writes go through `writer.do`."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection for reads in Core: of one state, which on SQLite a transaction is by itself."""
        with self.engine.connect() as connection:
            if self.is_shared:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    def prove(self) -> int:
        """The ledger's head, once a write is on the disk: on a full or failing one a transaction begins all the same.
        NotRecorded if it is not."""
        key = f"proof-{uuid.uuid4().hex}"

        def write(session: Session) -> None:
            session.execute(insert(Lease).values(key=key, owner="", until=now()))
            session.execute(delete(Lease).where(Lease.key == key))
        self.writer.do(write)
        return self.ledger.head()

    def plan(self, fresh: bool = False) -> Snapshot:
        """The plan of now; at most a quarter of a second old unless `fresh`. Scans are judged by the exact one."""
        memory = self.ledger.memory
        kept = memory.kept
        if kept is not None and not fresh and time.monotonic() < self._fresh_until:
            return kept
        self._fresh_until = time.monotonic() + TRUST_SECONDS      # first, so that one thread looks and not all at once
        with self.engine.connect() as connection:
            return memory.current(connection)

    def device(self, token_hash: str) -> tuple[DeviceView, StationView] | None:
        """The tablet that holds a token, with its station; None if unknown or revoked."""
        plan = self.plan()
        if token_hash not in plan.devices:
            plan = self.plan(fresh=True)     # paired this moment, perhaps by another process
        device = plan.devices.get(token_hash)
        station = plan.stations.get(device.station) if device else None
        return (device, station) if device and station else None

    def sight(self, device_id: int, clock: datetime | None, waiting: int | None) -> timedelta:
        """Notes that a tablet spoke; returns what to add to its clock."""
        with self._lock:
            sighting = self.seen.setdefault(device_id, Sighting(now()))
            sighting.at = now()
            if waiting is not None:
                sighting.waiting = waiting
            if clock is not None and abs(sighting.at - clock) < CLOCKS_EXIST:
                offset = sighting.at - clock
                sighting.offset = offset if abs(offset) > CLOCKS_AGREE else timedelta(0)
            return sighting.offset

    def save_sightings(self) -> None:
        """Writes when tablets and signed-in browsers were last seen, so that a restart still knows."""
        rows = [(key, s.at, s.waiting) for key, s in list(self.seen.items())]
        browsers = list(self.asked.items())

        def write(session: Session) -> None:
            for device_id, at, waiting in rows:
                here = update(Device).where(Device.id == device_id)
                if self.is_shared:      # a tablet that has gone over to another node was seen there since
                    here = here.where(or_(Device.last_seen.is_(None), Device.last_seen < at))
                session.execute(here.values(last_seen=at, waiting=waiting))
            for token_hash, at in browsers:
                session.execute(update(StaffSession).where(StaffSession.token_hash == token_hash).values(seen_at=at))
        if rows or browsers:
            self.writer.do(write)
        for token_hash, at in browsers:      # what is on disk need not be in memory; a newer one stays
            if self.asked.get(token_hash) == at:
                self.asked.pop(token_hash, None)
