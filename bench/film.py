"""What the fake camera sees: badge after badge with the empty hall between, each picture numbered in its corner.

The number stands in a strip of black and white squares that the page reads back, so that a verdict can be timed from
the picture in which its code came.
"""
from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BITS, SQUARE = 12, 32            # the strip: the number's bits, low one first, and their size in dots
SEEN, HALL = 14, 8               # pictures that a badge is seen in, then pictures without one
EACH = SEEN + HALL
RATE = 30                        # pictures a second, as Chromium plays them
SIZE = (1280, 720)


def write(file: Path, badges: Sequence[str]) -> None:
    """The film as Chromium's fake camera takes it: JPEG after JPEG, 4:2:0."""
    from PIL import Image, ImageDraw

    hall = Image.new("RGB", SIZE, "#4a4a48")
    with file.open("wb") as out:
        for at, badge in enumerate(badges):
            held = hall.copy()
            ImageDraw.Draw(held).rounded_rectangle((470, 60, 810, 660), 20, fill="white")
            held.paste(drawn(badge), (490, 200))
            for n in range(EACH):
                picture = (held if n < SEEN else hall).copy()
                number(ImageDraw.Draw(picture), at * EACH + n)
                jpeg = io.BytesIO()
                picture.save(jpeg, "JPEG", quality=85, subsampling="4:2:0")
                out.write(jpeg.getvalue())


def number(pen: Any, value: int) -> None:
    """Draws the strip."""
    for bit in range(BITS):
        left = bit * SQUARE
        pen.rectangle((left, 0, left + SQUARE - 1, SQUARE - 1), fill="white" if value >> bit & 1 else "black")


def drawn(badge: str) -> Any:
    """A badge's QR, 300 dots wide."""
    import qrcode

    return qrcode.make(badge, border=2).get_image().convert("RGB").resize((300, 300))
