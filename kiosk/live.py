"""The live stream: one thread renders once, all streams share the bytes; at most four times a second.

Whoever may not see it any more (a tablet revoked, a person signed out or disabled, here or by a command on the laptop)
loses the stream within a second: the thread asks the database twice a second who still may.

Full state on every connect, so a stream that lost its place needs no replay; a number as id all the same, so that a
client sees whether it missed any. Streams are capped below the server's threads: a thread server with fewer threads
than open streams stops answering at all. Each asker has a share only, so that one tablet's token cannot take them all.
One too many is refused; the oldest is not closed in its place, since one that nobody reads keeps its thread anyway.
"""
from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from models import reports, sign_ins
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
TICK = 0.5               # seconds between two looks at who may still see it, at most
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
    queue: queue.Queue[bytes]
    is_wanted: Callable[[Admitted], bool]
    asker: Asker


class Hub:
    """Renders what changed and hands the same bytes to every stream."""

    def __init__(self, runtime: Runtime):
        self._runtime = runtime
        self._bell = threading.Event()
        self._streams: set[_Stream] = set()
        self._lock = threading.Lock()
        self._number = 0
        self._last: dict[str, Any] = {}
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
        taken. It ends when it is not wanted any more; `seen` is called whenever the other side took something."""
        mine = _Stream(queue.Queue(MISSED), is_wanted, asker)
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
        try:
            yield b""
            yield b"retry: 2000\n\n" + self._render(everything=True)
            while not self._stopping:
                seen()
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

    def _loop(self) -> None:
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
            self._dismiss()
            if rung or ticks % RENDER_EVERY == 0:
                self._share(self._render())
        if ticks % (SHARE_EVERY if self._runtime.is_shared else SAVE_EVERY) == 0:
            self._runtime.save_sightings()
            self._bell.clear()

    def _dismiss(self) -> None:
        """Ends the streams of those who may not see it any more."""
        plan = self._runtime.plan(fresh=True)
        with self._runtime.connection() as connection:
            people = sign_ins.standing(connection, self._runtime.asked)
        admitted = Admitted({device.id: plan.stations[device.station].mode for device in plan.devices.values()
                             if device.station in plan.stations}, people)
        with self._lock:
            over = [stream for stream in self._streams if not stream.is_wanted(admitted)]
        for stream in over:
            _skip_to(stream.queue, _END)

    def _share(self, blob: bytes) -> None:
        if not blob:
            return
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            try:
                stream.queue.put_nowait(blob)
            except queue.Full:
                _skip_to(stream.queue, self._render(everything=True))

    def _render(self, everything: bool = False) -> bytes:
        """The events of what is different from last time (or all of them)."""
        with self._runtime.connection() as connection:
            found = reports.counts(self._runtime, connection)
            plan = self._runtime.plan()
            rows = reports.last_scans(connection, plan, 12)
            state = self._runtime.ledger.counts.current(connection)
            found["arrivals"] = reports.arrivals(state, state_now(found, plan))
        events = {"counts": found, "arrival": [_arrival(row) for row in rows],
                  "printer": found["printers"], "station": found["stations"],
                  "alert": reports.alerts(found, self._runtime.keeping)}
        with self._lock:
            self._number += 1
            blob = b""
            for name, data in events.items():
                shape = {k: v for k, v in data.items() if k != "server_time"} if name == "counts" else data
                if everything or self._last.get(name) != shape:
                    blob += f"event: {name}\nid: {self._number}\ndata: {_json(data)}\n\n".encode()
                if not everything:
                    self._last[name] = shape
        return blob


def state_now(found: dict[str, Any], plan: Any) -> Any:
    """The moment at which the counts were taken."""
    return datetime.fromisoformat(found["server_time"]).astimezone(plan.event.zone)


def _arrival(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a screen that many see: the name masked."""
    return {"seq": row["seq"], "name": mask_name(row["name"]) if row["name"] else "", "service": row["service"],
            "service_key": row["service_key"], "station": row["station"], "accepted": row["verdict"] == ACCEPTED,
            "reason": row["reason"], "undo": row["voids"] is not None, "direction": row["direction"],
            "at": row["scanned_at"].isoformat(timespec="seconds")}


def _skip_to(stream: queue.Queue[bytes], blob: bytes) -> None:
    """A stream that reads too slowly loses what lies between and gets the newest state."""
    while True:
        try:
            stream.get_nowait()
        except queue.Empty:
            break
    stream.put_nowait(blob)


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
