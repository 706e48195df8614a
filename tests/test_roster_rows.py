"""Roster rows: what cells say, who is refused and why, who is the same person (behaviours 45 to 49)."""
from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import Babel, force_locale

from admin.roster_file import Refusal, RosterError, RosterRow, check, match_category, read
from admin.roster_words import KINDS, SENTENCES
from tests import rosters
from tests.rosters import HEAD, PEOPLE, names


def values(cells: dict[str, Any]) -> dict[str, Any]:
    """What one row with these headers and cells says."""
    rows = read(rosters.xlsx([list(cells), list(cells.values())])).rows
    assert len(rows) == 1
    return rows[0].values


@pytest.mark.parametrize(("cell", "phone"), [
    (13800000000.0, "13800000000"), (1.38e10, "13800000000"), (13800000000, "13800000000"),
    ("13800000000.0", "13800000000"), ("１３８００００００００", "13800000000"), ("138 0000 0000", "13800000000"),
    ("138-0000-0000", "13800000000"), ("+86 13800000000", "13800000000"), ("+1 (212) 555-0100", "+12125550100"),
    ("021-62000000", "02162000000"), ("'13800000000", "13800000000"),
    ("13800000000/13900000000", "13800000000/13900000000"), ("1.3812345678E+10", "13812345678"),
    ("\u202d13800000000\u202c", "13800000000"),
])
def test_a_phone_is_read_however_the_spreadsheet_kept_it(cell: Any, phone: str) -> None:
    assert values({"姓名": "张三", "手机": cell})["phone"] == phone


@pytest.mark.parametrize(("header", "cell", "error"), [
    ("手机", "1.38E+10", "lost_digits"), ("手机", "1.38e10", "lost_digits"),
    ("身份证号", 110101199001011234, "lost_digits"), ("身份证号", "1.10101E+17", "lost_digits"),
    ("编号", "1.2E+08", "lost_digits"), ("手机", "问小王", "no_digits"), ("状态", "也许", "unknown_state"),
    ("贵宾", "可能", "unknown_vip"), ("备注", "长" * 1001, "too_long"), ("姓名", "长" * 81, "too_long"),
    ("单位", "长" * 201, "too_long"),
], ids=str)
def test_a_cell_that_cannot_be_trusted_refuses_its_row_and_says_why(header: str, cell: Any, error: str) -> None:
    head = ["姓名", "手机", "身份证号", "编号", "状态", "贵宾", "备注", "单位"]
    rows = [head, [{"姓名": "张三", header: cell}.get(one) for one in head], ["李四"]]
    good, refused = check(read(rosters.xlsx(rows)).rows)
    assert [row.values["name"] for row in good] == ["李四"]
    assert [(one.row, one.error) for one in refused] == [(2, error)]
    assert "%(" not in refused[0].message


def test_a_csv_that_hides_its_zeros_in_formulas_gives_them_back() -> None:
    assert read('姓名,编号\n张三,="00012"\n'.encode()).rows[0].values["number"] == "00012"


@pytest.mark.parametrize("cell", ["无", "-", "/", "N/A", "", "  "])
def test_a_phone_that_says_none_is_none(cell: str) -> None:
    assert values({"姓名": "张三", "手机": cell}) == {"name": "张三"}


def test_leading_zeros_full_width_numbers_and_dates_keep_their_meaning() -> None:
    cells = {"编号": "000001", "姓名": "ＡＢ 张三", "房间号": "１２０８Ａ", "桌号": 3.0, "座位": 1.5,
             "备注": datetime(2026, 12, 5), "车次": datetime(2026, 12, 5, 9, 30)}
    assert values(cells) == {"number": "000001", "name": "ＡＢ 张三", "room": "1208A", "table": "3", "seat": "1.5",
                             "remarks": "2026-12-05", "arrival": "2026-12-05 09:30"}


@pytest.mark.parametrize(("cell", "name"), [
    ("张 三", "张 三"), (" 张三\u3000", "张三"), ("张\u200b三", "张三"), ("\ufeff张三", "张三"), ("张三\n", "张三"),
    ("Jose\u0301", "José"), ("=1+1@SUM", "=1+1@SUM"), ("+86", "+86"), ("-张", "-张"), ("@张", "@张"),
    ("张\x07三", "张三"),
])
def test_a_name_keeps_its_characters_but_nothing_that_cannot_be_seen(cell: str, name: str) -> None:
    assert names(read(rosters.text([["姓名", "单位"], [f'"{cell}"', "一所"]]).encode())) == [name]


@pytest.mark.parametrize(("cell", "said"), [
    ("是", True), ("√", True), ("Y", True), (1, True), (True, True), ("VIP", True), ("否", False), (0, False),
    (False, False), ("", None)])
def test_a_vip_is_yes_no_or_not_said(cell: Any, said: bool | None) -> None:
    assert values({"姓名": "张三", "贵宾": cell}).get("vip") is said


@pytest.mark.parametrize(("word", "state"), [("待审核", "pending"), ("已取消", "cancelled"), ("取消", "cancelled"),
                                             ("已报名", "registered"), ("Registered", "registered"),
                                             ("Not Attending", "cancelled"), ("待 审核", "pending")])
def test_words_for_the_state_are_known(word: str, state: str) -> None:
    assert values({"姓名": "张三", "状态": word})["state"] == state


def test_a_formula_error_counts_as_empty_and_is_remarked() -> None:
    rows = [["姓名", "单位", "手机"], ["张三", "#N/A", "13800000001"], ["李四", "一所", "#REF!"]]
    for data in (rosters.xlsx(rows), rosters.text(rows).encode()):
        sheet = read(data)
        assert [row.values for row in sheet.rows] == [{"name": "张三", "phone": "13800000001"},
                                                      {"name": "李四", "organisation": "一所"}]
        assert [(one.row, one.error, one.params["value"]) for one in sheet.remarks] == [
            (2, "error_cell", "#N/A"), (3, "error_cell", "#REF!")]
        assert "单位" in sheet.remarks[0].message


