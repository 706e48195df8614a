"""Roster columns: headers in words, explicit mappings, what is ignored (api.md, Roster fields)."""
from __future__ import annotations

import pytest

from admin.roster_file import read
from tests import rosters
from tests.rosters import names, refusal


@pytest.mark.parametrize(("header", "field"), [
    ("姓 名", "name"), ("姓名（必填）", "name"), ("*姓名", "name"), ("姓名*：", "name"), ("1、您的姓名", "name"),
    ("ＮＡＭＥ", "name"), ("参会人姓名", "name"), ("姓名（英文）", "name_en"), ("手机号码", "phone"),
    ("联系电话", "phone"), ("Cell Phone", "phone"), ("证件编号", "number"), ("身份证号码", "id_number"),
    ("工作单位", "organisation"), ("单位名称", "organisation"), ("车次/航班", "arrival"), ("Badge No.", "number"),
    ("Job Title", "post"), ("Ticket Type", "category"), ("id_number", "id_number"),
    ("name_en", "name_en"), ("是否VIP", "vip"), ("Ｅ－ｍａｉｌ", "email"), ("团组", "delegation"), ("桌号", "table"),
])
def test_a_header_is_known_without_blanks_case_and_width_and_with_usual_endings(header: str, field: str) -> None:
    other = "姓名" if field != "name" else "备注"
    assert read(rosters.xlsx([[header, other], ["甲1", "乙"]])).mapping[header] == field


@pytest.mark.parametrize("header", ["头像", "uid", "序号", "Home State", "First Choice", "手机型号", "x" * 500])
def test_an_unknown_column_is_listed_as_ignored(header: str) -> None:
    sheet = read(rosters.xlsx([["姓名", header], ["张三", "x"]]))
    assert (sheet.mapping, sheet.ignored) == ({"姓名": "name"}, [header])


def test_a_column_without_header_is_listed_by_its_letter_when_it_holds_something() -> None:
    sheet = read(rosters.xlsx([["姓名", None, "单位", None], ["张三", "?", "一所", None]], at=(1, 2)))
    assert sheet.ignored == ["(C)"]


def test_of_two_columns_for_one_field_the_first_wins_and_the_second_is_listed() -> None:
    sheet = read(rosters.xlsx([["姓名", "单位", "部门", "备注", "备注"], ["张三", "大学", "物理系", "一", "二"]]))
    assert sheet.rows[0].values == {"name": "张三", "organisation": "大学", "remarks": "一"}
    assert sheet.ignored == ["部门", "备注 (E)"]


def test_first_and_last_name_become_one_name_in_the_order_of_its_language() -> None:
    rows = [["Last Name", "First Name"], ["Smith", "John"], ["张", "三"], ["Curie", ""]]
    sheet = read(rosters.xlsx(rows))
    assert names(sheet) == ["John Smith", "张三", "Curie"]
    assert sheet.mapping == {"Last Name": "name", "First Name": "name"}
    assert names(read(rosters.xlsx(rows), mapping=sheet.mapping)) == names(sheet)


def test_an_eventbrite_report_is_understood() -> None:
    head = ("Order #,Order Date,First Name,Last Name,Email,Quantity,Ticket Type,Attendee #,Attendee Status,Home State,"
            "Job Title,Company,Cell Phone\r\n")
    row = ('11211912243,11/29/24 22:28,Ada,Byron,ada@example.org,1,Delegate,18441583423,Attending,CA,'
           '"Head, Lab",ACME,\r\n')
    sheet = read((head + row).encode())
    assert sheet.rows[0].values == {
        "name": "Ada Byron", "email": "ada@example.org", "category": "Delegate", "number": "18441583423",
        "state": "registered", "post": "Head, Lab", "organisation": "ACME"}
    assert sheet.ignored == ["Order #", "Order Date", "Quantity", "Home State"]


def test_a_mapping_names_columns_by_header_or_letter_and_overrides_the_words() -> None:
    data = rosters.xlsx([["NameB", "姓名", "单位", "部门"], ["王", "甲", "大学", "物理系"]])
    sheet = read(data, mapping={" nameb ": "name", "姓名": "remarks", "D": "organisation", "单位": "ignore"})
    assert sheet.rows[0].values == {"name": "王", "remarks": "甲", "organisation": "物理系"}
    assert sheet.ignored == ["单位"]
    assert read(data, mapping={"NameB": "姓名"}).mapping["NameB"] == "name"


def test_a_mapping_that_does_not_fit_is_refused_in_words() -> None:
    wrong = refusal(rosters.xlsx(), mapping={"姓氏": "name"})
    assert wrong.error == "unknown_column"
    assert "姓氏" in wrong.message
    assert "编号、姓名、单位、手机" in wrong.message
    wrong = refusal(rosters.xlsx(), mapping={"姓名": "nmae"})
    assert wrong.error == "unknown_field"
    assert "nmae" in wrong.message


def test_a_list_without_header_is_read_when_its_columns_are_named_by_letter() -> None:
    data = "張三\n李四\n".encode("gbk")
    assert refusal(data).error == "no_name_column"
    sheet = read(data, mapping={"A": "name"})
    assert (sheet.header_row, names(sheet), sheet.rows[0].row) == (0, ["張三", "李四"], 1)


def test_a_missing_name_column_says_what_was_found() -> None:
    message = refusal(rosters.xlsx([["昵称", "单位", "手机"], ["小张", "一所", "1"]])).message
    assert "昵称、单位、手机" in message
