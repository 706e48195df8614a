"""The first morning on the real server: no default account, one first coordinator, a passphrase that was forgotten."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.people import Staff
from tests.command_line import run
from tests.served import Served, Visitor, serving


@pytest.fixture
def served(data: Path) -> Iterator[Served]:
    """The real server over https, with the plain door beside it."""
    with serving(data) as made:
        yield made


def test_a_new_event_has_no_account_at_all(runtime: Any) -> None:
    with runtime.reading() as session:
        assert session.query(Staff).count() == 0


def test_two_setups_at_once_make_exactly_one_coordinator(served: Served, runtime: Any) -> None:
    doors = [Visitor(served.url, served.trusting()) for _ in range(6)]
    start, answers = threading.Barrier(len(doors)), []

    def set_up(number: int) -> None:
        start.wait()
        answers.append(doors[number].send("/setup", {"code": served.code, "name": f"总负责{number}", "secret": "long enough",
                                                     "again": "long enough"}).status)
    threads = [threading.Thread(target=set_up, args=(number,)) for number in range(len(doors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(303) == 1, answers
    with runtime.reading() as session:
        assert session.query(Staff).count() == 1
    again = Visitor(served.url, served.trusting()).get("/setup")
    assert "name=\"code\"" not in again.text


def test_without_the_consoles_code_nobody_becomes_coordinator(served: Served, runtime: Any) -> None:
    for code in ("", "00000000", served.code[:-1]):
        answer = Visitor(served.url, served.trusting()).send(
            "/setup", {"code": code, "name": "路人", "secret": "long enough", "again": "long enough"})
        assert answer.status == 403
    with runtime.reading() as session:
        assert session.query(Staff).count() == 0


def test_a_forgotten_passphrase_is_reset_on_the_laptop_and_old_sign_ins_end_at_once(served: Served) -> None:
    tablet = Visitor(served.url, served.trusting())
    tablet.send("/setup", {"code": served.code, "name": "陈总", "secret": "long enough", "again": "long enough"})
    assert tablet.get("/admin/").status == 200
    assert run(served.data, "staff", "reset", "陈总", "--pin-stdin", stdin="quite another one\n").code == 0
    assert tablet.get("/admin/").headers["Location"].startswith("/login")
    other = Visitor(served.url, served.trusting())
    assert other.send("/login", {"name": "陈总", "secret": "long enough"}).status == 403
    assert other.send("/login", {"name": "陈总", "secret": "quite another one"}).status == 303
    assert other.get("/admin/").status == 200
