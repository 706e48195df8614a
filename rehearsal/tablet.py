"""One tablet: it keeps a scan until the server has answered for it, whatever happens on the way."""
from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rehearsal.book import Book
from rehearsal.link import Answer, Link, Lost
from rehearsal.scene import Station
from rehearsal.traffic import Visit, Wave, outboxes

MEETING = 0.5           # seconds that one of two waits for the other
PATIENCE = 240.0        # seconds after which a scan without an answer is given up: it would be a failure
ANSWER_LOST, REQUEST_LOST, FLAP = 0.02, 0.01, 0.004      # shares of the requests, with faults


@dataclass
class Weather:
    """What the network does; shared by all tablets."""

    faults: bool
    ending: threading.Event     # set: everybody goes home
    answers_lost: int = 0
    requests_lost: int = 0
    flaps: int = 0


class Tablet:
    """A paired tablet of a station, with a connection to whichever node it finds."""

    def __init__(self, station: Station, token: str, ports: Sequence[int], book: Book, weather: Weather, seed: int):
        self.station, self.token = station, token
        self.times: list[float] = []        # ms of each answered request
        self._ports, self._place = list(ports), seed
        self._book, self._weather = book, weather
        self._chance = random.Random(seed)
        self._accepted: set[str] = set()
        self._link = Link(self._ports[self._place % len(self._ports)], token)

    def play(self, wave: Wave, seconds: float = 0.0) -> None:
        """Sends what this station scans in a wave, evenly over so many seconds (0: as fast as it is answered)."""
        visits = wave.visits.get(self.station.key, [])
        batches = list(outboxes(visits, self._chance)) if wave.batched else [[visit] for visit in visits]
        began = time.monotonic()
        for place, batch in enumerate(batches):
            self._weather.ending.wait(max(0.0, began + seconds * place / len(batches) - time.monotonic()))
            if batch[0].meets is not None:
                _meet(batch[0].meets)
            self._send(batch)
            for visit in batch:
                self._afterwards(visit)

    def get(self, path: str) -> Any:
        """Asks for something until it is answered: the decoded JSON."""
        return json.loads(self._persist("GET", path, b"").body)

    def close(self) -> None:
        """Switched off."""
        self._link.close()

    def _afterwards(self, visit: Visit) -> None:
        if visit.again:
            answer = self._persist("POST", "/api/v1/scans", json.dumps(visit.body).encode())
            self._note(answer, [visit.body["id"]], again=True)
        if visit.undo and visit.body["id"] in self._accepted:
            self._undo(visit.body["id"])

    def _send(self, visits: Sequence[Visit]) -> None:
        for visit in visits:
            self._book.sent({"what": "scan", "station": self.station.key, "number": visit.number, **visit.body})
        bodies = [visit.body for visit in visits]
        answer = self._persist("POST", "/api/v1/scans", json.dumps(bodies[0] if len(bodies) == 1 else bodies).encode())
        self._note(answer, [body["id"] for body in bodies])

    def _undo(self, scan_id: str) -> None:
        undo = str(uuid.uuid4())
        self._book.sent({"what": "undo", "id": undo, "of": scan_id, "station": self.station.key})
        answer = self._persist("POST", f"/api/v1/scans/{scan_id}/void", json.dumps({"id": undo, "reason": "演练"}).encode())
        self._note(answer, [undo])

    def _note(self, answer: Answer, ids: Sequence[str], again: bool = False) -> None:
        """Writes down what was promised for each id, in the order sent."""
        said = json.loads(answer.body)
        results = said["results"] if answer.status == 200 else [said] * len(ids)
        for scan_id, result in zip(ids, results, strict=True):
            if result.get("verdict") == "accepted":
                self._accepted.add(scan_id)
            self._book.ack({
                "id": scan_id, "status": answer.status if "verdict" not in result else 200, "again": again,
                "error": result.get("error"), **{name: result.get(name) for name in (
                    "seq", "verdict", "reason", "replayed", "conflict", "forced", "print_jobs")}})

    def _persist(self, method: str, path: str, body: bytes) -> Answer:
        """The same request until somebody answers it with more than "try again". Lost: nobody ever did."""
        end = time.monotonic() + PATIENCE
        while not self._weather.ending.is_set():
            try:
                self._be_unlucky(path, body)
                began = time.perf_counter()
                answer = self._link.ask(method, path, body)
                if answer.status != 503:
                    self.times.append((time.perf_counter() - began) * 1000)
                    return answer
                self._weather.ending.wait(0.2)
            except Lost:
                self._move_on()
            if time.monotonic() > end:
                break
        raise Lost(f"{self.station.key}: no answer")

    def _be_unlucky(self, path: str, body: bytes) -> None:
        """With faults: the answer is lost, or the request on its way, or the Wi-Fi is gone for a moment."""
        drawn = self._chance.random()
        if not self._weather.faults or not body:
            return
        if drawn < ANSWER_LOST:
            self._weather.answers_lost += 1
            self._link.ask_and_leave(path, body, half=False)
        if drawn < ANSWER_LOST + REQUEST_LOST:
            self._weather.requests_lost += 1
            self._link.ask_and_leave(path, body, half=True)
        if drawn < ANSWER_LOST + REQUEST_LOST + FLAP:
            self._weather.flaps += 1
            self._link.close()
            self._weather.ending.wait(self._chance.uniform(0.2, 1.5))

    def _move_on(self) -> None:
        """After a lost connection: a moment's wait, then the next node, as a proxy in front would choose."""
        self._weather.ending.wait(self._chance.uniform(0.02, 0.3))
        self._place += 1
        self._link = Link(self._ports[self._place % len(self._ports)], self.token)


def _meet(other: threading.Barrier) -> None:
    """Waits a moment for the tablet that scans the same badge."""
    try:
        other.wait(MEETING)
    except threading.BrokenBarrierError:
        pass                # it is late: then it is a double a moment later
