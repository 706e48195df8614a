"""Roster files: what they really are, where the table is, what the cells say (behaviours 46 to 49)."""
from __future__ import annotations

import codecs
import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.roster_file import RosterError, check, read
from tests import rosters
from tests.rosters import HEAD, PEOPLE, names, refusal

PLAIN = [dict(zip(("number", "name", "organisation", "phone"), person, strict=True)) for person in PEOPLE]


@pytest.mark.parametrize("data", [
    rosters.xlsx(), rosters.xls(),
    rosters.text().encode(), rosters.text().encode("utf-8-sig"), rosters.text().encode("gb18030"),
    rosters.text().encode("utf-16"), rosters.text().encode("utf-16-le"), rosters.text().encode("utf-16-be"),
    codecs.BOM_UTF16_BE + rosters.text().encode("utf-16-be"),
    rosters.text(end="\r").encode(), rosters.text(end="\n").encode("gb18030"), rosters.text(separator=";").encode(),
    rosters.text(separator="\t").encode("gb18030"), rosters.text(separator="\t").encode("utf-16"),
    rosters.text(separator=";", end="\r").encode("gb18030"),
], ids=lambda data: repr(data[:12]))
def test_47_the_same_people_are_read_whatever_the_file_is(data: bytes) -> None:
    sheet = read(data)
    assert [row.values for row in sheet.rows] == PLAIN
    assert [row.row for row in sheet.rows] == [2, 3]
    assert sheet.mapping == {"编号": "number", "姓名": "name", "单位": "organisation", "手机": "phone"}


@pytest.mark.parametrize(("ending", "data"), [
    (".xls", rosters.text(separator="\t").encode("gb18030")), (".csv", rosters.xlsx()), (".xlsx", rosters.xls()),
    (".txt", rosters.text().encode("gb18030")), ("", rosters.xlsx()),
])
def test_47_an_ending_that_lies_does_not_matter(tmp_path: Path, ending: str, data: bytes) -> None:
    path = tmp_path / f"名单{ending}"
    path.write_bytes(data)
    assert [row.values for row in read(path).rows] == PLAIN


def test_big5_and_western_text_are_told_from_gb18030() -> None:
    big5 = "姓名,單位,手機\r\n陳淑芬,國立臺灣大學,13800000001\r\n".encode("big5")
    assert read(big5).rows[0].values["organisation"] == "國立臺灣大學"
    western = "Name,Company\r\nJürgen Müller,Universität Zürich\r\nJosé Peña,Málaga\r\n".encode("cp1252")
    assert names(read(western)) == ["Jürgen Müller", "José Peña"]


def test_traditional_names_outside_gb2312_are_read_from_gbk() -> None:
    people = "姓名\n愛新覺羅奕湄\n張處揔\n姜薦\n"
    assert names(read(people.encode("gbk"))) == ["愛新覺羅奕湄", "張處揔", "姜薦"]


def test_rare_characters_and_middle_dots_stay_as_they_are() -> None:
    people = ["李𠮷", "龚䶮", "王㛃", "陈𬭎", "阿卜杜拉·买买提", "迪丽•热巴", "乔治・史密斯"]
    data = rosters.text([["姓名"], *([name] for name in people)])
    assert names(read(data.encode("gb18030"))) == people
    assert names(read(rosters.xlsx([["姓名"], *([name] for name in people)]))) == people


def test_a_quoted_comma_and_line_end_stay_in_their_cell_and_rows_count_as_a_spreadsheet_does() -> None:
    data = '姓名,单位,备注\r\n张三,"一所,二所","第一行\r\n第二行"\r\n\r\n李四,三所,\r\n'
    sheet = read(data.encode())
    assert sheet.rows[0].values == {"name": "张三", "organisation": "一所,二所", "remarks": "第一行  第二行"}
    assert [row.row for row in sheet.rows] == [2, 4]


def test_47_title_rows_merged_cells_and_a_header_at_b2_are_found() -> None:
    titled = rosters.xlsx([["2026年学术年会参会人员名单"], ["制表：会务组"], HEAD, *PEOPLE], merges=["A1:D1"])
    sheet = read(titled)
    assert (sheet.header_row, [row.row for row in sheet.rows]) == (3, [4, 5])
    sheet = read(rosters.xlsx(at=(2, 2)))
    assert (sheet.header_row, [row.row for row in sheet.rows]) == (2, [3, 4])
    assert [row.values for row in sheet.rows] == PLAIN


def test_a_unit_merged_over_several_people_is_each_ones_unit_but_no_phone_is_spread() -> None:
    rows = [["单位", "姓名", "手机"], ["一所", "张三", "13800000001"], [None, "李四", None], [None, "王五", None],
            ["二所", "赵六", None]]
    sheet = read(rosters.xlsx(rows, merges=["A2:A4", "C2:C3"]))
    assert [row.values["organisation"] for row in sheet.rows] == ["一所", "一所", "一所", "二所"]
    assert "phone" not in sheet.rows[1].values


