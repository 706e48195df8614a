"""Pieces of 1-bit paper: text, bands, boxes and QR as small images, and the sheet they are stacked on.

All sizes are dots (8 a millimetre). Colours are those of mode "1": BLACK and WHITE.
"""
from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from printers import fonts

BLACK, WHITE = 0, 255     # not 1: Pillow keeps what it is given, and inverting 1 gives 254, which is white again
QR_BORDER = 4              # modules, ISO/IEC 18004
QR_MODULE = 6              # dots at least: 0.75 mm survives a worn head and a creased slip


class Sheet:
    """A slip that grows downwards, with margins, a unit of space and type sizes that follow the paper's width."""

    def __init__(self, width: int) -> None:
        """For a paper width in dots."""
        self.width = width
        self.unit = 8 if width >= 512 else 6
        self.margin = 3 * self.unit if width >= 512 else 12
        self._parts: list[tuple[Image.Image, int]] = []

    def size(self, size: int) -> int:
        """A type size of 80 mm paper on this paper; below 22 dots Chinese characters fill up."""
        return size if self.width >= 512 else max(22, round(size * 0.8))

    def add(self, part: Image.Image, left: int | None = None, centred: bool = False) -> None:
        """Adds a piece under the others: at the margin unless said, a full-width one at the edge."""
        if centred or (left is None and part.width > self.width - 2 * self.margin):
            left = (self.width - part.width) // 2
        self._parts.append((part, self.margin if left is None else left))

    def text(self, words: str, size: int, bold: bool = False, even: bool = False) -> None:
        """Adds a text in as many lines as it needs; nothing when it is empty."""
        if fonts.clean(words):
            self.add(text(words, self.size(size), self.width - 2 * self.margin, bold=bold, even=even))

    def space(self, units: float) -> None:
        """Adds empty paper."""
        self._parts.append((Image.new("1", (1, round(units * self.unit)), WHITE), 0))

    def rule(self, weight: int) -> None:
        """Adds a line between the margins."""
        self.add(Image.new("1", (self.width - 2 * self.margin, weight), BLACK))

    def image(self) -> Image.Image:
        """All of it as one image."""
        sheet = Image.new("1", (self.width, max(1, sum(part.height for part, _ in self._parts))), WHITE)
        y = 0
        for part, left in self._parts:
            sheet.paste(part, (left, y))
            y += part.height
        return sheet


def canvas(image: Image.Image) -> ImageDraw.ImageDraw:
    """A pen that draws type without grey."""
    pen = ImageDraw.Draw(image)
    pen.fontmode = "1"
    return pen


def text(words: str, size: int, width: int, *, bold: bool = False, align: str = "left",
         fill: int = BLACK, even: bool = False) -> Image.Image:
    """A text in lines no wider than `width`, as an image of that width; white type stands on black."""
    words = fonts.clean(words)
    lines = (fonts.wrap_evenly if even else fonts.wrap)(words, size, width, bold) if words else []
    leading = round(size * 1.28)
    image = Image.new("1", (width, leading * len(lines)), WHITE if fill == BLACK else BLACK)
    pen = canvas(image)
    for number, line in enumerate(lines):
        left = (width - fonts.measure(line, size, bold)) // 2 if align == "centre" else 0
        fonts.draw(pen, (left, number * leading + round(size * 1.02)), line, size, bold, fill)
    return image


def stack(parts: Sequence[Image.Image], fill: int = WHITE) -> Image.Image:
    """Pieces one above the other."""
    image = Image.new("1", (max(part.width for part in parts), sum(part.height for part in parts)), fill)
    y = 0
    for part in parts:
        image.paste(part, (0, y))
        y += part.height
    return image


