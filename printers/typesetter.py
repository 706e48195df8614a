"""The printing half of the emulated printer: commands become rows of dots on paper that has no end.

Text, sizes, alignment, raster and column pictures, stored graphics, QR; a barcode is drawn as its words in a frame.
Commands that print nothing (code tables, speeds, page mode's areas) are taken without effect.
"""
from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image, ImageOps

from printers import fonts, paper
from printers.lexer import Command
from printers.paper import BLACK, WHITE

LINE = 30                                                 # dots of a line feed: 1/6 inch, as after ESC @
QR_CAPACITY = 2331                                        # bytes in the largest symbol at level M, ISO/IEC 18004
CODE_TABLES = {0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865", 16: "cp1252", 17: "cp866", 18: "cp852",
               19: "cp858"}


@dataclass
class _Mode:
    """What ESC @ sets back."""

    wide: int = 1
    high: int = 1
    bold: bool = False
    underline: bool = False
    inverse: bool = False
    align: int = 0
    line: int = LINE
    chinese: bool = False
    table: str = "cp437"
    qr_module: int = 3
    qr_data: str = ""
    graphics: list[Image.Image] = field(default_factory=list)


class Typesetter:
    """Sets what commands say on paper of a width in dots; `take` tears it off."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.rows = 0                                     # printed so far, over all slips
        self.qr_payloads: list[str] = []
        self._mode = _Mode()
        self._line: list[Image.Image] = []
        self._strips: list[Image.Image] = []
        self._decoder = codecs.getincrementaldecoder("cp437")(errors="replace")

    def peek(self) -> Image.Image | None:
        """The paper since the last cut."""
        return paper.stack([self._blank(1), *self._strips]) if self._strips else None

    def take(self) -> Image.Image | None:
        """Cuts the paper: what was printed on it, None when it is empty."""
        self._end_line()
        image = self.peek()
        self._strips = []
        return image

    def feed(self, dots: int) -> None:
        """Moves blank paper."""
        self._end_line()
        if dots:
            self._out(self._blank(dots))

    def do(self, command: Command) -> None:
        """Carries one command out."""
        if command.name == b"":
            self._text(command.data)
        elif command.name in _COMMANDS:
            _COMMANDS[command.name](self, command.data)

    def _blank(self, rows: int) -> Image.Image:
        return Image.new("1", (self.width, rows), WHITE)

    def _out(self, strip: Image.Image) -> None:
        self._strips.append(strip)
        self.rows += strip.height

    def _text(self, data: bytes) -> None:
        for char in self._decoder.decode(data):
            if char.isprintable():
                self._glyph(char)

    def _glyph(self, char: str) -> None:
        """One character in its cell: 12 by 24 dots, Chinese 24 by 24."""
        mode = self._mode
        cell = 24 if ord(char) >= 0x2E80 else 12
        image = Image.new("1", (cell, 24), WHITE)
        if cell == 24:
            fonts.draw(paper.canvas(image), (0, 20), char, 22, bold=mode.bold)
        else:                                             # the last face is monospaced: 12 dots a character at size 20
            for x in range(1 + mode.bold):                # bold is struck twice, as a printer does
                paper.canvas(image).text((x, 19), char, fill=BLACK, font=fonts.font(fonts.faces()[-1], 20), anchor="ls")
        if mode.underline:
            image.paste(BLACK, (0, 22, cell, 24))
        if mode.inverse:
            image = ImageOps.invert(image)
        image = image.resize((cell * mode.wide, 24 * mode.high), Image.Resampling.NEAREST)
        self._inline(image)

    def _inline(self, image: Image.Image) -> None:
        if sum(part.width for part in self._line) + image.width > self.width:
            self._end_line()
        self._line.append(image)

    def _end_line(self, blank: int = 0) -> None:
        """Prints the line that was being set; an empty one moves `blank` dots."""
        if not self._line:
            if blank:
                self._out(self._blank(blank))
            return
        height = max(part.height for part in self._line)
        strip = self._blank(max(height, min(blank, height + 6)))
        x = (0, 1, 2)[self._mode.align] * (self.width - sum(part.width for part in self._line)) // 2
        for part in self._line:
            strip.paste(part, (max(0, x), height - part.height))
            x += part.width
        self._line = []
        self._out(strip)

    def _picture(self, image: Image.Image) -> None:
        """A picture on rows of its own; what is wider than the paper is lost at the right."""
        self._end_line()
        strip = self._blank(image.height)
        strip.paste(image, (max(0, (0, 1, 2)[self._mode.align] * (self.width - image.width) // 2), 0))
        self._out(strip)

    def _reset(self, _data: bytes) -> None:
        self._mode = _Mode()
        self._tongue("cp437")

    def _tongue(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")

    def _chinese(self, on: bool) -> None:
        self._mode.chinese = on
        self._tongue("gb18030" if on else self._mode.table)

    def _code_table(self, data: bytes) -> None:
        self._mode.table = CODE_TABLES.get(data[0], "cp437")
        self._chinese(self._mode.chinese)

    def _print_mode(self, data: bytes) -> None:
        """ESC ! n."""
        bits, mode = data[0], self._mode
        mode.bold, mode.underline = bool(bits & 8), bool(bits & 0x80)
        mode.high, mode.wide = 1 + bool(bits & 0x10), 1 + bool(bits & 0x20)

    def _size(self, data: bytes) -> None:
        """GS ! n: width in the upper half, height in the lower."""
        self._mode.wide, self._mode.high = 1 + (data[0] >> 4 & 7), 1 + (data[0] & 7)

    def _align(self, data: bytes) -> None:
        self._mode.align = {0: 0, 48: 0, 1: 1, 49: 1, 2: 2, 50: 2}.get(data[0], 0)

    def _raster(self, data: bytes) -> None:
        """GS v 0 m xL xH yL yH."""
        self._picture(_rows(data[6:], int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:6], "little"),
                            1 + (data[1] & 1), 1 + (data[1] >> 1 & 1)))

    def _columns(self, data: bytes) -> None:
        """ESC * m nL nH: 8 or 24 dots high, stands in the line like a character."""
        mode, width = data[0], int.from_bytes(data[1:3], "little")
        if not width:
            return
        height = 24 if mode >= 32 else 8
        turned = Image.frombytes("1", (height, width), bytes(data[3:]))
        image = ImageOps.invert(turned.transpose(Image.Transpose.TRANSPOSE))
        across, down = (1 if mode & 1 else 2), (1 if mode >= 32 else 3)
        self._inline(image.resize((width * across, height * down), Image.Resampling.NEAREST))

    def _function(self, data: bytes) -> None:
        """GS ( k (symbols) and GS ( L (graphics)."""
        if data[:1] == b"k":
            self._symbol(data[3:])
        elif data[:1] == b"L":
            self._graphics(data[3:])

    def _graphics(self, body: bytes) -> None:
        """Function 112 stores a picture, function 50 (or 2) prints it."""
        if body[1:3] == b"p0" and len(body) > 10:
            width, height = int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little")
            self._mode.graphics.append(_rows(body[10:], (width + 7) // 8, height, body[3], body[4]))
        elif body[1:2] in (b"2", b"\x02"):
            for image in self._mode.graphics:
                self._picture(image)
            self._mode.graphics = []

    def _symbol(self, body: bytes) -> None:
        """cn 49 is QR: function 67 sets the module, 80 the text, 81 prints. Other symbols show their kind."""
        if body[:1] != b"1":
            if body[1:2] == b"Q":
                self._framed(f"SYMBOL {body[:1].decode('ascii', 'replace')}")
        elif body[1:2] == b"C":
            self._mode.qr_module = min(16, max([1, *body[2:3]]))
        elif body[1:2] == b"P":
            self._mode.qr_data = body[3:].decode("utf-8", "replace")
        elif body[1:2] == b"Q" and self._mode.qr_data:
            self.qr_payloads.append(self._mode.qr_data)
            if len(self._mode.qr_data.encode()) <= QR_CAPACITY:
                self._picture(paper.qr_image(self._mode.qr_data, self._mode.qr_module))

    def _barcode(self, data: bytes) -> None:
        words = data[1:-1] if data[0] <= 6 else data[2:]
        self._framed(f"BARCODE {fonts.clean(words.decode('ascii', 'replace'))}")

    def _framed(self, words: str) -> None:
        self._picture(paper.framed(words, 22, self.width, 8))


def _rows(data: bytes, width_bytes: int, height: int, across: int, down: int) -> Image.Image:
    """Rows of dots, most significant bit at the left, 1 is black; blank where data is short."""
    height = min(height, -(-len(data) // width_bytes)) if width_bytes else 0
    size = width_bytes * height
    if not size:
        return Image.new("1", (1, 1), WHITE)
    image = ImageOps.invert(Image.frombytes("1", (width_bytes * 8, height), bytes(data[:size]).ljust(size, b"\0")))
    return image.resize((image.width * max(1, across), height * max(1, down)), Image.Resampling.NEAREST)


def _set(name: str) -> Callable[[Typesetter, bytes], None]:
    """A command whose last bit switches a mode."""
    return lambda setter, data: setattr(setter._mode, name, bool(data[0] & 1))


_COMMANDS: dict[bytes, Callable[[Typesetter, bytes], None]] = {
    b"\n": lambda setter, _: setter._end_line(setter._mode.line),
    b"\x0c": lambda setter, _: setter._end_line(),
    b"\x1b@": Typesetter._reset, b"\x1b!": Typesetter._print_mode, b"\x1d!": Typesetter._size,
    b"\x1ba": Typesetter._align, b"\x1bt": Typesetter._code_table,
    b"\x1bE": _set("bold"), b"\x1bG": _set("bold"), b"\x1b-": _set("underline"), b"\x1dB": _set("inverse"),
    b"\x1c&": lambda setter, _: setter._chinese(True), b"\x1c.": lambda setter, _: setter._chinese(False),
    b"\x1b2": lambda setter, _: setattr(setter._mode, "line", LINE),
    b"\x1b3": lambda setter, data: setattr(setter._mode, "line", data[0]),
    b"\x1bd": lambda setter, data: setter.feed(data[0] * setter._mode.line),
    b"\x1bJ": lambda setter, data: setter.feed(data[0]),
    b"\x1dv": Typesetter._raster, b"\x1b*": Typesetter._columns,
    b"\x1d(": Typesetter._function, b"\x1d8": lambda setter, data: setter._graphics(data[5:]),
    b"\x1dk": Typesetter._barcode,
}
