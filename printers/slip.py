"""What a slip says, as data, and how it is drawn: pure, the same content always gives the same picture.

A print job keeps the content; the picture is drawn from it once (printing.md) and again for a marked reprint.
The whole slip, text and QR, is one 1-bit image at the paper's full width, so that no printer's ROM, code page or
font matters: 576 dots for 80 mm paper, 384 for 58 mm, at 8 dots a millimetre. Nothing in it is grey, since grey is
dithered into speckles. Chinese stands first, English beside or under it at a smaller size.
"""
from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from PIL import Image

from printers import fonts, paper
from printers.paper import BLACK, WHITE, Sheet

KIND_WORDS = {"slip": ("凭条", "SLIP"), "coupon": ("餐券", "COUPON"), "test": ("测试", "TEST"), "badge": ("代表证", "BADGE")}


class SlipContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that one slip says. Texts are printed as they stand, without control characters; "" leaves a part out."""

    kind: str                               # slip | coupon | badge | test
    event: str
    title: str                              # the service's name
    event_en: str = ""
    title_en: str = ""
    name: str = ""
    name_en: str = ""
    organisation: str = ""
    category: str = ""
    lines: tuple[tuple[str, str], ...] = ()      # boxes: ("座位 Seat", "A-12"), ("餐桌 Table", "3") …
    programme: tuple[tuple[str, str], ...] = ()  # today: ("09:00", "开幕式") …
    note: str = ""                          # diet, a hint, what to do next
    valid: str = ""                         # "当餐有效 For this meal only"
    code: str = ""                          # the QR's text: C or S and 20 characters
    number: int = 0                         # of the print job
    copy: int = 1                           # 2 and more are marked 补打 REPRINT
    at: str = ""                            # ISO 8601 with the event's offset, printed as that local time
    station: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SlipContent:
        """Content as a job's row keeps it; a key without a value is one that is not there.

        Raises msgspec.ValidationError, naming the key, when it is no content of a slip.
        """
        return msgspec.convert({key: value for key, value in data.items() if value is not None}, cls)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the job's row."""
        return msgspec.to_builtins(self)

    def texts(self) -> Iterator[str]:
        """Every text that a font must have, to be checked with `fonts.missing` before the slip is made."""
        for value in msgspec.structs.astuple(self):
            if isinstance(value, str):
                yield value
            elif isinstance(value, tuple):
                yield from (text for pair in value for text in pair)


def missing(content: SlipContent) -> list[str]:
    """The characters of a slip that no font has, each once: the desk is told before paper is used."""
    return fonts.missing("".join(content.texts()))


def draw(content: SlipContent, width: int) -> Image.Image:
    """The slip as a 1-bit image (mode "1", 0 is black) of the paper's full width in dots, a multiple of 8."""
    if width % 8 or width < 192:
        raise ValueError(f"paper width must be a multiple of 8 dots and at least 192, not {width}")
    if content.kind == "badge":
        from printers import badge  # here, since it is drawn with this module's parts

        return badge.draw(content, width)
    sheet = Sheet(width)
    sheet.space(1)
    _reprint(sheet, content)
    _head(sheet, content)
    _title(sheet, content)
    _person(sheet, content)
    boxes(sheet, content.lines)
    _programme(sheet, content.programme)
    _note(sheet, content.note)
    _foot(sheet, content)
    if content.kind == "test":
        _ruler(sheet)
    return sheet.image()


def number_text(number: int) -> str:
    """A job's number as people say it: 0042."""
    return f"{number:04d}"


def _reprint(sheet: Sheet, content: SlipContent) -> None:
    """Copy 2 and later: a black band that nobody takes for a first slip."""
    if content.copy < 2:
        return
    inner = sheet.width - 2 * sheet.margin
    words = paper.text("补打 REPRINT", sheet.size(56), inner, bold=True, align="centre", fill=WHITE)
    copy = paper.text(f"第 {content.copy} 份 · Copy {content.copy}", sheet.size(28), inner, align="centre", fill=WHITE)
    sheet.add(paper.band(paper.stack([words, copy], fill=BLACK), sheet.width, sheet.unit))
    sheet.space(2)


def _head(sheet: Sheet, content: SlipContent) -> None:
    sheet.text(content.event, 30, bold=True)
    sheet.text(content.event_en, 23)
    sheet.space(1.5)
    sheet.rule(4)
    sheet.space(1.5)


def _title(sheet: Sheet, content: SlipContent) -> None:
    """The service; a coupon's stands white in a black band, so that a stack of slips is sorted at a glance."""
    if content.kind == "coupon":
        inner = sheet.width - 4 * sheet.margin
        parts = [paper.text(" ".join(KIND_WORDS["coupon"]), sheet.size(24), inner, align="centre", fill=WHITE),
                 paper.text(content.title, sheet.size(58), inner, bold=True, align="centre", fill=WHITE),
                 paper.text(content.title_en, sheet.size(26), inner, align="centre", fill=WHITE)]
        sheet.add(paper.band(paper.stack(parts, fill=BLACK), sheet.width, sheet.unit * 2, notches=True))
        sheet.space(1)
    else:
        tag = "" if content.kind == "slip" else " ".join(KIND_WORDS.get(content.kind, (content.kind, "")))
        sheet.text(tag, 24)
        sheet.text(content.title, 46, bold=True)
        sheet.text(content.title_en, 26)
    if content.valid:
        sheet.space(1)
        sheet.add(paper.framed(content.valid, sheet.size(28), sheet.width - 2 * sheet.margin, sheet.unit),
                  centred=content.kind == "coupon")
    sheet.space(2)