def beside(parts: Sequence[Image.Image], middle: bool = False) -> Image.Image:
    """Pieces side by side, at the top or at middle height."""
    height = max(part.height for part in parts)
    image = Image.new("1", (sum(part.width for part in parts), height), WHITE)
    x = 0
    for part in parts:
        image.paste(part, (x, (height - part.height) // 2 if middle else 0))
        x += part.width
    return image


def band(inside: Image.Image, width: int, padding: int, notches: bool = False) -> Image.Image:
    """White words on a black band of the paper's width; with notches at its sides, as a ticket has."""
    image = Image.new("1", (width, inside.height + 2 * padding), BLACK)
    image.paste(inside, ((width - inside.width) // 2, padding))
    if notches:
        pen, radius, middle = canvas(image), 2 * padding // 2, image.height // 2
        for x in (0, width - 1):
            pen.ellipse((x - radius, middle - radius, x + radius, middle + radius), fill=WHITE)
    return image


def framed(words: str, size: int, width: int, padding: int, bold: bool = False) -> Image.Image:
    """Words in a rounded frame that is as wide as they are."""
    room = width - 4 * padding
    lines = fonts.wrap(fonts.clean(words), size, room, bold) or [""]
    inside = text(words, size, max(fonts.measure(line, size, bold) for line in lines) + 2, bold=bold)
    image = Image.new("1", (inside.width + 4 * padding, inside.height + padding), WHITE)
    canvas(image).rounded_rectangle((0, 0, image.width - 1, image.height - 1), padding, outline=BLACK, width=2)
    image.paste(inside, (2 * padding, padding // 2))
    return image


def box_width(pair: tuple[str, str], sizes: tuple[int, int], padding: int) -> int:
    """How wide a box is at least, for its label and its value to stand on one line each."""
    return 4 * padding + max(fonts.measure(fonts.clean(words), size, bold)
                             for words, size, bold in zip(pair, sizes, (False, True), strict=True))


def row(pairs: Sequence[tuple[str, str]], width: int, sizes: tuple[int, int], padding: int) -> Image.Image:
    """Boxes in one frame, each a small label over a large value; what they do not need is shared among them."""
    needs = [box_width(pair, sizes, padding) for pair in pairs]
    spare = max(0, width - sum(needs)) // len(pairs)
    cells = [min(need, width) + spare for need in needs]
    inside = [stack([text(label, sizes[0], cell - 4 * padding), text(value, sizes[1], cell - 4 * padding, bold=True)])
              for (label, value), cell in zip(pairs, cells, strict=True)]
    height = max(part.height for part in inside) + 2 * padding
    image = Image.new("1", (width, height), WHITE)
    pen = canvas(image)
    pen.rounded_rectangle((0, 0, width - 1, height - 1), padding, outline=BLACK, width=3)
    x = 0
    for part, cell in zip(inside, cells, strict=True):
        if x:
            pen.line((x, 0, x, height), fill=BLACK, width=2)
        image.paste(part, (x + 2 * padding, padding))
        x += cell
    return image


def qr(code: str, module: int, width: int) -> Image.Image:
    """A QR code with its quiet zone; smaller modules than asked for when the paper is narrow, never under six dots.

    Raises ValueError when the code does not fit on the paper.
    """
    matrix = _matrix(code)
    module = min(module, width // len(matrix))
    if module < QR_MODULE:
        raise ValueError(f"a QR code of {len(code)} characters does not fit on paper {width} dots wide")
    return _modules(matrix, module)


def qr_image(code: str, module: int) -> Image.Image:
    """A QR code as a printer draws it itself, at whatever size it was asked for."""
    return _modules(_matrix(code), module)


def _matrix(code: str) -> list[list[bool]]:
    import qrcode

    made = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, border=QR_BORDER)
    made.add_data(code)
    return made.get_matrix()


def _modules(matrix: list[list[bool]], module: int) -> Image.Image:
    small = Image.new("1", (len(matrix), len(matrix)))
    small.putdata([BLACK if dark else WHITE for line in matrix for dark in line])
    return small.resize((len(matrix) * module, len(matrix) * module), Image.Resampling.NEAREST)


def ruler(width: int) -> Image.Image:
    """Edge lines, and a comb of bars of one to eight dots."""
    image = Image.new("1", (width, 56), WHITE)
    pen = canvas(image)
    pen.rectangle((0, 0, width - 1, 55), outline=BLACK)
    x = 16
    for weight in range(1, 9):
        for _ in range(3):
            pen.rectangle((x, 8, x + weight - 1, 47), fill=BLACK)
            x += 2 * weight
        x += 8
        if x + 64 > width:
            break
    return image
