"""Badges (代表证): a PDF to print, pictures and a table for a print shop. Knows cards, not the database.

The codes are secrets: what is made here goes to the person who asked and is kept nowhere.
typst draws the pages from templates/badges (admin/badge_press.py); admin/badge_sheet.py prepares what they say.
typst loads at the first use and lets other threads run while it works, so scans go on while badges are made.
"""
from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from admin.badge_errors import BadgeError, MissingCharacters
from admin.badge_press import press, press_many
from admin.badge_sheet import BadgeCard, BadgeSheet, card_json, missing_of, sheet_json
from models.harmless import harmless
from printers.fonts import clean

__all__ = ["BadgeCard", "BadgeError", "BadgeSheet", "MissingCharacters", "make_csv", "make_pdf", "make_png", "make_zip"]

Progress = Callable[[int, int], None]   # (done, all)
COLUMNS = ("number", "name", "organisation", "category", "code")
PRINT_DPI = 300                         # what print shops ask for
_AT_ONCE = 150                          # pictures drawn in one go, 0.1 MB each; enough to earn a child's start


def make_pdf(cards: Sequence[BadgeCard], sheet: BadgeSheet, progress: Progress | None = None,
             allow_missing: bool = False) -> bytes:
    """All badges as one PDF. Raises MissingCharacters unless those may be left out, and BadgeError.

    `progress` counts the badges prepared; the pages are then drawn in one go, so that fonts are subset once.
    """
    _check(cards, allow_missing)
    return press_many(sheet_json(sheet), list(_prepared(cards, progress)))[0]


def make_png(card: BadgeCard, sheet: BadgeSheet, dpi: int = PRINT_DPI, allow_missing: bool = False) -> bytes:
    """One badge as a picture, for the screen or a print shop. Raises as `make_pdf`."""
    _check([card], allow_missing)
    return press(sheet_json(replace(sheet, layout="single")), [card_json(card)], "png", dpi)[0]


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
        rows.writerow([harmless(clean(getattr(card, column))) for column in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def _check(cards: Sequence[BadgeCard], allow_missing: bool) -> None:
    if allow_missing:
        return
    missing = [(card.number, card.name or card.name_en, chars) for card in cards if (chars := missing_of(card))]
    if missing:
        raise MissingCharacters(missing)


def _prepared(cards: Sequence[BadgeCard], progress: Progress | None) -> Iterator[str]:
    for done, card in enumerate(cards, 1):
        yield card_json(card)
        if progress:
            progress(done, len(cards))


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
    out, taken, look = _Outbox(), set[str](), sheet_json(sheet)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for start in range(0, len(cards), _AT_ONCE):
            some = cards[start:start + _AT_ONCE]
            pages = press_many(look, [card_json(card) for card in some], "png", PRINT_DPI)
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
