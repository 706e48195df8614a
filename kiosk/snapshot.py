"""`GET /api/v1/roster`: the offline snapshot of a station, whole or as what changed since a revision.

While plan and roster stay, a change is what holders did since, read from the ledger: that needs no memory and holds over
a restart and at another node. A whole snapshot, and what an edited roster changed, comes from a shelf of sealed entries
that all tablets of the same mode and services share; it is made anew by one of them while the others wait. Making it
rests as long as it works, so that scans go on beside it.
"""
from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Response, current_app, g, request
from flask_babel import gettext as _

import guard
from guard import may
from kiosk import sealed
from kiosk.api import api, heard, refuse
from models import offline
from models.offline import Holder, Moment
from models.runtime import Runtime
from models.snapshot import Snapshot, StationView
from throttle import Places, each_device, limiter

OFTEN = "30/minute;900/hour"    # of one tablet, which asks every few seconds at most
AT_ONCE, OF_ONE = 24, 2         # answers under way, of the server's 256 threads; of one tablet
PATIENCE = 20.0                 # seconds to wait for the tablet that makes the same snapshot
MOST = 150_000                  # sealed entries kept on all shelves: about 100 MB
BASES = 64                      # plans and rosters of which a shelf knows what changed since
PIECE = 500                     # entries of one piece of the answer
RETRY_SECONDS = 5

Pairs = list[tuple[str, str]]   # digest of the code, sealed entry
Found = tuple[Pairs, list[str], bool]      # entries, codes gone, whether it is everything
sending = Places(AT_ONCE, OF_ONE)


class Busy(Exception):
    """Another tablet's snapshot takes too long."""


@dataclass(slots=True)
class _Sealed:
    digest: bytes       # of what is sealed
    text: str
    mark: int           # when it last became another one


@dataclass(slots=True)
class Shelf:
    """Sealed entries of one mode and set of services. `mark` counts the plans and rosters that it has seen."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    at: Moment | None = None
    mark: int = 0
    entries: dict[str, _Sealed] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    bases: OrderedDict[str, int] = field(default_factory=OrderedDict)

    def bring_up(self, runtime: Runtime, now: Moment, plan: Snapshot, station: StationView) -> None:
        """Makes the shelf what it has to be now."""
        if self.at is not None and self.at.base == now.base:
            for holders in resting(offline.changed(runtime, plan, station, self.at.head)):
                self._put(holders, plan, station)
        else:
            self.mark += 1
            seen: set[str] = set()
            for holders in resting(offline.everybody(runtime, plan, station)):
                seen.update(self._put(holders, plan, station))
            for address in self.entries.keys() - seen:
                del self.entries[address]
                self.gone[address] = self.mark
            self.bases[now.base] = self.mark
            while len(self.bases) > BASES:
                self.bases.popitem(last=False)
        self.at = now

    def _put(self, holders: list[Holder], plan: Snapshot, station: StationView) -> list[str]:
        salt, put = sealed.salt_of(plan), []
        for code, plain in (entry for holder in holders for entry in sealed.entries(holder, plan, station)):
            address, digest = sealed.address_of(code.text), hashlib.sha256(plain).digest()[:16]
            put.append(address)
            self.gone.pop(address, None)
            there = self.entries.get(address)
            if there is None or there.digest != digest:
                self.entries[address] = _Sealed(digest, sealed.seal(code.text, salt, plain), self.mark)
        return put

    def since(self, base: str | None) -> Found:
        """What became another one after plan and roster were these; everything where that is not known."""
        mark = self.bases.get(base or "")
        if mark is None:
            return [(address, kept.text) for address, kept in self.entries.items()], [], True
        return ([(address, kept.text) for address, kept in self.entries.items() if kept.mark > mark],
                [address for address, at in self.gone.items() if at > mark], False)


class Shelves:
    """The shelves of one application; those used least recently go when there are too many entries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, ...], Shelf] = OrderedDict()

    def of(self, plan: Snapshot, station: StationView) -> Shelf:
        """The shelf of a station's mode and services."""
        key = (plan.event.epoch, station.mode, station.services)
        with self._lock:
            shelf = self._kept.setdefault(key, Shelf())
            self._kept.move_to_end(key)
            others = sum(len(one.entries) for one in self._kept.values()) - len(shelf.entries)
            while others + max(len(shelf.entries), 1) > MOST and len(self._kept) > 1:
                _key, dropped = self._kept.popitem(last=False)
                others -= len(dropped.entries)
            return shelf


