"""5,000 badges as one PDF beside the least that QR and typst can do."""
from __future__ import annotations

import json
import time
from typing import Any

from bench import meeting
from bench.figures import Goal, Options, Row

FEW = 250                   # of the reference: it grows by the badge
_TYPST = """
#let codes = json(bytes(sys.inputs.codes))
#set page(width: 90mm, height: 130mm)
#for one in codes [#one.name \\ #image(bytes(one.qr), format: "svg", width: 30mm) #pagebreak(weak: true)]
"""


def rows(options: Options) -> list[Row]:
    """Milliseconds a badge, everything in."""
    from admin import badge_data, badges
    from app import create_app

    with meeting.event(options.people, cache=options.cache) as place:
        runtime: Any = create_app({"DATA": place.folder}).extensions["huiwu"]
        try:
            with runtime.reading() as session:
                cards, sheet = badge_data.cards(session), badge_data.sheet(session)
        finally:
            runtime.engine.dispose()
    started = time.perf_counter()
    badges.make_pdf(cards, sheet)
    each = (time.perf_counter() - started) / len(cards) * 1000
    alone = least(cards[:FEW])
    return [Row(f"代表证 badges PDF, {len(cards):,}", each, "ms each", None, alone, "QR + typst alone", each / alone,
                Goal(5), f"once; the reference with {min(FEW, len(cards))}")]


def least(cards: list[Any]) -> float:
    """Milliseconds a badge for nothing but a name and a QR: the qrcode package, and typst."""
    import typst

    started = time.perf_counter()
    codes = json.dumps([{"name": card.name, "qr": drawn(card.code)} for card in cards])
    typst.compile(_TYPST.encode(), format="pdf", sys_inputs={"codes": codes})
    return (time.perf_counter() - started) / len(cards) * 1000


def drawn(code: str) -> str:
    """A QR as an SVG, by the qrcode package."""
    import qrcode

    made = qrcode.QRCode(border=0)
    made.add_data(code)
    made.make()
    dots = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(made.get_matrix()) for x, dark in enumerate(row) if dark)
    side = len(made.get_matrix())
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}"><path d="{dots}"/></svg>'
