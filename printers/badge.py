"""A badge from the slip printer, for a walk-in or a lost card: cut off, it slides into a pouch of 80 or 58 mm.

Everything that is read at two metres stands in the middle: category in a black band, the name as large as the paper
lets it be, the unit; then the QR that every station scans. What only staff need is small, at the foot.
"""
from __future__ import annotations

from PIL import Image

from printers import fonts, paper
from printers.paper import BLACK, WHITE, Sheet
from printers.slip import SlipContent, boxes, local_time, number_text

NAME_SIZES = (168, 144, 124, 104, 88, 72)


def draw(content: SlipContent, width: int) -> Image.Image:
    """The badge as a 1-bit image of the paper's full width in dots."""
    sheet = Sheet(width)
    sheet.space(2)
    _centred(sheet, content.event, 30, bold=True)
    _centred(sheet, content.event_en, 23)
    sheet.space(2)
    if fonts.clean(content.category):
        words = paper.text(content.category, sheet.size(58), width - 2 * sheet.margin, bold=True, align="centre", fill=WHITE)
        sheet.add(paper.band(paper.stack([words], fill=BLACK), width, 2 * sheet.unit))
    sheet.space(4)
    _name(sheet, content)
    _centred(sheet, content.organisation, 34)
    sheet.space(2)
    if content.code:
        sheet.add(paper.qr(content.code, 11 if width >= 512 else 9, width), centred=True)
    _foot(sheet, content)
    sheet.space(2)
    return sheet.image()


def _name(sheet: Sheet, content: SlipContent) -> None:
    """On one line at the largest size that fits; only a name too long even at the smallest takes more lines."""
    inner, name = sheet.width - 2 * sheet.margin, fonts.clean(content.name)
    size = next((s for s in NAME_SIZES if fonts.measure(name, sheet.size(s), bold=True) <= inner), NAME_SIZES[-1])
    _centred(sheet, name, size, bold=True)
    sheet.space(1)
    _centred(sheet, content.name_en, 46)
    sheet.space(2)


def _foot(sheet: Sheet, content: SlipContent) -> None:
    """Number, seat, table; then the job, so that a badge can be asked about, and whether it is a further copy."""
    boxes(sheet, content.lines)
    _centred(sheet, content.note, 26)
    sheet.space(1)
    if content.copy >= 2:
        sheet.add(paper.framed(f"补打 REPRINT · 第 {content.copy} 份 Copy {content.copy}", sheet.size(24),
                               sheet.width - 2 * sheet.margin, sheet.unit, bold=True), centred=True)
        sheet.space(1)
    job = f"No. {number_text(content.number)}" if content.number else ""
    _centred(sheet, "  ".join(filter(None, (job, local_time(content.at), content.station))), 22)


def _centred(sheet: Sheet, words: str, size: int, bold: bool = False) -> None:
    if fonts.clean(words):
        sheet.add(paper.text(words, sheet.size(size), sheet.width - 2 * sheet.margin, bold=bold, align="centre", even=True))