def resting(slices: Iterable[list[Holder]]) -> Iterator[list[Holder]]:
    """The same slices, with a rest after each as long as its work took: half of one core at the most."""
    begun = time.perf_counter()
    for one in slices:
        yield one
        time.sleep(time.perf_counter() - begun)
        begun = time.perf_counter()


@api.get("/api/v1/roster")
@limiter.limit(OFTEN, key_func=each_device)
@may("gate", "desk")
def roster() -> Response:
    """The sealed entries of everybody, or of those that changed since the revision that the tablet names."""
    heard()
    runtime = guard.runtime()
    now, plan, station = offline.moment(runtime, guard.station())
    if not station.offline:
        return refuse(403, "no_offline_rights", _("这个服务点没有离线核验的权限"))
    if plan.event.closed_at is not None:
        return refuse(410, "event_over", _("会议已结束"))
    if request.if_none_match.contains(now.revision):
        return Response(status=304, headers={"ETag": f'"{now.revision}"'})
    caller = f"device-{g.device.id}"
    if not sending.take(caller):
        return _busy()
    try:
        head, pairs = _answer(runtime, station, offline.read_revision(request.args.get("since", "")))
    except BaseException as error:
        sending.give(caller)
        if isinstance(error, Busy):
            return _busy()
        raise
    body = _body(head, pairs, lambda: sending.give(caller))
    next(body)      # begun, so that closing it gives the place back even if nobody ever read (a HEAD request)
    return Response(body, content_type="application/json", headers={"ETag": f'"{head["revision"]}"',
                                                                    "Cache-Control": "no-store"})


def _busy() -> Response:
    answer = refuse(503, "busy", _("正在为别的平板准备离线名单，请稍后再取"))
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


def _answer(runtime: Runtime, station: StationView, since: Moment | None) -> tuple[dict[str, Any], Pairs]:
    gone: list[str] = []
    whole = False
    now, plan, station = offline.moment(runtime, station)
    if since is not None and since.base == now.base:
        pairs = list(_did_since(runtime, plan, station, since.head))
    else:
        now, plan, (pairs, gone, whole) = _off_the_shelf(runtime, station, since)
    head = {"revision": now.revision, "salt": base64.b64encode(sealed.salt_of(plan)).decode(), "epoch": plan.event.epoch,
            "since": None if whole or since is None else since.revision, "removed": gone}
    return head, pairs


def _off_the_shelf(runtime: Runtime, station: StationView, since: Moment | None) -> tuple[Moment, Snapshot, Found]:
    """What a new tablet needs, or one whose plan or roster is another: the moment that it is of, with what there is."""
    shelves: Shelves = current_app.extensions.setdefault("huiwu.shelves", Shelves())
    shelf = shelves.of(*offline.moment(runtime, station)[1:])
    if not shelf.lock.acquire(timeout=PATIENCE):
        raise Busy
    try:
        now, plan, station = offline.moment(runtime, station)      # after the wait: somebody made it newer, perhaps
        shelf.bring_up(runtime, now, plan, station)
        pairs, gone, whole = shelf.since(since.base if since else None)
    finally:
        shelf.lock.release()
    if since is not None and not whole:
        pairs = list({**dict(pairs), **dict(_did_since(runtime, plan, station, since.head))}.items())
    return now, plan, (pairs, gone, whole)


def _did_since(runtime: Runtime, plan: Snapshot, station: StationView, head: int) -> Iterator[tuple[str, str]]:
    salt = sealed.salt_of(plan)
    for holders in resting(offline.changed(runtime, plan, station, head)):
        for holder in holders:
            for code, plain in sealed.entries(holder, plan, station):
                yield sealed.address_of(code.text), sealed.seal(code.text, salt, plain)


def _body(head: dict[str, Any], pairs: Pairs, done: Callable[[], None]) -> Iterator[bytes]:
    """The answer in pieces: 100,000 entries are 46 MB."""
    try:
        yield b""
        yield msgspec.json.encode(head)[:-1] + b',"entries":{'
        for start in range(0, len(pairs), PIECE):
            piece = ",".join([f'"{address}":"{text}"' for address, text in pairs[start:start + PIECE]])
            yield (("," if start else "") + piece).encode()
        yield b"}}"
    finally:
        done()
