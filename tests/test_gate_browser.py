"""A gate end to end: badge after badge before the camera of a real browser, judged by the real server."""
from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import select, update

from models.care import go_live
from models.database import now
from models.event import Service, Station, touch
from models.scans import Scan
from tests.station_browser import camera_browser, pair_page
from tests.test_browser_modules import film, wedge_types

# A browser that goes hangs up on files under way, and the test server lets them go to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def accepted(runtime):
    with runtime.reading() as session:
        return session.scalars(select(Scan.attendee_id).where(Scan.verdict == "accepted").order_by(Scan.seq)).all()


def test_badge_after_badge_before_the_camera_is_one_meal_each(playwright, live_server, write, runtime, create_attendee, tmp_path):
    people = [create_attendee(name, organisation="第十二研究所", table="3") for name in ("欧阳娜娜", "李雷", "韩梅梅")]
    browser = camera_browser(playwright, film(tmp_path / "queue.mjpeg", [code for _, code in people], seen=24, blank=45))
    try:
        page = browser.new_page(viewport={"width": 1194, "height": 834}, locale="zh-CN")
        pair_page(page, live_server.url, write, "gate-1")
        page.click("[data-start]") if page.locator("[data-start]").is_visible() else None
        expect(page.locator("#people")).to_have_text("3", timeout=30_000)
        expect(page.locator("#verdict[data-reason=used_up]")).to_be_visible(timeout=30_000)
        expect(page.locator("#verdict")).to_contain_text("在 餐厅入口 用过这一餐")
        expect(page.locator("#entitled")).to_contain_text("/ 3")
    finally:
        browser.close()
    assert sorted(accepted(runtime)) == sorted(person for person, _ in people)


def test_the_gate_shows_name_unit_diet_and_table_but_neither_room_nor_phone(live_server, browser_page, write, create_attendee):
    _, code = create_attendee("欧阳娜娜", organisation="第十二研究所", diet="清真", table="3", room="1208", phone="13812341234")
    pair_page(browser_page, live_server.url, write, "gate-1")
    wedge_types(browser_page, code, 0.005)
    verdict = browser_page.locator("#verdict[data-verdict=accepted]")
    for said in ("欧阳娜娜", "第十二研究所", "清真", "3 号桌"):
        expect(verdict).to_contain_text(said)
    shown = browser_page.content()
    assert not any(hidden in shown for hidden in ("1208", "1381234", code))


def test_a_gate_scans_on_when_somebody_signs_in_in_another_window(live_server, browser_page, write, badge, create_staff, runtime):
    create_staff("陈总", "coordinator")
    pair_page(browser_page, live_server.url, write, "gate-1")
    other = browser_page.context.new_page()
    other.goto(f"{live_server.url}/login")
    other.fill("[name=name]", "陈总")
    other.fill("[name=secret]", "2468")
    other.click("button.primary")
    other.wait_for_url("**/admin/")
    other.close()
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#verdict[data-verdict=accepted]")).to_be_visible()
    assert len(accepted(runtime)) == 1


def test_the_number_counts_what_other_gates_let_in(live_server, browser_page, write, gate, create_attendee):
    pair_page(browser_page, live_server.url, write, "gate-2")
    expect(browser_page.locator("#people")).to_have_text("0")
    gate.scan(create_attendee()[1], "lunch")
    browser_page.reload()
    expect(browser_page.locator("#people")).to_have_text("1")


def test_the_word_trial_goes_when_the_event_goes_live(live_server, browser_page, write, runtime):
    browser_page.clock.install()
    pair_page(browser_page, live_server.url, write, "gate-1")
    expect(browser_page.locator(".trial")).to_be_visible()
    go_live(runtime)
    for _ in range(40):         # the server's plan may be a quarter of a second old when it is asked
        browser_page.clock.fast_forward(31_000)
        browser_page.wait_for_timeout(500)
        if not browser_page.locator(".trial").count():
            return
    pytest.fail("the word stays")


def test_a_refusal_names_the_service_that_comes_first(live_server, browser_page, write, badge):
    def after_sign_in(session):
        session.execute(update(Service).where(Service.key == "lunch").values(needs=["signin"]))
        touch(session, "plan")
    write(after_sign_in)
    pair_page(browser_page, live_server.url, write, "gate-1")
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#verdict[data-reason=needs]")).to_contain_text("请先办理")


def test_the_last_person_is_undone_at_the_gate(live_server, browser_page, write, badge):
    pair_page(browser_page, live_server.url, write, "gate-1")
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#last")).to_contain_text("张三")
    browser_page.click("#undo")
    expect(browser_page.locator("#people")).to_have_text("0")
    wedge_types(browser_page, badge, 0.005)
    expect(browser_page.locator("#verdict[data-verdict=accepted]")).to_be_visible()


def test_a_session_long_over_does_not_stand_before_the_meal_of_the_hour(live_server, browser_page, write):
    def over(session):
        session.execute(update(Service).where(Service.key == "s1").values(
            starts=now() - timedelta(hours=5), ends=now() - timedelta(hours=3)))
        session.execute(update(Station).where(Station.key == "gate-1").values(services=["s1", "lunch"]))
        touch(session, "plan")
    write(over)
    pair_page(browser_page, live_server.url, write, "gate-1")
    expect(browser_page.locator("#count-of")).to_contain_text("午餐")
    expect(browser_page.locator("#services label").last).to_contain_text("开幕式")
    expect(browser_page.locator("#services label").last).to_contain_text("已结束")


def test_the_gate_s_list_follows_the_plan_without_a_reload(live_server, browser_page, write, runtime):
    browser_page.clock.install()
    pair_page(browser_page, live_server.url, write, "gate-1")
    expect(browser_page.locator("#services")).not_to_contain_text("已停止")

    def stop(session):
        session.execute(update(Service).where(Service.key == "lunch").values(closed=True))
        touch(session, "plan")
    write(stop)
    runtime.plan(fresh=True)         # a page may be told the plan of a quarter of a second ago
    browser_page.clock.run_for(31_000)
    expect(browser_page.locator("#services")).to_contain_text("已停止")
