"""Badges: every QR reads back from the rendered page, every name stands inside its card, nothing is lost unsaid."""
from __future__ import annotations

import csv
import io
import subprocess
import sys
import zipfile
from itertools import combinations
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from admin.badge_sheet import contrast, qr_matrix, text_colour
from admin.badges import BadgeCard, BadgeError, BadgeSheet, MissingCharacters, make_csv, make_pdf, make_png, make_zip
from models import codes

MM = 72 / 25.4
EVENT = BadgeSheet("2026年全国学术年会", "Annual Meeting 2026", "2026年12月5日至7日", "国家会议中心 · 北京")
A4 = BadgeSheet("2026年全国学术年会", layout="a4")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#00ff00"/></svg>'


def card(name: str = "张伟", **facts: str) -> BadgeCard:
    said = {"number": "A0001", "name_en": "", "organisation": "第十二研究所", "post": "研究员", "category": "代表",
            "category_en": "Delegate", "colour": "#1f6feb", "code": codes.new(codes.BADGE), **facts}
    return BadgeCard(name=name, **said)


def people(count: int) -> list[BadgeCard]:
    return [card(f"{'赵钱孙李周吴郑王'[n % 8]}{'伟芳娜敏静'[n % 5]}", number=f"A{n:04d}",
                 colour=("#1f6feb", "#f2c744", "#16181d", "#ffffff")[n % 4]) for n in range(count)]


class Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box, slack: float = 0) -> bool:
        return (min(self.right, other.right) - max(self.left, other.left) > slack
                and min(self.top, other.top) - max(self.bottom, other.bottom) > slack)


def picture(page: Any, dpi: int = 200) -> Image.Image:
    return page.render(scale=dpi / 72).to_pil().convert("L")


def read(image: Image.Image) -> list[Any]:
    return list(zxingcpp.read_barcodes(image))


def words(page: Any) -> str:
    """All text without blanks. PDFium shows a hyphen at the end of a line as U+0002."""
    return "".join(page.get_textpage().get_text_bounded().replace("\x02", "-").replace("\u200b", "").split())


def letters(page: Any) -> list[Box]:
    text = page.get_textpage()
    boxes = [Box(*text.get_charbox(n)) for n in range(text.count_chars())]
    # One glyph may stand for two characters, the second one invisible: the same box twice.
    return list(dict.fromkeys(box for box in boxes if box.right - box.left > 0.1 and box.top - box.bottom > 0.1))


def qr_box(page: Any) -> Box:
    (found,) = read(picture(page, 300))
    place, scale, high = found.position, 300 / 72, page.get_height()
    xs = [corner.x / scale for corner in (place.top_left, place.top_right, place.bottom_left, place.bottom_right)]
    ys = [high - corner.y / scale for corner in (place.top_left, place.top_right, place.bottom_left, place.bottom_right)]
    return Box(min(xs), min(ys), max(xs), max(ys))


def only_page(one: BadgeCard, sheet: BadgeSheet = EVENT) -> Any:
    document = pdfium.PdfDocument(make_pdf([one], sheet))
    assert len(document) == 1
    return document[0]


def assert_well_set(page: Any) -> None:
    """Each letter stands inside the card, away from the QR and its quiet zone, and on no other letter."""
    boxes, code = letters(page), qr_box(page)
    margin, quiet = 3 * MM, (code.right - code.left) / 25 * 4 - 0.5
    guarded = Box(code.left - quiet, code.bottom - quiet, code.right + quiet, code.top + quiet)
    for box in boxes:
        assert margin <= box.left and box.right <= page.get_width() - margin
        assert margin / 2 <= box.bottom and box.top <= page.get_height() - margin
        assert not box.meets(guarded)
    for one, other in combinations(boxes, 2):
        assert not one.meets(other, slack=0.35 * min(one.top - one.bottom, other.top - other.bottom))


def test_every_code_of_forty_badges_reads_back_from_the_sheets() -> None:
    cards = people(40)
    document = pdfium.PdfDocument(make_pdf(cards, A4))
    assert len(document) == 10
    for number, page in enumerate(document):
        assert {found.text for found in read(picture(page))} == {one.code for one in cards[number * 4:number * 4 + 4]}


def test_a_badge_a_page_has_the_cards_size_and_its_own_code() -> None:
    cards = people(5)
    with pytest.raises(ValueError, match="does not fit"):
        BadgeSheet("会", size=(105, 148))
    for size in ((86, 124), (90, 130)):
        document = pdfium.PdfDocument(make_pdf(cards, BadgeSheet("会", size=size)))
        assert [[found.text for found in read(picture(page))] for page in document] == [[one.code] for one in cards]
        assert document[0].get_size() == pytest.approx((size[0] * MM, size[1] * MM), abs=0.1)


def test_more_badges_than_one_process_should_draw_come_out_in_order() -> None:
    cards = people(105)
    seen: list[tuple[int, int]] = []
    document = pdfium.PdfDocument(make_pdf(cards, EVENT, progress=lambda done, total: seen.append((done, total))))
    assert len(document) == 105
    assert seen == [(done, 105) for done in range(1, 106)]
    for number in (0, 57, 104):
        assert [found.text for found in read(picture(document[number]))] == [cards[number].code]


