"""What typst is told of a badge: lines with their faces, parts that must not be broken, the QR as one path.

Everything of people goes as values in JSON, never as source, so that no name can be read as typst code.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from admin import logo
from printers.fonts import SYSTEM_FONTS, Face, clean, font_files, has

_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff01-\uff60\U00020000-\U0003ffff]")
_DOT_OR_BLANK = re.compile(r"(?<=[·•・‧\s])(?=\S)")
_LONGEST_PART = 12       # a Chinese name in one piece longer than this may break anywhere
_LONG_WORD = re.compile(r"\S{24,}")
_LONG_PIECE = re.compile(r"([^\s-]{12})(?=[^\s-]{12})|-(?=\S)")   # where a long word may break
_BREAK = "\u200b"
_INK, _WHITE, _BLACK = "#16181d", "#ffffff", "#000000"
_READABLE = 4.5          # WCAG 2.2, 1.4.3 contrast (minimum)
_PALE = 0.8              # luminance from which a band needs an edge against white card
_SMALLEST, _LARGEST = (80, 120), (94, 137)   # mm: the lines stay legible; four with their marks fit on A4
# The mask with the lowest mean penalty over 150 random badge codes (497; the others 501-590). Trying all eight each
# time is what makes `qrcode` slow, and their penalties differ too little to matter to a reader.
_MASK = 1


@dataclass(frozen=True, slots=True)
class BadgeCard:
    """One badge. `colour` is the category's, as '#rrggbb'; `code` the secret that the QR carries."""

    number: str
    name: str
    name_en: str
    organisation: str
    post: str
    category: str
    category_en: str
    colour: str
    code: str


@dataclass(frozen=True, slots=True)
class BadgeSheet:
    """How badges are laid out: `layout` "single" (a page each) or "a4" (four a sheet, crop marks), `size` in mm."""

    name: str
    name_en: str = ""
    dates: str = ""
    venue: str = ""
    logo: bytes | None = None
    layout: str = "single"
    size: tuple[float, float] = (86, 124)

    def __post_init__(self) -> None:
        if self.layout not in ("single", "a4"):
            raise ValueError(f"no such layout: {self.layout!r}")
        if not (_SMALLEST[0] <= self.size[0] <= _LARGEST[0] and _SMALLEST[1] <= self.size[1] <= _LARGEST[1]):
            raise ValueError(f"a badge of {self.size} mm does not fit: {_SMALLEST} to {_LARGEST}")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours '#rrggbb', 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise ValueError(f"not a colour of the form #rrggbb: {colour!r}")
    parts = (int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@lru_cache(maxsize=256)
def text_colour(colour: str) -> str:
    """The colour of words on a band: white or ink where that reads well, black where neither does (always >= 4.5)."""
    return next((tone for tone in (_WHITE, _INK) if contrast(tone, colour) >= _READABLE), _BLACK)


def qr_matrix(code: str) -> list[list[bool]]:
    """The modules of a code's QR, rows from the top, without quiet zone: version 2, correction M, alphanumeric."""
    from qrcode import QRCode
    from qrcode.constants import ERROR_CORRECT_M
    from qrcode.util import QRData

    qr: Any = QRCode(version=2, error_correction=ERROR_CORRECT_M, border=0, mask_pattern=_MASK)
    qr.add_data(QRData(code), optimize=0)
    qr.make(fit=False)
    return [[bool(module) for module in row] for row in qr.modules]


def qr_svg(code: str) -> str:
    """The QR with its quiet zone of 4 modules as one SVG path: one fill, so no seams between modules."""
    path = []
    for y, row in enumerate(qr_matrix(code), 4):
        bits = "".join("1" if module else "0" for module in row)
        path += [f"M{run.start() + 4} {y}h{len(run[0])}v1h-{len(run[0])}z" for run in re.finditer("1+", bits)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 33 33">'
            f'<path d="{"".join(path)}"/></svg>')


def shipped_fonts() -> list[Path]:
    """The fonts that come with the program: badges look the same on every machine, so its own are left alone."""
    return [path for path in font_files() if str(path) not in SYSTEM_FONTS]


@lru_cache(maxsize=1)
def _faces() -> tuple[Face, ...]:
    return tuple(Face(path, 0) for path in shipped_fonts())


def missing_of(card: BadgeCard) -> str:
    """The characters of a card that no shipped font has: typst would draw an empty box, without a word."""
    text = clean(card.number + card.name + card.name_en + card.organisation + card.post
                 + card.category + card.category_en)
    chars = (char for char in text if not char.isspace() and not any(has(face, char) for face in _faces()))
    return "".join(dict.fromkeys(chars))


def _face(text: str) -> str:
    """zh: a line with Chinese; en: Latin; serif: Latin with a letter that Noto lacks (ł, š), whole in one face."""
    if _CJK.search(text):
        return "zh"
    return "en" if all(has(_faces()[0], char) for char in text) else "serif"


def _breakable(text: str) -> str:
    """Words of 24 characters and more with invisible breaks: after hyphens, else after each 12."""
    return _LONG_WORD.sub(lambda word: _LONG_PIECE.sub(rf"\g<0>{_BREAK}", word[0]), text)


def line(text: str) -> dict[str, str]:
    """A text with its face, and its longest piece that typst will not break."""
    text = clean(text)
    breakable = _breakable(text)
    pieces = _CJK.sub(" ", breakable.replace(_BREAK, " ")).split()
    return {"text": breakable, "face": _face(text), "longest": max(pieces, key=len, default="")}


def name_line(name: str) -> dict[str, Any]:
    """A name in parts: Chinese ones break after a middle dot, others between words and after a hyphen; two characters are spaced."""
    name = clean(name)
    face = _face(name)
    if face != "zh":
        parts = re.split(f"{_BREAK}|(?<=[ -])", _breakable(name))
        return {"face": face, "spaced": False, "parts": parts}
    if len(name) == 2:
        return {"face": face, "spaced": True, "parts": list(name)}
    parts = _DOT_OR_BLANK.split(name)
    return {"face": face, "spaced": False,
            "parts": [piece for part in parts for piece in (part if len(part) > _LONGEST_PART else [part])]}


def card_data(card: BadgeCard) -> dict[str, Any]:
    """A card as the template reads it. A person with an English name only has it as the name."""
    name, name_en = (card.name, card.name_en) if clean(card.name) else (card.name_en, "")
    if clean(name).casefold() == clean(name_en).casefold():
        name_en = ""
    return {
        "number": line(card.number), "name": name_line(name), "name_en": line(name_en),
        "organisation": line(card.organisation), "post": line(card.post),
        "category": line(card.category), "category_en": line(card.category_en),
        "colour": card.colour, "on_colour": text_colour(card.colour), "pale": _luminance(card.colour) > _PALE,
        "qr": qr_svg(card.code),
    }


def card_json(card: BadgeCard) -> str:
    """`card_data` on one line of JSON, as it goes to typst."""
    return json.dumps(card_data(card), ensure_ascii=False)


def sheet_json(sheet: BadgeSheet) -> str:
    """What all badges share, on one line of JSON. Raises BadgeError when the logo is no picture."""
    return json.dumps({
        "layout": sheet.layout, "size": list(sheet.size), "logo": _logo(sheet.logo),
        "event": {"name": line(sheet.name), "name_en": line(sheet.name_en), "dates": line(sheet.dates),
                  "venue": line(sheet.venue)},
    }, ensure_ascii=False)


@lru_cache(maxsize=2)
def _logo(data: bytes | None) -> list[int] | None:
    """The bytes of a logo that typst can draw."""
    return None if data is None else list(logo.drawable(data))
