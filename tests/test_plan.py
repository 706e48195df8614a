"""The plan file: what it may say, and what is said when it is wrong."""
from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.plan_file import Plan, PlanError, Service, Window, of, read
from models.plan_words import SENTENCES, sentence
from printers.transports import open_transport
from tests.plan_mistakes import WRONG
from tests.plans import EXAMPLE, line_of


def problems(text: str) -> list[tuple[int | None, str, str]]:
    with pytest.raises(PlanError) as refused:
        read(text)
    return [tuple(problem[:3]) for problem in refused.value.problems]


def service_of(plan: Plan, key: str) -> Service:
    return next(service for service in plan.service if service.key == key)


# --- what a good plan says ---

def test_the_example_of_the_contract_is_read_without_a_remark():
    plan, remarks = read(EXAMPLE)
    assert remarks == []
    assert plan.event.name == "2026年全国学术年会" and plan.event.starts == date(2026, 12, 5)
    assert [c.key for c in plan.category] == ["delegate", "guest"] and plan.category[1].hint == "请引导至贵宾室"
    lunch = service_of(plan, "d1-lunch")
    assert lunch.windows == [Window(opens=datetime(2026, 12, 5, 11, 30), closes=datetime(2026, 12, 5, 13, 30))]
    assert lunch.entitled == ["delegate", "guest"] and lunch.tolerance_minutes == 10 and lunch.coupon and lunch.slip
    assert service_of(plan, "bag").question[0].choices == ["M", "L"] and service_of(plan, "bag").stock == 480
    assert plan.station[0].offline and plan.station[0].printer == "front" and plan.printer[0].backup == "rear"


def test_a_limit_of_one_goes_without_saying_but_not_for_sessions():
    plan, _ = read(EXAMPLE)
    assert {s.key: s.limit for s in plan.service} == {"signin": 1, "bag": 1, "d1-lunch": 1, "s1": None}


def test_the_hours_of_a_session_are_no_window():
    session = service_of(read(EXAMPLE)[0], "s1")
    assert session.windows == [] and session.starts == datetime(2026, 12, 5, 9)


def test_several_windows_stand_in_place_of_opens_and_closes():
    text = EXAMPLE.replace("opens = 2026-12-05T11:30:00\ncloses = 2026-12-05T13:30:00", """windows = [
  {opens = 2026-12-05T11:30:00, closes = 2026-12-05T12:30:00},
  {opens = 2026-12-06T11:30:00, closes = 2026-12-06T12:30:00},
]""")
    assert len(service_of(read(text)[0], "d1-lunch").windows) == 2


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter():
    text = "\ufeff" + EXAMPLE.replace("\n", "\r\n")
    assert read(text)[0] == read(EXAMPLE)[0]
    wrong = text.replace('mode = "gate"', 'mode = "door"')
    assert problems(wrong)[0][0] == line_of(EXAMPLE.replace('mode = "gate"', 'mode = "door"'), 'mode = "door"')


@pytest.mark.parametrize("url", [
    "tcp://192.168.1.50:9100", "tcp://printer.local", "tcp://[fe80::1]:9100", "usb://04b8:0e15", "virtual://", "virtual://rear",
    "serial:///dev/ttyUSB0?baud=115200", "serial:///COM3", "win32://EPSON TM-T82 Receipt", "file:///dev/usb/lp0",
    "tcp://192.168.1.50:9100?mode=text"])
def test_every_address_that_a_printer_can_have_is_taken(url):
    plan, _ = read(EXAMPLE.replace("tcp://192.168.1.50:9100", url))
    assert plan.printer[0].url == url
    open_transport(url, folder=Path("unused"))


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_line_table_and_key(case):
    old, new, begins, where, words = WRONG[case]
    assert old in EXAMPLE
    text = EXAMPLE.replace(old, new, 1)
    [(line, place, message)] = problems(text)
    assert line == line_of(text, begins)
    assert where in place and words in message, (place, message)


def test_a_missing_key_is_named_at_its_table():
    text = EXAMPLE.replace('name = "嘉宾"\n', "")
    header = line_of(text, 'key = "guest"') - 1
    assert problems(text) == [(header, "[[category]] guest", sentence("missing", key="name"))]


def test_a_key_given_twice_names_the_first():
    text = EXAMPLE.replace('key = "bag"', 'key = "signin"').replace('"signin", "bag"', '"signin"')
    assert (line_of(text.replace('key = "signin"', "", 1), 'key = "signin"'), "[[service]] signin · key",
            sentence("duplicate", value="signin", first=1)) in problems(text)


def test_single_and_double_brackets_are_told_apart():
    one = "[event]\nname = \"x\"\nstarts = 2026-12-05\nends = 2026-12-05\n[category]\nkey = \"a\"\nname = \"a\"\n"
    assert problems(one) == [(5, "[category]", sentence("many_tables", table="category"))]
    two = one.replace("[event]", "[[event]]").replace("[category]", "[[category]]")
    assert [(line, message) for line, _, message in problems(two)] == [(1, sentence("one_table", table="event"))]


def test_a_circle_of_needs_is_shown_once_and_whole():
    text = EXAMPLE.replace('name = "报到"\n', 'name = "报到"\nneeds = ["s1"]\n').replace(
        'name = "开幕式"\n', 'name = "开幕式"\nneeds = ["bag"]\n')
    [(line, where, message)] = problems(text)
    assert line == line_of(text, "needs") and where == "[[service]] signin · needs"
    assert "signin → s1 → bag → signin" in message


