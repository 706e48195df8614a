"""The event's logo: what of a stranger's picture may be drawn, and drawn apart into a PNG before it is kept.

An SVG is a program for whoever draws it: uses of uses, filters over millions of dots, files of the server by their
address. It is looked through first, drawn once in a child with an end to its time and memory (admin/apart.py), and what
is kept and printed is the picture that came out.
"""
from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from admin import apart
from admin.badge_errors import BadLogo

if TYPE_CHECKING:
    from PIL import Image

LIMIT = 1_000_000                    # bytes
SECONDS = 4.0
MOST_DOTS = 30_000_000               # of a picture: a photograph of the largest cameras is 100, its logo is not
KEPT_DOTS = 900                      # longest side kept: 11 mm at 600 dpi is 260, a sheet viewed at 3x is still sharp
_SIDE = 11                           # mm on the badge
_DEEPEST, _MOST_PARTS, _LONGEST = 100, 20_000, 100_000
_FORBIDDEN = frozenset(("script", "foreignobject", "iframe", "audio", "video", "handler", "listener"))
_OUTSIDE = re.compile(r"@import|url\(\s*['\"]?(?!['\"]?#|['\"]?data:image/(?:png|jpeg);)", re.IGNORECASE)
_INSIDE = re.compile(r"#|data:image/(?:png|jpeg);", re.IGNORECASE)


def take(data: bytes) -> bytes:
    """An uploaded picture as the PNG that is kept. Raises BadLogo with a sentence for the person."""
    if not data:
        raise BadLogo
    try:
        taken, answer = apart.ask("admin.logo", data, SECONDS)
    except apart.TooHeavy as problem:
        raise BadLogo("heavy") from problem
    if not taken:
        raise BadLogo(answer.decode())
    return answer


def drawable(data: bytes) -> bytes:
    """What typst may draw of a kept logo: a PNG, or an SVG (kept by an older version) that was looked through."""
    if not is_svg(data):
        return _png(_picture(data))
    look_through(data)
    return data


def is_svg(data: bytes) -> bool:
    """Whether it is to be read as an SVG."""
    return b"<svg" in data[:2000]


def look_through(data: bytes) -> None:
    """Refuses an SVG with scripts, entities, anything from outside, or of a size that no logo has. Raises BadLogo."""
    depth = parts = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, parts
        depth, parts = depth + 1, parts + 1
        if depth > _DEEPEST or parts > _MOST_PARTS:
            raise BadLogo("heavy")
        _look_at(name.rpartition(":")[2].lower(), attributes)
        if depth == 1:
            _refuse_huge(attributes)

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: Any) -> None:
        raise BadLogo("alive")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler, parser.CharacterDataHandler = refuse, _refuse_outside
    try:
        parser.Parse(data, True)
    except expat.ExpatError as problem:
        raise BadLogo from problem


def _refuse_outside(text: str) -> None:
    if _OUTSIDE.search(text):
        raise BadLogo("alive")


def _look_at(name: str, attributes: dict[str, str]) -> None:
    if name in _FORBIDDEN:
        raise BadLogo("alive")
    for attribute, value in attributes.items():
        short = attribute.rpartition(":")[2].lower()
        if short.startswith("on") or (short in ("href", "src") and not _INSIDE.match(value.strip())):
            raise BadLogo("alive")
        _refuse_outside(value)


def _refuse_huge(attributes: dict[str, str]) -> None:
    """The picture's own size."""
    for name in ("width", "height"):
        number = re.match(r"\s*\+?([0-9.]{1,20}(?:e\+?[0-9]{1,3})?)", attributes.get(name, ""), re.IGNORECASE)
        if number and number[1].strip(".") and float(number[1]) > _LONGEST:
            raise BadLogo("heavy")


def _picture(data: bytes) -> Image.Image:
    """A PNG or JPEG, made small. Its size is asked before a dot of it is unpacked."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None        # ours is stricter, and is no warning
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
            if opened.width * opened.height > MOST_DOTS:
                raise BadLogo("heavy")
            picture: Image.Image = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as problem:
        raise BadLogo from problem
    picture.thumbnail((KEPT_DOTS, KEPT_DOTS))
    return picture


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _drawn(data: bytes) -> Image.Image:
    """An SVG as a picture, without the empty edges that its square leaves."""
    from PIL import Image

    from admin.badge_press import press_logo

    look_through(data)
    with Image.open(io.BytesIO(press_logo(json.dumps(list(data)), _SIDE, KEPT_DOTS))) as opened:
        picture = opened.convert("RGBA")
    edges = picture.getchannel("A").getbbox()
    if edges is None:
        raise BadLogo
    return picture.crop(edges)


def _answer(data: bytes) -> tuple[bool, bytes]:
    try:
        return True, _png(_drawn(data) if is_svg(data) else _picture(data))
    except BadLogo as refused:
        return False, refused.why.encode()


if __name__ == "__main__":
    sys.exit(apart.answer(_answer))
