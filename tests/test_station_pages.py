"""The kiosk and the gate as a person meets them: the verdict's face, its words, its place on every screen."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser_site import Site
from tests.test_browser_modules import CODES, LATIN, LONG, SIZES, wedge_types

USED: dict[str, object] = {"verdict": "refused", "reason": "used_up",
        "first": {"id": "x", "at": "2026-12-05T11:42:07+08:00", "station": "g-2", "station_name": "餐厅入口 2"}}
ANSWERS: dict[str, dict[str, object]] = {
    "accepted": {"verdict": "accepted", "reason": None, "use": {"number": 1, "limit": 1}, "hints": ["清真"], "print_jobs": ["p"]},
    "used_up": USED, "needs": {"verdict": "refused", "reason": "needs", "needs": "signin", "hints": ["请引导至贵宾室"]},
    "too_early": {"verdict": "refused", "reason": "too_early"}, "unknown": {"verdict": "refused", "reason": "unknown"},
}
BOXES = """() => [...document.querySelectorAll('.station-head, .station-main, .station-foot, .camera, #link, #services label')]
  .map((one) => { const box = one.getBoundingClientRect(); return [box.x, box.y, box.width, box.height].map(Math.round); })"""
CUT = """() => {
  const words = [...document.querySelectorAll('#verdict p, #verdict li, #verdict dd, #verdict strong, #verdict .verdict-word > span')];
  const foot = document.querySelector('.station-foot').getBoundingClientRect().top;
  const head = document.querySelector('.station-head').getBoundingClientRect().bottom;
  return words.filter((one) => one.getClientRects().length).filter((one) => {
    const box = one.getBoundingClientRect();
    return box.left < -1 || box.right > innerWidth + 1 || box.bottom > foot + 1 || box.top < head - 1
      || parseFloat(getComputedStyle(one).fontSize) < 16;
  }).map((one) => one.className + ' ' + one.textContent);
}"""


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def page(browser_page: Page) -> Page:
    browser_page.set_viewport_size({"width": 1024, "height": 768})
    return browser_page


def scan(page: Page, code: str) -> None:
    wedge_types(page, code, 0.005)


def shown(page: Page, verdict: str):
    face = page.locator(f"#verdict[data-verdict={verdict}]")
    expect(face).to_be_visible()
    return face


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("mode", ["kiosk", "gate"])
def test_no_verdict_moves_the_page_or_is_cut_off(page, site, mode, language, size):
    site.language, site.trial = language, True
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{site.url}/{mode}")
    expect(page.locator("#link")).not_to_be_empty()
    before = page.evaluate(BOXES)
    for number, (reason, answer) in enumerate(ANSWERS.items()):
        for attendee in (LONG, LATIN):
            code = f"B{number}{'L' if attendee is LATIN else 'C'}" + "0" * 18
            site.answers[code] = answer | ({} if reason == "unknown" else {"attendee": attendee})
            scan(page, code)
            page.wait_for_function("(id) => document.getElementById('verdict').dataset.scanId === id", arg=last_id(page, site, code))
            assert page.evaluate(CUT) == [], reason
            assert page.evaluate(BOXES)[:4] == before[:4]
            page.keyboard.press("Escape")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def last_id(page: Page, site, code: str) -> str:
    """The id under which the server recorded this code's scan."""
    deadline = 900      # frames: a busy machine draws few, and sends a scan late
    while not any(one["code"] == code for one in site.scans) and deadline:
        page.wait_for_function("() => new Promise((done) => requestAnimationFrame(() => done(true)))")
        deadline -= 1
    return next(one["id"] for one in site.scans if one["code"] == code)


@pytest.mark.parametrize("size", SIZES[1:3], ids=["portrait", "landscape"])
def test_the_word_is_at_least_140_px_on_a_tablet(page, site, size):
    site.answers[CODES[0]] = ANSWERS["accepted"] | {"attendee": {"name": "欧阳娜娜", "org": "第十二研究所", "table": "3"}}
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{site.url}/gate")
    scan(page, CODES[0])
    shown(page, "accepted")
    assert page.evaluate("() => parseFloat(getComputedStyle(document.querySelector('.verdict-word .zh')).fontSize)") >= 140


def test_a_used_badge_says_when_and_where_and_unlike_a_refusal_it_is_a_triangle(page, site):
    site.answers = {CODES[0]: USED | {"attendee": {"name": "欧阳娜娜"}}, CODES[1]: ANSWERS["needs"]}
    page.goto(f"{site.url}/gate")
    scan(page, CODES[0])
    face = shown(page, "refused")
    expect(face).to_have_attribute("data-reason", "used_up")
    expect(face).to_contain_text("12月5日 11:42 在 餐厅入口 2 用过这一餐")
    expect(face.locator(".shape.used")).to_be_visible()
    scan(page, CODES[1])
    expect(page.locator("#verdict[data-reason=needs]")).to_contain_text("请先办理：报到")
    expect(page.locator("#verdict .shape.refused")).to_be_visible()


def test_without_the_server_the_screen_is_blue_and_the_chip_counts_what_waits(page, site):
    site.always = "dead"
    page.goto(f"{site.url}/gate")
    scan(page, CODES[0])
    expect(shown(page, "waiting")).to_contain_text("已记在本机，待上传")
    expect(page.locator("#link")).to_contain_text("1 条待上传")
    site.always = None
    shown(page, "accepted")
    expect(page.locator("#link")).to_contain_text("已连接")
    assert len(site.recorded) == 1


