"""The desk in a real browser against the real server: one scan, one tap, and the rest of a clerk's morning."""
from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from models.event import Service, touch
from models.scans import PrintJob, Scan
from tests.station_browser import pair_page
from tests.test_browser_modules import SIZES, wedge_types

# A browser that goes hangs up on files under way, and the test server lets them go to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SEEN = "(one) => one.getClientRects().length && !one.closest('svg, .sr')"
OUTSIDE = f"""() => [...document.querySelectorAll('body *')].filter({SEEN})
  .filter((one) => one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.className)"""
SMALL = f"""() => [...document.querySelectorAll('button, a.button, .hit, .tile')].filter({SEEN})
  .filter((one) => !one.matches('.link') && one.getBoundingClientRect().height < 48).map((one) => one.textContent.trim())"""


@pytest.fixture
def desk_page(live_server, browser_page, write):
    browser_page.set_viewport_size({"width": 1194, "height": 834})
    pair_page(browser_page, live_server.url, write, "desk-1")
    return browser_page


def scans(runtime):
    with runtime.reading() as session:
        return session.scalars(select(Scan).order_by(Scan.seq)).all()


def show(page, code):
    wedge_types(page, code, 0.005)
    expect(page.locator("#card")).to_be_visible()


def test_one_scan_and_one_tap_serve_two_services_in_one_request(desk_page, runtime, create_attendee):
    _, code = create_attendee("欧阳娜娜")
    posts = []
    desk_page.on("request", lambda request: posts.append(request.post_data_json) if request.url.endswith("/scans") else None)
    show(desk_page, code)
    desk_page.click("#all-due")
    expect(desk_page.locator("#verdict[data-verdict=accepted]")).to_contain_text("已办 2 项")
    expect(desk_page.locator(".tile.done")).to_have_count(2)
    expect(desk_page.locator("#recent")).to_contain_text("报到 · 资料袋")
    assert [[one["service"] for one in batch] for batch in posts] == [["signin", "bag"]]
    assert [(scan.service_key, scan.verdict, scan.badge_id is not None) for scan in scans(runtime)] == [
        ("signin", "accepted", True), ("bag", "accepted", True)]
    assert code not in desk_page.content()


def test_a_wedge_scan_is_taken_while_the_search_box_has_the_focus(desk_page, create_attendee):
    _, code = create_attendee("欧阳娜娜")
    desk_page.focus("#q")
    show(desk_page, code)
    expect(desk_page.locator("#card h2")).to_contain_text("欧阳娜娜")
    expect(desk_page.locator("#q")).to_have_value("")


def test_somebody_found_by_name_is_served_too(desk_page, runtime, create_attendee):
    create_attendee("王伟", organisation="江北大学", folded="王伟", search_keys=" 王伟 wangwei ·ww ")
    create_attendee("王伟", organisation="南屏学院", folded="王伟", search_keys=" 王伟 wangwei ·ww ")
    desk_page.fill("#q", "ww")
    desk_page.click(".hit:has-text('南屏学院')")
    expect(desk_page.locator("#card")).to_contain_text("南屏学院")
    desk_page.click(".tile[data-service=signin]")
    expect(desk_page.locator(".tile.done")).to_have_count(1)
    assert [scan.verdict for scan in scans(runtime)] == ["accepted"]


def test_a_tap_on_what_needs_sign_in_signs_in_first(desk_page, runtime, badge):
    show(desk_page, badge)
    desk_page.click(".tile[data-service=bag]")
    expect(desk_page.locator(".tile.done")).to_have_count(2)
    assert [scan.service_key for scan in scans(runtime)] == ["signin", "bag"]


def test_a_question_is_asked_before_and_its_answer_is_kept(desk_page, runtime, write, badge):
    def ask(session):
        session.get(Service, "bag").question = [{"key": "size", "text": "尺码", "choices": ["M", "L"], "required": True}]
        touch(session, "plan")
    write(ask)
    show(desk_page, badge)
    desk_page.click("#all-due")
    expect(desk_page.locator("fieldset.missing")).to_contain_text("尺码")
    assert scans(runtime) == []
    desk_page.check("input[value=L]", force=True)
    desk_page.fill("[name=quantity]", "2")
    desk_page.click("#all-due")
    expect(desk_page.locator(".tile.done")).to_have_count(2)
    assert [(scan.answers, scan.quantity) for scan in scans(runtime)] == [(None, 1), ({"size": "L"}, 2)]


def test_without_the_server_what_was_tapped_is_blue_and_is_sent_later(desk_page, runtime, badge):
    show(desk_page, badge)
    desk_page.route("**/api/v1/scans", lambda route: route.abort())
    desk_page.click("#all-due")
    expect(desk_page.locator("#verdict[data-verdict=waiting]")).to_be_visible()
    expect(desk_page.locator(".tile.kept")).to_have_count(2)
    expect(desk_page.locator("#waiting")).to_have_text("2")
    assert scans(runtime) == []
    desk_page.unroute("**/api/v1/scans")
    expect(desk_page.locator("#waiting")).to_have_text("0", timeout=15_000)
    assert [scan.verdict for scan in scans(runtime)] == ["accepted", "accepted"]


