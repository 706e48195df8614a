"""docs/threats.md names a test for each threat; here are those that belong to no other file, and the check that all
tests that it names are there."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from models.runtime import Runtime
from tests.conftest import Tablet

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in PAGE.splitlines() if re.match(r"\| \d+ \|", line)]
THREATS = 31        # of issue 6
NEAR_SQL = ("' OR '1'='1", "x'; DROP TABLE attendee; --", '" OR ""="', "%", "_", "%%%", "1) OR (1=1", "\\",
            "' UNION SELECT code FROM badge --", "欧阳' --", "*", "?", ":name", "name DESC; --")


def test_each_threat_names_what_is_tried_a_defence_and_tests_that_are_there() -> None:
    written = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    assert [int(row[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= THREATS
    for number, tried, defence, tests in ROWS:
        assert re.search(r"[\u4e00-\u9fff].*[a-z]", tried), number       # in Chinese and in English
        files = re.findall(r"`([\w/]+\.(?:py|html|js))`", defence)
        assert files, number
        assert all((ROOT / file).exists() for file in files), (number, files)
        names = re.findall(r"`(test_\w+)`", tests)
        assert names, number
        assert [name for name in names if not re.search(rf"def {name}\(", written)] == [], number


# --- words that are near to SQL ---

def test_words_near_to_sql_find_nobody_and_harm_nothing(
        app: Flask, desk: Tablet, pair: Callable[[str], Tablet], create_attendee: Callable[..., Any], create_staff: Callable[..., None],
        runtime: Runtime) -> None:
    create_attendee("欧阳审", number="T1", phone="13900007777")
    create_staff("陈总", "coordinator")
    kiosk, client, browser = pair("kiosk-1"), app.test_client(), app.test_client()
    client.set_cookie("huiwu_station", desk.token)

    def token(one: Any, page: str) -> str:
        return str(re.findall(r'name="csrf-token" content="([^"]+)"', one.get(page).text)[0])
    browser.post("/login", data={"name": "陈总", "secret": "2468", "csrf_token": token(browser, "/login")})
    mine, theirs = token(client, "/station"), token(browser, "/admin/")
    for words in NEAR_SQL:
        assert desk.call("POST", "/api/v1/search", {"q": words})[1]["hits"] == [], words
        assert kiosk.call("POST", "/api/v1/search", {"q": words + "7777"})[1]["hits"] == [], words
        assert "欧阳审" not in client.post("/desk/find", data={"q": words, "csrf_token": mine}).text, words
        assert "欧阳审" not in browser.post("/admin/roster", data={"q": words, "csrf_token": theirs}).text, words
        for field in ("category", "state", "delegation", "signed", "page"):
            assert browser.post("/admin/roster", data={"q": "", field: words, "csrf_token": theirs}).status_code == 200
        for field in ("service", "station", "verdict", "person", "before"):
            assert browser.get("/admin/ledger", query_string={field: words}).status_code == 200
        for path, query in (("/admin/printers", {"number": words}), ("/admin/disclosures", {"person": words}),
                            ("/admin/roster", {"signed": words, "page": words, "delegation": words})):
            assert browser.get(path, query_string=query).status_code == 200
        assert browser.post("/admin/ledger/person", data={"q": words, "csrf_token": theirs}).status_code == 200
    with runtime.connection() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM attendee").scalar() == 1
