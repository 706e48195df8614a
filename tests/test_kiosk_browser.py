"""A kiosk end to end: a badge before the camera of a real browser, the real server, nothing left on the screen."""
from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from models.event import Station, touch
from models.scans import PrintJob, Scan
from tests.station_browser import camera_browser, pair_page
from tests.test_browser_modules import film, wedge_types

# A browser that goes hangs up on files under way, and the test server lets them go to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def rows(runtime):
    with runtime.reading() as session:
        return [(scan.service_key, scan.verdict, scan.reason, scan.station_key)
                for scan in session.scalars(select(Scan).order_by(Scan.seq))]


def test_a_badge_before_the_camera_is_signed_in_with_seat_table_and_slip_and_a_masked_name(
        playwright, live_server, write, runtime, create_attendee, tmp_path):
    _, code = create_attendee("欧阳娜娜", organisation="第十二研究所", seat="A-12", table="3", room="1208", phone="13812341234")
    browser = camera_browser(playwright, film(tmp_path / "badge.mjpeg", [code], seen=30, blank=300))
    try:
        page = browser.new_page(viewport={"width": 834, "height": 1112}, locale="zh-CN")
        pair_page(page, live_server.url, write, "kiosk-1")
        page.click("[data-start]") if page.locator("[data-start]").is_visible() else None
        verdict = page.locator("#verdict[data-verdict=accepted]")
        expect(verdict).to_be_visible(timeout=20_000)
        for said in ("已报到", "欧*娜", "A-12", "3", "小票正在打印"):
            expect(verdict).to_contain_text(said)
        shown = page.locator("body").inner_text()
        assert not any(hidden in shown for hidden in ("欧阳娜娜", "第十二研究所", "1208", "1381234", code))
    finally:
        browser.close()
    assert rows(runtime)[0] == ("signin", "accepted", None, "kiosk-1")
    with runtime.reading() as session:
        assert [job.kind for job in session.scalars(select(PrintJob).order_by(PrintJob.number))][:2] == ["slip", "coupon"]


def test_the_kiosk_clears_itself(live_server, browser_page, write, create_attendee):
    _, code = create_attendee("欧阳娜娜", seat="A-12")
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    wedge_types(browser_page, code, 0.005)
    expect(browser_page.locator("#verdict")).to_contain_text("A-12")
    expect(browser_page.locator("#verdict")).to_be_hidden(timeout=10_000)
    left = browser_page.content()
    assert "欧" not in left and "A-12" not in left and code not in left


def test_a_wedge_scan_is_taken_while_the_name_is_being_typed(live_server, browser_page, write, runtime, create_attendee):
    _, code = create_attendee("张三", seat="B-7")
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    browser_page.click("[data-open=search]")
    browser_page.focus("#search [name=who]")
    wedge_types(browser_page, code, 0.005)
    expect(browser_page.locator("#verdict[data-verdict=accepted]")).to_contain_text("B-7")
    assert rows(runtime) == [("signin", "accepted", None, "kiosk-1")]


def test_a_name_and_four_digits_sign_in_and_a_miss_looks_like_a_case_for_the_desk(
        live_server, browser_page, write, runtime, create_attendee):
    create_attendee("欧阳娜娜", phone="13812341234", folded="欧阳娜娜")
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    for digits, answer in (("9999", "#desk"), ("1234", "#confirm")):
        browser_page.click("[data-open=search]")
        browser_page.fill("#search [name=who]", "欧阳娜娜")
        browser_page.fill("#search [name=digits]", digits)
        browser_page.click("#search [type=submit]")
        expect(browser_page.locator(answer)).to_be_visible()
        if answer == "#desk":
            browser_page.click("#desk [data-close]")
    expect(browser_page.locator("#confirm")).to_contain_text("欧*娜")
    browser_page.click("[data-yes]")
    expect(browser_page.locator("#verdict[data-verdict=accepted]")).to_be_visible()
    assert rows(runtime) == [("signin", "accepted", None, "kiosk-1")]


def test_a_badge_twice_says_when_and_where_the_first_was(live_server, browser_page, write, badge, desk):
    desk.scan(badge, "signin")
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    wedge_types(browser_page, badge, 0.005)
    verdict = browser_page.locator("#verdict[data-reason=used_up]")
    expect(verdict).to_contain_text("已报到过")
    expect(verdict).to_contain_text("报到台1")


def test_an_english_kiosk_shows_english_large(live_server, browser_page, write, badge):
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    browser_page.click("[data-language]")
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#verdict .verdict-word .en")).to_have_text("Welcome")


def test_a_question_left_standing_goes_away_with_every_trace_of_the_person(live_server, browser_page, write, create_attendee):
    create_attendee("John Smith", phone="13812341234", folded="johnsmith")
    browser_page.clock.install()
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    browser_page.click("[data-open=search]")
    browser_page.fill("#search [name=who]", "Smith, John")
    browser_page.fill("#search [name=digits]", "1234")
    browser_page.click("#search [type=submit]")
    expect(browser_page.locator("#confirm")).to_contain_text("Smith")
    browser_page.clock.run_for(21_000)
    expect(browser_page.locator("#confirm")).to_be_hidden()
    left = browser_page.content()
    assert not any(trace in left for trace in ("Smith", "1234"))


def test_a_language_chosen_by_somebody_who_walked_away_goes_back_to_the_kiosk_s_own(live_server, browser_page, write):
    browser_page.clock.install()
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    own = browser_page.locator("html").get_attribute("lang")
    browser_page.click("[data-language]")
    expect(browser_page.locator("html")).not_to_have_attribute("lang", own or "")
    browser_page.clock.run_for(21_000)
    expect(browser_page.locator("html")).to_have_attribute("lang", own or "")


def test_an_english_visitor_reads_the_station_s_english_name(live_server, browser_page, write, badge, desk):
    def name_it(session):
        session.execute(update(Station).where(Station.key == "desk-1").values(name_en="Front desk"))
        touch(session, "plan")
    write(name_it)
    desk.scan(badge, "signin")
    pair_page(browser_page, live_server.url, write, "kiosk-1")
    browser_page.click("[data-language]")
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#verdict[data-reason=used_up] .en", has_text="at Front desk")).to_be_visible()
