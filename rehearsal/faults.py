"""What goes wrong, at random moments of the conference: each is begun when so many scans have been acknowledged."""
from __future__ import annotations

import http.client
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from printers.faulty import Mode
from rehearsal.book import Book
from rehearsal.clerk import Clerk
from rehearsal.databases import held
from rehearsal.link import Link, Lost
from rehearsal.paper import Papers, Tray
from rehearsal.venue import Node, Venue, VenueError

STORM = 100             # stations that reconnect at once after a restart
STREAMS, OF_A_TABLET = 30, 6    # live streams that nobody reads; no tablet may have more
LOCKED = 4.0            # seconds for which another program holds the database
TROUBLE = 3.0           # seconds until somebody sees to a printer
LOOK = 0.2              # seconds between two looks whether everybody goes home
SCANS_A_KILL = 2500     # but three kills at least, fifty at most
WHOLE, PRINTING = (0.03, 0.85), (0.01, 0.12)    # parts of the conference: all of it; while people sign in
# A fault of a printer, and the bytes or rows after which it begins: in the middle of a slip.
PRINTER_FAULTS = ((Mode.PAPER_OUT_DURING, 300), (Mode.RESETS, 20_000), (Mode.PAPER_CLEARED_LATER, 300), (Mode.NEVER_READS, 0),
                  (Mode.CLOSES_UNREAD, 20_000), (Mode.COVER_OPEN, 0), (Mode.READS_SLOWLY, 0), (Mode.WRONG_ID, 0),
                  (Mode.PAPER_OUT_BEFORE, 0), (Mode.SECOND_REFUSED, 0))


class Faults:
    """The thread that breaks things, one after another. `lock` holds the database for so many seconds."""

    def __init__(self, venue: Venue, papers: Papers, clerk: Clerk, book: Book, tokens: Sequence[str], desks: Sequence[str],
                 seed: int):
        """`tokens` are all tablets', `desks` those that may follow the live stream."""
        self.made: Counter[str] = Counter()
        self.failed: list[str] = []
        self._venue, self._papers, self._clerk, self._book = venue, papers, clerk, book
        self._tokens, self._desks = tokens, desks
        self._chance = random.Random(seed)
        self._streams: list[Link] = []
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._due: dict[str, list[tuple[int, Callable[[], None]]]] = defaultdict(list)
        self._busy: dict[str, int] = {}         # thread -> the moment of what it does, or waits for

    def start(self, scans: int) -> None:
        """Begins; `scans` is about how many will be acknowledged. Kills have a thread of their own, so that they come in
        the middle of whatever else is going on."""
        kills = max(3, min(50, scans // SCANS_A_KILL))
        printers = [self._printer_fault(place) for place in range(2 * len(self._papers.trays))]
        others = [self._follow, self._backup, self._lock, self._backup]
        self._plan("kills", [self._kill], scans, PRINTING)
        self._plan("kills", [self._kill] * (kills - 1), scans, WHOLE)
        self._plan("printers", printers, scans, PRINTING)
        self._plan("others", others, scans, WHOLE)
        for name, due in self._due.items():
            due.sort(key=lambda one: one[0])
            self._busy[name] = due[0][0]
            self._threads.append(threading.Thread(target=self._work, args=(name, due), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def _plan(self, thread: str, kinds: Sequence[Callable[[], None]], scans: int, part: tuple[float, float]) -> None:
        for kind in kinds:
            self._due[thread].append((int(scans * self._chance.uniform(*part)), kind))

    def catch_up(self) -> None:
        """Waits until all that was due by now has happened: a small conference is over sooner than its faults."""
        while any(moment <= self._book.acknowledged for moment in list(self._busy.values())) and not self._ending.wait(0.05):
            pass

    def finish(self) -> None:
        """Waits for what is under way, and begins nothing more."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        for link in self._streams:
            link.close()

    def _work(self, name: str, due: Sequence[tuple[int, Callable[[], None]]]) -> None:
        for moment, fault in due:
            self._busy[name] = moment
            while not self._ending.is_set() and not self._book.wait_for(moment, LOOK):
                pass
            if self._ending.is_set():
                break
            try:
                fault()
            except VenueError as error:
                self.failed.append(str(error))
        del self._busy[name]

    def _kill(self) -> None:
        """kill -9 in the middle of whatever it does; started again a moment later, and everybody reconnects."""
        node: Node = self._chance.choice(self._venue.nodes)
        self._ending.wait(self._chance.uniform(0.0, 0.4))
        node.kill()
        self.made["kills"] += 1
        self._ending.wait(self._chance.uniform(0.0, 1.0))
        node.start()
        self._storm(node.port)
        if self._streams:
            self._follow()

    def _storm(self, port: int) -> None:
        links = [Link(port, self._tokens[place % len(self._tokens)]) for place in range(STORM)]
        for act in (lambda link: link.begin("/api/v1/station"), Link.finish):
            for link in links:
                try:
                    act(link)
                except Lost:
                    continue
        for link in links:
            link.close()
        self.made["reconnects"] += STORM

    def _follow(self) -> None:
        """Live streams that are never read, as many as may be."""
        for link in self._streams:
            link.close()
        self._streams = []
        for place in range(min(STREAMS, OF_A_TABLET * len(self._desks))):
            link = Link(self._chance.choice(self._venue.ports), self._desks[place % len(self._desks)])
            try:
                link.begin("/api/v1/live")
            except Lost:
                continue
            self._streams.append(link)
            self.made["unread_streams"] += 1

    def _backup(self) -> None:
        if not self._venue.database:
            self._venue.command("backup")
            self.made["backups"] += 1

    def _lock(self) -> None:
        """Another program holds the database: nothing can be written for a while."""
        with held(self._venue.data, self._venue.database):
            self._ending.wait(LOCKED)
        self.made["locks"] += 1

    def _printer_fault(self, place: int) -> Callable[[], None]:
        mode, after = PRINTER_FAULTS[place % len(PRINTER_FAULTS)]
        trays = list(self._papers.trays.values())
        tray = trays[place % len(trays)]

        def fail() -> None:
            tray.printer.change(mode, after)
            self.made["printer_faults"] += 1
            threading.Timer(TROUBLE, self._see_to, (tray,)).start()
        return fail

    def _see_to(self, tray: Tray) -> None:
        """Somebody clears the printer and says so; when the server is away just then, it will look by itself."""
        tray.see_to()
        try:
            self._clerk.check(tray.key)
        except (OSError, http.client.HTTPException):
            pass
