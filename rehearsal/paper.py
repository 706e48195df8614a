"""The printers of the rehearsal and the paper that came out of them, torn off and read as it comes."""
from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from dataclasses import dataclass

from PIL import Image

from printers.faulty import FaultyPrinter, Mode
from rehearsal import reading

LOOK = 0.1          # seconds between two looks into the trays
KEPT = 40           # newest slips of a printer that are kept as pictures, for whoever asks whether one came out
GONE = 3.0          # seconds in which a printer should have read what a host that left had sent


@dataclass(frozen=True)
class Slip:
    """What is remembered of a slip: a digest of its picture (number and copy stand in it, so no two are alike), and
    its code."""

    digest: str
    code: str


class Tray:
    """One printer and what lies before it."""

    def __init__(self, key: str):
        self.key, self.printer = key, FaultyPrinter(Mode.WORKS)
        self.slips: list[Slip] = []
        self._pictures: deque[Image.Image] = deque(maxlen=KEPT)
        self._turn = threading.Lock()

    def collect(self) -> None:
        """Tears off and reads what came out."""
        with self._turn:
            for picture in self.printer.take_slips():
                self._pictures.append(picture)
                self.slips.append(Slip(hashlib.sha256(picture.tobytes()).hexdigest(), reading.code_of(picture)))

    def has(self, number: int) -> bool:
        """Whether the slip of a job's number lies here."""
        self.collect()
        with self._turn:
            return any(reading.bears(picture, number) for picture in self._pictures)

    def see_to(self) -> None:
        """Somebody takes the fault away: closes the cover, changes the roll; what waited inside is printed."""
        self.printer.change(Mode.WORKS)
        self.printer.new_roll()

    def came_out(self, number: int) -> bool:
        """What a careful person answers to "did slip … come out?": see to the printer, let it end, look; and if it did
        not come out switch the printer off and on first, or the rest of it would come out beside the copy."""
        self.see_to()
        self.printer.wait_until_left(GONE)
        if self.has(number):
            return True
        self.printer.off_and_on()
        return self.has(number)


class Papers:
    """All trays, and the thread that empties them. A context manager."""

    def __init__(self, count: int):
        self.trays = {f"printer-{place + 1}": Tray(f"printer-{place + 1}") for place in range(count)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._empty, name="trays", daemon=True)

    def __enter__(self) -> Papers:
        for tray in self.trays.values():
            tray.printer.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for tray in self.trays.values():
            tray.printer.off_and_on()
            tray.printer.__exit__()

    @property
    def urls(self) -> dict[str, str]:
        """The printers' addresses, for the plan."""
        return {key: tray.printer.url for key, tray in self.trays.items()}

    def coupons(self) -> list[str]:
        """The codes of the coupons that came out, each once."""
        codes = [slip.code for tray in self.trays.values() for slip in list(tray.slips)]
        return [code for code in dict.fromkeys(codes) if code.startswith("C")]

    def came_out(self, number: int, key: str) -> bool:
        """Whether the slip of a number lies before any printer; `key` is the one that was asked to print it."""
        if key in self.trays and self.trays[key].came_out(number):
            return True
        return any(tray.has(number) for tray in self.trays.values())

    def _empty(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            for tray in self.trays.values():
                tray.collect()
            self._stop.wait(max(0.0, LOOK - (time.monotonic() - began)))