def test_a_header_of_two_rows_is_read_as_one() -> None:
    rows = [["姓名", "住宿", None], [None, "房间号", "备注"], ["张三", "1208", "晚到"]]
    sheet = read(rosters.xlsx(rows, merges=["A1:A2", "B1:C1"]))
    assert [(row.row, row.values) for row in sheet.rows] == [(3, {"name": "张三", "room": "1208", "remarks": "晚到"})]


def test_the_first_sheet_that_looks_like_a_roster_is_taken_unless_one_is_named() -> None:
    data = rosters.xlsx(others={"说明": [["请先读我"]], "日程": [["时间", "内容"]]})
    assert (read(data).name, read(data).sheets) == ("名单", ["说明", "日程", "名单"])
    two = rosters.xlsx(others={"记者": [["姓名"], ["记者甲"]]})
    assert names(read(two)) == ["记者甲"]
    assert names(read(two, sheet="名单")) == ["张三", "李四"]
    assert refusal(two, sheet="没有").error == "no_sheet"
    assert refusal(rosters.text().encode(), sheet="没有").error == "no_sheets_here"


def test_a_hidden_sheet_is_no_roster_unless_it_is_named() -> None:
    def hide(book: Any) -> None:
        book["旧名单"].sheet_state = "hidden"

    data = rosters.xlsx(others={"旧名单": [["姓名"], ["旧人"]]}, touch=hide)
    assert names(read(data)) == ["张三", "李四"]
    assert names(read(data, sheet="旧名单")) == ["旧人"]


FORM = [["会议回执"], ["姓名", "张三", "性别", "男"], ["工作单位", "一所", "职务", "主任"],
        ["手机", "13800000001", "房间号", ""], ["备注", "", "", ""]]


@pytest.mark.parametrize("rows", [FORM, [["姓名", "张三"], ["单位", "一所"], ["手机", "1"]],
                                  [["登记表"], ["姓  名", "", "性  别", ""], ["民  族", "", "身份证号"], ["职务"]]])
def test_48_a_form_that_is_no_table_is_refused(rows: list[list[Any]]) -> None:
    assert refusal(rosters.xlsx(rows)).error == "form"


def test_a_table_whose_values_are_words_of_headers_is_no_form() -> None:
    rows = [["姓名", "类别", "单位"], ["张三", "贵宾", "公司"], ["李四", "VIP", "学校"], ["王五", "组别", "部门"]]
    assert len(read(rosters.xlsx(rows)).rows) == 3


def html() -> bytes:
    return "<html><body><table><tr><td>姓名</td></tr></table></body></html>".encode()


@pytest.mark.parametrize(("data", "error"), [
    (b"", "empty"), (b" \r\n", "empty"), (b"\xef\xbb\xbf\r\n", "empty"), (b",,,\r\n,,\r\n", "empty"),
    (rosters.xlsx([]), "empty_sheet"), (rosters.xls([]), "empty_sheet"), (rosters.xlsx([HEAD]), "no_people"),
    (rosters.locked_xlsx(), "password"), (rosters.locked_xls(), "password"),
    (rosters.xlsx()[:2000], "broken"), (rosters.xls()[:1500], "broken"), (b"PK\x03\x04 cut", "broken"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "broken"),
    (rosters.package({"word/document.xml": "<w/>"}), "wrong_kind"),
    (rosters.package({"ppt/a.xml": ""}), "wrong_kind"),
    (rosters.package({"a.txt": ""}), "wrong_kind"), (rosters.package({"content.xml": ""}), "old_format"),
    (rosters.package({"xl/workbook.bin": ""}), "old_format"), (b"%PDF-1.7\n", "wrong_kind"),
    (b"\x89PNG\r\n\x1a\n" + bytes(50), "wrong_kind"), (b"\xff\xd8\xff\xe0" + bytes(50), "wrong_kind"),
    (bytes(range(256)) * 4, "wrong_kind"), (html(), "old_format"), ("\ufeff " .encode() + html(), "old_format"),
    (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "old_format"),
    (b"\xff\xff\xff,\x80\n\xfe\x00\xff"[:6], "encoding"), ('姓名,单位\n张三,"一所\n李四,二所\n'.encode(), "quotes"),
])
def test_48_what_is_no_roster_is_refused_in_words(data: bytes, error: str) -> None:
    assert refusal(data).error == error


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match=r"没有\.xlsx") as caught:
        read(tmp_path / "没有.xlsx")
    assert caught.value.error == "not_found"


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(50_000_001)
    with pytest.raises(RosterError) as caught:
        read(path)
    assert caught.value.error == "too_large"


