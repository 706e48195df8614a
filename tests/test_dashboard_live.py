"""The dashboard and the big screen in a real browser: numbers that move by themselves, no names in public, every screen."""
from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from admin import numbers
from models import reports
from tests.conftest import LiveServer

PIN = "2468"
SIZES = [(360, 740), (768, 1024), (1024, 768), (1440, 900)]
CUT = """() => [...document.querySelectorAll('.figure *, .hero, .strip *')].filter((one) => {
  const right = one.closest('article, section').getBoundingClientRect().right;
  return one.getClientRects().length && one.getBoundingClientRect().right > right + 1;
}).map((one) => one.outerHTML.slice(0, 80))"""
PAGES = ["/admin/", "/admin/ledger", "/admin/staff"]


@pytest.fixture
def people(create_attendee) -> list[str]:
    """Badges of three people, one with a name that is long enough to hurt."""
    return [create_attendee(name, organisation="新疆维吾尔自治区某某大学附属第一医院神经外科与康复医学联合研究中心")[1]
            for name in ("欧阳娜娜", "张三丰", "阿卜杜热西提·买买提尼牙孜·阿卜杜克里木")]


@pytest.fixture
def dashboard(live_server: LiveServer, browser_page: Page, create_staff, people) -> Page:
    """The coordinator's dashboard, open and connected."""
    create_staff("陈总", "coordinator", PIN)
    sign_in(browser_page, live_server.url)
    expect(browser_page.locator("#live.ok")).to_have_text("实时")
    return browser_page


def sign_in(page: Page, url: str, at: str = "/admin/") -> None:
    page.goto(f"{url}{at}")
    page.get_by_label("姓名").fill("陈总")
    page.get_by_label("口令或 PIN").fill(PIN)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{url}{at}")


def number(page: Page, name: str):
    return page.locator(f'span[data-n="{name}"]').first


def test_a_scan_moves_the_numbers_without_a_reload_or_a_shift(dashboard, desk, people):
    dashboard.evaluate("""() => { window.unreloaded = true; window.shifts = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifts += one.value; }))
          .observe({ type: 'layout-shift' }); }""")
    expect(number(dashboard, "people")).to_have_text("0")
    assert desk.scan(people[0], "signin")["verdict"] == "accepted"
    assert desk.scan(people[0], "bag")["verdict"] == "accepted"
    assert desk.scan(people[0], "signin")["verdict"] == "refused"
    for name, value in (("people", "1"), ("service.signin.people", "1"), ("service.signin.refused", "1"),
                        ("service.bag.stock_left", "1"), ("category.delegate.people", "1")):
        expect(number(dashboard, name)).to_have_text(value)
    expect(dashboard.locator("#recent")).to_have_text("1")
    expect(dashboard.locator("#chart[data-columns='1'] canvas")).to_be_visible()
    expect(dashboard.locator("#last li").first).to_contain_text("欧*娜")
    expect(dashboard.locator("#refused li").first).to_contain_text("已用过")
    assert "欧阳娜娜" not in dashboard.content()
    assert dashboard.evaluate("window.unreloaded") and dashboard.evaluate("window.shifts") < 0.01


def test_the_first_paint_needs_no_script(live_server, browser_page, create_staff, people, desk):
    create_staff("陈总", "coordinator", PIN)
    desk.scan(people[0], "signin")
    browser_page.route("**/*.js", lambda route: route.abort())
    sign_in(browser_page, live_server.url)
    assert number(browser_page, "people").inner_text() == "1" and number(browser_page, "expected").inner_text() == "3"
    assert "欧*娜" in browser_page.locator("#last").inner_text()


def test_what_needs_a_person_comes_and_goes(dashboard, live_server, write):
    def say(state: str, message: str) -> None:
        from models.event import Printer
        write(lambda session: session.query(Printer).update({"state": state, "message": message}))
        live_server.app.extensions["huiwu.live"].ring()
    expect(dashboard.locator("#alerts")).to_contain_text("没有需要处理的事")
    say("blocked", "缺纸")
    expect(dashboard.locator("#alerts.ask li")).to_have_text(re.compile("front 缺纸.*查看"))
    expect(dashboard.locator("#printers .state.ask")).to_contain_text("缺纸")
    say("idle", "")
    expect(dashboard.locator("#alerts")).to_contain_text("没有需要处理的事")


