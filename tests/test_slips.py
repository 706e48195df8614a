"""Slips: what they say comes out on paper of both widths, whatever a name holds."""
import msgspec
import pytest
import zxingcpp
from PIL import Image, ImageChops

from printers import escpos, fonts, paper, slip
from printers.emulator import Emulator
from printers.slip import SlipContent

CODE = "C7K3M9Q2TXVZ4A8B1DEFG"
WIDTHS = pytest.mark.parametrize("width", [576, 384])


def content(**changes) -> SlipContent:
    """A full slip of an invented person."""
    facts = {"kind": "slip", "event": "2026年全国学术年会", "event_en": "Annual Meeting 2026", "title": "会议报到",
             "title_en": "Sign-in", "name": "欧阳娜娜", "name_en": "Nana Ouyang", "organisation": "第十二研究所",
             "category": "代表 Delegate", "lines": (("座位 Seat", "A-12"), ("餐桌 Table", "3"), ("房间 Room", "1208")),
             "programme": (("09:00", "开幕式"), ("10:30", "大会报告")), "note": "清真餐请到二层", "code": CODE,
             "number": 42, "at": "2026-12-05T08:52:07+08:00", "station": "报到台1"}
    return SlipContent(**{**facts, **changes})


def printed(said: SlipContent, width: int) -> Image.Image:
    """The slip as it came out of a printer that was sent its bytes."""
    printer = Emulator(width)
    printer.feed(escpos.encode(slip.draw(said, width)))
    assert printer.cuts == 1
    return printer.slips[0]


def read(image: Image.Image) -> list[str]:
    """What an independent reader sees in a picture."""
    return [code.text for code in zxingcpp.read_barcodes(image.convert("L"))]


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one.convert("L"), other.convert("L")).getbbox() is None


@WIDTHS
@pytest.mark.parametrize("kind", ["slip", "coupon", "test"])
def test_the_qr_on_printed_paper_is_read_by_an_independent_reader(kind, width):
    assert read(printed(content(kind=kind), width)) == [CODE]


@WIDTHS
def test_a_slip_is_black_and_white_at_the_full_width_of_the_paper(width):
    image = slip.draw(content(), width)
    assert image.mode == "1" and image.width == width


@WIDTHS
def test_the_qr_has_modules_of_six_dots_and_a_quiet_zone_of_four(width):
    image = paper.qr(CODE, 9, width)
    left, top, right, bottom = ImageChops.invert(image.convert("L")).getbbox()
    module = (right - left) // 25                         # 21 characters are a version 2 symbol of 25 modules
    assert module >= 6 and left == top == 4 * module and image.width - right == image.height - bottom == 4 * module


def test_a_qr_that_would_need_smaller_modules_is_refused_in_words():
    with pytest.raises(ValueError, match="does not fit"):
        paper.qr("X" * 400, 9, 384)


def test_a_paper_width_that_is_no_multiple_of_eight_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        slip.draw(content(), 577)


@WIDTHS
def test_a_slip_of_more_than_960_rows_comes_out_dot_for_dot(width):
    drawn = slip.draw(content(programme=tuple((f"{h:02d}:00", f"报告 {h}") for h in range(8, 30))), width)
    assert drawn.height > 1200
    printer = Emulator(width)
    printer.feed(escpos.encode(drawn))
    paper_out = printer.slips[0]
    top = _first_ink(paper_out) - _first_ink(drawn)
    assert same(paper_out.crop((0, top, width, top + drawn.height)), drawn)


def _first_ink(image: Image.Image) -> int:
    return ImageChops.invert(image.convert("L")).getbbox()[1]


@WIDTHS
@pytest.mark.parametrize("name", ["阿卜杜热合曼·买买提吐尔逊江·阿布都克里木·吐尔逊", "Wolfeschlegelsteinhausenbergerdorff" * 2,
                                  "Łukasz Žižek", "张䶮𠮷𬭎㛃"])
