"""Files that attack whoever opens them: refused in words, apart from the server, and formulas that stay texts (issue 6)."""
from __future__ import annotations

import csv
import io
import json
import re
import resource
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from admin import apart, logo, roster_apart
from admin.import_pages import LONGEST_NAME, shown_name
from admin.roster_apart import read_apart
from admin.roster_cells import LIMITS, cleaner
from admin.roster_file import check, read
from admin.roster_import import look
from admin.roster_words import RosterError
from models import exports
from models.harmless import harmless, unmistaken
from models.names import search_keys
from tests import hostile_files, rosters
from tests.conftest import LiveServer, Tablet, scan, token_of
from tests.hostile_files import BOMBS, LOGOS
from tests.uploads import form

# --- the child ---

def test_the_process_that_reads_is_stopped_when_it_does_not_end() -> None:
    assert roster_apart.SECONDS < 5
    assert logo.SECONDS < 5
    with pytest.raises(apart.TooHeavy):
        apart.ask("tests.hostile_child", b"spin", 0.8)


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="the system has no such limit")
def test_the_process_that_reads_gets_no_more_memory_than_it_may() -> None:
    with pytest.raises(apart.TooHeavy):
        apart.ask("tests.hostile_child", b"memory", 30)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 < apart.MEMORY * 1.2


def test_a_process_that_breaks_takes_nobody_with_it() -> None:
    with pytest.raises(apart.TooHeavy):
        apart.ask("tests.hostile_child", b"fault", 10)
    assert apart.ask("tests.hostile_child", b"good", 10) == (True, b"said")
    assert apart.ask("tests.hostile_child", b"bad", 10) == (False, b"said")


def test_a_mistake_of_ours_says_where_and_not_with_whose_name() -> None:
    with pytest.raises(RuntimeError, match="ValueError") as caught:
        apart.ask("tests.hostile_child", "mistake 张秘密 13800001234".encode(), 10)
    assert "hostile_child.py" in str(caught.value)
    assert "张秘密" not in str(caught.value)
    assert "13800001234" not in str(caught.value)


def test_what_is_read_apart_is_what_is_read_here(tmp_path: Path) -> None:
    data = rosters.xlsx([["编号", "姓名", "贵宾", "状态", "备注"], ["1", "张三", "是", "取消", "=1+1"], ["2", "", "?", "", ""]])
    (tmp_path / "名单.xlsx").write_bytes(data)
    here = read(data)
    good, refused = check(here.rows)
    for source in (data, tmp_path / "名单.xlsx"):
        with read_apart(source) as reading:
            assert reading.opening() == (replace(here, rows=[]), 2)
            assert [[(person.row, person.values) for person in piece] for piece in reading.people()] == [
                [(row.row, row.values) for row in good]]
            assert reading.closing() == (refused, {3: here.rows[1].values})
            assert list(reading.search_keys()) == [{2: search_keys("张三")}]
    with pytest.raises(RosterError, match=r"没有\.xlsx"), read_apart(tmp_path / "没有.xlsx") as reading:
        reading.opening()


def test_what_is_read_apart_comes_in_pieces_and_who_has_enough_need_not_hear_the_rest() -> None:
    data = rosters.text([["姓名"], *([f"人{n}"] for n in range(5))]).encode()
    with read_apart(data, piece=2) as reading:
        assert reading.opening()[1] == 5
        assert [[person.name for person in piece] for piece in reading.people()] == [["人0", "人1"], ["人2", "人3"], ["人4"]]
        assert reading.closing() == ([], {})
        assert [list(piece) for piece in reading.search_keys()] == [[2, 3], [4, 5], [6]]
    with read_apart(data, piece=2) as reading:
        reading.opening()
        assert len(next(reading.people())) == 2


@pytest.mark.parametrize("told", [b"fault", b"memory", b"spin"])
def test_pieces_that_end_too_early_are_no_whole(told: bytes) -> None:
    with apart.hearing("tests.hostile_teller", told, 5) as pieces:
        assert next(pieces) == b"one"
        with pytest.raises(apart.TooHeavy):
            list(pieces)


def test_a_mistake_of_ours_between_pieces_is_one_and_whoever_hears_them_may_fail_too() -> None:
    with apart.hearing("tests.hostile_teller", b"mistake", 10) as pieces, pytest.raises(RuntimeError, match="hostile_child"):
        list(pieces)
    with pytest.raises(KeyError), apart.hearing("tests.hostile_teller", b"spin", 60):
        raise KeyError
    with apart.hearing("tests.hostile_teller", b"good", 10) as pieces:
        assert list(pieces) == [b"one", b"said"]


# --- workbooks ---

@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_in_words_or_read_without_harm(kind: str) -> None:
    data = BOMBS[kind]()
    try:
        with read_apart(data) as reading:
            count = reading.opening()[1]
    except RosterError as refused:
        assert "%(" not in refused.message
        assert len(refused.message) < 400
    else:
        assert count == 1
        assert kind in ("long cell", "dimension", "shared strings")


