"""Who comes where and when: the conference as waves, and in each wave what every station scans, in order.

Doubles are on purpose: a badge at two stations in the same moment, the same scan sent again, a used coupon once more.
"""
from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rehearsal import scene
from rehearsal.scene import Person, Station

TWINS, AGAIN, UNDONE, STRANGE = 0.03, 0.02, 0.015, 0.005     # shares of the scans
OUTBOX = 25             # scans of one batch at the most
OFFLINE = 0.2           # of the batches at gates: the tablet has let them through itself
STRANGER = "B" + "0" * 20


@dataclass
class Visit:
    """One scan to be made. `meets` holds it until the other station is there too; `undo` is sent after it."""

    body: dict[str, Any]
    number: str
    meets: threading.Barrier | None = None
    again: bool = False
    undo: bool = False


@dataclass
class Wave:
    """What happens in one part of the day: visits by station, to be sent as they come or as an outbox's batches."""

    name: str
    visits: dict[str, list[Visit]] = field(default_factory=dict)
    batched: bool = False

    def __len__(self) -> int:
        return sum(map(len, self.visits.values()))


class Traffic:
    """Draws the waves; the same seed draws the same conference but for the scans' ids."""

    def __init__(self, people: Sequence[Person], stations: Sequence[Station], seed: int):
        self._people, self._stations = list(people), stations
        self._chance = random.Random(seed)

    def first_day(self) -> Iterator[Wave]:
        """The queue at opening, bags, the opening ceremony."""
        yield self._wave("报到 sign-in", "signin", 1, "07:30", 90)
        yield self._wave("资料 bags", "bag", 1, "08:00", 90)
        yield self._wave("开幕式 opening", "d1-opening", 1, "08:50", 20, direction="in", share=0.8)
        yield self._wave("离场 leaving", "d1-opening", 1, "11:00", 20, direction="out", share=0.6, batched=True)

    def meals(self, coupons: Sequence[str]) -> Iterator[Wave]:
        """Noon and evening: badges, and the coupons that came out of the printers, each shown twice."""
        lunch = self._wave("午餐 lunch", "d1-lunch", 1, "11:40", 80)
        gates = [station for station in self._stations if "d1-lunch" in station.services]
        for place, code in enumerate([*coupons, *coupons]):
            moment = scene.at(1, "11:45") + timedelta(seconds=place % 3600)
            lunch.visits[gates[place % len(gates)].key].append(self._visit("d1-lunch", code, "", moment))
        yield lunch
        yield self._wave("晚餐 dinner", "d1-dinner", 1, "17:40", 80, share=0.7, batched=True)

    def second_day(self) -> Iterator[Wave]:
        """The talks in and out, then lunch from outboxes."""
        yield self._wave("报告 talks", "d2-talks", 2, "08:50", 30, direction="in", share=0.7)
        yield self._wave("离场 leaving", "d2-talks", 2, "11:00", 40, direction="out", share=0.5, batched=True)
        yield self._wave("午餐 lunch", "d2-lunch", 2, "11:40", 80, batched=True)

    def _wave(self, name: str, service: str, day: int, clock: str, minutes: int, *, direction: str = "", share: float = 1.0,
              batched: bool = False) -> Wave:
        open_here = [station for station in self._stations if service in station.services]
        coming = [person for person in self._people if self._chance.random() < share]
        self._chance.shuffle(coming)
        wave = Wave(name, {station.key: [] for station in open_here}, batched)
        for place, person in enumerate(coming):
            moment = scene.at(day, clock) + timedelta(seconds=60 * minutes * place / len(coming))
            here = open_here[place % len(open_here)]
            self._come(wave, here, open_here, service, person, moment, direction)
        return wave

    def _come(self, wave: Wave, here: Station, all_open: Sequence[Station], service: str, person: Person, moment: datetime,
              direction: str) -> None:
        code = STRANGER if self._chance.random() < STRANGE else person.code
        number = person.number if code == person.code else ""
        visit = self._visit(service, code, number, moment, direction)
        visit.again = self._chance.random() < AGAIN
        visit.undo = self._chance.random() < UNDONE
        wave.visits[here.key].append(visit)
        others = [station for station in all_open if station is not here]
        if others and self._chance.random() < TWINS:
            twin = self._visit(service, code, number, moment, direction)
            if not wave.batched:
                visit.meets = twin.meets = threading.Barrier(2)
            wave.visits[self._chance.choice(others).key].append(twin)

    def _visit(self, service: str, code: str, number: str, moment: datetime, direction: str = "") -> Visit:
        body: dict[str, Any] = {"id": str(uuid.uuid4()), "service": service, "code": code,
                                "scanned_at": moment.isoformat(timespec="milliseconds")}
        if direction:
            body["direction"] = direction
        return Visit(body, number)


def outboxes(visits: Sequence[Visit], chance: random.Random) -> Iterator[list[Visit]]:
    """The visits of a station as the batches that its outbox sends; in some of them all were let through offline."""
    rest = list(visits)
    while rest:
        size = chance.randint(1, OUTBOX)
        batch, rest = rest[:size], rest[size:]
        if chance.random() < OFFLINE:
            for visit in batch:
                visit.body["offline"] = True
        yield batch
