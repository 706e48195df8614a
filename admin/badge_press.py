"""Where typst runs: in this process for a few badges, in a child of its own for many.

typst keeps about 0.25 MB a badge while it works (1.5 GB for 5,000) and hands little of it back: in a child the memory
is gone with the page, and the child steps back for the scans. The sheet and the cards go through a pipe: codes are
secrets, and stand in no argument and in no file.
"""
from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from admin.badge_errors import BadgeError, BadLogo
from admin.badge_sheet import shipped_fonts
from admin.roster_words import say
from models.cores import everywhere

ROOT = Path(__file__).parent.parent
TEMPLATES = ROOT / "templates" / "badges"
FEW = 100                  # up to here a child's start (0.3 s) costs more than it saves
_BAD_LOGO, _BACKGROUND = 3, 5
_LENGTH = struct.Struct(">Q")
Kind = Literal["pdf", "png"]


@lru_cache(maxsize=1)
def _fonts() -> Any:
    import typst

    folders = list(dict.fromkeys(path.parent for path in shipped_fonts()))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=folders)


def press(sheet: str, cards: Sequence[str], kind: Kind = "pdf", dpi: int | None = None) -> list[bytes]:
    """The document, or with "png" its pages, of a sheet and its cards, each as JSON. Raises BadgeError."""
    import typst

    data = {"sheet": sheet, "cards": f"[{','.join(cards)}]"}
    try:
        with everywhere():      # typst's own threads too, which it starts with its first work and keeps
            compiler = typst.Compiler(TEMPLATES / "badges.typ", root=TEMPLATES, font_paths=_fonts(), sys_inputs=data)
            made: Any = compiler.compile(format=kind, ppi=dpi, pdf_tags=False)
    except typst.TypstError as problem:
        if not re.search("SVG|image", problem.message):
            raise
        raise BadLogo from problem
    return made if isinstance(made, list) else [made]


def press_logo(logo: str, side: int, dots: int) -> bytes:
    """An SVG (its bytes as a JSON list) as a PNG, a square of `side` mm and about so many dots. Raises BadLogo."""
    import typst

    try:
        with everywhere():
            made: Any = typst.compile(TEMPLATES / "logo.typ", root=TEMPLATES, font_paths=_fonts(), format="png",
                                      ppi=dots * 25.4 / side, sys_inputs={"logo": logo, "side": str(side)})
    except typst.TypstError as problem:
        raise BadLogo("heavy") from problem
    picture: bytes = made[0] if isinstance(made, list) else made
    return picture


def press_many(sheet: str, cards: Sequence[str], kind: Kind = "pdf", dpi: int | None = None) -> list[bytes]:
    """As `press`, for any number of cards."""
    if len(cards) <= FEW:
        return press(sheet, cards, kind, dpi)
    with everywhere():      # our own module; no argument comes from outside
        child = subprocess.run([sys.executable, "-m", "admin.badge_press", kind, str(dpi or 0)], cwd=ROOT, check=False,  # noqa: S603
                               input="\n".join([sheet, *cards]).encode(), capture_output=True)
    if child.returncode == _BAD_LOGO:
        raise BadLogo
    if child.returncode:
        raise BadgeError(say("这么多代表证没有一次做成，内存可能不够。请分批制作。"))
    return list(_unpacked(child.stdout))


def _unpacked(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        (length,) = _LENGTH.unpack_from(packed, at)
        at += _LENGTH.size
        yield packed[at:at + length]
        at += length


def main(kind: Kind, dpi: int) -> int:
    """The child: the sheet comes on the first line, then a card a line; each page goes out behind its length."""
    if hasattr(os, "nice"):
        os.nice(_BACKGROUND)
    sheet, *cards = sys.stdin.buffer.read().decode().split("\n")
    try:
        pages = press(sheet, cards, kind, dpi or None)
    except BadLogo:
        return _BAD_LOGO
    for page in pages:
        sys.stdout.buffer.write(_LENGTH.pack(len(page)) + page)
    return 0


if __name__ == "__main__":
    sys.exit(main("png" if sys.argv[1] == "png" else "pdf", int(sys.argv[2])))
