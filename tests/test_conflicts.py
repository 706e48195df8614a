"""Conflicts: what two tablets let through without the server is listed, counted, and settled by a person with a tap."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from models import conflicts
from models.aside import Settlement
from models.asks import Caller, UndoRequest
from models.audit import audit
from models.database import now
from models.runtime import Runtime
from tests.conftest import Tablet, at_once, post, sign_in

PAGE = "/admin/conflicts"


@pytest.fixture
def lead(app: Flask, create_staff: Callable[..., None]) -> FlaskClient:
    """A lead's browser."""
    create_staff("钱组长", "lead")
    browser = app.test_client()
    assert sign_in(browser, "钱组长").status_code == 303
    return browser


@pytest.fixture
def conflict(pair: Callable[[str], Tablet], create_attendee: Callable[..., tuple[int, str]]) -> str:
    """The id of a lunch that the second entrance gave out a second time while the server was out of reach."""
    _id, code = create_attendee("欧阳娜娜", organisation="江北大学")
    assert pair("gate-1").scan(code, "lunch")["verdict"] == "accepted"
    second = pair("gate-2").scan(code, "lunch", offline=True)
    assert (second["verdict"], second["reason"], second["conflict"]) == ("accepted", "used_up", True)
    return str(second["id"])


def count(runtime: Runtime) -> int:
    with runtime.connection() as connection:
        return conflicts.count(connection)


def test_a_double_made_offline_is_listed_with_both_uses_and_nobody_s_full_name(lead: FlaskClient, conflict: str) -> None:
    page = lead.get(PAGE).text
    assert "欧*娜" in page and "欧阳娜娜" not in page and "江北大学" in page
    assert re.search(r"前一次.*餐厅入口.*这一次.*餐厅入口2.*离线时放行", page, re.DOTALL) and "午餐" in page
    assert "1 个冲突待处理" in page and f"{PAGE}/{conflict}/stand" in page


def test_nothing_waits_and_the_page_says_what_would_be_listed(lead: FlaskClient, runtime: Runtime) -> None:
    assert "没有待核对的冲突" in lead.get(PAGE).text and count(runtime) == 0


def test_one_tap_lets_both_stand_and_another_takes_it_back(
        lead: FlaskClient, conflict: str, runtime: Runtime, desk: Tablet) -> None:
    uses = desk.counts()["services"]["lunch"]["uses"]
    said = post(lead, f"{PAGE}/{conflict}/stand", PAGE)
    assert (said.status_code, said.location) == (303, PAGE) and count(runtime) == 0
    page = lead.get(PAGE).text
    assert "两次都算" in page and "钱组长" in page and "没有待核对的冲突" in page
    post(lead, f"{PAGE}/{conflict}/again", PAGE)
    assert count(runtime) == 1 and "两次都算</span>" not in lead.get(PAGE).text
    assert desk.counts()["services"]["lunch"]["uses"] == uses == 2
    assert audit(runtime)[1] == []


def test_undoing_this_one_is_an_ordinary_row_of_the_ledger(
        lead: FlaskClient, conflict: str, runtime: Runtime, desk: Tablet) -> None:
    assert post(lead, f"{PAGE}/{conflict}/undo", PAGE).status_code == 303
    assert desk.counts()["services"]["lunch"]["uses"] == 1 and count(runtime) == 0
    head = runtime.ledger.head()
    assert "钱组长" in (page := lead.get(PAGE).text) and "已撤销" in page
    post(lead, f"{PAGE}/{conflict}/undo", PAGE)
    assert "已经有人处理过了" in lead.get(PAGE).text and runtime.ledger.head() == head
    post(lead, f"{PAGE}/{conflict}/again", PAGE)        # an undo stays an undo
    assert count(runtime) == 0 and runtime.ledger.head() == head
    with runtime.reading() as session:
        assert session.get_one(Settlement, conflict).decision == "undone"
    assert audit(runtime)[1] == []


def test_two_leads_at_once_settle_a_conflict_once(
        app: Flask, conflict: str, runtime: Runtime, create_staff: Callable[..., None]) -> None:
    browsers = []
    for name in ("甲组长", "乙组长"):
        create_staff(name, "lead")
        browser = app.test_client()
        sign_in(browser, name)
        browsers.append(browser)
    head = runtime.ledger.head()
    runtime.writer.start()
    try:
        answers = at_once(2, lambda n: post(browsers[n], f"{PAGE}/{conflict}/undo", PAGE).status_code)
    finally:
        runtime.writer.stop()
    assert answers == [303, 303] and runtime.ledger.head() == head + 1 and count(runtime) == 0


def test_one_that_is_undone_elsewhere_waits_no_more_and_is_shown_as_undone(
        coordinator: FlaskClient, conflict: str, runtime: Runtime) -> None:
    assert post(coordinator, f"/admin/ledger/{conflict}/undo", reason="问过了", id=str(uuid.uuid4())).status_code == 303
    assert count(runtime) == 0
    assert re.search(r"已处理.*欧\*娜.*已撤销.*陈总", coordinator.get(PAGE).text, re.DOTALL)


def test_when_the_first_use_was_undone_the_page_says_that_only_this_one_is_left(
        lead: FlaskClient, conflict: str, runtime: Runtime) -> None:
    with runtime.connection() as connection:
        first = conflicts.waiting(connection)[0].first
    assert first is not None
    runtime.ledger.record([UndoRequest(str(uuid.uuid4()), first.id, Caller("", None, "陈总", granted=True), now(), "扫重了")])
    assert "只剩这一次" in lead.get(PAGE).text and count(runtime) == 1


def test_what_is_no_conflict_cannot_be_settled(
        lead: FlaskClient, gate: Tablet, badge: str, runtime: Runtime) -> None:
    plain, head = gate.scan(badge, "lunch")["id"], runtime.ledger.head()
    for what in ("stand", "undo", "again"):
        assert post(lead, f"{PAGE}/{plain}/{what}", PAGE).status_code == 303
    assert runtime.ledger.head() == head
    with runtime.connection() as connection:
        assert conflicts.settled(connection) == []


def test_the_dashboard_the_counts_and_the_navigation_say_how_many_wait(
        coordinator: FlaskClient, conflict: str, desk: Tablet) -> None:
    assert desk.counts()["conflicts"] == 1
    page = coordinator.get("/admin/").text
    assert "1 个冲突待处理" in page and re.search(r'href="/admin/conflicts"[^§]{0,300}<span class="chip ask">1</span>', page)
    post(coordinator, f"{PAGE}/{conflict}/stand", PAGE)
    assert desk.counts()["conflicts"] == 0 and "个冲突待处理" not in re.sub(r"(?s)<script.*?</script>", "", coordinator.get("/admin/").text)


def test_counting_conflicts_reads_their_own_index(runtime: Runtime) -> None:
    seen: list[Any] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        seen.append((statement, parameters))
    event.listen(runtime.engine, "before_cursor_execute", note)
    count(runtime)
    event.remove(runtime.engine, "before_cursor_execute", note)
    with runtime.connection() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {seen[0][0]}", seen[0][1]).all()
    assert any("ix_scan_conflict" in row[3] for row in plan), plan