def test_the_code_is_wide_enough_for_a_camera_and_quiet_around_it() -> None:
    page = only_page(card())
    code = qr_box(page)
    assert code.right - code.left >= 27.9 * MM
    assert code.left >= (code.right - code.left) / 25 * 4
    assert_well_set(page)


def test_the_code_is_alphanumeric_version_2_with_correction_m() -> None:
    one = card()
    (found,) = read(picture(only_page(one)))
    assert (found.text, found.ec_level, len(qr_matrix(one.code))) == (one.code, "M", 25)


@pytest.mark.parametrize("facts", [
    {"name": "李雷"},
    {"name": "欧阳娜娜", "name_en": "Ouyang Nana"},
    {"name": "迪丽热巴·迪力木拉提", "name_en": "Dilraba Dilmurat"},
    {"name": "阿卜杜热合曼·阿卜杜热西提·买买提明·吐尔逊",
     "organisation": "新疆维吾尔自治区喀什地区塔什库尔干塔吉克自治县人民医院医务科"},
    {"name": "洛桑尖措·次仁多吉·旦增曲扎·格桑平措", "name_en": "Lobsang Gyatso Tsering Dorje Tenzin Chodrak Kelsang Phuntsok"},
    {"name": "Alexandra Konstantinopoulou-Papadimitropoulou van den Berghe",
     "organisation": "International Federation of Library Associations and Institutions, Section on Rare Books"},
    {"name": "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewis", "organisation": "x" * 60},
    {"name": "一" * 30, "organisation": "单" * 80, "post": "职" * 60},
    {"name": "Wałęsa Šimůnek-Đorđević", "organisation": "Boğaziçi Üniversitesi – O’Brien “Lab”"},
    {"name": "", "name_en": "Grace Hopper", "organisation": "", "post": ""},
    {"category": "特邀嘉宾及主席团成员代表", "category_en": "Specially Invited Member of the Presidium"},
    {"number": "ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"},
], ids=lambda facts: next(iter(facts.values()))[:12])
@pytest.mark.parametrize("size", [(86, 124), (90, 130)], ids=["86x124", "90x130"])
def test_long_names_are_whole_and_stand_inside_the_card(facts: dict[str, str], size: tuple[float, float]) -> None:
    page = only_page(card(**facts), BadgeSheet(EVENT.name, EVENT.name_en, EVENT.dates, EVENT.venue, size=size))
    for text in facts.values():
        assert "".join(text.split()) in words(page)
    assert_well_set(page)


def test_a_long_event_name_and_venue_stand_inside_the_card() -> None:
    name = "第二十三届全国高等学校材料科学与工程学科教学指导委员会暨青年学者论坛联合年会"
    page = only_page(card(), BadgeSheet(name, "Twenty-third Joint Annual Meeting of " + "Materials Science " * 4,
                                        "2026年12月5日至2027年1月7日", "国家会议中心二期三层大宴会厅及多功能厅（北京市朝阳区）"))
    assert name in words(page)
    assert_well_set(page)


@settings(max_examples=25, deadline=None)
@given(name=st.text("张王欧阳娜·尔 AbcWi-’", min_size=1, max_size=60), organisation=st.text("研究所（）、ABcd ei", max_size=120),
       post=st.text("教授，Wm ", max_size=60), name_en=st.text("Abcdef -'", max_size=80))
def test_no_text_whatever_its_length_leaves_its_place(name: str, organisation: str, post: str, name_en: str) -> None:
    assert_well_set(only_page(card(name, name_en=name_en, organisation=organisation, post=post)))


def test_two_characters_of_a_name_are_spaced() -> None:
    first, second = _name_boxes("张伟")
    assert second.left - first.right > 0.3 * (first.right - first.left)
    boxes = _name_boxes("王小明")
    assert boxes[1].left - boxes[0].right < 0.3 * (boxes[0].right - boxes[0].left)


def _name_boxes(name: str) -> list[Box]:
    text = only_page(card(name)).get_textpage()
    found = [Box(*text.get_charbox(n)) for n in range(text.count_chars()) if text.get_text_range(n, 1) in name]
    return [box for box in found if box.top - box.bottom > 8 * MM]


@pytest.mark.parametrize("hostile", [
    '#import "/etc/passwd": *', "$ x^2 $ @label <tag>", "C:\\temp\\n\\u{41}", "<script>alert(1)</script>",
    "*bold* _em_ `raw` = head", '"]}; #panic("x")', "// comment /* more */", "#sys.inputs", "'; DROP TABLE badge; --",
])
def test_what_looks_like_code_is_printed_as_it_stands(hostile: str) -> None:
    page = only_page(card(hostile, organisation=hostile, number="#x"))
    assert words(page).count("".join(hostile.split())) == 2
    assert_well_set(page)


def test_control_characters_do_not_reach_the_page() -> None:
    assert "张伟" in words(only_page(card("张\x00伟\x1b", organisation="a\nb")))


