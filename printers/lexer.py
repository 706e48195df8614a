"""Cuts an ESC/POS byte stream into commands, whatever the portions in which it arrives.

Lengths after Epson's ESC/POS command reference, with a few commands of common Chinese printers. Raster data is
skipped over by its length, so that what looks like a command inside a picture is none.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

# Parameter bytes after the command's own bytes, where their number is fixed.
_FIXED: dict[bytes, int] = {
    **{b"\x1b" + key: 0 for key in (b"@", b"2", b"L", b"S", b"i", b"m", b"v", b"\x0c", b"<")},
    **{b"\x1b" + bytes([key]): 1 for key in b"! %-3=?EGJKMRTUVade{rtufs"},
    **{b"\x1b$": 2, b"\x1b\\": 2, b"\x1bp": 3, b"\x1bW": 8, b"\x1bB": 2, b"\x1bc": 2, b"\x1bQ": 1, b"\x1bl": 1},
    **{b"\x1d" + bytes([key]): 1 for key in b"!/BEHITabfhjrwx"},
    **{b"\x1d$": 2, b"\x1d\\": 2, b"\x1dL": 2, b"\x1dP": 2, b"\x1dW": 2, b"\x1d^": 3, b"\x1d:": 0, b"\x1dc": 0,
       b"\x1dz": 3, b"\x1dF": 3},
    **{b"\x1c" + key: 0 for key in (b"&", b".")},
    **{b"\x1c" + bytes([key]): 1 for key in b"!-CW"},
    **{b"\x1cS": 2, b"\x1c?": 2, b"\x1cp": 2, b"\x1c2": 74},
    **{bytes([key]): 0 for key in b"\x09\x0a\x0c\x0d\x18"},
}


class Command(NamedTuple):
    """One command: its own bytes, its parameters and data. Plain text has the name b""."""

    name: bytes
    data: bytes


class Short(Exception):
    """The rest of a command has not arrived yet."""


class Lexer:
    """Feed it bytes; it gives the commands that are whole, in order, and keeps the rest."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> Iterator[Command]:
        """The commands that are whole now."""
        self.rest += data
        start = 0
        try:
            while start < len(self.rest):
                command, start = _next(self.rest, start)
                yield command
        except Short:
            pass
        finally:
            self.rest = self.rest[start:]


def _next(data: bytes, at: int) -> tuple[Command, int]:
    first = data[at]
    if first >= 0x20 or first not in b"\x09\x0a\x0c\x0d\x10\x18\x1b\x1c\x1d":
        end = at + 1
        while end < len(data) and data[end] >= 0x20:
            end += 1
        return Command(b"", data[at:end]), end
    width = 1 if bytes([first]) in _FIXED else 2
    name = _take(data, at, width)
    size = _length(data, at + width, name)
    return Command(name, _take(data, at + width, size)), at + width + size


def _take(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise Short
    return data[at:at + size]


def _length(data: bytes, at: int, name: bytes) -> int:
    """How many parameter and data bytes follow a command's own bytes; an unknown command has none."""
    if name in _FIXED:
        return _FIXED[name]
    rule = _VARIABLE.get(name)
    return rule(data, at) if rule else 0


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(_take(data, at, 2), "little")


def _until_nul(data: bytes, at: int) -> int:
    end = data.find(b"\0", at)
    if end < 0:
        raise Short
    return end + 1 - at


def _function(data: bytes, at: int) -> int:
    """ESC ( x, GS ( x, FS ( x: function, pL pH, data."""
    return 3 + _word(data, at + 1)


def _large(data: bytes, at: int) -> int:
    """GS 8 L: function, four bytes of length, data."""
    return 5 + int.from_bytes(_take(data, at + 1, 4), "little")


def _raster(data: bytes, at: int) -> int:
    """GS v 0 m xL xH yL yH and the picture."""
    return 6 + _word(data, at + 2) * _word(data, at + 4)


def _column_raster(data: bytes, at: int) -> int:
    """GS Q 0 m xL xH yL yH and the picture."""
    return 6 + _word(data, at + 2) * _word(data, at + 4)


def _bit_image(data: bytes, at: int) -> int:
    """ESC * m nL nH: one byte a column, three from mode 32 on."""
    mode = _take(data, at, 1)[0]
    return 3 + _word(data, at + 1) * (3 if mode >= 32 else 1)


def _downloaded(data: bytes, at: int) -> int:
    """GS * x y: x * 8 dots by y * 8 dots."""
    x, y = _take(data, at, 2)
    return 2 + x * y * 8


def _own_characters(data: bytes, at: int) -> int:
    """ESC & y c1 c2: for each character its width and width * y bytes."""
    height, first, last = _take(data, at, 3)
    size = 3
    for _ in range(first, last + 1):
        size += 1 + _take(data, at + size, 1)[0] * height
    return size


def _stored_images(data: bytes, at: int) -> int:
    """FS q n and n pictures: xL xH yL yH, x * y * 8 bytes."""
    size = 1
    for _ in range(_take(data, at, 1)[0]):
        size += 4 + _word(data, at + size) * _word(data, at + size + 2) * 8
    return size


def _barcode(data: bytes, at: int) -> int:
    """GS k m: data up to NUL for m <= 6, else a length byte and data."""
    if _take(data, at, 1)[0] <= 6:
        return 1 + _until_nul(data, at + 1)
    return 2 + _take(data, at + 1, 1)[0]


def _cut(data: bytes, at: int) -> int:
    """GS V m, and n for the modes that feed first."""
    return 1 if _take(data, at, 1)[0] in (0, 1, 48, 49) else 2


def _real_time(data: bytes, at: int) -> int:
    """DLE EOT n (and a second byte for n 7, 8 and 18)."""
    return 2 if _take(data, at, 1)[0] in (7, 8, 18) else 1


def _pulse(data: bytes, at: int) -> int:
    """DLE DC4 fn: drawer, power, buzzer, clear."""
    return {1: 3, 2: 3, 3: 6, 7: 2, 8: 8}.get(_take(data, at, 1)[0], 1)


def _counter(data: bytes, at: int) -> int:
    """GS C 0, 1, 2 and ;."""
    kind = _take(data, at, 1)[0]
    return _until_nul(data, at) if kind == 0x3B else {0x30: 3, 0x31: 7, 0x32: 3}.get(kind, 1)


def _symbol(data: bytes, at: int) -> int:
    """ESC Z m n k dL dH: QR on many Chinese printers."""
    return 5 + _word(data, at + 3)


def _user_memory(data: bytes, at: int) -> int:
    """FS g 1 (write: m, address, length, data) and FS g 2 (read)."""
    if _take(data, at, 1) == b"1":
        return 8 + _word(data, at + 6)
    return 8


_VARIABLE: dict[bytes, Callable[[bytes, int], int]] = {
    b"\x1b*": _bit_image, b"\x1bD": _until_nul, b"\x1b&": _own_characters, b"\x1bZ": _symbol,
    b"\x1b(": _function, b"\x1d(": _function, b"\x1c(": _function, b"\x1d8": _large,
    b"\x1dv": _raster, b"\x1dQ": _column_raster, b"\x1d*": _downloaded, b"\x1dk": _barcode, b"\x1dV": _cut,
    b"\x1dC": _counter, b"\x1dg": lambda data, at: 4, b"\x1cq": _stored_images, b"\x1cg": _user_memory,
    b"\x10\x04": _real_time, b"\x10\x05": lambda data, at: 1, b"\x10\x14": _pulse,
}