def test_what_was_given_is_undone_with_one_tap(desk_page, runtime, badge):
    show(desk_page, badge)
    desk_page.click("#all-due")
    expect(desk_page.locator("[data-undo]")).to_have_count(2)
    desk_page.locator("[data-undo]").first.click()
    expect(desk_page.locator(".tile.done")).to_have_count(1)
    assert scans(runtime)[-1].voids is not None


def test_a_lead_lets_through_what_the_rules_refuse(desk_page, runtime, create_staff, create_attendee):
    create_staff("王组长", "lead")
    _, code = create_attendee("记者甲", "press")
    show(desk_page, code)
    desk_page.click(".tile[data-service=lunch]")
    expect(desk_page.locator("#lead-what")).to_contain_text("午餐")
    for name, value in (("who", "王组长"), ("pin", "2468"), ("reason", "主办方邀请")):
        desk_page.fill(f"#lead [name={name}]", value)
    desk_page.click("#lead [type=submit]")
    expect(desk_page.locator("#verdict[data-verdict=accepted]")).to_be_visible()
    [scan] = scans(runtime)
    assert (scan.forced, scan.overrode, scan.note, scan.actor) == (True, "not_entitled", "主办方邀请", "王组长")


def test_a_walk_in_is_registered_and_their_badge_is_queued(desk_page, runtime):
    desk_page.fill("#q", "欧阳新人")
    desk_page.click(".empty button:has-text('登记')")
    expect(desk_page.locator("[name=name]")).to_have_value("欧阳新人")
    desk_page.fill("[name=organisation]", "第十二研究所")
    desk_page.click(".categories label:has-text('记者')")
    desk_page.click(".desk-form button.primary")
    expect(desk_page.locator("#card")).to_contain_text("第十二研究所")
    expect(desk_page.locator("#jobs")).to_contain_text("代表证")
    with runtime.reading() as session:
        assert [job.kind for job in session.scalars(select(PrintJob))] == ["badge"]


def test_a_revoked_badge_is_said_at_once_and_escape_clears_the_desk(desk_page, create_attendee, write):
    from models import badges

    attendee_id, code = create_attendee("欧阳娜娜")
    write(lambda session: badges.reissue(session, attendee_id))
    show(desk_page, code)
    expect(desk_page.locator("#verdict[data-reason=revoked]")).to_contain_text("旧证")
    desk_page.keyboard.press("Escape")
    expect(desk_page.locator("#verdict")).to_be_hidden()
    assert "欧阳" not in desk_page.locator("#work").inner_text()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_overflows_on_any_tablet(live_server, browser_page, write, create_attendee, language):
    _, code = create_attendee(
        "阿卜杜热西提·买买提尼牙孜·阿卜杜克里木", name_en="Maximiliana-Alexandra Hohenlohe-Schillingsfürst",
        organisation="新疆维吾尔自治区某某大学附属第一医院神经外科联合研究中心", phone="13812341234", seat="A-12", table="3",
        room="1208", hint="请引导至贵宾室，由专人陪同")
    browser_page.context.add_cookies([{"name": "lang", "value": language, "url": live_server.url}])
    pair_page(browser_page, live_server.url, write, "desk-1")
    for width, height in SIZES:
        browser_page.set_viewport_size({"width": width, "height": height})
        show(browser_page, code)
        browser_page.click(".more a >> nth=0")
        expect(browser_page.locator(".desk-form")).to_be_visible()
        assert browser_page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, "form")
        browser_page.goto(f"{live_server.url}/pair", wait_until="networkidle")
        assert browser_page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, "pair")
        browser_page.goto(f"{live_server.url}/station")
        browser_page.wait_for_selector("#link:not(:empty)")
        show(browser_page, code)
        assert browser_page.evaluate(OUTSIDE) == [], width
        assert browser_page.evaluate(SMALL) == [], width


def test_a_desk_works_on_when_somebody_signs_in_in_another_window(live_server, browser_page, write, create_attendee, create_staff):
    create_staff("陈总", "coordinator")
    create_attendee("欧阳娜娜", number="T777")
    pair_page(browser_page, live_server.url, write, "desk-1")
    other = browser_page.context.new_page()
    other.goto(f"{live_server.url}/login")
    other.fill("[name=name]", "陈总")
    other.fill("[name=secret]", "2468")
    other.click("button.primary")
    other.wait_for_url("**/admin/")
    other.close()
    with browser_page.expect_navigation():
        browser_page.fill("#q", "T777")
        browser_page.keyboard.press("Enter")
    browser_page.fill("#q", "T777")
    browser_page.keyboard.press("Enter")
    expect(browser_page.locator("#work")).to_contain_text("欧阳娜娜")
