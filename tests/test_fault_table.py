"""docs/faults.md names a test for each fault of issue 5: all of them are there."""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
FAULTS = 20


def test_each_fault_names_what_happens_tests_that_are_there_and_where_they_run() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= FAULTS
    for number, fault, does, tests, where in ROWS:
        assert re.search(r"[\u4e00-\u9fff].*[a-z]", fault) and does and where, number
        names = re.findall(r"`(test_\w+)`", tests)
        assert names, number
        assert [name for name in names if not re.search(rf"def {name}\(", written)] == [], number