def test_a_lost_stream_is_said_quietly_and_comes_back(dashboard, desk, people):
    dashboard.context.set_offline(True)
    dashboard.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    dashboard.evaluate("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow'))")
    expect(dashboard.locator("#live")).to_have_text("断开，正在重连")
    desk.scan(people[0], "signin")
    dashboard.context.set_offline(False)
    expect(number(dashboard, "people")).to_have_text("1", timeout=15_000)
    expect(dashboard.locator("#live")).to_have_text("实时")


def test_the_script_counts_as_the_server_does(dashboard, desk, people, runtime):
    for code in people:
        desk.scan(code, "signin")
    with runtime.connection() as connection:
        counts = reports.counts(runtime, connection)
    at = datetime(2026, 12, 5, 1, 0, tzinfo=UTC)
    cases = [(0, 0, 0), (5, 10, 10), (2, 10, 480), (3, 10, 480), (46, 312, 480), (3, 0, 5000)]
    there = dashboard.evaluate("""async ([counts, cases, at]) => {
      const { values, forecast } = await import('/static/js/numbers.js');
      return [values(counts), cases.map((one) => forecast(...one, at))]; }""", [counts, cases, at.timestamp() * 1000])
    assert there[0] == numbers.values(counts)
    for (word, when), case in zip(there[1], cases, strict=True):
        here, moment = numbers.forecast(*case, at)
        assert word == here and (moment is None or abs(moment.timestamp() * 1000 - when) < 1), case


def test_the_pace_is_of_the_last_five_minutes_and_forgets_what_was_undone(dashboard, desk, people, runtime):
    first, _second = (desk.scan(code, "signin")["id"] for code in people[:2])
    desk.void(first)
    with runtime.connection() as connection:
        plan, at = runtime.plan(), datetime.now(UTC)
        assert len(reports.recent_arrivals(connection, plan, at - numbers.PACE)) == 1
        assert reports.recent_arrivals(connection, plan, at + timedelta(minutes=1)) == []
    expect(dashboard.locator("#recent")).to_have_text("1")


def open_board(page: Page, server: LiveServer, token: str) -> None:
    page.context.add_cookies([{"name": "huiwu_station", "value": token, "url": server.url}])
    page.goto(f"{server.url}/board")
    page.wait_for_load_state("load")


def test_the_paired_board_counts_live_and_shows_no_full_name(live_server, browser_page, pair, desk, people, runtime):
    desk.scan(people[0], "signin")
    board = pair("board")
    open_board(browser_page, live_server, board.token)
    expect(number(browser_page, "people")).to_have_text("1")
    desk.scan(people[1], "signin")
    desk.scan(people[1], "bag")
    expect(number(browser_page, "people")).to_have_text("2")
    expect(browser_page.locator("#came li > span")).to_have_text(["张*丰", "欧*娜"])
    assert not re.search("欧阳娜娜|张三丰|神经外科", browser_page.content())
    assert browser_page.locator("a, input:not([type=hidden]), select").count() == 0
    with runtime.connection() as connection:
        assert reports.stations(runtime, runtime.plan(), connection)["board"]["online"]


def test_a_board_that_says_nothing_stays_online_by_its_stream(live_server, browser_page, pair, runtime):
    open_board(browser_page, live_server, pair("board").token)
    device = next(d.id for d in runtime.plan(fresh=True).devices.values() if d.station == "board")
    browser_page.wait_for_function("() => document.getElementById('live').textContent === ''")
    assert device in runtime.seen


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_sticks_out_of_any_screen(dashboard, live_server, desk, people, language, theme):
    for code in people:
        desk.scan(code, "signin")
        desk.scan(code, "bag")
    dashboard.context.add_cookies([{"name": "lang", "value": language, "url": live_server.url}])
    dashboard.emulate_media(color_scheme=theme)
    for path in [*PAGES, "/board", "/login?again=1", "/setup"]:
        dashboard.goto(f"{live_server.url}{path}")
        assert dashboard.locator("html").get_attribute("lang") == ("en" if language == "en" else "zh-CN")
        for width, height in SIZES:
            dashboard.set_viewport_size({"width": width, "height": height})
            assert dashboard.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
            cut = dashboard.evaluate(CUT)
            assert cut == [], (path, width)


def test_every_page_can_be_worked_by_keyboard(dashboard):
    dashboard.keyboard.press("Tab")
    assert dashboard.evaluate("document.activeElement.textContent") == "跳到正文"
    dashboard.keyboard.press("Tab")
    assert dashboard.evaluate("document.activeElement.getAttribute('href')") == "/admin/"