def test_a_character_that_no_font_has_is_named_before_anything_is_made() -> None:
    cards = [card(), card("扎西བོད", number="A0002", name_en="Tashi 𓀀")]
    for make in (make_pdf, make_zip):
        with pytest.raises(MissingCharacters) as caught:
            make(cards, EVENT)
        assert caught.value.cards == [("A0002", "扎西བོད", "བོད𓀀")]
        assert "A0002" in str(caught.value) and "𓀀" in str(caught.value)
    assert len(pdfium.PdfDocument(make_pdf(cards, EVENT, allow_missing=True))) == 2


def test_rare_characters_and_latin_letters_beyond_noto_are_drawn() -> None:
    rare = "䶮㛃𬭎𠮷"
    assert rare in words(only_page(card(rare)))
    assert "Łukaszğžš" in words(only_page(card("张三", name_en="Łukasz ğ ž š")))


def test_words_on_every_band_can_be_read() -> None:
    for red, green, blue in ((r, g, b) for r in range(0, 256, 17) for g in range(0, 256, 17) for b in range(0, 256, 51)):
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        assert contrast(colour, text_colour(colour)) >= 4.5
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    with pytest.raises(ValueError, match="#rrggbb"):
        text_colour('red"')


def test_crop_marks_point_at_the_edges_of_each_card_and_stay_outside() -> None:
    image = picture(pdfium.PdfDocument(make_pdf(people(4), A4))[0], 300)
    lefts, tops = (16, 16 + 86 + 6), (21.5, 21.5 + 124 + 6)

    def dark(x: float, y: float) -> bool:
        at = [round(side / 25.4 * 300) for side in (x, y)]
        spot = image.crop((at[0] - 2, at[1] - 2, at[0] + 3, at[1] + 3))
        return spot.getextrema()[0] < 160

    for x in [edge for left in lefts for edge in (left, left + 86)]:
        assert dark(x, tops[0] - 5) and dark(x, tops[1] + 124 + 5)
        assert not dark(x, tops[0] + 3)
    for y in [edge for top in tops for edge in (top, top + 124)]:
        assert dark(lefts[0] - 5, y) and dark(lefts[1] + 86 + 5, y)


def _coloured(sheet: BadgeSheet) -> bool:
    image = Image.open(io.BytesIO(make_png(card(), sheet, dpi=72))).convert("RGB")
    return any(image.getpixel((x, 40)) == (0, 255, 0) for x in range(20, 52))


def test_the_events_logo_takes_the_place_of_the_seal() -> None:
    kinds = [SVG]
    for kind in ("PNG", "JPEG"):
        out = io.BytesIO()
        Image.new("RGB", (2000, 2000), (0, 255, 0)).save(out, kind, quality=100, subsampling=0)
        kinds.append(out.getvalue())
    assert not _coloured(EVENT)
    assert _coloured(BadgeSheet("会", logo=kinds[0])) and _coloured(BadgeSheet("会", logo=kinds[1]))
    assert make_pdf([card()], BadgeSheet("会", logo=kinds[2]))


@pytest.mark.parametrize("logo", [b"", b"GIF89a", b"<svg", SVG[:60], b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("count", [1, 101])
def test_a_logo_that_is_no_picture_is_refused_in_words(logo: bytes, count: int) -> None:
    with pytest.raises(BadgeError, match="会标"):
        make_pdf(people(count), BadgeSheet("会", logo=logo))


def test_the_zip_has_one_picture_a_badge_under_a_safe_name() -> None:
    numbers = ["A0001", "../../etc/x", "a0001", "", "张/三:*?", "con"]
    cards = [card(number=number) for number in numbers]
    with zipfile.ZipFile(io.BytesIO(b"".join(make_zip(cards, EVENT)))) as archive:
        assert archive.namelist() == ["badge-A0001.png", "badge-etc_x.png", "badge-a0001-2.png", "badge-0.png",
                                      "badge-张_三.png", "badge-con.png"]
        for name, one in zip(archive.namelist(), cards, strict=True):
            picture_of = Image.open(io.BytesIO(archive.read(name)))
            assert picture_of.size == (1016, 1465)
            assert [found.text for found in read(picture_of.convert("L"))] == [one.code]


def test_the_table_for_a_print_shop_reads_back_and_runs_nothing() -> None:
    names = ["张伟", "O'Brien, \"Pat\"", "=HYPERLINK(\"x\")", "+86", "-1", "@sum", " =1", "＝1+1", "多\n行"]
    cards = [card(name, number=f"{n:03d}") for n, name in enumerate(names)]
    data = make_csv(cards)
    assert data.startswith(b"\xef\xbb\xbfnumber,name,organisation,category,code\r\n")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [(row["number"], row["code"]) for row in rows] == [(one.number, one.code) for one in cards]
    assert [row["name"] for row in rows[:2]] == names[:2]
    assert [row["name"] for row in rows[2:]] == ["'=HYPERLINK(\"x\")", "'+86", "'-1", "'@sum", "'=1", "'＝1+1", "多 行"]


def test_nothing_heavy_is_loaded_before_a_badge_is_made() -> None:
    code = "import sys, admin.badges; print({'typst', 'qrcode', 'fontTools'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"set()\n"
