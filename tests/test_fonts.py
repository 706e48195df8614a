"""Fonts: every character of a name is drawn, or named before anything is printed."""
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from printers import fonts, paper


def _drawn(text: str) -> Image.Image:
    image = Image.new("1", (120, 100), paper.WHITE)
    fonts.draw(paper.canvas(image), (10, 80), text, 64)
    return image


@pytest.mark.parametrize("char", "䶮㛃𬭎𠮷łšžğŁıőẵ￥·张Ж")
def test_rare_characters_of_names_are_drawn_and_are_no_empty_boxes(char):
    tofu = _drawn("\U000f0000")                           # private use: no font has it
    assert fonts.missing(char) == []
    assert ImageChops.difference(_drawn(char).convert("L"), tofu.convert("L")).getbbox()
    assert _drawn(char).convert("L").getextrema() == (0, 255)


def test_a_character_that_no_font_has_is_named_once_and_in_order():
    assert fonts.missing("张\U000f0001三\U000f0000\U000f0001") == ["\U000f0001", "\U000f0000"]


def test_a_character_newer_than_this_python_is_named_not_dropped():
    assert fonts.clean("张\U000323b0") == "张\U000323b0"
    assert fonts.missing("张\U000323b0") == ["\U000323b0"]


def test_joiners_and_variation_selectors_are_neither_missing_nor_drawn():
    assert fonts.missing("葛\U000e0100\u200b\u200e") == []
    assert fonts.clean("葛\U000e0100\u200b") == "葛"


def test_control_characters_never_survive():
    assert fonts.clean("张\x1b@\x1dV\x00三\r\n丰\x9b") == "张@V三  丰"


def test_a_plain_install_without_any_system_font_still_has_the_fallback(monkeypatch):
    monkeypatch.setattr(fonts, "SYSTEM_FONTS", ())
    for cached in (fonts.faces, fonts._face_of):
        cached.cache_clear()
    try:
        assert fonts.missing("Łukasz Žižek Ğ 张䶮") == []
        assert len(fonts.faces()) == 2
        assert all(path.is_file() for path in fonts.font_files())
    finally:
        for cached in (fonts.faces, fonts._face_of):
            cached.cache_clear()


def test_what_a_face_has_is_what_its_own_table_says():
    from fontTools.ttLib import TTFont

    for face in fonts.faces():
        with TTFont(face.path, fontNumber=face.number, lazy=True) as font:
            characters = set(font.getBestCmap())
        assert {at for at in range(0x20, 0x32000) if fonts.has(face, chr(at))} == characters & set(range(0x20, 0x32000))


def test_a_word_is_set_in_one_face_where_one_has_all_of_it():
    assert [piece for _, piece in fonts.runs("Łódź 张三")] == ["Łódź", " 张三"]


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("张三丰Christopher-Alexander ，。· \U00020bb7"), max_size=60),
       st.integers(80, 400))
def test_wrapping_keeps_every_character_and_fits_every_line(text, width):
    text = fonts.clean(text)
    lines = fonts.wrap(text, 40, width)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(fonts.measure(line, 40) <= width for line in lines)


def test_a_name_on_two_lines_does_not_end_in_one_lonely_character():
    lines = fonts.wrap_evenly("阿卜杜热合曼", 40, 205)
    assert fonts.wrap("阿卜杜热合曼", 40, 205) == ["阿卜杜热合", "曼"]
    assert lines == ["阿卜杜", "热合曼"]


def test_nothing_heavy_is_loaded_by_importing_the_room():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, printers.transports, printers.slip, printers.escpos, printers.faulty;"
         "print([n for n in ('fontTools', 'escpos', 'qrcode', 'serial', 'usb') if n in sys.modules])"],
        capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