def test_while_the_answer_is_under_way_the_screen_says_so(page, site):
    page.goto(f"{site.url}/gate")
    site.gate.clear()
    scan(page, CODES[0])
    expect(shown(page, "asking")).to_contain_text("正在核对")
    site.gate.set()
    shown(page, "accepted")


def test_the_gate_counts_and_undoes_the_last_person(page, site):
    site.answers[CODES[0]] = ANSWERS["accepted"] | {"attendee": {"name": "欧阳娜娜"}}
    page.goto(f"{site.url}/gate")
    expect(page.locator("#people")).to_have_text("312")
    scan(page, CODES[0])
    shown(page, "accepted")
    expect(page.locator("#people")).to_have_text("313")
    expect(page.locator("#last")).to_contain_text("上一位 欧阳娜娜")
    page.click("#undo")
    expect(page.locator("#people")).to_have_text("312")
    assert site.posts[-1]["path"] == f"/api/v1/scans/{site.recorded[0]}/void"


def test_a_lead_decides_and_only_the_same_badge_is_let_in_by_it(page, site):
    site.answers = {code: USED | {"attendee": {"name": "欧阳娜娜"}} for code in CODES}
    page.goto(f"{site.url}/gate")
    scan(page, CODES[0])
    shown(page, "refused")
    page.click("#lead")
    page.fill("#grant [name=who]", "王组长")
    page.fill("#grant [name=pin]", "2468")
    page.fill("#grant [name=reason]", "误扫")
    page.click("#grant [type=submit]")
    expect(page.locator("#grant")).to_be_hidden()
    scan(page, CODES[0])
    page.wait_for_function("(id) => true", arg=last_id(page, site, CODES[0]))
    expect.soft(page.locator("#verdict")).to_be_visible()
    sent = [post for post in site.posts if post["path"] == "/api/v1/scans"]
    assert [(post["body"][0].get("force"), post["headers"].get("X-Grant")) for post in sent] == [(None, None), (True, "g-1")]


def test_the_gate_scans_for_the_open_service_until_the_operator_chooses(page, site):
    page.goto(f"{site.url}/gate")
    scan(page, CODES[0])
    shown(page, "accepted")
    page.keyboard.press("Escape")
    page.check("#services input[value=s1]", force=True)
    page.check("#directions input[value=out]", force=True)
    scan(page, CODES[1])
    expect(shown(page, "accepted")).to_contain_text("已签退")
    assert [(one["service"], one.get("direction")) for one in site.scans] == [("lunch", None), ("s1", "out")]


def test_the_kiosk_asks_is_this_you_only_after_a_search_and_forgets_it_all(page, site):
    site.hits = [{"attendee": "handle", "name": "欧阳*娜", "org": "第十二研究所", "phone": "138****1234"}]
    page.goto(f"{site.url}/kiosk")
    page.click("[data-open=search]")
    page.fill("#search [name=who]", "欧阳娜娜")
    page.fill("#search [name=digits]", "１２34")
    page.click("#search [type=submit]")
    expect(page.locator("#confirm")).to_contain_text("欧阳*娜")
    page.click("[data-yes]")
    expect(shown(page, "accepted")).to_contain_text("已报到")
    expect(page.locator("#verdict .ring")).to_be_visible()
    expect(page.locator("#verdict")).to_be_hidden(timeout=10_000)
    assert [post["body"] for post in site.posts if post["path"] == "/api/v1/search"] == [{"q": "欧阳娜娜 1234"}]
    assert site.scans[0]["attendee"] == "handle" and "code" not in site.scans[0]
    assert page.locator("[name=who]").input_value() == "" and "欧阳" not in page.locator(".verdict").inner_text()


def test_41_a_miss_at_the_kiosk_sends_to_the_desk_and_says_nothing_else(page, site):
    page.goto(f"{site.url}/kiosk")
    page.click("[data-open=search]")
    page.fill("#search [name=who]", "查无此人")
    page.fill("#search [name=digits]", "0000")
    page.click("#search [type=submit]")
    expect(page.locator("#desk")).to_contain_text("请到报到台办理")


def test_one_tap_turns_the_kiosk_to_english_and_the_next_person_starts_in_chinese(page, site):
    page.goto(f"{site.url}/kiosk")
    page.click("[data-language]")
    sizes = "() => ['zh', 'en'].map((one) => parseFloat(getComputedStyle(document.querySelector(`h1 > .${one}`)).fontSize))"
    chinese, english = page.evaluate(sizes)
    assert english > 1.5 * chinese
    scan(page, CODES[0])
    shown(page, "accepted")
    page.locator("#verdict").click()
    assert page.evaluate("() => document.documentElement.lang") == "zh-CN"


def test_every_reason_of_the_contract_has_its_own_words_in_both_languages(page, site):
    page.goto(f"{site.url}/blank")
    reasons = ["unknown", "revoked", "wrong_service", "cancelled", "replaced", "pending", "service_closed", "too_early", "too_late",
               "not_entitled", "needs", "already_inside", "used_up", "out_of_stock", "answers_needed"]
    words = page.evaluate("""async (reasons) => {
      const { describe } = await import("/static/js/words.js");
      return reasons.map((reason) => describe({ verdict: "refused", reason }, {}))
        .map(({ word, advice }) => [word.zh, word.en, advice.zh, advice.en]);
    }""", reasons)
    assert all(all(one) for one in words) and len({one[2] for one in words}) == len(reasons)
