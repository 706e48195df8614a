"""A receipt printer in memory: it takes ESC/POS bytes, gives the slips that came out, and answers as printers do.

The virtual printer and the faulty one are this printer behind a folder and behind a socket. Text is drawn in our own
font, so it shows what would be said, not the exact look of a printer's ROM; pictures and QR codes are exact.
"""
from __future__ import annotations

from collections import deque
from enum import StrEnum

from PIL import Image

from printers import escpos
from printers.lexer import Command, Lexer
from printers.typesetter import Typesetter


class Ability(StrEnum):
    """How well a printer can say that a job is printed (printing.md, "What sent is worth")."""

    COMPLETED = "completed"                # GS ( H: printing is completed
    PARSED = "parsed"                      # only GS r: parsed up to here
    NONE = "none"                          # says nothing at all, not even DLE EOT


class Emulator:
    """One printer. Feed it bytes as they come; it returns the bytes it answers."""

    def __init__(self, width: int = 576, ability: Ability | str = Ability.COMPLETED) -> None:
        """A printer for paper of `width` dots."""
        self.ability = Ability(ability)
        self.paper_out = False
        self.cover_open = False
        self.near_end = False
        self.rows_left: int | None = None  # of paper: runs out while printing
        self.cuts = 0
        self.drawer_pulses = 0
        self.slips: list[Image.Image] = []
        self._paper = Typesetter(width)
        self._lexer = Lexer()
        self._queue: deque[Command] = deque()

    @property
    def online(self) -> bool:
        """Whether it prints; when not, it keeps what comes and answers real-time questions only."""
        return not self.paper_out and not self.cover_open

    @property
    def qr_payloads(self) -> list[str]:
        """The texts of QR codes that the printer itself was asked to draw, in order."""
        return self._paper.qr_payloads

    @property
    def unfinished(self) -> Image.Image | None:
        """Paper that hangs out and was not cut, if any dot is on it."""
        image = self._paper.peek()
        return image if image is not None and image.convert("L").getextrema()[0] == 0 else None

    def feed(self, data: bytes) -> bytes:
        """Takes bytes, prints what it can, and returns its answers."""
        answers = b""
        for command in self._lexer.feed(data):
            if command.name == b"\x10\x04":
                answers += self._status(command.data[0])
            elif command.name == b"\x10\x14" and command.data[:1] == b"\x01":
                self.drawer_pulses += 1
            else:
                self._queue.append(command)
                answers += self._work()
        return answers

    def new_roll(self) -> bytes:
        """Somebody changes the roll and closes the cover: what waited is printed. Returns the answers of that."""
        self.paper_out = self.cover_open = False
        self.rows_left = None
        return self._work()

    def run_out_in(self, rows: int) -> None:
        """The roll ends after so many more rows."""
        self.rows_left = self._paper.rows + rows

    def started_anew(self) -> Emulator:
        """The same printer switched off and on: the slips that lie there are there, what it held is not."""
        fresh = Emulator(self._paper.width, self.ability)
        fresh.slips, fresh.cuts, fresh.drawer_pulses = self.slips, self.cuts, self.drawer_pulses
        return fresh

    def _work(self) -> bytes:
        answers = b""
        while self._queue and self.online:
            answers += self._do(self._queue.popleft())
            if self.rows_left is not None and self._paper.rows >= self.rows_left:
                self.paper_out = True
        return answers

    def _do(self, command: Command) -> bytes:
        if command.name == b"\x1dV" or command.name in (b"\x1bi", b"\x1bm"):
            self._cut(command)
        elif command.name == b"\x1dr":
            return self._sensor(command.data)
        elif command.name == b"\x1d(" and command.data[:1] == b"H":
            return self._completed(command.data)
        elif command.name == b"\x1bp":
            self.drawer_pulses += 1
        else:
            self._paper.do(command)
        return b""

    def _cut(self, command: Command) -> None:
        if len(command.data) == 2:                        # GS V 65/66 n: feed n dots first
            self._paper.feed(command.data[1])
        self.cuts += 1
        image = self._paper.take()
        if image is not None:
            self.slips.append(image)

    def _status(self, number: int) -> bytes:
        """The answer to DLE EOT n; all have bits 1 and 4 set, bits 0 and 7 clear."""
        if self.ability is Ability.NONE:
            return b""
        bits = {1: 0 if self.online else 0x08,
                2: (0x04 if self.cover_open else 0) | (0x20 if self.paper_out else 0),
                3: 0,
                4: (0x60 if self.paper_out else 0) | (0x0C if self.near_end or self.paper_out else 0)}.get(number)
        return b"" if bits is None else bytes([0x12 | bits])

    def _sensor(self, data: bytes) -> bytes:
        if self.ability is Ability.NONE or data not in (b"\x01", b"1"):
            return b""
        return bytes([0x03 if self.near_end else 0x00])

    def _completed(self, data: bytes) -> bytes:
        if self.ability is not Ability.COMPLETED or data[3:5] != b"00":
            return b""
        return b"\x37\x22" + data[5:9] + b"\x00"


def render(data: bytes, width: int = 576) -> list[Image.Image]:
    """The slips that a stream prints, the last one also when it is not cut."""
    printer = Emulator(width)
    printer.feed(escpos.ESC + b"@" + data)
    return printer.slips + ([printer.unfinished] if printer.unfinished else [])
