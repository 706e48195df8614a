"""Bytes for a printer. python-escpos encodes; it never sends: its success says nothing about paper (printing.md).

A job's blob (`encode`) does not depend on the attempt, so that it can be frozen with its hash before the first
send. The question "is it printed?" (`confirmation`) names the attempt and is added when the blob is sent.
"""
from __future__ import annotations

import gc
import re
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from printers import fonts

if TYPE_CHECKING:
    from printers.slip import SlipContent

DLE, ESC, FS, GS = b"\x10", b"\x1b", b"\x1c", b"\x1d"
BAND = 240                                # rows a command: small enough for the buffers of cheap printers
REAL_TIME = (b"\x10\x04", b"\x10\x05", b"\x10\x14")   # DLE EOT, DLE ENQ, DLE DC4: some obey them inside raster data
_REAL_TIME = re.compile(b"\x10[\x04\x05\x14]")
_NEGATIVE = bytes(255 - byte for byte in range(256))   # a set bit is a white dot in a picture, a black one on paper
NO_AUTOMATIC_STATUS = GS + b"a\x00"       # else status bytes of an earlier host's wish mix with the answers
PAPER_SENSOR = GS + b"r1"              # GS r 49: answered in order


def query(number: int) -> bytes:
    """DLE EOT: 1 online, 2 cover and cause, 3 error, 4 paper. Real time: answered past whatever is being printed."""
    return REAL_TIME[0] + bytes([number])


def confirmation(process_id: str) -> bytes:
    """Goes after a job: GS ( H function 48 (answered when printing is completed), then GS r 1 (when it is parsed).

    The id is four printable ASCII characters; raises ValueError otherwise.
    """
    if len(process_id) != 4 or not process_id.isascii() or not process_id.isprintable():
        raise ValueError(f"a process id has four printable ASCII characters: {process_id!r}")
    return GS + b"(H\x06\x0000" + process_id.encode("ascii") + PAPER_SENSOR


def encode(image: Image.Image, cut: bool = True) -> bytes:
    """A drawn slip as raster bands, without a real-time command in its data, fed past the knife and cut."""
    image = image.convert("1")
    if image.width % 8:
        raise ValueError(f"a slip must be a multiple of 8 dots wide, not {image.width}")
    for shift in (0, 1, -1, 2, -2, 3, -3, 4):            # margins are white: nothing is lost
        blob = _job(_shifted(image, shift), cut)
        if not real_time_commands(blob):
            return blob
    return _job(_spotted(image), cut)


def real_time_commands(blob: bytes) -> list[int]:
    """Where a blob holds what a printer may take for a real-time command."""
    return [match.start() for match in _REAL_TIME.finditer(blob)]


def _job(image: Image.Image, cut: bool) -> bytes:
    from escpos.printer import Dummy

    printer = Dummy()
    printer.hw("INIT")
    printer._raw(NO_AUTOMATIC_STATUS)
    # Bands are ours: Dummy.image() converts each one through RGBA, which takes longer than drawing it, and prints a
    # warning on stdout at each call. The bytes are the same (tests hold them against it).
    for top in range(0, image.height, BAND):
        band = image.crop((0, top, image.width, min(top + BAND, image.height)))
        size = (band.width // 8).to_bytes(2, "little") + band.height.to_bytes(2, "little")
        printer._raw(GS + b"v0\x00" + size + band.tobytes().translate(_NEGATIVE))
    _finish(printer, cut)
    return printer.output


def _finish(printer, cut: bool) -> None:
    if cut:
        printer.cut()                                    # feeds six lines first: the knife stands above the head
    else:
        printer.print_and_feed(6)


def _shifted(image: Image.Image, dots: int) -> Image.Image:
    """The image moved to the right, white at its left."""
    if not dots:
        return image
    moved = ImageChops.offset(image, dots, 0)
    moved.paste(255, (0, 0, dots, image.height) if dots > 0 else (image.width + dots, 0, image.width, image.height))
    return moved


def _spotted(image: Image.Image) -> Image.Image:
    """For pictures so dense that no shift helps: one dot more or less in each place where a command would stand."""
    data = bytearray(image.tobytes().translate(_NEGATIVE))
    for n in real_time_commands(bytes(data)):
        data[n + 1] ^= 0x08
    return Image.frombytes("1", image.size, bytes(data).translate(_NEGATIVE))


def warm_up() -> None:
    """Loads fonts and libraries (a third of a second), so that the first slip is as quick as the others."""
    from printers import slip

    encode(slip.draw(slip.SlipContent(kind="test", event="会务", title="打印机", name="Ł", code="S"), 576))
    gc.collect()        # 6 MB of what was read of the fonts hang in circles, and a server's collector rarely turns


def encode_text(content: SlipContent, width: int) -> bytes:
    """A slip as the printer's own characters: for slow serial lines only, and only where a person chose it.

    GB18030 between FS & and FS . , sent raw, since python-escpos' text() loses characters; the QR is the printer's.
    """
    from escpos.printer import Dummy

    printer = Dummy()
    printer.hw("INIT")
    printer._raw(NO_AUTOMATIC_STATUS + FS + b"&")
    for words, size in _text_lines(content):
        for line in _columns(fonts.clean(words), width // 12 // (2 if size else 1)):
            printer._raw(GS + b"!" + bytes([size]))
            printer._raw(line.replace("¥", "￥").encode("gb18030") + b"\n")
    printer._raw(GS + b"!\x00" + FS + b".")
    if content.code:
        printer._raw(ESC + b"a\x01")
        printer.qr(fonts.clean(content.code), native=True, size=6)
        printer._raw(ESC + b"a\x00")
    _finish(printer, cut=True)
    return printer.output


def _text_lines(content: SlipContent) -> list[tuple[str, int]]:
    """What a text slip says, and at which size (GS !: 0 normal, 0x11 twice as wide and high)."""
    from printers.slip import local_time, number_text

    lines = [(f"补打 REPRINT  {content.copy}", 0x11)] if content.copy >= 2 else []
    lines += [(content.event, 0), (content.event_en, 0), (content.title, 0x11), (content.title_en, 0),
              (content.valid, 0), (content.name, 0x11), (content.name_en, 0), (content.organisation, 0),
              (content.category, 0)]
    lines += [(f"{label}: {value}", 0) for label, value in content.lines if value]
    lines += [(f"{time} {title}", 0) for time, title in content.programme]
    lines += [(content.note, 0), (f"No. {number_text(content.number)}  {local_time(content.at)}", 0),
              (content.station, 0)]
    return [(words, size) for words, size in lines if fonts.clean(words)]


def _columns(words: str, columns: int) -> list[str]:
    """Lines of a number of columns; a Chinese character takes two."""
    lines, used = [""], 0
    for char in words:
        wide = 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if used + wide > columns:
            lines.append("")
            used = 0
        lines[-1] += char
        used += wide
    return lines
