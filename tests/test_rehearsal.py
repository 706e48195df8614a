"""`rehearse`: a small conference with faults to its end, and a reckoning that notices when something is not true."""
from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from printers import escpos
from printers.emulator import Emulator
from printers.faulty import FaultyPrinter, Mode
from printers.slip import SlipContent, draw
from rehearsal import reading
from rehearsal.book import Book, read
from rehearsal.databases import held, scratch_database
from rehearsal.reckoning import Evidence, Finding, reckon
from tests.command_line import run

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"signin": 1, "lunch": 1}


def test_a_small_conference_with_faults_loses_nothing_and_doubles_nothing(tmp_path: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    event = tmp_path / "event"
    said = run(event, "rehearse", "--attendees", 60, "--stations", 4, "--printers", 2, "--faults")
    assert said.code == 0, said.words
    found = said.payload
    assert (found["lost"], found["doubled"], found["problems"]) == (0, 0, [])
    assert found["acknowledged"] == found["recorded"] > 300
    assert found["faults"]["kills"] >= 3 and found["faults"]["locks"] == 1 and found["faults"]["backups"] == 2
    assert found["slips"] > 50 and found["faults"]["printer_faults"] == 4
    assert found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert "一条不丢" in said.words and "Nothing lost" in said.words
    assert list(tmp_path.iterdir()) == [], "neither the event's folder nor the scratch folder is there"


def test_stopping_it_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("the processes are looked up in /proc")
    started = subprocess.Popen([sys.executable, "app.py", "--data", str(tmp_path / "event"), "rehearse", "--attendees", "20",
                                "--stations", "2", "--printers", "1", "--minutes", "5"], cwd=ROOT, start_new_session=True,
                               env={**os.environ, "TMPDIR": str(tmp_path)}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        _until(lambda: any(" serve " in line for line in _running(tmp_path)))
        started.send_signal(signal.SIGINT)
        assert started.wait(240) != 0      # what it had begun ends first, which takes long on a busy machine
    finally:
        started.kill()
    assert not _running(tmp_path)
    assert list(tmp_path.iterdir()) == []


def _running(folder: Path) -> list[str]:
    """The command lines of processes that work on a scratch folder in here."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in lines if f"{folder}/huiwu-rehearsal-" in line]


def _until(seen: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- the reckoning, fed with what is not true ---

def evidence() -> Evidence:
    """A ledger of four scans and an undo, all of it true."""
    sent = [_sent("a", "signin", "B1", "1"), _sent("b", "lunch", "B1", "1"), _sent("c", "lunch", "B1", "1"),
            {"id": "d", "what": "undo", "of": "b", "station": "s"}, _sent("e", "lunch", "B1", "1")]
    acks = [_ack("a", 1, jobs=["j1"]), _ack("b", 2), _ack("c", 3, "used_up"), _ack("d", 4), _ack("e", 5)]
    rows = [_row("a", 1, "signin"), _row("b", 2, "lunch"), _row("c", 3, "lunch", "used_up"),
            {**_row("d", 4, "lunch"), "voids": "b"}, _row("e", 5, "lunch")]
    services = {"signin": _service(1, 1, 0), "lunch": _service(1, 1, 1)}
    counts = {"head": 5, "services": services, "printers": {"p": {"printed": 1, "parsed": 0, "sent": 0, "queued": 0, "sending": 0,
                                                                  "unknown": 0, "held": 0}}}
    exported = [{"what": "service", "key": key, **service} for key, service in services.items()]
    return Evidence(sent, acks, rows, counts, exported, {"scans": 5, "differences": []}, {"p": ["x"]}, LIMITS)


def _sent(scan_id: str, service: str, code: str, number: str) -> dict[str, Any]:
    return {"id": scan_id, "what": "scan", "service": service, "code": code, "number": number, "station": "s"}


def _ack(scan_id: str, seq: int, reason: str | None = None, jobs: list[str] | None = None) -> dict[str, Any]:
    return {"id": scan_id, "status": 200, "seq": seq, "verdict": "refused" if reason else "accepted", "reason": reason,
            "conflict": False, "forced": False, "print_jobs": jobs or []}


def _row(scan_id: str, seq: int, service: str, reason: str | None = None) -> dict[str, Any]:
    return {"id": scan_id, "seq": seq, "service": service, "station": "s", "number": "1", "direction": None, "quantity": 1,
            "verdict": "refused" if reason else "accepted", "reason": reason, "voids": None, "conflict": False,
            "forced": False, "scanned_at": f"2030-05-18T12:00:0{seq}+08:00"}


def _service(people: int, uses: int, refused: int) -> dict[str, Any]:
    return {"people": people, "uses": uses, "refused": refused, "inside": None, "stock_left": None}


def test_what_is_true_reconciles() -> None:
    found = reckon(evidence())
    assert found == Finding(acknowledged=5, recorded=5, slips=1)


def test_a_row_that_is_gone_is_a_lost_scan() -> None:
    seen = evidence()
    seen.rows = [row for row in seen.rows if row["id"] != "b"]
    found = reckon(seen)
    assert found.lost == 1 and any("not recorded" in problem for problem in found.problems)


@pytest.mark.parametrize(("name", "value"), [("verdict", "refused"), ("reason", "used_up"), ("seq", 9)])
def test_a_row_that_says_something_else_than_was_promised_is_lost(name: str, value: object) -> None:
    seen = evidence()
    seen.rows = copy.deepcopy(seen.rows)
    seen.rows[0][name] = value
    assert reckon(seen).lost == 1


def test_a_use_too_many_is_doubled_though_everybody_agrees_on_it() -> None:
    seen = evidence()
    seen.sent = [*seen.sent, _sent("f", "lunch", "B1", "1")]
    seen.acks = [*seen.acks, _ack("f", 6)]
    seen.rows = [*seen.rows, _row("f", 6, "lunch")]
    lunch = _service(1, 2, 1)
    seen.counts = {**seen.counts, "head": 6, "services": {**seen.counts["services"], "lunch": lunch}}
    seen.exported = [seen.exported[0], {"what": "service", "key": "lunch", **lunch}]
    seen.audit = {"scans": 6, "differences": []}
    found = reckon(seen)
    assert found.doubled == 2 and len(found.problems) == 2      # by our own book, and by the ledger


def test_a_use_by_coupon_and_another_by_badge_are_one_too_many_for_the_person() -> None:
    seen = evidence()
    seen.sent = [*seen.sent, _sent("f", "lunch", "C1", "")]
    seen.acks, seen.rows = [*seen.acks, _ack("f", 6)], [*seen.rows, _row("f", 6, "lunch")]
    assert reckon(seen).doubled == 1


def test_a_conflict_is_no_double_and_is_counted() -> None:
    seen = evidence()
    seen.sent = [*seen.sent, _sent("f", "lunch", "B1", "1")]
    seen.acks = [*seen.acks, {**_ack("f", 6), "conflict": True}]
    seen.rows = [*seen.rows, {**_row("f", 6, "lunch"), "conflict": True}]
    found = reckon(seen)
    assert (found.doubled, found.conflicts) == (0, 1)


def test_two_answers_to_one_scan_are_a_double() -> None:
    seen = evidence()
    seen.acks = [*seen.acks, _ack("a", 7)]
    assert reckon(seen).doubled == 1


def test_whoever_is_sent_away_as_used_up_must_have_used_it() -> None:
    seen = evidence()
    seen.rows = copy.deepcopy(seen.rows)
    seen.rows[1]["service"] = "signin"
    assert any("nothing was used" in problem for problem in reckon(seen).problems)


def test_who_may_not_have_it_must_not_be_let_through() -> None:
    seen = evidence()
    seen.barred = {("1", "signin")}
    assert [problem for problem in reckon(seen).problems if "without a right" in problem]


@pytest.mark.parametrize(("change", "word"), [
    (lambda seen: seen.rows.append(_row("z", 6, "lunch")), "nobody sent"),
    (lambda seen: seen.rows.append(_row("a", 1, "signin")), "recorded twice"),
    (lambda seen: seen.rows[0].update(number="2"), "another person"),
    (lambda seen: seen.rows[0].update(station="t"), "another person"),
    (lambda seen: seen.sent.append(_sent("y", "lunch", "B2", "2")), "never answered"),
    (lambda seen: seen.acks.append({"id": "x", "status": 400, "seq": None, "error": "invalid"}), "would not judge"),
    (lambda seen: seen.counts["services"]["lunch"].update(uses=2), "numbers differ"),
    (lambda seen: seen.exported[1].update(people=7), "numbers differ"),
    (lambda seen: seen.counts.update(head=4), "the head"),
    (lambda seen: seen.audit["differences"].append({"kind": "tally"}), "audit"),
    (lambda seen: seen.audit.update(scans=4), "audit"),
    (lambda seen: seen.slips["p"].append("y"), "slips out"),
    (lambda seen: seen.slips["p"].clear(), "slips out"),
    (lambda seen: seen.slips["p"].append("x"), "came out twice"),
    (lambda seen: seen.acks[0].update(print_jobs=["j1", "j2"]), "slips promised"),
    (lambda seen: seen.counts["printers"]["p"].update(unknown=1), "unfinished"),
])
def test_whatever_does_not_agree_is_a_problem(change: Callable[[Evidence], object], word: str) -> None:
    seen = copy.deepcopy(evidence())
    change(seen)
    assert any(word in problem for problem in reckon(seen).problems)


def test_the_book_is_on_the_disk_before_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "book.jsonl"
    with Book(path) as book:
        book.sent({"id": "a"})
        book.ack({"id": "a", "seq": 1})
        assert book.acknowledged == 1
        assert read(path) == ([{"id": "a"}], [{"id": "a", "seq": 1}])


# --- the paper ---

def slip(number: int = 42, code: str = "S0123456789ABCDEFGHJK", width: int = 576, **more: Any) -> SlipContent:
    return SlipContent(kind="slip", event="演练会议", title="报到", name="龚䶮", code=code, number=number, station="desk-1",
                       at="2030-05-18T08:00:00+08:00", **more)


def printed(content: SlipContent, width: int = 576) -> Any:
    printer = Emulator(width)
    printer.feed(escpos.encode(draw(content, width)))
    return printer.slips[0]


@pytest.mark.parametrize("width", [576, 384])
@pytest.mark.parametrize("code", ["S0123456789ABCDEFGHJK", "CZZZZZZZZZZZZZZZZZZZZ", "C7M3K9Q2X5R8T1V4W6Y0N"])
def test_the_code_on_a_slip_is_read_back_as_zxing_reads_it(code: str, width: int) -> None:
    import zxingcpp

    picture = printed(slip(code=code), width)
    assert reading.code_of(picture) == code == zxingcpp.read_barcodes(picture.convert("L"))[0].text


def test_a_slip_bears_its_own_number_and_no_other() -> None:
    picture = printed(slip(10042, copy=2))
    assert [number for number in (42, 4, 10042, 1004, 10043, 2) if reading.bears(picture, number)] == [10042]


def test_a_printer_changes_its_fault_and_forgets_what_it_held_when_switched_off_and_on() -> None:
    import socket

    blob = escpos.encode(draw(slip(), 576))
    with FaultyPrinter(Mode.WORKS) as printer:
        printer.change(Mode.PAPER_OUT_BEFORE)
        with socket.create_connection(("127.0.0.1", printer.port)) as host:
            host.sendall(blob)
            assert printer.wait_for_received(len(blob))
            printer.off_and_on()
        printer.change(Mode.WORKS)
        assert printer.wait_until_left()
        with socket.create_connection(("127.0.0.1", printer.port)) as host:
            host.sendall(blob)
        assert printer.wait_for_slips(1) and printer.wait_until_left()
        assert len(printer.take_slips()) == 1 and printer.take_slips() == []


# --- the databases ---

def test_a_scratch_database_is_made_beside_the_one_named_and_dropped_after_it(database_url: str) -> None:
    import psycopg

    def names() -> set[str]:
        with psycopg.connect(database_url) as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    before = names()
    with scratch_database(database_url) as url:
        assert len(names() - before) == 1
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE scan (seq integer)")
            with held(Path(), url), pytest.raises(psycopg.errors.LockNotAvailable):
                connection.execute("SET lock_timeout = 50")
                connection.execute("INSERT INTO scan VALUES (1)")
    assert names() == before


def test_without_a_server_named_there_is_no_scratch_database() -> None:
    with scratch_database("") as url:
        assert url == ""


def test_another_program_holds_the_events_file(data: Path) -> None:
    import sqlite3

    with held(data, ""), closing(sqlite3.connect(data / "huiwu.db", timeout=0, isolation_level=None)) as other, \
            pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
