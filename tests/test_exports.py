"""Exports: complete, harmless in a spreadsheet, and the roster comes back in as it went out."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import update
from sqlalchemy.orm import Session

from admin.roster_columns import FIELDS
from models import exports
from models.database import now
from models.event import Category, touch
from models.harmless import unmistaken
from models.people import Attendee, Delegation, ImportRun
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet, scan

FORMULAS = ("=1+1", "+86", "-2", "@SUM(A1)", "＝1＋1", "=HYPERLINK(\"http://x\",\"y\")", " =1", "'=1", "#N/A")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def roster(write: Callable[..., Any], create_attendee: Callable[..., tuple[int, str]]) -> int:
    """People whose every field says something, some of it as a formula would; how many."""
    def add(session: Session) -> int:
        delegation = Delegation(name="华北代表团")
        session.add(delegation)
        session.flush()
        return delegation.id
    delegation_id = write(add)
    for index, name in enumerate(FORMULAS[:6]):
        create_attendee(name, "press" if index % 2 else "delegate", number=f"A{index}", name_en=name, organisation=name,
                        post="@教授", phone="13800000001", email="a@example.org", id_number="11010119900101001X",
                        sex="女", nation="汉族", diet="素食", hint="=提示", seat="A-1", table="3", room="1208",
                        vip=bool(index % 2), arrival="G1 10:00", remarks="-", delegation_id=delegation_id,
                        state=("registered", "pending", "cancelled")[index % 3])
    create_attendee("空", number="000007")
    return 7


def read_csv(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline="")))


def read_xlsx(file: Path) -> list[list[Any]]:
    book = load_workbook(file)
    rows = [[(cell.data_type, cell.value) for cell in row] for row in book.active.iter_rows()]
    book.close()
    return rows


def test_the_rosters_columns_are_the_fields_of_the_import() -> None:
    assert set(exports.ROSTER) == set(FIELDS)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_an_exported_roster_changes_nothing_when_it_is_imported_again(
        data: Path, tmp_path: Path, roster: int, ending: str) -> None:
    file = tmp_path / f"名单.{ending}"
    assert run(data, "export", "roster", "--out", file).payload == {"rows": roster, "file": str(file)}
    said = run(data, "import", file)
    assert (said.payload["new"], said.payload["changed"], said.payload["unchanged"]) == (0, 0, roster), said.words
    assert said.payload["ignored"] == []


def test_categories_of_one_name_are_told_apart_by_their_keys(
        data: Path, tmp_path: Path, roster: int, write: Callable[..., Any]) -> None:
    def rename(session: Session) -> None:
        session.execute(update(Category).values(name="代表"))
        touch(session, "plan")
    write(rename)
    run(data, "export", "roster", "--out", tmp_path / "r.csv")
    assert run(data, "import", tmp_path / "r.csv").payload["unchanged"] == roster


def test_no_cell_of_a_csv_runs_as_a_formula(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    for index, name in enumerate(FORMULAS):
        create_attendee(name, number=f"A{index}")
    run(data, "export", "roster", "--out", tmp_path / "r.csv")
    rows = read_csv(tmp_path / "r.csv")
    assert all(not value.lstrip().startswith(tuple("=+-@＝＋－＠")) for row in rows for value in row.values())
    assert [row["name"].removeprefix("'") for row in rows[:7]] == list(FORMULAS[:7])


def test_every_text_of_an_xlsx_is_a_text_cell(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    for index, name in enumerate(FORMULAS):
        create_attendee(name, number=f"0{index}", phone="13800000001")
    run(data, "export", "roster", "--out", tmp_path / "r.xlsx")
    header, *rows = read_xlsx(tmp_path / "r.xlsx")
    at = [name for _, name in header].index("name")
    assert [row[at] for row in rows] == [("s", unmistaken(name)) for name in FORMULAS]
    assert rows[0][0] == ("s", "00")
    assert {kind for row in rows for kind, value in row if value is not None} == {"s"}


def test_a_character_that_xml_cannot_write_stops_no_export(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_attendee("王\x0b\x00强", number="1")
    assert run(data, "export", "roster", "--out", tmp_path / "r.xlsx").code == 0
    assert ("s", "王强") in read_xlsx(tmp_path / "r.xlsx")[1]


@pytest.fixture
def ledger(desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> list[str]:
    """A sign-in, a refusal, an unknown code, a bag and its undo; the ids of the rows."""
    _, code = create_attendee("=张三", number="A1")
    bodies = [scan(code, "signin"), scan(code, "signin"), scan("B" + "0" * 20, "signin"), scan(code, "bag")]
    desk.batch(bodies)
    undo = "7b0e66b5-6c59-4f6e-9f38-222222222222"
    desk.void(bodies[3]["id"], id=undo, reason="=误扫")
    return [*(body["id"] for body in bodies), undo]


def test_ledger_rows_carry_the_words_of_a_scan_and_its_answer(data: Path, tmp_path: Path, ledger: list[str]) -> None:
    assert run(data, "export", "ledger", "--out", tmp_path / "l.json").payload["rows"] == 5
    rows = json.loads((tmp_path / "l.json").read_text("utf-8"))
    assert [row["id"] for row in rows] == ledger
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    signed, again, unknown, bag, undo = rows
    assert (signed["service"], signed["station"], signed["verdict"], signed["reason"]) == ("signin", "desk-1", "accepted", None)
    assert (signed["number"], signed["name"], signed["use_no"], signed["forced"]) == ("A1", "=张三", 1, False)
    assert (again["verdict"], again["reason"], again["use_no"]) == ("refused", "used_up", None)
    assert (unknown["reason"], unknown["raw_code"], unknown["name"]) == ("unknown", "B" + "0" * 20, None)
    assert (undo["voids"], undo["service"], undo["note"], undo["actor"]) == (bag["id"], "bag", "=误扫", "desk-1")
    assert bag["scanned_at"].endswith("+08:00")


def test_the_ledger_as_csv_and_xlsx_says_the_same(data: Path, tmp_path: Path, ledger: list[str]) -> None:
    for ending in ("csv", "xlsx"):
        assert run(data, "export", "ledger", "--out", tmp_path / f"l.{ending}").payload["rows"] == 5
    table = read_xlsx(tmp_path / "l.xlsx")
    names = [name for _, name in table[0]]
    assert tuple(names) == exports.LEDGER
    rows = read_csv(tmp_path / "l.csv")
    assert [row["id"] for row in rows] == [row[names.index("id")][1] for row in table[1:]] == ledger
    assert rows[4]["note"] == "'=误扫"
    assert table[5][names.index("note")] == ("s", "=误扫")
    assert table[1][names.index("quantity")] == ("n", 1)


def test_exported_counts_are_those_of_the_dashboard(data: Path, tmp_path: Path, ledger: list[str], desk: Tablet) -> None:
    run(data, "export", "counts", "--out", tmp_path / "c.json")
    rows = {(row["what"], row["key"]): row for row in json.loads((tmp_path / "c.json").read_text("utf-8"))}
    said = desk.counts()
    for key, service in said["services"].items():
        row = rows["service", key]
        assert {name: row[name] for name in ("people", "uses", "refused", "inside", "stock_left", "entitled")} \
            == {name: service[name] for name in ("people", "uses", "refused", "inside", "stock_left", "entitled")}
    assert rows["category", "delegate"]["people"] == said["categories"]["delegate"]["people"] == 1


def test_an_import_under_way_is_not_exported(runtime: Runtime, tmp_path: Path, roster: int, write: Callable[..., Any]) -> None:
    def begin(session: Session) -> None:
        under_way = ImportRun(file_name="x", started_at=now())
        session.add(under_way)
        session.flush()
        session.add(Attendee(name="未完", number="X", category_key="press", import_id=under_way.id))
    write(begin)
    assert exports.export(runtime, "roster", tmp_path / "r.csv") == roster


def test_a_sheet_of_too_many_rows_is_refused_in_words(
        data: Path, tmp_path: Path, roster: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "XLSX_ROWS", 5)
    said = run(data, "export", "roster", "--out", tmp_path / "r.xlsx")
    assert (said.code, said.payload["error"]) == (1, "too_many_rows")
    assert list(tmp_path.glob("*r.xlsx*")) == []


def test_a_failed_export_leaves_the_old_file(data: Path, tmp_path: Path, roster: int, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "r.xlsx"
    run(data, "export", "roster", "--out", file)
    before = file.read_bytes()
    monkeypatch.setattr(exports, "XLSX_ROWS", 5)
    run(data, "export", "roster", "--out", file)
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == ["r.xlsx"]