@pytest.mark.parametrize(("make", "error"), [
    (lambda: hostile_files.many_sheets(200), "too_many_sheets"), (hostile_files.dense_corner, "too_many_rows"),
    (lambda: hostile_files.many_entries(6_000), "broken"), (hostile_files.hidden_bomb, "too_large_unpacked"),
    (lambda: hostile_files.many_xls_sheets(120), "too_many_sheets")])
def test_a_workbook_beyond_the_limits_is_refused_before_it_is_opened(
        make: Callable[[], bytes], error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from python_calamine import CalamineWorkbook

    def opened(_file: Any) -> None:
        raise AssertionError("it was opened")
    monkeypatch.setattr("python_calamine.CalamineWorkbook", type("Never", (), {"from_filelike": staticmethod(opened)}))
    assert rosters.refusal(make()).error == error
    assert CalamineWorkbook is not None


def test_no_entity_brings_a_file_of_the_server_into_the_roster(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("绝密内容", "utf-8")
    try:
        with read_apart(hostile_files.external_entity(str(secret))) as reading:
            said = [reading.opening(), *reading.people(), reading.closing()]
    except RosterError as refused:
        assert "绝密" not in refused.message
    else:
        assert "绝密" not in repr(said)


def test_no_workbook_makes_the_server_call_anybody() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0.2)
        try:
            with read_apart(hostile_files.external_subset(f"http://127.0.0.1:{listener.getsockname()[1]}/x.dtd")) as reading:
                reading.opening()
        except RosterError as refused:
            assert refused.message
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("data", [
    rosters.xls()[:400] + b"\xff" * 2000, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 60_000,
    rosters.xls().replace(b"\x09\x08\x10\x00", b"\x09\x08\xff\xff"), rosters.locked_xls(), rosters.locked_xlsx()],
    ids=["garbage", "zeros", "length", "locked xls", "locked xlsx"])
def test_a_broken_or_locked_xls_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(RosterError) as caught, read_apart(data, "名单.csv") as reading:
        reading.opening()
    assert caught.value.error in ("broken", "password", "too_heavy")


def upload(server: LiveServer, client: FlaskClient, data: bytes, name: str = "名单.xlsx") -> str:
    """Uploads as the signed-in browser, over the real socket; the page once the file was read or refused."""
    token = token_of(client, "/admin/import")
    cookies = {"Cookie": "; ".join(f"{key}={one.value}" for (_, _, key), one in (client._cookies or {}).items())}
    sent = form("file", name, data, csrf_token=token)
    where = _fetch(f"{server.url}/admin/import", {**cookies, "Content-Type": sent["content_type"]}, sent["data"])[0]
    while not _fetch(f"{where}/progress", cookies)[1].get("HX-Redirect"):
        pass                                             # each answer waits for the server: no busy loop
    return _fetch(where, cookies)[2]


def _fetch(url: str, headers: dict[str, str], data: bytes | None = None) -> tuple[str, Any, str]:
    """Where a request ended, with which headers, and what it said."""
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
        return answer.geturl(), answer.headers, answer.read().decode()


def test_scans_are_answered_while_bombs_are_refused(
        live_server: LiveServer, coordinator: FlaskClient, gate: Tablet, badge: str) -> None:
    over, answers = threading.Event(), list[str]()
    headers = {"Authorization": f"Bearer {gate.token}", "Content-Type": "application/json"}

    def scanning() -> None:
        while not over.is_set():
            _, _, said = _fetch(f"{live_server.url}/api/v1/scans", headers, json.dumps(scan(badge, "s1")).encode())
            answers.append(json.loads(said)["results"][0]["verdict"])
    thread = threading.Thread(target=scanning)
    thread.start()
    try:
        for kind in ("shared strings", "flat bomb", "billion laughs", "many sheets", "one cell", "dense corner"):
            before = len(answers)
            page = upload(live_server, coordinator, BOMBS[kind]())
            assert kind == "shared strings" or 'role="alert"' in page, kind
            assert len(answers) > before, kind
    finally:
        over.set()
        thread.join()
    assert set(answers) <= {"accepted", "refused"}


# --- names of files ---

NAMES = ["../../../etc/x.csv", "..\\..\\x.csv", "a\0b.csv", "名" * 300 + ".csv", "CON.csv", "LPT1", "x\u202evsc.exe", "<i>q.csv",
         "\"><svg onload=alert(1)>.csv", "{{7*7}}.csv", "%(x)s.csv", "$(reboot).csv", "; rm -rf ~.csv", " .csv", "…/.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_s_name_is_shown_cut_and_escaped_and_is_no_path(coordinator: FlaskClient, data: Path, name: str) -> None:
    before = {path for path in data.rglob("*") if "uploads" not in path.parts}
    token = token_of(coordinator, "/admin/import")
    sent = form("file", name.replace('"', "%22"), "姓名\n张三\n".encode(), csrf_token=token)
    where = coordinator.post("/admin/import", **sent)
    assert where.status_code in (303, 400)
    if where.status_code == 303:
        page = coordinator.get(where.location).text
        assert "<svg onload" not in page
        assert "<i>q" not in page
        assert "\u202e" not in page
        assert "49.csv" not in page
        assert "名" * (LONGEST_NAME + 1) not in page
    kept = [path for path in (data / "uploads").rglob("*") if path.is_file()]
    assert {path.name for path in kept} <= {"roster"}
    assert not {path for path in data.rglob("*") if "uploads" not in path.parts} - before - {data / "uploads"}


@given(st.text(max_size=400))
def test_a_shown_name_has_one_part_and_is_short_and_visible(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= LONGEST_NAME
    assert shown.isprintable()
    assert not set("/\\") & set(shown)


# --- logos ---

@pytest.mark.parametrize("kind", LOGOS)
def test_a_logo_that_is_a_trap_is_refused_in_words(kind: str) -> None:
    make, why = LOGOS[kind]
    with pytest.raises(logo.BadLogo) as caught:
        logo.take(make())
    assert caught.value.why == why
    assert str(caught.value).startswith("会标")


@pytest.mark.parametrize("kind", [kind for kind, (_, why) in LOGOS.items() if why and kind != "uses of uses"])
def test_a_logo_that_an_older_version_kept_is_looked_through_before_it_is_drawn(kind: str) -> None:
    with pytest.raises(logo.BadLogo):
        logo.drawable(LOGOS[kind][0]())


def test_an_ordinary_logo_of_a_drawing_program_is_taken() -> None:
    head = ('<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
            '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">')
    content = ('<defs><linearGradient id="a"><stop stop-color="#b5312a"/></linearGradient></defs>'
               '<style>.b{fill:url(#a)}</style><circle class="b" cx="4" cy="4" r="4"/>'
               '<use xlink:href="#a"/><text>会</text>')
    assert logo.take(hostile_files.svg(content, ' width="210mm" height="297mm"', head)).startswith(b"\x89PNG")


# --- formulas ---

STARTS = ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t=", "\r=", "\n=", " =", "'=", "''+", "\ufeff=", "\u3000=", "\u00a0-", "\x00="]
HOSTILE = st.builds(lambda start, rest: start + rest, st.sampled_from(["", *STARTS, "'", "0012", "+86138", '="01"', "''"]),
                    st.text(max_size=8) | st.sampled_from(["1+1", "cmd|'/C calc'!A0", "0012", '="7"']))
FIELDS = sorted(set(LIMITS) - {"category"})


@given(HOSTILE)
def test_no_cell_of_a_csv_begins_as_a_formula(text: str) -> None:
    cell = harmless(text).lstrip().lstrip("\ufeff\0").lstrip()
    assert not cell or cell[0] not in "=+-@＝＋－＠"
    assert not re.match("[\t\r]", harmless(text)) or not text.strip()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FIELDS), HOSTILE)
def test_what_the_import_took_comes_back_unchanged_from_both_kinds_of_file(field: str, text: str) -> None:
    clean = cleaner(field, field)
    value = clean(text)
    if isinstance(value, str):
        assert clean(harmless(value)) == value
        assert clean(unmistaken(value)) == value


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_our_own_export_of_hostile_names_comes_back_unchanged(
        app: Any, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]], ending: str) -> None:
    runtime = app.extensions["huiwu"]
    texts = [clean for start in STARTS for rest in ("1+1", "cmd|'/C calc'!A0") if (clean := cleaner("name", "")(start + rest))]
    for index, text in enumerate(dict.fromkeys(map(str, texts))):
        create_attendee(text, number=f"00{index:02}", organisation=text, post=text, hint=text, remarks=text, phone="13800000001")
    target = tmp_path / f"roster{ending}"
    exports.export(runtime, "roster", target)
    found = look(runtime, target)
    assert (found.new, found.changed, found.refused) == ([], [], [])
    assert found.unchanged == len(set(texts))


def test_every_cell_of_an_exported_workbook_is_a_text_and_no_cell_of_a_csv_a_formula(
        app: Any, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    for index, start in enumerate(STARTS):
        create_attendee(f"{start}1+1", number=f"{index:03}", organisation=f"{start}cmd|'/C calc'!A0", arrival=f"{start}2")
    for kind in ("roster", "ledger", "counts"):
        for ending in (".xlsx", ".csv"):
            exports.export(app.extensions["huiwu"], kind, tmp_path / f"{kind}{ending}")
        book = load_workbook(tmp_path / f"{kind}.xlsx")
        assert {cell.data_type for row in book.active.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
        book.close()
        with (tmp_path / f"{kind}.csv").open(encoding="utf-8-sig", newline="") as file:
            assert not [cell for cell in _cells(file) if cell.lstrip("\ufeff\0 \t\r\n\u3000\u00a0")[:1] in tuple("=+-@＝＋－＠")]


def _cells(file: io.TextIOWrapper) -> Iterator[str]:
    for row in csv.reader(file):
        yield from row