CELL = '<c r="{}" t="inlineStr"><is><t>姓名</t></is></c>'


@pytest.mark.parametrize(("cells", "error"), [
    (f'<row r="1">{CELL.format("A1")}{CELL.format("XFD1")}</row>', "too_many_columns"),
    (f'<row r="1">{CELL.format("A1")}{CELL.format("GS1")}</row>', "too_many_columns"),
    (f'<row r="1">{CELL.format("A1")}</row><row r="1048576">{CELL.format("A1048576")}</row>', "too_many_rows"),
    ("<row>" + "<c><v>1</v></c>" * 300 + "</row>", "too_many_columns"),
    ("<row r=\"1\">" + " " * 20_000_000 + "</row>", "too_large_unpacked"),
])
@pytest.mark.parametrize("prefix", ["", "x"])
def test_cells_far_away_and_endless_rows_are_refused_before_the_workbook_is_opened(
        cells: str, error: str, prefix: str) -> None:
    if prefix:
        cells = cells.replace("</", "</\0").replace("<", "<x:").replace("<x:/\0", "</x:")
    assert refusal(rosters.bare_xlsx(cells, prefix)).error == error


def test_formatted_but_empty_cells_far_away_do_not_matter() -> None:
    cells = (f'<row r="1">{CELL.format("A1")}<c r="XFD1" s="0"/></row>'
             '<row r="2"><c r="A2" t="inlineStr"><is><t>张三</t></is></c></row>'
             '<row r="1048576"><c r="A1048576"/></row>')
    assert names(read(rosters.bare_xlsx(cells))) == ["张三"]


def test_a_workbook_that_unpacks_to_more_than_it_declares_is_refused() -> None:
    assert refusal(rosters.lying_xlsx(1000)).error == "too_large_unpacked"


def test_an_xls_whose_chains_go_round_or_whose_lengths_lie_is_refused_before_it_is_opened() -> None:
    data = rosters.xls()
    table = int.from_bytes(data[76:80], "little") * 512 + 512
    ring = data[:table] + (0).to_bytes(4, "little") + data[table + 4:]
    assert refusal(ring).error == "broken"
    directory_length = data[:44] + b"\xff\xff\xff\x7f" + data[48:64] + b"\xff\xff\xff\x7f" + data[68:]
    assert refusal(directory_length).error == "broken"
    shared = data.index(b"\xfc\x00", 512)
    while data[shared + 8:shared + 12] != (12).to_bytes(4, "little"):
        shared = data.index(b"\xfc\x00", shared + 1)
    assert refusal(data[:shared + 8] + b"\xff\xff\xff\x7f" + data[shared + 12:]).error == "broken"


def test_an_xls_with_a_cell_far_to_the_right_is_refused() -> None:
    assert refusal(rosters.xls([["姓名", *(f"c{index}" for index in range(230))], ["张三"]])).error == "too_many_columns"


def test_too_many_rows_or_columns_of_text_are_refused() -> None:
    assert refusal(("姓名\n" + "张三\n" * 200_200).encode()).error == "too_many_rows"
    wide = "姓名," + ",".join(f"c{index}" for index in range(220)) + "\n张三\n"
    assert refusal(wide.encode()).error == "too_many_columns"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe",
                                                 "姓名,单位\n".encode(), "姓名\t手机\r".encode("gb18030")]))
def test_random_bytes_are_read_or_refused_but_never_crash(data: bytes, start: bytes) -> None:
    try:
        sheet = read(start + data)
    except RosterError as refused:
        assert refused.message
    else:
        check(sheet.rows)


_WHOLE_XLSX, _WHOLE_XLS = rosters.xlsx(), rosters.xls()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([_WHOLE_XLSX, _WHOLE_XLS]), st.integers(0, 20_000), st.binary(min_size=1, max_size=8))
def test_a_workbook_with_flipped_bytes_is_read_or_refused_but_never_crashes(data: bytes, at: int, other: bytes) -> None:
    at %= len(data)
    try:
        check(read(data[:at] + other + data[at + len(other):]).rows)
    except RosterError as refused:
        assert refused.message


_CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).map(
    lambda text: "值" + unicodedata.normalize("NFC", text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_CELLS, _CELLS, _CELLS), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]),
       st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]), st.sampled_from(["\r\n", "\n", "\r"]))
def test_a_csv_keeps_its_values_whatever_separator_encoding_and_line_end(
        people: list[tuple[str, str, str]], separator: str, encoding: str, end: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator=end)
    writer.writerows([("姓名", "单位", "备注"), *people])
    sheet = read(out.getvalue().encode(encoding))
    assert [tuple(row.values.values()) for row in sheet.rows] == people
