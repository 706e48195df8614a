"""Plays the conference: sets the scratch event up, opens it, lets everybody come, closes, and reckons."""
from __future__ import annotations

import csv
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import book as books
from rehearsal import clerk as clerks
from rehearsal import scene
from rehearsal.book import Book
from rehearsal.clerk import Clerk
from rehearsal.faults import Faults
from rehearsal.link import Link, Lost
from rehearsal.paper import Papers
from rehearsal.reckoning import OPEN, Evidence, reckon
from rehearsal.report import Outcome
from rehearsal.scene import Person, Size, Station
from rehearsal.tablet import Tablet, Weather
from rehearsal.traffic import Traffic, Wave
from rehearsal.venue import Venue, VenueError

AT_ONCE = 4             # commands at a time while pairing
SETTLE = 60.0           # seconds without a further slip after which the printers are given up
WAVES = 9
SCANS_EACH = 7.0        # of a person, about: for the progress bar and for the moments of faults


@dataclass(frozen=True)
class Wish:
    """What shall be played. `minutes` spreads the arrivals; 0 is as fast as they are answered."""

    size: Size
    minutes: float = 0.0
    faults: bool = False
    nodes: int = 1
    database: str = ""
    seed: int = scene.SEED

    @property
    def scans(self) -> int:
        """About how many scans there will be."""
        return int(self.size.attendees * SCANS_EACH)