def _person(sheet: Sheet, content: SlipContent) -> None:
    """The name as large as it goes on one line, and from 56 dots on as many lines as it needs."""
    name = fonts.clean(content.name)
    if name:
        inner = sheet.width - 2 * sheet.margin
        sizes = (104, 88, 72, 64)
        size = next((s for s in sizes if fonts.measure(name, sheet.size(s), bold=True) <= inner), 56)
        sheet.text(name, size, bold=True, even=True)
    if content.name_en:
        sheet.space(0.5)
    sheet.text(content.name_en, 36, even=True)
    if name and (content.organisation or content.category):
        sheet.space(1)
    sheet.text(content.organisation, 30)
    if content.category:
        sheet.space(1)
        sheet.add(paper.framed(content.category, sheet.size(26), sheet.width - 2 * sheet.margin, sheet.unit, bold=True))
    if name or content.organisation or content.category:
        sheet.space(2)


def boxes(sheet: Sheet, lines: tuple[tuple[str, str], ...]) -> None:
    """Seat, table, room: as many boxes in a row as fit, three at most."""
    pairs = [(label, value) for label, value in lines if fonts.clean(value)]
    inner, sizes = sheet.width - 2 * sheet.margin, (sheet.size(24), sheet.size(56))
    rest = pairs
    while rest:
        count = next(n for n in (3, 2, 1) if n <= len(rest) and (n == 1 or sum(
            paper.box_width(pair, sizes, sheet.unit) for pair in rest[:n]) <= inner))
        sheet.add(paper.row(rest[:count], inner, sizes, sheet.unit))
        sheet.space(1)
        rest = rest[count:]
    if pairs:
        sheet.space(1)


def _programme(sheet: Sheet, programme: tuple[tuple[str, str], ...]) -> None:
    if not programme:
        return
    sheet.text("今日日程 Today", 24)
    sheet.space(0.5)
    sheet.rule(2)
    sheet.space(0.5)
    size = sheet.size(28)
    times = max(fonts.measure(fonts.clean(time), size, bold=True) for time, _ in programme) + 2 * sheet.unit
    for time, title in programme:
        left = paper.text(time, size, times, bold=True)
        right = paper.text(title, size, sheet.width - 2 * sheet.margin - times)
        sheet.add(paper.beside([left, right]))
    sheet.space(2)


def _note(sheet: Sheet, note: str) -> None:
    """A note with a bar at its left: it asks for something to be done."""
    if not fonts.clean(note):
        return
    words = paper.text(note, sheet.size(30), sheet.width - 2 * sheet.margin - 3 * sheet.unit)
    bar = Image.new("1", (sheet.unit, words.height), BLACK)
    gap = Image.new("1", (2 * sheet.unit, words.height), WHITE)
    sheet.add(paper.beside([bar, gap, words]))
    sheet.space(2)


def _foot(sheet: Sheet, content: SlipContent) -> None:
    """QR, number, time and station: side by side on wide paper, one above the other on narrow."""
    sheet.rule(2)
    sheet.space(1)
    code = fonts.clean(content.code)
    wide = sheet.width >= 512
    qr = paper.qr(code, 9 if wide else 8, sheet.width) if code else None
    inner = sheet.width - 2 * sheet.margin
    if qr and wide:
        edge = sheet.margin - 2 * sheet.unit            # the quiet zone is white: it may reach into the margin
        facts = _facts(sheet, content, inner - qr.width - edge)
        gap = Image.new("1", (sheet.margin, 1), WHITE)
        sheet.add(paper.beside([qr, gap, paper.stack(facts)], middle=True), left=edge)
    else:
        if qr:
            sheet.add(qr, centred=True)
        sheet.add(paper.beside(_facts(sheet, content, inner // 2)))


def _facts(sheet: Sheet, content: SlipContent, width: int) -> list[Image.Image]:
    """Who asks about a slip names its number: it is large. Then when and where the slip was made."""
    small = sheet.size(24)
    number = [paper.text("小票号 No.", small, width),
              paper.text(number_text(content.number), sheet.size(64), width, bold=True)] if content.number else []
    where = [paper.text(text, small, width) for text in (local_time(content.at), content.station)]
    if content.copy >= 2:
        where.append(paper.text(f"补打 Copy {content.copy}", small, width, bold=True))
    return [paper.stack(number or [Image.new("1", (width, 1), WHITE)]), paper.stack(where)]


def local_time(at: str) -> str:
    """A time with its offset as the clock on that wall showed it; what is no time is printed as it stands."""
    try:
        return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return at


def _ruler(sheet: Sheet) -> None:
    """On a test slip: a frame at the very edges of the paper, and bars in which a dead dot of the head shows."""
    sheet.space(2)
    sheet.add(paper.ruler(sheet.width), left=0)
    sheet.text("左右边线都看得见，纸宽就设对了。", 24)
    sheet.text("Both edge lines visible: the paper width is right.", 22)
