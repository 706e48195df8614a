"""Fonts of everything that is printed: one Chinese face, and fallbacks a character at a time.

`noto-cjk-sans-otc` (index 2, Simplified Chinese) has all of GBK and the rare characters of names, but no ł š ž ğ.
Those come from the system's own sans face where there is one, and always from DejaVu Sans Mono, which
python-barcode ships (python-escpos needs that package), so a plain pip install is enough on every system.
Only the Regular weight is shipped: bold is drawn by a stroke. Nothing is opened before it is needed.
"""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

SYSTEM_FONTS = (                                          # proportional faces that look at home beside Noto
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "C:/Windows/Fonts/segoeui.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial.ttf",
)
# Invisible by definition (joiners, direction marks, variation selectors): never missing, and never drawn.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
# Where a line may break: after a blank or a hyphen, and around a Chinese character, but never before these marks.
_NOT_FIRST = "，。、；：？！）》」』】”’％…·,.;:?!)\\]}"
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_WORDS = re.compile(f"[{_CJK}]|[^\\s{_CJK}]+|\\s+")
_PIECES = re.compile(f"\\s+|(?:[{_CJK}]|[^\\s{_CJK}-]+-?|-)[{_NOT_FIRST}]*")


_HALF = [0] * 112 + [255] * 144                          # a dot is black when it is nearly half covered


class Face(NamedTuple):
    """One face of a font file (a collection holds several)."""

    path: Path
    number: int


def _shipped(package: str, *parts: str) -> Path:
    """A file inside an installed package, found without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"{package} is not installed: run `make setup`")
    return Path(spec.submodule_search_locations[0], *parts)


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """The faces in the order in which they are asked for a character."""
    system = [Face(Path(name), 0) for name in SYSTEM_FONTS if Path(name).is_file()]
    return (Face(_shipped("noto_cjk_sans_otc", "NotoSansCJK-Regular.ttc"), 2), *system,
            Face(_shipped("barcode", "fonts", "DejaVuSansMono.ttf"), 0))


def font_files() -> list[Path]:
    """The files of `faces()`, for others who set type (typst's badges)."""
    return [face.path for face in faces()]


@lru_cache(maxsize=16)
def _coverage(face: Face) -> bytes:
    """A byte for each character, 1 where the face has it: a set of the Chinese face's 44,810 takes many times as much."""
    from fontTools.ttLib import TTFont

    with TTFont(face.path, fontNumber=face.number, lazy=True) as font:
        font.setGlyphOrder([""] * font["maxp"].numGlyphs)       # their names take 30 MB to read, and nobody asks for them
        characters = font.getBestCmap() or {}
    flags = bytearray(max(characters, default=-1) + 1)
    for character in characters:
        flags[character] = 1
    return bytes(flags)


def has(face: Face, char: str) -> bool:
    """Whether a face has a character."""
    coverage, character = _coverage(face), ord(char)
    return character < len(coverage) and coverage[character] == 1


@lru_cache(maxsize=4096)
def _face_of(char: str) -> Face | None:
    return next((face for face in faces() if has(face, char)), None)


def clean(text: str) -> str:
    """Text as it may be printed: composed (NFC), blanks for line breaks and tabs, no control or invisible character.

    A control character would reach the printer as a command: a name could cut the paper or open the drawer.
    """
    text = "".join(" " if char in "\t\n\r\v\f\x85\u2028\u2029" else char for char in unicodedata.normalize("NFC", text))
    text = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cs"))
    return _INVISIBLE.sub("", text).strip()


def missing(text: str) -> list[str]:
    """The characters of a text that no font here has, each once, in order: to be named before anything is made."""
    return list(dict.fromkeys(char for char in clean(text) if not char.isspace() and _face_of(char) is None))


@lru_cache(maxsize=128)
def font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """A face at a size in dots."""
    return ImageFont.truetype(str(face.path), size, index=face.number)


def runs(text: str) -> Iterator[tuple[Face, str]]:
    """A cleaned text in pieces of one face each; a character that no face has shows as the first face's empty box.

    A word whose letters the first face lacks (Łódź) is set in one face that has them all, where there is one: letters
    of two faces in a word look like a mistake.
    """
    def chosen() -> Iterator[tuple[Face, str]]:
        for word in _WORDS.findall(text):
            whole = next((face for face in faces() if all(has(face, char) for char in word)), None)
            yield from ((whole or _face_of(char) or faces()[0], char) for char in word)

    for face, pairs in groupby(chosen(), lambda pair: pair[0]):
        yield face, "".join(char for _, char in pairs)


def stroke(size: int, bold: bool) -> float:
    """How far a bold stroke reaches beyond the outline, in dots on each side."""
    return max(0.5, size / 52) if bold else 0


@lru_cache(maxsize=8192)
def _length(face: Face, size: int, piece: str) -> float:
    return font(face, size).getlength(piece)


def measure(text: str, size: int, bold: bool = False) -> int:
    """Width in dots of a line."""
    width = sum(_length(face, size, piece) for face, piece in runs(text))
    return round(width + 2 * stroke(size, bold))


def draw(canvas: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, bold: bool = False,
         fill: int = 0) -> None:
    """Draws one line from its left end on its baseline."""
    x, y = at
    x += stroke(size, bold)
    for face, piece in runs(text):
        if bold:
            _draw_bold(canvas, (x, y), piece, font(face, size), stroke(size, bold), fill)
        else:
            canvas.text((x, y), piece, fill=fill, font=font(face, size), anchor="ls")
        x += _length(face, size, piece)


def _draw_bold(canvas: ImageDraw.ImageDraw, at: tuple[float, float], text: str, face: ImageFont.FreeTypeFont,
               width: float, fill: int) -> None:
    """Outlined type in black and white: Pillow's own stroke is grey at its edges, and grey is white in mode "1"."""
    left, top, right, bottom = face.getbbox(text, anchor="ls", stroke_width=width)
    x, y = round(at[0]), round(at[1])
    shape = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2), 0)
    ImageDraw.Draw(shape).text((1 - left, 1 - top), text, fill=255, font=face, anchor="ls", stroke_width=width)
    canvas.bitmap((x + int(left) - 1, y + int(top) - 1), shape.point(_HALF, "1"), fill=fill)


def wrap(text: str, size: int, width: int, bold: bool = False) -> list[str]:
    """A text in lines no wider than `width` dots: broken between words, inside one only when it has to be."""
    lines, line = [], ""
    for piece in _fitting(text, size, width, bold):
        if not line or measure((line + piece).rstrip(), size, bold) <= width:
            line = (line + piece).lstrip()
        else:
            lines.append(line.rstrip())
            line = piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def wrap_evenly(text: str, size: int, width: int, bold: bool = False) -> list[str]:
    """As `wrap`, in the same number of lines, of nearly equal length: a name does not end in one lonely character."""
    lines = wrap(text, size, width, bold)
    for narrower in range(width - size // 2, size, -size // 2):
        fewer = wrap(text, size, narrower, bold)
        if len(fewer) > len(lines):
            break
        lines = fewer
    return lines


def _fitting(text: str, size: int, width: int, bold: bool) -> Iterator[str]:
    """The pieces between which a line may break, each narrow enough for a line of its own."""
    for piece in _PIECES.findall(text):
        while len(piece) > 1 and measure(piece, size, bold) > width:
            cut = max(1, next((n for n in range(2, len(piece)) if measure(piece[:n], size, bold) > width), 2) - 1)
            yield piece[:cut]
            piece = piece[cut:]  # noqa: PLW2901 - what is left of the same piece
        yield piece