def test_a_row_without_a_name_is_refused_but_a_row_prepared_and_left_blank_is_not_a_row() -> None:
    rows = [["序号", "姓名", "单位"], [1, "张三", "一所"], [2, None, "二所"], [3, None, None], [4, "  ", None]]
    good, refused = check(read(rosters.xlsx(rows)).rows)
    assert len(good) == 1
    assert [(one.row, one.error) for one in refused] == [(3, "no_name")]


def test_a_header_repeated_on_each_printed_page_is_no_person() -> None:
    sheet = read(rosters.xlsx([HEAD, PEOPLE[0], HEAD, PEOPLE[1]]))
    assert [(row.row, row.values["name"]) for row in sheet.rows] == [(2, "张三"), (4, "李四")]


def judged(*people: dict[str, str]) -> list[tuple[int, int]]:
    """(row, first row) of each duplicate among people that stand in rows 2, 3, …"""
    _, refused = check(RosterRow(number, dict(person)) for number, person in enumerate(people, 2))
    assert all(one.error == "duplicate" for one in refused)
    return [(one.row, one.params["first"]) for one in refused]


def person(name: str = "张三", number: str = "", phone: str = "", organisation: str = "") -> dict[str, str]:
    said = {"name": name, "number": number, "phone": phone, "organisation": organisation}
    return {field: value for field, value in said.items() if value}


def test_rows_with_one_number_are_one_person_whatever_else_they_say() -> None:
    assert judged(person(number="A1"), person("李四", number="A2"), person("王五", number="A1")) == [(4, 2)]


def test_without_a_number_phone_and_name_tell_people_apart_and_names_are_compared_folded() -> None:
    one = person("张 三", phone="13800000001", organisation="一所")
    assert judged(one, person("张三", phone="13800000001"), person("李四", phone="13800000001"),
                  person("张三", phone="13800000002")) == [(3, 2)]


def test_without_number_and_phone_name_and_unit_tell_people_apart() -> None:
    assert judged(person(organisation="一所"), person(organisation="二所"),
                  person("张　三", organisation="一 所")) == [(4, 2)]


def test_two_rows_are_compared_by_what_the_one_that_says_less_is_known_by() -> None:
    full = person(number="A1", phone="13800000001", organisation="一所")
    assert judged(full, person(phone="13800000001")) == [(3, 2)]
    assert judged(person(phone="13800000001"), full) == [(3, 2)]
    assert judged(full, person(organisation="一所")) == [(3, 2)]
    assert judged(person(organisation="一所"), full) == [(3, 2)]
    assert judged(full, person(number="A2", phone="13800000001", organisation="一所")) == []


def test_a_refused_row_is_nobodys_first_row() -> None:
    good, refused = check(read(rosters.xlsx([["编号", "姓名"], ["A1", "长" * 90], ["A1", "张三"]])).rows)
    assert ([row.row for row in good], [one.row for one in refused]) == ([3], [2])


@dataclass
class Kind:
    key: str
    name: str
    name_en: str = ""


KINDS_OF_PEOPLE = [Kind("delegate", "代表", "Delegate"), Kind("guest", "嘉宾", "Guest"), Kind("press", "记者")]


@pytest.mark.parametrize("text", ["代表", " 代 表", "Delegate", "ＤＥＬＥＧＡＴＥ", "delegate"])
def test_a_category_is_matched_by_name_english_name_or_key(text: str) -> None:
    assert match_category(text, KINDS_OF_PEOPLE) == ("delegate", None)


@pytest.mark.parametrize(("text", "nearest"), [("正式代表", "代表"), ("Guests", "嘉宾"), ("记者们", "记者")])
def test_an_unknown_category_names_the_nearest(text: str, nearest: str) -> None:
    assert match_category(text, KINDS_OF_PEOPLE) == (None, nearest)
    assert match_category(text, []) == (None, None)


def test_with_categories_a_row_has_a_key_or_is_refused() -> None:
    rows = read(rosters.xlsx([["姓名", "类别"], ["张三", "嘉宾"], ["李四", "正式代表"], ["王五", None]])).rows
    good, refused = check(rows, KINDS_OF_PEOPLE)
    assert [row.values.get("category") for row in good] == ["guest", None]
    assert refused[0].message == "会务方案里没有类别“正式代表”，最接近的是“代表”。"


def test_sentences_follow_the_language_and_are_chinese_without_one() -> None:
    error, row = RosterError("wrong_kind", kind="pdf"), Refusal(7, "duplicate", {"first": 2})
    assert error.message == "这是PDF 文件，不是名单表格。请使用 xlsx、xls 或 csv 文件。"
    assert row.message == "与第 2 行是同一个人，没有合并。"
    app = Flask(__name__)
    with app.app_context():
        assert row.message == "与第 2 行是同一个人，没有合并。"
    Babel(app, default_locale="zh")
    with app.app_context(), force_locale("zh"):
        assert row.message == "与第 2 行是同一个人，没有合并。"


def test_every_sentence_has_its_english_with_the_same_parameters() -> None:
    catalogue = Path(__file__).parent.parent / "translations/en/LC_MESSAGES/admin.po"
    with catalogue.open("rb") as file:
        english = {message.id: message.string for message in read_po(file)}
    for chinese in (*SENTENCES.values(), *KINDS.values()):
        assert english.get(chinese), chinese
        assert set(re.findall(r"%\(\w+\)s", chinese)) == set(re.findall(r"%\(\w+\)s", str(english[chinese])))
