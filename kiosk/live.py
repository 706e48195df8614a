"""The live stream: one thread renders once, all streams share the bytes; at most four times a second.

Whoever may not see it any more (a tablet revoked, a person signed out or disabled, here or by a command on the laptop)
loses the stream within a second: the thread asks the database twice a second who still may.

Full state on every connect, so a stream that lost its place needs no replay; a number as id all the same, so that a
client sees whether it missed any. Who connects while the numbers are read, or a moment after, gets the bytes that are
there: two hundred screens that come back together would else read the ledger two hundred times, each with pages and a
stack of its own. Streams are capped below the server's threads: a thread server with fewer threads
than open streams stops answering at all. Each asker has a share only, so that one tablet's token cannot take them all.
One too many is refused; the oldest is not closed in its place, since one that nobody reads keeps its thread anyway.
"""
from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from models import cores, reports, sign_ins
from models.facts import ACCEPTED
from models.masks import mask_name
from models.runtime import Runtime
from models.writer import NotRecorded

log = logging.getLogger("huiwu.live")
STREAMS = 220            # of 256 threads
FOR_SCREENS = 40         # of them, which desks leave to signed-in people and big screens
OF_A_TABLET = 6          # what one browser opens to one server at most
OF_A_PERSON = 12         # two browsers
QUIET = 0.25             # seconds between two renderings at least
HEARTBEAT = 10.0         # seconds
TICK = 0.5               # seconds between two turns of the thread, at most
LOOK = 0.4               # seconds between two looks at who may still see it, at least
SEEN = 1.0               # seconds between two signs of life that a stream gives, at least
RENDER_EVERY = 2         # quiet ticks: what changes with the clock alone
SAVE_EVERY = 60          # quiet ticks: when tablets were last seen goes to disk
SHARE_EVERY = 10         # where other nodes show it too
MISSED = 8               # renderings that a stream may lag before it is told the newest only


_END = b""               # the last thing in the queue of a stream that is over