def test_a_mistake_in_a_list_of_many_lines_is_named_with_its_own_line():
    text = EXAMPLE.replace("opens = 2026-12-05T11:30:00\ncloses = 2026-12-05T13:30:00\n", """windows = [
  # 午餐分两批 ]
  {opens = 2026-12-05T11:30:00, closes = 2026-12-05T12:30:00},

  {opens = 2026-12-05T13:30:00, closes = 2026-12-05T12:30:00},
]
""").replace('["delegate", "guest"]', '[\n  "delegate",\n  "gest"\n]')
    found = problems(text)
    assert [(line, where) for line, where, _ in found] == [
        (line_of(text, "  {opens = 2026-12-05T13"), "[[service]] d1-lunch · windows 2 closes"),
        (line_of(text, '  "gest"'), "[[service]] d1-lunch · entitled 2")]


def test_tables_below_a_service_are_found_too():
    text = EXAMPLE + """
[[service]]
key = "gift"
kind = "material"
name = \"\"\"[[service]]\"\"\"
  [[service.question]]
  "key" = "size"
  text = "尺码 # ["
  [[service.question]]
  key = "colour"
  text = 3
"""
    [(line, where, message)] = problems(text)
    assert (line, where) == (line_of(text, "  text = 3"), "[[service]] gift · question 2 text")
    assert "文字" in message


def test_all_mistakes_are_named_at_once_in_the_order_of_their_lines():
    text = EXAMPLE
    for case in ("a time zone that nobody knows", "an unknown kind", "stock below nothing", "a limit of nothing",
                 "a category that is nowhere defined", "a printer that is nowhere defined", "a width of another paper"):
        text = text.replace(*WRONG[case][:2], 1)
    lines = [line for line, _, _ in problems(text)]
    assert len(lines) == 7 and lines == sorted(lines)


def test_a_mistake_reads_as_one_sentence_with_its_place():
    with pytest.raises(PlanError) as refused:
        read(EXAMPLE.replace("limit = 1", "limit = 0"))
    line = line_of(EXAMPLE, "limit")
    assert str(refused.value) == f"第 {line} 行，[[service]] d1-lunch · limit: “limit”不能小于 1。"


@pytest.mark.parametrize(("text", "line", "words"), [
    ("[event]\nname = \n", 2, "TOML"),
    ("[event]\nname = \"x\nstarts = 1\n", 2, "TOML"),
    ("[event]\nopens = 2026-12-05T11:30\n", 2, "写到秒"),
    ("[event]\nname = “年会”\n", 2, "全角"),
    ("[event]\nname = \"“年会”\"\nvenue = 大厅\n", 3, "TOML"),
    ("[event]\nname = \"x\"\nname = \"y\"\nvenue = \"z\"\n", 3, "写了两次"),
    ("[event]\n[event]\n", 2, "写了两次"),
    ("[event]\nname = \"x\"\nname = \"y\"", 3, "写了两次"),
])
def test_a_text_that_is_no_toml_is_refused_with_its_line(text, line, words):
    [(at, where, message)] = problems(text)
    assert (at, where) == (line, "") and words in message


def test_an_empty_file_says_what_is_missing():
    assert [message for _, _, message in problems("")] == [sentence("missing", key="[event]"), sentence("no_category")]


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["event", "category", "service", "station", "printer", "key", "kind", "name", "starts",
                         "windows", "question", "services"])
        | st.text(max_size=3), inner, max_size=5), max_leaves=20))
def test_whatever_the_values_are_the_answer_is_a_plan_or_words(raw):
    try:
        of(raw if isinstance(raw, dict) else {"event": raw})
    except PlanError as refused:
        assert refused.problems and all(problem.message for problem in refused.problems)


# --- remarks ---

def test_a_service_at_no_station_is_a_remark_with_its_line():
    text = EXAMPLE.replace('["s1", "d1-lunch"]', '["s1"]')
    line = line_of(text, 'key = "d1-lunch"') - 1
    assert read(text)[1] == [f"第 {line} 行，[[service]] d1-lunch: {SENTENCES['nowhere']}"]


@pytest.mark.parametrize(("old", "new", "words"), [
    ('entitled = ["delegate", "guest"]', "entitled = []", SENTENCES["nobody"]),
    ('services = ["s1", "d1-lunch"]', "services = []", SENTENCES["idle"]),
    ("tolerance_minutes = 10", "starts = 2026-12-05T11:30:00", "只用于考勤"),
    ("starts = 2026-12-05T09:00:00\nends = 2026-12-05T11:30:00", "starts = 2025-12-05T09:00:00", "不在会议日期内"),
])
def test_what_is_hardly_meant_is_a_remark(old, new, words):
    assert any(words in remark for remark in read(EXAMPLE.replace(old, new))[1])


# --- summer time ---

def test_a_local_time_that_does_not_exist_is_an_error():
    text = EXAMPLE.replace("Asia/Shanghai", "Europe/Berlin").replace("starts = 2026-12-05\nends = 2026-12-07",
                                                                     "starts = 2026-03-28\nends = 2026-12-07")
    text = text.replace("opens = 2026-12-05T11:30:00", "opens = 2026-03-29T02:30:00")
    assert problems(text) == [(line_of(text, "opens"), "[[service]] d1-lunch · opens",
                               sentence("no_such_time", value="2026-03-29 02:30:00"))]


