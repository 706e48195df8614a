"""The audit on PostgreSQL finds what somebody with a database tool changed; one state, also beside scans."""
from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet


@pytest.mark.parametrize(("statement", "kind"), [
    ("UPDATE scan SET note = 'x' WHERE seq = 1", "chain"), ("DELETE FROM scan WHERE seq = 1", "missing_rows"),
    ("UPDATE tally SET people = people + 1 WHERE service_key = 'signin'", "tally"),
    ("UPDATE stock_move SET quantity = -5", "stock_move"), ("DELETE FROM print_job WHERE kind = 'slip'", "print_job")])
def test_a_change_behind_the_programs_back_is_found(
        data: Path, runtime: Runtime, desk: Tablet, badge: str, statement: str, kind: str) -> None:
    desk.scan(badge, "signin")
    desk.scan(badge, "bag")
    assert run(data, "audit").payload == {"scans": 2, "differences": []}
    with runtime.engine.begin() as connection:
        connection.execute(text(statement))
    said = run(data, "audit")
    assert said.code == 1 and kind in {one["kind"] for one in said.payload["differences"]}