class Full(Exception):
    """All streams, or all of the asker's, are taken."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who may see numbers at a moment: tablets (id -> their station's mode) and sign-ins (token's hash -> role)."""

    tablets: Mapping[int, str]
    sign_ins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose streams they are and how many they may be; `is_desk` leaves what is kept for screens."""

    key: str = ""
    most: int = STREAMS
    is_desk: bool = False


@dataclass(eq=False, slots=True)
class _Stream:
    is_wanted: Callable[[Admitted], bool]
    asker: Asker
    queue: queue.SimpleQueue[bytes] = field(default_factory=queue.SimpleQueue)    # without Python between put and get
    judged: Admitted | None = None      # who was admitted when it was last asked whether it is wanted
    is_begun: bool = False              # it has the full state, and wants what comes after
    is_over: bool = False


class Hub:
    """Renders what changed and hands the same bytes to every stream."""

    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        self._bell = threading.Event()
        self._streams: set[_Stream] = set()
        self._lock = threading.Lock()
        self._number = 0
        self._rendering = threading.Lock()                 # one reads the numbers, and who comes meanwhile waits for them
        self._begun = float("-inf")                        # when the newest reading began, monotonic
        self._last: dict[str, Any] = {}
        self._full = b""
        self._admitted = Admitted({}, {})
        self._looked = float("-inf")
        self._thread: threading.Thread | None = None
        self._stopping = False
        driver = runtime.engine.dialect.loaded_dbapi
        self._errors: tuple[type[Exception], ...] = (NotRecorded, SQLAlchemyError, driver.Error)
        runtime.ledger.counts.listen(self._bell.set)

    def start(self) -> None:
        """Starts the thread; only `serve`'s worker does."""
        self._thread = threading.Thread(target=self._loop, name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and with it the streams."""
        self._stopping = True
        self._bell.set()
        if self._thread:
            self._thread.join(timeout=5)

    def ring(self) -> None:
        """Something changed that no commit of the ledger tells: a printer's or a station's state."""
        self._bell.set()

    def subscribe(self, is_wanted: Callable[[Admitted], bool] = lambda _now: True,
                  seen: Callable[[], object] = lambda: None, asker: Asker = Asker()) -> Iterator[bytes]:
        """A stream's bytes, beginning with the full state; raises Full at once when all that the asker may have are
        taken. It ends when it is not wanted any more; `seen` is called when the other side took something, once a second
        at most."""
        mine = _Stream(is_wanted, asker)
        with self._lock:
            if not self._has_room(asker):
                raise Full
            self._streams.add(mine)
        stream = self._stream(mine, seen)
        next(stream)     # begun, so that closing it gives its place back even if nobody ever read (a HEAD request)
        return stream

    def _has_room(self, asker: Asker) -> bool:
        desks = sum(stream.asker.is_desk for stream in self._streams)
        own = sum(stream.asker.key == asker.key for stream in self._streams)
        return (len(self._streams) < STREAMS and own < asker.most
                and not (asker.is_desk and desks >= STREAMS - FOR_SCREENS))

    def _stream(self, mine: _Stream, seen: Callable[[], object]) -> Iterator[bytes]:
        due = 0.0
        try:
            yield b""
            yield b"retry: 2000\n\n" + self._begin(mine)
            while not self._stopping:
                if time.monotonic() >= due:
                    seen()
                    due = time.monotonic() + SEEN
                try:
                    blob = mine.queue.get(timeout=HEARTBEAT)
                except queue.Empty:
                    blob = b": still here\n\n"
                if blob is _END:
                    return
                yield blob
        finally:
            with self._lock:
                self._streams.discard(mine)

    def _begin(self, mine: _Stream) -> bytes:
        """The full state. What is shared from here on is what changes in it."""
        now = time.monotonic()
        self._refresh(now if self._bell.is_set() else now - QUIET)
        with self._lock:
            mine.is_begun = True
            return self._full

    def _loop(self) -> None:
        cores.settle()
        ticks = 0
        while not self._stopping:
            rung = self._bell.wait(timeout=TICK)
            self._bell.clear()
            ticks += 1
            try:
                self._tick(ticks, rung)
            except self._errors as error:
                # A full disk passes; a screen that stands still without a word would stay.
                log.error("live numbers: %s", error)
            if rung:
                threading.Event().wait(QUIET)

    def _tick(self, ticks: int, rung: bool) -> None:
        if self._streams:
            if time.monotonic() - self._looked >= LOOK:
                self._dismiss()
            if rung or ticks % RENDER_EVERY == 0:
                self._refresh(time.monotonic())
        if ticks % (SHARE_EVERY if self._runtime.is_shared else SAVE_EVERY) == 0:
            self._runtime.save_sightings()
            self._bell.clear()

    def _dismiss(self) -> None:
        """Ends the streams of those who may not see it any more."""
        self._looked = time.monotonic()
        plan = self._runtime.plan(fresh=True)
        with self._runtime.connection() as connection:
            people = sign_ins.standing(connection, self._runtime.asked)
        admitted = Admitted({device.id: plan.stations[device.station].mode for device in plan.devices.values()
                             if device.station in plan.stations}, people)
        if admitted != self._admitted:
            self._admitted = admitted
        with self._lock:
            for stream in self._streams:
                if stream.judged is not self._admitted and not stream.is_over:
                    stream.judged = self._admitted
                    if not stream.is_wanted(self._admitted):
                        stream.is_over = True
                        _skip_to(stream.queue, _END)

    def _refresh(self, since: float) -> None:
        """Reads the numbers, unless a reading began since then, and tells every stream what is different."""
        with self._rendering:
            begun = time.monotonic()
            if self._begun < since:
                self._share(self._read())
                self._begun = begun

    def _share(self, events: dict[str, Any]) -> None:
        """Hands on what is different from last time, and keeps the whole for those who come or lag."""
        news, full = b"", b""
        with self._lock:
            self._number += 1
            for name, data in events.items():
                blob = b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), self._number, msgspec.json.encode(data))
                full += blob
                shape = {k: v for k, v in data.items() if k != "server_time"} if name == "counts" else data
                if self._last.get(name) != shape:
                    self._last[name] = shape
                    news += blob
            self._full = full
            if not news:
                return
            for stream in self._streams:
                if not stream.is_begun or stream.is_over:
                    continue
                if stream.queue.qsize() < MISSED:
                    stream.queue.put(news)
                else:
                    _skip_to(stream.queue, self._full)

    def _read(self) -> dict[str, Any]:
        """The data of every event."""
        with self._runtime.connection() as connection:
            found = reports.counts(self._runtime, connection)
            plan = self._runtime.plan()
            rows = reports.last_scans(connection, plan, 12)
            state = self._runtime.ledger.counts.current(connection)
            found["arrivals"] = reports.arrivals(state, state_now(found, plan))
        return {"counts": found, "arrival": [_arrival(row) for row in rows],
                "printer": found["printers"], "station": found["stations"],
                "alert": reports.alerts(found, self._runtime.keeping)}


def state_now(found: dict[str, Any], plan: Any) -> Any:
    """The moment at which the counts were taken."""
    return datetime.fromisoformat(found["server_time"]).astimezone(plan.event.zone)


def _arrival(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a screen that many see: the name masked."""
    return {"seq": row["seq"], "name": mask_name(row["name"]) if row["name"] else "", "service": row["service"],
            "service_key": row["service_key"], "station": row["station"], "accepted": row["verdict"] == ACCEPTED,
            "reason": row["reason"], "undo": row["voids"] is not None, "direction": row["direction"],
            "at": row["scanned_at"].isoformat(timespec="seconds")}


def _skip_to(stream: queue.SimpleQueue[bytes], blob: bytes) -> None:
    """A stream that reads too slowly loses what lies between and gets the newest state."""
    while True:
        try:
            stream.get_nowait()
        except queue.Empty:
            break
    stream.put(blob)
