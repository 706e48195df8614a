"""Bytes for printers and the emulated printer that reads them: exact pictures, true answers, nothing obeyed by accident."""
import random

import pytest
import zxingcpp
from escpos.printer import Dummy
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from printers import escpos
from printers.emulator import Ability, Emulator, render
from printers.lexer import Lexer
from printers.slip import SlipContent
from printers.status import Answer, Answers, Problem, Status, parse_paper, parse_status

TEXT_SLIP = SlipContent(kind="slip", event="会议：全国（第一届），年会", title="报到", name="张䶮𠮷", note="¥5，ł",
                        code="S7K3M9Q2TXVZ4A8B1DEFG", number=7, at="2026-12-05T08:52:07+08:00")


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    return Image.frombytes("1", (width, height), random.Random(seed).randbytes(width // 8 * height))


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and ImageChops.difference(one.convert("L"), other.convert("L")).getbbox() is None


def dots_apart(one: Image.Image, other: Image.Image) -> int:
    return ImageChops.difference(one.convert("L"), other.convert("L")).histogram()[255]


@pytest.mark.parametrize("width", [576, 384])
@pytest.mark.parametrize("height", [1, 239, 240, 241, 961, 2000])
def test_a_picture_of_any_height_comes_out_dot_for_dot_and_is_cut_once(width, height):
    image = Image.new("1", (width, height), 1)
    image.paste(0, (12, 0, width - 12, height))
    image.paste(1, (20, height // 2, width - 40, height))
    printer = Emulator(width)
    assert printer.feed(escpos.encode(image)) == b""
    assert printer.cuts == 1 and printer.unfinished is None
    # One blank row is the paper's own start; the rest after the picture is the feed past the knife.
    assert same(printer.slips[0].crop((0, 1, width, 1 + height)), image)


def test_the_raster_is_the_one_that_python_escpos_makes_of_the_same_picture():
    image = noise(576, 100)
    for x in range(0, 576, 5):
        image.putpixel((x, 50), 0)
    theirs = Dummy(profile="TM-T88V")
    theirs._output_list.clear()
    theirs.image(image.crop((0, 0, 512, 100)))
    assert theirs.output in escpos._job(image.crop((0, 0, 512, 100)), cut=True)


def test_a_picture_whose_width_no_printer_could_take_is_refused():
    with pytest.raises(ValueError, match="multiple of 8"):
        escpos.encode(Image.new("1", (577, 10), 1))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([b"\x10\x04\x01", b"\x10\x14", b"\x10\x05", b"\x10", b"\x04", b"\x00", b"\xff"]),
                min_size=200, max_size=200))
def test_real_time_commands_are_never_inside_a_job(pieces):
    data = b"".join(pieces)[:72 * 3].ljust(72 * 3, b"\x10")
    image = ImageChops.invert(Image.frombytes("1", (576, 3), data))
    assert escpos.real_time_commands(escpos.encode(image)) == []


def test_a_single_real_time_pattern_moves_the_picture_and_loses_no_dot():
    image = Image.new("1", (576, 1), 1)
    for x in (11, 21):                                    # bytes 10 04
        image.putpixel((x, 0), 0)
    printer = Emulator()
    blob = escpos.encode(image)
    printer.feed(blob)
    row = printer.slips[0].crop((0, 1, 576, 2))
    black = [x for x in range(576) if not row.getpixel((x, 0))]
    assert escpos.real_time_commands(blob) == []
    assert black[1] - black[0] == 10 and 1 <= abs(black[0] - 11) <= 4


def test_where_no_shift_helps_a_few_dots_are_changed_and_no_more():
    image = noise(576, 800, seed=3)
    blob = escpos.encode(image)
    printer = Emulator()
    printer.feed(blob)
    assert escpos.real_time_commands(blob) == []
    assert dots_apart(printer.slips[0].crop((0, 1, 576, 801)), image) < 20


def test_what_looks_like_a_command_inside_a_picture_is_not_obeyed():
    data = (b"\x1dV\x00\x1bp\x00\x19\xfa\x10\x04\x01" * 60)[:72 * 8]
    printer = Emulator()
    assert printer.feed(b"\x1dv0\x00\x48\x00\x08\x00" + data) == b""
    assert (printer.cuts, printer.drawer_pulses) == (0, 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_the_portions_in_which_bytes_arrive_make_no_difference(sizes):
    blob = escpos.encode(Image.new("1", (384, 30), 0)) + escpos.encode_text(TEXT_SLIP, 384)
    whole, cut = Emulator(384), Emulator(384)
    whole.feed(blob)
    at = 0
    for size in [*sizes, len(blob)]:
        cut.feed(blob[at:at + size])
        at += size
    assert len(whole.slips) == len(cut.slips) == 2
    assert all(same(one, other) for one, other in zip(whole.slips, cut.slips, strict=True))


@pytest.mark.parametrize("data", [b"\x1d(L\x03\x000p0", b"\x1d(k\x02\x001C", b"\x1d(L\x0b\x000p0\x01\x011\xff\xff\xff\xff\x00",
                                  b"\x1d(k\x03\x001C\xff\x1d(k\x04\x001P0A\x1d(k\x03\x001Q0",
                                  b"\x1d(k\x03\x0b1P0" + b"A" * 2816 + b"\x1d(k\x03\x001Q0", b"\x1dk\x00\x00\x1b*\x00\x00\x00"])
def test_commands_with_too_little_or_too_much_in_them_break_nothing(data):
    assert len(render(data)) <= 1


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.lists(st.sampled_from(
    [bytes([a, b]) for a in b"\x10\x1b\x1c\x1d" for b in range(0, 128, 3)] + [b"\x1d(k", b"\x1d(L", b"\x00\x01\x30", b"P0"]),
    max_size=30).map(b"".join))
def test_no_stream_of_bytes_breaks_the_printer(data):
    printer = Emulator(64)
    printer.feed(data)
    printer.feed(b"\x00" * 64)


def test_a_text_slip_is_small_and_says_the_same():
    blob = escpos.encode_text(TEXT_SLIP, 576)
    words = b"".join(command.data for command in Lexer().feed(blob) if command.name == b"").decode("gb18030")
    assert len(blob) < 400
    for said in ("会议：全国（第一届），年会", "报到", "张䶮𠮷", "￥5，ł", "No. 0007  2026-12-05 08:52"):
        assert said in words
    printer = Emulator()
    printer.feed(blob)
    assert printer.cuts == 1 and printer.qr_payloads == [TEXT_SLIP.code]
    assert [code.text for code in zxingcpp.read_barcodes(printer.slips[0].convert("L"))] == [TEXT_SLIP.code]


def test_a_text_line_longer_than_the_paper_is_broken_not_lost():
    blob = escpos.encode_text(SlipContent(kind="slip", event="会" * 40, title="t"), 384)
    lines = b"".join(c.data + c.name[-1:] * (c.name == b"\n") for c in Lexer().feed(blob) if c.name in (b"", b"\n"))
    assert [len(line) for line in lines.decode("gb18030").split("\n")][:3] == [16, 16, 8]


def test_stored_graphics_columns_and_both_kinds_of_cut_are_printed():
    stored = b"\x1d(L\x0c\x000p0\x01\x011\x08\x00\x02\x00\xff\x81" + b"\x1d(L\x02\x0002"
    columns = b"\x1b*\x21\x02\x00\xff\xff\xff\x00\x00\x00\n"
    slips = render(stored + b"\x1dVA\x10" + columns + b"\x1dV\x00" + b"Last\n")
    assert len(slips) == 3
    black = [not slips[0].getpixel(at) for at in ((0, 1), (7, 1), (0, 2), (1, 2), (8, 1))]
    assert black == [True, True, True, False, False]
    assert not slips[1].getpixel((0, 1)) and slips[1].getpixel((1, 1))


def test_status_is_answered_in_words_a_person_can_act_on():
    printer = Emulator()
    ask = b"".join(escpos.query(n) for n in (1, 2, 3, 4))

    def problems():
        return parse_status(dict(zip((1, 2, 3, 4), printer.feed(ask), strict=True)))

    assert problems() == ()
    printer.near_end = True
    assert problems() == (Problem.NEAR_END,) and Status(problems()).blocking is None
    printer.paper_out = True
    assert problems()[0] is Problem.PAPER_OUT and Problem.OFFLINE not in problems()
    printer.paper_out, printer.cover_open = False, True
    assert Status(problems()).blocking is Problem.COVER_OPEN
    assert "缺纸" in Problem.PAPER_OUT.zh and "盖开" in Problem.COVER_OPEN.zh and "离线" in Problem.OFFLINE.zh
    assert parse_status({1: 0x1A}) == (Problem.OFFLINE,)
    assert parse_status({3: 0x1A}) == (Problem.CUTTER,)
    assert (parse_paper(0x00), parse_paper(0x03), parse_paper(0x0F)) == (None, Problem.NEAR_END, Problem.PAPER_OUT)


@pytest.mark.parametrize(("ability", "answer"), [
    (Ability.COMPLETED, b"\x37\x22AB12\x00\x00"), (Ability.PARSED, b"\x00"), (Ability.NONE, b"")])
def test_a_printer_answers_after_a_job_as_well_as_it_can(ability, answer):
    assert Emulator(384, ability).feed(escpos.encode(Image.new("1", (384, 8), 0)) + escpos.confirmation("AB12")) == answer


@pytest.mark.parametrize("wrong", ["", "ABC", "ABCDE", "AB\x101", "会议会议"])
def test_a_process_id_that_no_printer_would_give_back_is_refused(wrong):
    with pytest.raises(ValueError, match="four printable"):
        escpos.confirmation(wrong)


def test_out_of_paper_a_job_waits_inside_and_is_printed_and_confirmed_with_the_new_roll():
    printer = Emulator(384)
    printer.rows_left = 100
    blob = escpos.encode(Image.new("1", (384, 400), 0)) + escpos.confirmation("AB12")
    assert printer.feed(blob) == b"" and printer.slips == []
    assert parse_status({4: printer.feed(escpos.query(4))[0]})[0] is Problem.PAPER_OUT
    assert printer.new_roll() == b"\x37\x22AB12\x00\x00"
    assert len(printer.slips) == 1


def test_mixed_answers_are_told_apart_in_whatever_portions_they_arrive():
    stream = b"\x12\x10\x00\x00\x0f\x37\x22AB12\x00\x00\x1a\x14\x00\x00\x0f\x11\x13"
    kinds = [Answer("status", b"\x12"), Answer("automatic", b"\x10\x00\x00\x0f"), Answer("completed", b"AB12"),
             Answer("paper", b"\x00"), Answer("status", b"\x1a"), Answer("automatic", b"\x14\x00\x00\x0f")]
    assert Answers().feed(stream) == kinds
    answers = Answers()
    assert [answer for byte in stream for answer in answers.feed(bytes([byte]))] == kinds