class Rehearsal:
    """One rehearsal in a scratch folder."""

    def __init__(self, wish: Wish, scratch: Path, say: Callable[[str], None], advance: Callable[[int], None]):
        self.wish, self.scratch = wish, scratch
        self._say, self._advance = say, advance
        self._weather = Weather(wish.faults, threading.Event())
        self._papers = Papers(wish.size.printers)
        self._stations = scene.stations(wish.size)

    def play(self) -> Outcome:
        """All of it. VenueError; KeyboardInterrupt leaves no process."""
        began = time.monotonic()
        with self._papers, Venue(self.scratch, self.wish.nodes, self.wish.database) as venue, \
                Book(self.scratch / "acknowledged.jsonl", self._advance) as book:
            try:
                people = self._set_up(venue)
                for node in venue.nodes:
                    node.start()
                tablets, screen = self._pair(venue, book)
                with self._company(venue, book, tablets) as (clerk, faults):
                    self._open(people, tablets, faults)
                    faults.finish()
                    self._settle(screen, clerk)
                outcome = self._reckon(venue, book, tablets, screen, clerk, faults)
                for tablet in (*tablets, screen):
                    tablet.close()
                for node in venue.nodes:
                    node.stop()
            finally:
                self._weather.ending.set()
        outcome.seconds = time.monotonic() - began
        return outcome

    # --- before ---

    def _set_up(self, venue: Venue) -> list[Person]:
        """Plan and roster by the real commands; the people with their codes."""
        self._say("准备会议 Preparing: init, badges, golive …")
        plan, roster, badges = (self.scratch / name for name in ("方案.toml", "名单.xlsx", "代表证.csv"))
        plan.write_text(scene.plan_text(self.wish.size, self._papers.urls), encoding="utf-8")
        taken = venue.command("init", "--plan", plan, "--roster", scene.write_roster(roster, self.wish.size))["roster"]
        if taken["new"] != self.wish.size.attendees:
            raise VenueError(f"import: {taken['new']} of {self.wish.size.attendees} people")
        venue.command("staff", "add", clerks.NAME, "--role", "lead", "--pin-stdin", stdin=f"{clerks.PIN}\n")
        _beside(venue, ("badges", "--out", badges), ("golive",))
        with badges.open(encoding="utf-8-sig", newline="") as file:
            codes = {row["number"]: row["code"] for row in csv.DictReader(file)}
        return scene.everybody(self.wish.size, codes)

    def _pair(self, venue: Venue, book: Book) -> tuple[list[Tablet], Tablet]:
        """A tablet for every station, paired with a code as on the day, and the big screen's."""
        self._say("配对平板 Pairing …")
        every = [*self._stations, Station("board", "board", ())]
        codes = [said["code"] for said in _beside(venue, *(("pair", station.key) for station in every))]
        made = []
        for place, (station, code) in enumerate(zip(every, codes, strict=True)):
            token = _token(venue.ports[0], station.key, code)
            made.append(Tablet(station, token, venue.ports, book, self._weather, self.wish.seed + place))
        return made[:-1], made[-1]

    @contextmanager
    def _company(self, venue: Venue, book: Book, tablets: list[Tablet]) -> Iterator[tuple[Clerk, Faults]]:
        """The clerk, and whoever breaks things."""
        clerk = Clerk(venue.ports, self._papers)
        faults = Faults(venue, self._papers, clerk, book, [tablet.token for tablet in tablets],
                        [tablet.token for tablet in tablets if tablet.station.mode == "desk"], self.wish.seed)
        clerk.start()
        if self.wish.faults:
            faults.start(self.wish.scans)
        try:
            yield clerk, faults
        finally:
            faults.finish()
            clerk.stop()

    # --- while it is open ---

    def _open(self, people: list[Person], tablets: list[Tablet], faults: Faults) -> None:
        traffic = Traffic(people, self._stations, self.wish.seed)
        for part in (traffic.first_day, lambda: traffic.meals(self._papers.coupons()), traffic.second_day):
            for wave in part():
                self._wave(wave, tablets)
                faults.catch_up()

    def _wave(self, wave: Wave, tablets: list[Tablet]) -> None:
        """All stations at once. A station that is never answered ends; the reckoning says what is missing."""
        seconds = self.wish.minutes * 60 / WAVES

        def work(tablet: Tablet) -> None:
            try:
                tablet.play(wave, seconds)
            except Lost:
                return
        threads = [threading.Thread(target=work, args=(tablet,), name=tablet.station.key, daemon=True) for tablet in tablets]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)        # in short waits, so that Ctrl+C is heard on every system

    def _settle(self, screen: Tablet, clerk: Clerk) -> None:
        """Every printer is seen to, and all that waits is printed."""
        for tray in self._papers.trays.values():
            tray.see_to()
        left, since = -1, time.monotonic()
        while left and time.monotonic() - since < SETTLE:
            printers = screen.get("/api/v1/counts")["printers"].values()
            now = sum(printer[state] for printer in printers for state in OPEN)
            if now != left:
                left, since = now, time.monotonic()
            time.sleep(0.3)

    # --- afterwards ---

    def _reckon(self, venue: Venue, book: Book, tablets: list[Tablet], screen: Tablet, clerk: Clerk, faults: Faults) -> Outcome:
        self._say("对账 Reckoning: export, audit …")
        ledger, counts = self.scratch / "记录.json", self.scratch / "数字.json"
        _ledger, _counts, audit = _beside(venue, ("export", "ledger", "--out", ledger), ("export", "counts", "--out", counts),
                                          ("audit",))
        for tray in self._papers.trays.values():
            tray.collect()
        sent, acks = books.read(book.path)
        found = reckon(Evidence(
            sent, acks, json.loads(ledger.read_text(encoding="utf-8")), screen.get("/api/v1/counts"),
            json.loads(counts.read_text(encoding="utf-8")), audit,
            {key: [slip.digest for slip in tray.slips] for key, tray in self._papers.trays.items()},
            dict.fromkeys(scene.SINGLE, 1), scene.SESSIONS, {"bag": scene.stock(self.wish.size)}, scene.barred(self.wish.size)))
        found.add("服务器没有重新启动", "the server did not start again", faults.failed)
        weather = self._weather
        made = {**faults.made, "answers_lost": weather.answers_lost, "requests_lost": weather.requests_lost,
                "flaps": weather.flaps, "asked_yes": clerk.answered["yes"], "asked_no": clerk.answered["no"]}
        times = [one for tablet in tablets for one in tablet.times]
        return Outcome(self.wish.size, found, times, made if self.wish.faults else {})


def _beside(venue: Venue, *commands: tuple[object, ...]) -> list[dict[str, Any]]:
    """Commands side by side, each a process of its own; what they said, in order. VenueError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda words: venue.command(*words, may_fail=words == ("audit",)), commands))


def _token(port: int, key: str, code: str) -> str:
    """What a tablet gets for a pairing code. VenueError."""
    link = Link(port, "")
    answer = link.ask("POST", "/api/v1/pair", json.dumps({"code": code, "name": f"演练 {key}"}).encode())
    link.close()
    if answer.status != 201:
        raise VenueError(f"pair {key}: {answer.status}")
    return str(json.loads(answer.body)["token"])
