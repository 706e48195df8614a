"""Reads what stands on a slip that came out dot by dot: its code, and whether it bears a number.

Slips are exact bitmaps (printing.md), so nothing has to be found or corrected as in a photograph: the QR is version 2,
level M, 21 alphanumeric characters (ISO/IEC 18004), its modules lie on a grid, and a number looks as it was drawn.
"""
from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from printers import paper
from printers.slip import number_text

SIDE = 25                               # modules of version 2
LETTERS = 21
_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_FORMAT = 0b101010000010010             # format bits are masked with this
_WHITE, _BLACK = b"\xff", b"\x00"
_NUMBER_SIZE, _CLEAR = 64, 8            # type size of a slip's number; blank dots beside it


def code_of(slip: Image.Image) -> str:
    """The text of a slip's QR; "" when there is none that can be read."""
    dots, width = slip.convert("L").tobytes(), slip.width
    for module in (9, 8, 7, 6):
        finder = _WHITE * module + _BLACK * 7 * module + _WHITE * module
        start = dots.find(finder)
        while start >= 0:
            top, left = divmod(start + module, width)
            code = _decode(_modules(dots, width, left, top, module))
            if code:
                return code
            start = dots.find(finder, start + 1)
    return ""


def bears(slip: Image.Image, number: int) -> bool:
    """Whether a job's number stands on a slip, in the large type in which slips show it."""
    drawn = paper.text(number_text(number), _NUMBER_SIZE, slip.width, bold=True)
    box = drawn.convert("L").point(lambda dot: 255 - dot).getbbox()
    if box is None:
        return False
    wide = box[2] - box[0] + 2 * _CLEAR
    wanted = Image.new("1", (wide, box[3] - box[1]), 1)
    wanted.paste(drawn.crop(box), (_CLEAR, 0))
    rows = [wanted.crop((0, y, wide, y + 1)).convert("L").tobytes() for y in range(wanted.height)]
    dots, key = slip.convert("L").tobytes(), len(rows) // 2
    at = dots.find(rows[key])
    while at >= 0:
        top = at - key * slip.width
        if top >= 0 and all(dots[top + y * slip.width:top + y * slip.width + wide] == row for y, row in enumerate(rows)):
            return True
        at = dots.find(rows[key], at + 1)
    return False


def _modules(dots: bytes, width: int, left: int, top: int, module: int) -> list[list[bool]]:
    """The grid of modules, by the dot in the middle of each; [] where it would leave the paper."""
    middle, height = module // 2, len(dots) // width
    if left + SIDE * module > width or top + SIDE * module > height:
        return []
    return [[dots[(top + y * module + middle) * width + left + x * module + middle] == 0 for x in range(SIDE)]
            for y in range(SIDE)]


def _decode(grid: list[list[bool]]) -> str:
    if not grid or not all(grid[6][x] == (x % 2 == 0) for x in range(8, SIDE - 8)):     # the timing row
        return ""
    mask = (_bits([grid[8][x] for x in range(5)]) ^ (_FORMAT >> 10)) & 0b111
    masked = _MASKS[mask]
    stream = [grid[y][x] ^ masked(y, x) for y, x in _zigzag()]
    if _bits(stream[:4]) != 0b0010 or _bits(stream[4:13]) != LETTERS:
        return ""
    text, at = "", 13
    for _pair in range(LETTERS // 2):
        value, at = _bits(stream[at:at + 11]), at + 11
        if value >= 45 * 45:
            return ""
        text += _ALPHANUMERIC[value // 45] + _ALPHANUMERIC[value % 45]
    last = _bits(stream[at:at + 6])
    return text + _ALPHANUMERIC[last] if last < 45 else ""


_MASKS = (
    lambda y, x: (y + x) % 2 == 0, lambda y, x: y % 2 == 0, lambda y, x: x % 3 == 0, lambda y, x: (y + x) % 3 == 0,
    lambda y, x: (y // 2 + x // 3) % 2 == 0, lambda y, x: y * x % 2 + y * x % 3 == 0,
    lambda y, x: (y * x % 2 + y * x % 3) % 2 == 0, lambda y, x: ((y + x) % 2 + y * x % 3) % 2 == 0)


def _bits(bits: list[bool]) -> int:
    value = 0
    for bit in bits:
        value = value * 2 + bit
    return value


def _zigzag() -> Iterator[tuple[int, int]]:
    """The places of the data, in order: pairs of columns from the right, up and down in turn, without the timing."""
    columns = [x for x in range(SIDE - 1, 0, -2) if x > 6] + [5, 3, 1]
    for turn, right in enumerate(columns):
        for step in range(SIDE):
            y = SIDE - 1 - step if turn % 2 == 0 else step
            for x in (right, right - 1):
                if not _reserved(y, x):
                    yield y, x


def _reserved(y: int, x: int) -> bool:
    """Finders with their formats, timing, and the alignment pattern of version 2."""
    corner = (y < 9 and x < 9) or (y < 9 and x >= SIDE - 8) or (y >= SIDE - 8 and x < 9)
    return corner or 6 in (y, x) or (16 <= y <= 20 and 16 <= x <= 20)
