"""The command line of api.md: what each command does, its JSON, its exit codes and its sentences."""
from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from select import select as choose
from typing import Any

import click
import pytest
from sqlalchemy import select

from cli import cli
from models.event import Service
from models.people import Staff
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet
from tests.plans import EXAMPLE
from tests.rosters import xlsx

ROOT = Path(__file__).parent.parent
ROSTER = [["编号", "姓名", "单位", "类别"], ["A1", "张三", "江北大学", "代表"], ["A2", "李四", "临海理工学院", "嘉宾"]]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")     # the command line sets it; the next test must not see that


def roster_file(folder: Path, *more: list[str]) -> Path:
    """A roster as xlsx."""
    file = folder / "名单.xlsx"
    file.write_bytes(xlsx([*ROSTER, *more]))
    return file


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan file."""
    file = tmp_path / "方案.toml"
    file.write_text(EXAMPLE, encoding="utf-8")
    return file


def process(data: Path, *arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """A command as a script runs it."""
    return subprocess.run([sys.executable, "app.py", "--data", str(data), "--json", *map(str, arguments)], cwd=ROOT,
                          capture_output=True, text=True, check=False, timeout=120, **more)


def every_command(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in group.commands.items():
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize(("path", "command"), [pytest.param(*pair, id=" ".join(pair[0])) for pair in every_command()])
def test_help_explains_every_command_with_an_example_in_both_languages(
        path: tuple[str, ...], command: click.Command) -> None:
    text = command.help or ""
    assert f"例 Example: python app.py {path[0]}" in text
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text.split("例")[0])
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help


def test_a_new_event_is_made_from_plan_and_roster_and_says_so_as_the_contract_does(tmp_path: Path, plan: Path) -> None:
    roster = roster_file(tmp_path)
    said = run(tmp_path / "new" / "event", "init", "--plan", plan, "--roster", roster)
    assert said.code == 0
    assert set(said.payload) == {"event", "categories", "services", "stations", "printers", "roster"}
    assert said.payload["event"] == "2026年全国学术年会"
    assert said.payload["roster"]["new"] == 2
    assert [file.name for file in (tmp_path / "new" / "event").iterdir()] == ["huiwu.db"]


def test_a_script_reads_one_object_on_the_last_line_of_stdout(tmp_path: Path, plan: Path) -> None:
    done = process(tmp_path / "event", "init", "--plan", plan)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["roster"] is None
    again = process(tmp_path / "event", "init", "--plan", plan)
    assert again.returncode == 1
    assert json.loads(again.stdout.splitlines()[-1])["error"] == "event_exists"
    assert process(tmp_path / "event", "init").returncode == 2


def test_an_existing_event_is_never_touched(data: Path, plan: Path) -> None:
    before = (data / "huiwu.db").read_bytes()
    said = run(data, "init", "--plan", plan)
    assert (said.code, said.payload["error"]) == (1, "event_exists")
    assert (data / "huiwu.db").read_bytes() == before


@pytest.mark.parametrize("what", ["plan", "roster", "no roster"])
def test_a_failed_init_leaves_nothing_behind(tmp_path: Path, plan: Path, what: str) -> None:
    bad = ["A3", "王五", "", "裁判"]
    roster = tmp_path / "名单.xlsx" if what == "no roster" else roster_file(tmp_path, bad)
    if what == "plan":
        plan.write_text(EXAMPLE.replace('kind = "meal"', 'kind = "feast"'), encoding="utf-8")
    said = run(tmp_path / "new" / "event", "init", "--plan", plan, "--roster", roster)
    assert said.code == 1
    assert said.payload["message"]
    assert not (tmp_path / "new").exists()
    if what == "roster":
        assert said.payload["roster"]["refused"][0]["row"] == 4
    if what == "plan":
        assert said.payload["problems"][0]["line"] > 0


def test_a_failed_init_keeps_the_folder_that_was_there(tmp_path: Path, plan: Path) -> None:
    (tmp_path / "event").mkdir()
    (tmp_path / "event" / "note.txt").write_text("mine")
    run(tmp_path / "event", "init", "--plan", plan, "--roster", tmp_path / "missing.xlsx")
    assert [file.name for file in (tmp_path / "event").iterdir()] == ["note.txt"]


def test_the_sample_is_an_event_that_init_takes_and_is_not_written_twice(tmp_path: Path) -> None:
    said = run(tmp_path / "event", "sample", tmp_path / "sample")
    assert set(said.payload) == {"plan", "roster"}
    made = run(tmp_path / "event", "init", "--plan", said.payload["plan"], "--roster", said.payload["roster"])
    assert (made.code, made.payload["roster"]["refused"]) == (0, [])
    assert run(tmp_path / "event", "sample", tmp_path / "sample").payload["error"] == "file_exists"


NO_EVENT = [("service", "x", "open"), ("state", "A1", "pending"), ("reissue", "A1"), ("audit",), ("backup",),
            ("golive",), ("export", "counts", "--out", "x.csv"), ("badges", "--out", "x.csv"), ("pair", "desk-1"),
            ("staff", "add", "王芳", "--role", "lead", "--pin-stdin")]


@pytest.mark.parametrize("arguments", NO_EVENT, ids=[" ".join(arguments[:2]) for arguments in NO_EVENT])
def test_without_an_event_every_command_says_what_to_do(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = run(tmp_path / "none", *arguments, stdin="2468\n")
    assert (said.code, said.payload["error"]) == (1, "no_event")
    assert "init" in said.payload["message"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("arguments", NO_EVENT[-2:], ids=["pair", "staff"])
def test_a_damaged_file_is_said_in_a_sentence(data: Path, arguments: tuple[str, ...]) -> None:
    for side in ("", "-wal", "-shm"):
        (data / f"huiwu.db{side}").unlink(missing_ok=True)
    (data / "huiwu.db").write_bytes(b"no database" * 1000)
    said = run(data, *arguments, stdin="2468\n")
    assert (said.code, said.payload["error"]) == (1, "damaged")


def test_a_service_is_closed_at_once_and_opened_again(
        data: Path, runtime: Runtime, gate: Tablet, badge: str) -> None:
    assert run(data, "service", "lunch", "closed").payload == {"service": "lunch", "state": "closed"}
    assert gate.scan(badge, "lunch")["reason"] == "service_closed"
    run(data, "service", "lunch", "open")
    assert gate.scan(badge, "lunch")["verdict"] == "accepted"
    with runtime.reading() as session:
        assert session.get(Service, "lunch").closed is False  # type: ignore[union-attr]


def test_a_reissued_badge_is_good_and_the_old_one_revoked(
        data: Path, desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _, old = create_attendee(number="A1")
    said = run(data, "reissue", "A1")
    assert set(said.payload) == {"number", "code"}
    assert desk.scan(old, "signin")["reason"] == "revoked"
    assert desk.scan(said.payload["code"], "signin")["verdict"] == "accepted"


def test_a_state_counts_from_the_next_scan(
        data: Path, desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _, code = create_attendee(number="A1")
    assert run(data, "state", "A1", "cancelled").payload == {"number": "A1", "state": "cancelled"}
    assert desk.scan(code, "signin")["reason"] == "cancelled"
    run(data, "state", "A1", "registered")
    assert desk.scan(code, "signin")["verdict"] == "accepted"


@pytest.mark.parametrize(("arguments", "error"), [
    (("service", "brunch", "closed"), "no_service"), (("service", "lunch", "ajar"), "no_state"),
    (("state", "A9", "pending"), "no_number"), (("state", "A1", "gone"), "no_state"),
    (("reissue", "A9"), "no_number"), (("badges", "--out", "{folder}/x.csv", "--only", "A9"), "no_number"),
    (("badges", "--out", "{folder}/x.doc"), "ending"), (("badges", "--out", "{folder}/no/x.pdf"), "no_folder"),
    (("export", "roster", "--out", "{folder}/no/x.csv"), "no_folder"),
    (("export", "ledger", "--out", "{folder}/x.docx"), "ending"), (("restore", "{folder}/no.db"), "no_file"),
    (("backup", "--to", "{folder}/no/x.db"), "no_folder")])
def test_what_is_not_there_is_refused_in_a_sentence(
        data: Path, create_attendee: Callable[..., tuple[int, str]], tmp_path: Path, arguments: tuple[str, ...],
        error: str) -> None:
    create_attendee(number="A1")
    said = run(data, *(text.format(folder=tmp_path) for text in arguments))
    assert (said.code, said.payload["error"]) == (1, error)
    assert said.payload["message"] in said.words


def test_badges_are_for_registered_people_by_category_then_number(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    for number, category in (("10", "delegate"), ("9", "delegate"), ("1", "press")):
        create_attendee(f"人{number}", category, number=number)
    create_attendee("取消", number="2", state="cancelled")
    said = run(data, "badges", "--out", tmp_path / "b.csv")
    assert said.payload == {"badges": 3, "file": str(tmp_path / "b.csv")}
    assert "secrets" in said.words
    rows = list(csv.DictReader((tmp_path / "b.csv").read_text("utf-8-sig").splitlines()))
    assert [row["number"] for row in rows] == ["9", "10", "1"]


def test_some_badges_are_made_by_number(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    for number in ("1", "2", "3"):
        create_attendee(number=number)
    assert run(data, "badges", "--out", tmp_path / "b.pdf", "--only", "1", "3").payload["badges"] == 2
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF")
    assert run(data, "badges", "--out", tmp_path / "b.zip", "--only", "1", "--only", "2").payload["badges"] == 2
    assert run(data, "badges", "--out", tmp_path / "b.pdf", "1").code == 2


def test_a_character_that_no_font_has_is_named(
        data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_attendee("王\U000e0fff", number="1")
    said = run(data, "badges", "--out", tmp_path / "b.pdf")
    assert (said.code, said.payload["error"]) == (1, "missing_characters")
    assert said.payload["missing"][0]["number"] == "1"
    assert not list(tmp_path.glob("*.pdf")) + list(tmp_path.glob(".*.part"))
    assert run(data, "badges", "--out", tmp_path / "b.pdf", "--allow-missing").code == 0


def test_staff_are_added_and_reset_from_stdin(data: Path, runtime: Runtime) -> None:
    said = run(data, "staff", "add", "王芳", "--role", "lead", "--pin-stdin", stdin="2468\n")
    assert said.payload == {"staff": "王芳", "role": "lead"}
    assert run(data, "staff", "reset", "王芳", "--pin-stdin", stdin="8642\n").payload["role"] == "lead"
    assert run(data, "staff", "add", "王芳", "--role", "staff", "--pin-stdin", stdin="2468\n").payload["error"] == "exists"
    assert run(data, "staff", "add", "李", "--role", "staff", "--pin-stdin", stdin="12\n").payload["error"] == "pin_short"
    short = run(data, "staff", "add", "李", "--role", "coordinator", "--pin-stdin", stdin="1234567\n")
    assert short.payload["error"] == "passphrase_short"
    assert run(data, "staff", "add", "李", "--role", "staff").code == 2
    with runtime.reading() as session:
        assert session.scalars(select(Staff.name)).all() == ["王芳"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals in the standard library")
def test_a_pin_is_asked_for_twice_on_the_terminal_and_not_shown(data: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "app.py", "--data", str(data), "--json", "staff", "add", "赵", "--role", "lead"],
                          cwd=ROOT, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True) as asked:
        os.close(theirs)
        shown = b""
        for question in (1, 2):
            while shown.count(b":") < question:
                assert choose([ours], [], [], 30)[0], shown
                shown += os.read(ours, 100)
            os.write(ours, b"975310\n")
        assert asked.stdout is not None
        said = json.loads(asked.stdout.read().splitlines()[-1])
    os.close(ours)
    assert said == {"staff": "赵", "role": "lead"}
    assert b"975310" not in shown


def test_the_process_that_starts_a_server_loads_none_of_the_program() -> None:
    code = ("import sys; sys.argv = ['app.py', 'serve', '--help']\n"
            "try: import runpy; runpy.run_path('app.py', run_name='__main__')\n"
            "except SystemExit: pass\n"
            "print(sorted({'sqlalchemy', 'flask', 'cryptography', 'admin.roster_commands', 'models.runtime'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"
