"""docs/threats.md names a test for each threat; here are those that belong to no other file, and the check that all
tests that it names are there."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import pins
from app import create_app
from models import codes
from models.people import Staff
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


@pytest.fixture
def limited(data: Path) -> Iterator[Flask]:
    """The application with its limits on."""
    made = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})
    yield made
    made.extensions["huiwu"].engine.dispose()


def ask(app: Flask, tablet: Tablet, path: str, body: dict[str, str]) -> tuple[int, Any]:
    """A tablet's question to an application."""
    answer = app.test_client(use_cookies=False).post(path, json=body, headers={"Authorization": f"Bearer {tablet.token}"})
    return answer.status_code, answer.get_json()


# --- codes ---

def test_a_code_is_a_hundred_random_bits_and_a_guess_tells_nothing(desk: Tablet, badge: str) -> None:
    made = [codes.new(codes.BADGE) for _ in range(2000)]
    assert len(set(made)) == 2000
    assert {len(code) for code in made} == {21}
    assert all(len({code[place] for code in made}) == 32 for place in range(1, 21))       # each letter is worth five bits
    near = badge[:-1] + ("0" if badge[-1] != "0" else "1")
    for guess in (near, badge[:-1], badge + "0", badge[::-1], codes.new(codes.BADGE), codes.new(codes.COUPON)):
        said = desk.scan(guess, "signin")
        assert (said["verdict"], said["reason"], said["attendee"]) == ("refused", "unknown", None)


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


# --- guessing at a tablet ---

def test_a_kiosk_that_is_asked_for_one_common_surname_after_another_is_silent_soon(
        pair: Callable[[str], Tablet], create_attendee: Callable[..., Any], limited: Flask) -> None:
    create_attendee("王芳", number="T1", phone="13900007777")
    kiosk, other, desk = pair("kiosk-1"), pair("kiosk-1"), pair("desk-1")
    said = [ask(limited, kiosk, "/api/v1/search", {"q": f"{name}0000"})[1] for name in "李张刘陈杨赵黄周吴徐孙胡"]
    assert {str(answer) for answer in said} == {str(said[0])}
    assert ask(limited, kiosk, "/api/v1/search", {"q": "王芳7777"})[1] == said[0]          # what is right is a miss now, too
    assert ask(limited, other, "/api/v1/search", {"q": "王芳7777"})[1]["hits"]
    assert ask(limited, desk, "/api/v1/search", {"q": "T1"})[1]["hits"]


def test_the_ten_thousand_endings_of_one_name_are_not_tried_at_all_kiosks_together(
        pair: Callable[[str], Tablet], create_attendee: Callable[..., Any], limited: Flask) -> None:
    create_attendee("王芳", number="T1", phone="13900007777")
    create_attendee("陈敏", number="T2", phone="13900008888")
    kiosks = [pair("kiosk-1") for _ in range(4)]
    said = [ask(limited, kiosks[number % 4], "/api/v1/search", {"q": f"王芳{number:04d}"})[1] for number in range(6)]
    assert {str(answer) for answer in said} == {str(said[0])}
    assert [ask(limited, one, "/api/v1/search", {"q": "王芳7777"})[1] for one in kiosks] == [said[0]] * 4
    assert ask(limited, kiosks[0], "/api/v1/search", {"q": "陈敏8888"})[1]["hits"]


def test_pins_guessed_at_one_tablet_end_there_and_lock_no_other_out(
        pair: Callable[[str], Tablet], create_staff: Callable[..., None], limited: Flask) -> None:
    create_staff("李组长", "lead")
    thief, other = pair("kiosk-1"), pair("desk-1")
    said = [ask(limited, thief, "/api/v1/grant", {"name": "李组长", "pin": f"{number:04d}"})[0] for number in range(12)]
    assert said == [403] * 10 + [429] * 2
    assert ask(limited, thief, "/api/v1/grant", {"name": "李组长", "pin": "2468"})[0] == 429
    assert ask(limited, other, "/api/v1/grant", {"name": "李组长", "pin": "2468"})[0] == 201


def test_a_wrong_pin_and_an_unknown_name_cost_the_same_and_tokens_are_found_by_their_digest(
        desk: Tablet, create_staff: Callable[..., None], runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    create_staff("李组长", "lead")
    compared: list[str] = []
    real = pins._hasher

    class Noted:
        """argon2, with what it was asked."""

        def verify(self, hashed: str, secret: str) -> bool:
            compared.append(hashed.rsplit("$", 2)[0])
            return real.verify(hashed, secret)
    monkeypatch.setattr(pins, "_hasher", Noted())
    said = [desk.call("POST", "/api/v1/grant", {"name": name, "pin": "0000"}) for name in ("李组长", "没有这人")]
    assert said[0] == said[1]
    assert len(compared) == 2
    assert compared[0] == compared[1]           # one and the same work: algorithm, memory, time, lanes
    with runtime.reading() as session:
        assert session.query(Staff).one().secret_hash.startswith("$argon2id$")
        stored = session.connection().exec_driver_sql("SELECT token_hash FROM device").scalars().all()
    assert codes.digest(desk.token) in stored
    assert desk.token not in stored
