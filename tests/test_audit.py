"""The audit: an honest ledger agrees, and each thing that was changed behind its back is found by name."""
from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from models.audit import audit
from models.recount import rewrite_tallies
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet, scan


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def day(desk: Tablet, gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> int:
    """A day of every kind of row; how many there are."""
    one, two = (create_attendee(name)[1] for name in ("张三", "李四"))
    desk.batch([scan(one, "signin"), scan(two, "signin"), scan("B" + "0" * 20, "signin"), scan(two, "signin")])
    given = desk.scan(one, "bag")
    desk.scan(two, "bag", quantity=1)
    desk.void(given["id"])
    gate.batch([scan(one, "lunch"), scan(one, "s1"), scan(one, "s2"), scan(two, "s1"), scan(two, "s1", direction="out")])
    gate.void(given["id"])                                  # refused: not at its station, and undone already
    desk.scan(one, "bag")
    return int(desk.counts()["head"])


def spoil(data: Path, *statements: str) -> None:
    """Changes the file as somebody with a database tool would."""
    with closing(sqlite3.connect(data / "huiwu.db")) as there:
        for statement in statements:
            there.execute(statement)
        there.commit()


def kinds(found: list[dict[str, Any]]) -> set[str]:
    return {difference["kind"] for difference in found}


def test_an_honest_ledger_agrees(runtime: Runtime, day: int) -> None:
    assert day > 10
    assert audit(runtime) == (day, [])


def test_an_empty_ledger_agrees(runtime: Runtime) -> None:
    assert audit(runtime) == (0, [])


@pytest.mark.parametrize("change", [
    "quantity = 7", "actor = 'somebody'", "scanned_at = '2020-01-01 00:00:00.000000'", "note = 'x'", "offline = 1",
    "answer = json_set(answer, '$.hints[0]', 'x')", "raw_code = 'B'", "station_key = 'gate-2'", "reason = 'used_up'",
    "id = 'another'", "device_id = 99", "chain = 'ffffffffffffffffffffffffffffffff'"])
def test_a_changed_value_is_found_in_its_row(data: Path, runtime: Runtime, day: int, change: str) -> None:
    spoil(data, f"UPDATE scan SET {change} WHERE seq = 2")
    found = audit(runtime)[1]
    assert next(d["seq"] for d in found if d["kind"] == "chain") == 2
    assert all(d["seq"] in (2, 3) for d in found if d["kind"] == "chain")


def test_a_flipped_byte_in_the_file_is_found(data: Path, runtime: Runtime, day: int) -> None:
    with closing(sqlite3.connect(data / "huiwu.db")) as there:
        there.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (printed,) = there.execute("SELECT fingerprint FROM scan WHERE seq = 5").fetchone()
    runtime.engine.dispose()
    content = bytearray((data / "huiwu.db").read_bytes())
    at = content.index(printed.encode())
    content[at] ^= 1
    (data / "huiwu.db").write_bytes(content)
    found = audit(runtime)[1]
    assert [(d["kind"], d["seq"]) for d in found] == [("chain", 5)]


@pytest.mark.parametrize("change", ["scanned_at = 'yesterday'", "answer = '{'", "note = CAST(x'ff' AS TEXT)"])
def test_a_value_that_cannot_be_read_is_named_and_the_rest_still_checked(
        data: Path, runtime: Runtime, day: int, change: str) -> None:
    spoil(data, f"UPDATE scan SET {change} WHERE seq = 4", "UPDATE scan SET quantity = 9 WHERE seq = 7")
    found = audit(runtime)[1]
    assert ("unreadable_row", 4) in [(d["kind"], d.get("seq")) for d in found]
    assert ("chain", 7) in [(d["kind"], d.get("seq")) for d in found]
    assert ("chain", 5) not in [(d["kind"], d.get("seq")) for d in found]


@pytest.mark.parametrize("gap", [(3, 3), (1, 2), (-1, -1)])
def test_deleted_rows_are_missed_at_the_start_in_the_middle_and_at_the_end(
        data: Path, runtime: Runtime, day: int, gap: tuple[int, int]) -> None:
    first, last = (day if seq < 0 else seq for seq in gap)
    spoil(data, f"DELETE FROM scan WHERE seq BETWEEN {first} AND {last}")
    missing = [d for d in audit(runtime)[1] if d["kind"] == "missing_rows"]
    assert [(d["first"], d["last"]) for d in missing] == [(first, last)]


def test_a_row_put_in_by_hand_is_found(data: Path, runtime: Runtime, day: int) -> None:
    columns = "fingerprint, service_key, station_key, device_id, actor, holder, attendee_id, badge_id, quantity, " \
              "verdict, forced, conflict, offline, scanned_at, uploaded_at, answer, chain"
    spoil(data, f"INSERT INTO scan (seq, id, {columns}) SELECT {day + 1}, 'x', {columns} FROM scan WHERE seq = 1")
    found = audit(runtime)[1]
    assert ("chain", day + 1) in [(d["kind"], d.get("seq")) for d in found]


@pytest.mark.parametrize("field", ["people", "uses", "refused", "inside", "stock_moved"])
def test_a_changed_tally_is_found_with_both_numbers(data: Path, runtime: Runtime, day: int, field: str) -> None:
    spoil(data, f'UPDATE tally SET "{field}" = "{field}" + 5 WHERE service_key = \'signin\'')
    (found,) = audit(runtime)[1]
    assert (found["kind"], found["service"], found["field"]) == ("tally", "signin", field)
    assert found["kept"] == found["counted"] + 5


def test_lost_tallies_are_found_and_can_be_counted_anew(data: Path, runtime: Runtime, day: int, desk: Tablet) -> None:
    before = desk.counts()["services"]
    spoil(data, "DELETE FROM tally")
    assert kinds(audit(runtime)[1]) == {"tally"}
    runtime.writer.do(rewrite_tallies)
    assert audit(runtime) == (day, [])
    assert desk.counts()["services"] == before


@pytest.mark.parametrize(("change", "kind"), [
    ("UPDATE stock_move SET quantity = -5 WHERE id = 1", "stock_move"),
    ("UPDATE stock_move SET scan_id = 'x' WHERE id = 1", "stock_move"),
    ("INSERT INTO stock_move SELECT 99, service_key, quantity, scan_id, at, actor FROM stock_move WHERE id = 1", "stock_move"),
    ("DELETE FROM stock_move WHERE id = 1", "tally"),
    ("UPDATE print_job SET scan_id = 'x'", "print_job"),
    ("DELETE FROM print_job", "print_job"),
    ("UPDATE badge SET attendee_id = 4711 WHERE id = 1", "file")])
def test_what_was_born_with_a_scan_must_fit_it(data: Path, runtime: Runtime, day: int, change: str, kind: str) -> None:
    spoil(data, change)
    assert kind in kinds(audit(runtime)[1])


def test_a_use_given_twice_is_found_even_without_the_constraint(data: Path, runtime: Runtime, day: int) -> None:
    spoil(data, "CREATE TABLE plain AS SELECT * FROM scan", "DROP TABLE scan", "ALTER TABLE plain RENAME TO scan",
          "UPDATE scan SET service_key = 'signin' WHERE service_key = 'bag'")
    assert {"use_twice", "chain"} <= kinds(audit(runtime)[1])


def test_the_command_ends_with_1_and_lists_the_differences(data: Path, day: int) -> None:
    assert run(data, "audit").payload == {"scans": day, "differences": []}
    spoil(data, "UPDATE tally SET uses = uses + 1")
    said = run(data, "audit")
    assert said.code == 1
    assert said.payload["scans"] == day
    assert {"kind", "message", "service"} <= set(said.payload["differences"][0])
    assert said.payload["error"] == "differences"
    assert said.payload["differences"][0]["message"] in said.words
