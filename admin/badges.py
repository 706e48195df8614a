"""Badges (代表证): a PDF to print, pictures and a table for a print shop. Knows cards, not the database.

The codes are secrets: what is made here goes to the person who asked and is kept nowhere.
typst draws the pages from templates/badges; admin/badge_sheet.py prepares what they say. typst loads at the first
use and lets other threads run while it works, so scans go on while badges are made.
"""
from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from admin.badge_sheet import (
    BadgeCard,
    BadgeError,
    BadgeSheet,
    MissingCharacters,
    card_data,
    missing_of,
    sheet_data,
    shipped_fonts,
)
from printers.fonts import clean

__all__ = ["BadgeCard", "BadgeError", "BadgeSheet", "MissingCharacters", "make_csv", "make_pdf", "make_png", "make_zip"]

Progress = Callable[[int, int], None]   # (done, all)
TEMPLATES = Path(__file__).parent.parent / "templates" / "badges"
COLUMNS = ("number", "name", "organisation", "category", "code")
PRINT_DPI = 300                         # what print shops ask for
_AT_ONCE = 20                           # pictures drawn in one go: a page at 300 dpi is 6 MB until it is packed
_FORMULA = re.compile(r"^\s*[=+\-@＝＋－＠]")


def make_pdf(cards: Sequence[BadgeCard], sheet: BadgeSheet, progress: Progress | None = None,
             allow_missing: bool = False) -> bytes:
    """All badges as one PDF. Raises MissingCharacters unless those may be left out, and BadgeError.

    `progress` counts the badges prepared; the pages are then drawn in one go, so that fonts are subset once.
    """
    _check(cards, allow_missing)
    return _compile(list(_prepared(cards, progress)), sheet, "pdf")[0]


def make_png(card: BadgeCard, sheet: BadgeSheet, dpi: int = PRINT_DPI, allow_missing: bool = False) -> bytes:
    """One badge as a picture, for the screen or a print shop. Raises as `make_pdf`."""
    _check([card], allow_missing)
    return _compile([card_data(card)], replace(sheet, layout="single"), "png", dpi)[0]


def make_zip(cards: Sequence[BadgeCard], sheet: BadgeSheet, progress: Progress | None = None,
             allow_missing: bool = False) -> Iterator[bytes]:
    """One PNG a badge in a zip, in pieces as they are made: 5,000 of them never stand in memory. Raises at once."""
    _check(cards, allow_missing)
    return _zipped(cards, replace(sheet, layout="single"), progress)


def make_csv(cards: Iterable[BadgeCard]) -> bytes:
    """The table for a print shop: UTF-8 with BOM, so that Excel reads it; no cell can run as a formula.

    A cell that would start one gets a leading apostrophe (OWASP, CSV Injection).
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out)
    rows.writerow(COLUMNS)
    for card in cards:
        rows.writerow([_harmless(getattr(card, column)) for column in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    cell = clean(cell)
    return "'" + cell if _FORMULA.match(cell) else cell


def _check(cards: Sequence[BadgeCard], allow_missing: bool) -> None:
    if allow_missing:
        return
    missing = [(card.number, card.name or card.name_en, chars) for card in cards if (chars := missing_of(card))]
    if missing:
        raise MissingCharacters(missing)


def _prepared(cards: Sequence[BadgeCard], progress: Progress | None) -> Iterator[dict[str, Any]]:
    for done, card in enumerate(cards, 1):
        yield card_data(card)
        if progress:
            progress(done, len(cards))


@lru_cache(maxsize=1)
def _fonts() -> Any:
    import typst

    folders = list(dict.fromkeys(path.parent for path in shipped_fonts()))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


def _compile(cards: list[dict[str, Any]], sheet: BadgeSheet, kind: str, dpi: int | None = None) -> list[bytes]:
    """The document, or its pages where a page is a picture."""
    import typst

    from admin.roster_words import say

    data = json.dumps(sheet_data(cards, sheet), ensure_ascii=False)
    compiler = typst.Compiler(TEMPLATES / "badges.typ", root=TEMPLATES, font_paths=_fonts(), sys_inputs={"data": data})
    try:
        made: Any = compiler.compile(format=kind, ppi=dpi, pdf_tags=False)
    except typst.TypstError as problem:
        if sheet.logo is None or "SVG" not in problem.message:
            raise
        raise BadgeError(say("会标不是能用的 PNG、JPEG 或 SVG 图片。")) from problem
    return made if isinstance(made, list) else [made]


class _Outbox(io.RawIOBase):
    """Where the zip is written: takes bytes until they are handed on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """What came since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _zipped(cards: Sequence[BadgeCard], sheet: BadgeSheet, progress: Progress | None) -> Iterator[bytes]:
    out, taken = _Outbox(), set[str]()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for start in range(0, len(cards), _AT_ONCE):
            some = cards[start:start + _AT_ONCE]
            pages = _compile([card_data(card) for card in some], sheet, "png", PRINT_DPI)
            for card, page in zip(some, pages, strict=True):
                archive.writestr(_file_name(card.number, taken), page)
            if progress:
                progress(start + len(some), len(cards))
            yield out.take()
    yield out.take()


def _file_name(number: str, taken: set[str]) -> str:
    """A name that every file system takes and that no other badge has, whatever case it ignores."""
    stem = "badge-" + (re.sub(r"[^\w-]+", "_", clean(number))[:40].strip("_") or "0")
    name, again = stem, 1
    while name.casefold() in taken:
        again += 1
        name = f"{stem}-{again}"
    taken.add(name.casefold())
    return f"{name}.png"