def test_long_and_rare_names_keep_clear_of_the_edges_and_lose_nothing(name, width):
    sheet = paper.Sheet(width)
    image = slip.draw(content(name=name, organisation=name, note=name, lines=(("座位 Seat", name),)), width)
    ink = ImageChops.invert(image.convert("L")).getbbox()
    assert ink[0] >= 8 and ink[2] <= width - 8
    lines = fonts.wrap(name, sheet.size(56), width - 2 * sheet.margin, bold=True)
    assert "".join(lines).replace(" ", "") == name.replace(" ", "")


@pytest.mark.parametrize("attack", ["\x1dV\x00", "\x1bp\x00\x19\xfa", "\x1b@", "\x10\x14\x01\x00\x01", "\x1c.\x00"])
def test_a_name_full_of_printer_commands_is_only_text(attack):
    evil = content(name=f"张{attack}三", event=attack + "会议", station=attack, code=CODE + attack)
    for blob in (escpos.encode(slip.draw(evil, 576)), escpos.encode_text(evil, 576)):
        printer = Emulator()
        printer.feed(blob)
        assert (printer.cuts, printer.drawer_pulses, len(printer.slips)) == (1, 0, 1)


def test_control_characters_do_not_show():
    assert same(slip.draw(content(name="张\x07\x1b三"), 576), slip.draw(content(name="张三"), 576))


@WIDTHS
def test_a_reprint_carries_a_black_band_across_the_paper_and_a_first_slip_does_not(width):
    def blackest(image):
        rows = image.convert("L").resize((1, image.height), Image.Resampling.BOX)
        return sum(1 for y in range(160) if rows.getpixel((0, y)) < 128)

    assert blackest(slip.draw(content(copy=2), width)) > 80
    assert blackest(slip.draw(content(copy=1), width)) < 20


def test_the_same_content_always_gives_the_same_picture_and_bytes():
    assert escpos.encode(slip.draw(content(), 576)) == escpos.encode(slip.draw(content(), 576))


@pytest.mark.parametrize("width", [192, 320, 576, 832])
def test_the_least_content_is_a_slip_on_any_paper(width):
    image = slip.draw(SlipContent(kind="slip", event="会", title="报到"), width)
    assert image.width == width and image.convert("L").getextrema() == (0, 255)


def test_content_survives_the_database_and_leaves_out_what_is_not_there():
    stored = msgspec.json.decode(msgspec.json.encode(content(copy=2).to_json()))
    assert SlipContent.from_json(stored) == content(copy=2)
    assert "valid" not in stored
    assert SlipContent.from_json({**stored, "station": None}).station == ""


def test_content_that_is_none_is_refused_with_the_key():
    with pytest.raises(msgspec.ValidationError, match="title"):
        SlipContent.from_json({"kind": "slip", "event": "会议"})
    with pytest.raises(msgspec.ValidationError, match="number"):
        SlipContent.from_json({"kind": "slip", "event": "会议", "title": "报到", "number": "x"})


def test_a_character_that_no_font_has_is_named_wherever_it_stands():
    said = content(name="张\U000f0000", lines=(("座位", "\U000f0001"),), programme=(("09:00", "\U000f0002"),))
    assert slip.missing(said) == ["\U000f0000", "\U000f0001", "\U000f0002"]
    assert slip.missing(content()) == []


def test_the_time_is_the_one_on_the_wall_of_the_event():
    assert slip.local_time("2026-12-05T23:52:07+08:00") == "2026-12-05 23:52"
    assert slip.local_time("") == ""


@WIDTHS
@pytest.mark.parametrize("name", ["张三", "Anna-Maria Schönhäuser-Wittelsbacher", "古丽·买买提艾力"])
def test_a_badge_from_the_slip_printer_is_scanned_whatever_the_name(width, name):
    image = printed(content(kind="badge", title="代表证", name=name, code="B7K3M9Q2TXVZ4A8B1DEFG"), width)
    assert image.width == width
    assert [found.text for found in zxingcpp.read_barcodes(image.convert("L"))] == ["B7K3M9Q2TXVZ4A8B1DEFG"]


def test_a_further_copy_of_a_badge_says_so():
    first, second = (slip.draw(content(kind="badge", copy=copy), 576) for copy in (1, 2))
    assert second.height > first.height
