"""The browser modules in a real Chromium: camera, wedge, outbox, verdict, and the two station pages without their server."""
from __future__ import annotations

import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import qrcode
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, Playwright

from tests.browser_site import Site

CODES = [f"B{letter * 20}" for letter in "ACD"]
SIZES = [(360, 740), (768, 1024), (1024, 768), (1440, 900)]
LONG = {"name": "阿卜杜热西提·买买提尼牙孜·阿卜杜克里木", "category": "guest", "seat": "A-12", "table": "3",
        "org": "新疆维吾尔自治区某某大学附属第一医院神经外科与康复医学联合研究中心"}
LATIN = {**LONG, "name": "Maximiliana-Alexandra von Hohenlohe-Waldenburg-Schillingsfürst",
         "org": "International Association for the Advancement of Interdisciplinary Conference Management"}


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


@pytest.fixture
def page(browser_page: Page) -> Page:
    browser_page.set_viewport_size({"width": 1024, "height": 768})
    return browser_page


def open_blank(page: Page, site: Site, script: str) -> None:
    """A page with nothing but a search box; `script` loads the module under test."""
    page.goto(f"{site.url}/blank")
    page.evaluate(script)


WEDGE = """async () => {
  const { listenWedge } = await import("/static/js/wedge.js");
  window.codes = [];
  listenWedge((code) => window.codes.push(code));
}"""
OUTBOX = """async () => {
  const { openOutbox } = await import("/static/js/outbox.js");
  window.late = [];
  window.outbox = await openOutbox();
  outbox.addEventListener("late", (event) => window.late.push(event.detail.result.id));
}"""
EMPTY = "async () => (await outbox.waiting()) === 0"
# A promise counts as true at once in `wait_for_function`, so waiting is done on the page.
DRAINED = "async () => { while (await outbox.waiting()) await new Promise((next) => setTimeout(next, 30)); }"


def wedge_types(page: Page, text: str, gap: float, end: str = "Enter") -> None:
    """Real key events with their own times (seconds apart), so that a slow test machine changes nothing."""
    keyboard = page.context.new_cdp_session(page)
    moment = time.time()
    for letter in [*text, *([end] if end else [])]:
        named = len(letter) > 1
        code = letter if named else f"Digit{letter}" if letter.isdigit() else f"Key{letter.upper()}"
        key = {"code": code, "key": letter, "timestamp": moment}
        down = {"type": "rawKeyDown"} if named else {"type": "keyDown", "text": letter}
        keyboard.send("Input.dispatchKeyEvent", {**down, **key})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
        moment += gap
    keyboard.detach()


def picture(code: str | None) -> bytes:
    """A 1280x720 camera picture: a badge with its code, or the empty hall. No two neighbours are equal JPEG files."""
    image = Image.new("RGB", (1280, 720), "#4a4a48")
    if code:
        ImageDraw.Draw(image).rounded_rectangle((470, 60, 810, 660), 20, fill="white")
        drawn = qrcode.make(code, border=2).get_image().convert("RGB").resize((300, 300))
        image.paste(drawn, (490, 200))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, subsampling="4:2:0")
    return buffer.getvalue()


def film(file: Path, codes: list[str], seen: int = 24, blank: int = 24) -> Path:
    frames = [b"".join([picture(code)] * seen + [picture(None)] * blank) for code in codes]
    file.write_bytes(b"".join(frames))
    return file


SCANNER = """async () => {
  const { createScanner } = await import("/static/js/scanner.js");
  window.seen = [];
  window.states = [];
  window.scanner = createScanner({ video: document.getElementById("video"), onState: (state) => states.push(state),
    onCode: (text, source, { held }) => seen.push([text, source, held]) });
  return scanner.start();
}"""


def camera_browser(playwright: Playwright, site: Site, file: Path) -> tuple[Browser, Page]:
    """A browser whose camera is the film. Its picture plays from the first frame on."""
    binary = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    browser = playwright.chromium.launch(executable_path=binary, args=[
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={file}"])
    page = browser.new_page()
    open_blank(page, site, "() => {}")
    return browser, page


def test_each_badge_before_the_camera_is_one_scan_a_sighting(playwright, site, tmp_path):
    browser, page = camera_browser(playwright, site, film(tmp_path / "badges.mjpeg", CODES))
    try:
        assert page.evaluate(SCANNER) == "running"
        page.wait_for_function("() => seen.length >= 7", timeout=30_000)
        seen = page.evaluate("() => seen.slice(0, 7)")
    finally:
        browser.close()
    start = CODES.index(seen[0][0])
    turn = CODES[start:] + CODES[:start]
    assert [text for text, _, _ in seen] == (turn * 3)[:7]
    assert {source for _, source, _ in seen} == {"camera"} and not any(held for _, _, held in seen)


def test_a_paused_scanner_reads_nothing_and_a_held_badge_says_so(playwright, site, tmp_path):
    browser, page = camera_browser(playwright, site, film(tmp_path / "held.mjpeg", CODES[:1], seen=30, blank=0))
    try:
        page.evaluate(SCANNER)
        page.wait_for_function("() => seen.length >= 2", timeout=20_000)
        assert page.evaluate("() => seen.map(([, , held]) => held).slice(0, 2)") == [False, True]
        page.evaluate("() => { scanner.pause(); scanner.forget(); seen.length = 0; }")
        page.evaluate("() => new Promise((done) => { let frames = 0; const video = document.getElementById('video');"
                      " const count = () => (++frames > 10 ? done() : video.requestVideoFrameCallback(count)); count(); })")
        assert page.evaluate("() => seen") == []
    finally:
        browser.close()


def test_a_running_camera_covers_its_picture_with_no_words(page, site):
    page.goto(f"{site.url}/kiosk")
    assert page.evaluate("""async () => {
      const [{ fill }, { camera }] = await Promise.all([import("/static/js/page.js"), import("/static/js/words.js")]);
      return fill(document.querySelector("#camera .say"), camera.running).childNodes.length;
    }""") == 0


def test_a_browser_without_a_camera_is_told_in_words(page, site):
    open_blank(page, site, "() => {}")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError')); }")
    assert page.evaluate(SCANNER) == "denied"
    assert page.evaluate("async () => (await import('/static/js/words.js')).camera.denied.zh").startswith("摄像头未获允许")


@pytest.mark.parametrize("end", ["Enter", "Tab"])
def test_a_wedge_scan_arrives_while_the_search_box_has_the_focus_and_leaves_it_as_it_was(page, site, end):
    open_blank(page, site, WEDGE)
    page.fill("#search", "张三")
    wedge_types(page, CODES[0].lower(), 0.008, end)
    assert page.evaluate("() => [codes, document.getElementById('search').value]") == [[CODES[0]], "张三"]
    assert page.evaluate("() => document.activeElement.id") == "search"


def test_typing_at_the_speed_of_a_person_is_no_scan_and_loses_no_letter(page, site):
    open_blank(page, site, WEDGE)
    page.focus("#search")
    wedge_types(page, "zhangsan", 0.08)
    wedge_types(page, "lisi", 0.02)
    assert page.evaluate("() => [codes, document.getElementById('search').value]") == [[], "zhangsanlisi"]


def test_what_was_held_back_but_ends_without_enter_is_put_back(page, site):
    open_blank(page, site, WEDGE)
    page.focus("#search")
    wedge_types(page, "wangxiaoer", 0.02, end="")
    page.wait_for_function("() => document.getElementById('search').value === 'wangxiaoer'")
    assert page.evaluate("() => codes") == []


def test_two_wedge_scans_in_a_row_both_arrive(page, site):
    open_blank(page, site, WEDGE)
    for code in CODES[:2]:
        wedge_types(page, code, 0.09)
    assert page.evaluate("() => codes") == CODES[:2]


def submit(page: Page, code: str) -> dict:
    return page.evaluate("(code) => outbox.submit({ service: 'lunch', code })", code)


def test_the_outbox_loses_nothing_and_doubles_nothing_through_faults_and_a_reload(page, site):
    open_blank(page, site, OUTBOX)
    site.faults.extend(["lost", 503, "dead", 401, "lost"])
    sent = [f"B{number:020d}" for number in range(12)]
    first = submit(page, sent[0])
    assert first["pending"] and first["id"] == site.recorded[0]
    for code in sent[1:6]:
        submit(page, code)
    page.reload()
    page.evaluate(OUTBOX)
    for code in sent[6:]:
        submit(page, code)
    page.evaluate("() => outbox.drain()")
    page.evaluate(DRAINED)
    assert [scan["code"] for scan in site.scans] == sent
    assert len(set(site.recorded)) == len(sent)


def test_a_scan_is_kept_before_it_is_sent_and_stays_after_its_answer(page, site):
    open_blank(page, site, OUTBOX)
    site.gate.clear()
    page.evaluate("() => { window.answer = outbox.submit({ service: 'lunch', code: 'B1' }); }")
    page.evaluate("async () => { while (await outbox.waiting() !== 1) await new Promise((next) => setTimeout(next, 30)); }")
    site.gate.set()
    assert page.evaluate("() => answer")["verdict"] == "accepted"
    kept = page.evaluate("() => outbox.store.unack().then(() => outbox.store.waiting(9))")
    assert [(row["scan"]["code"], row["scan"]["service"]) for row in kept] == [("B1", "lunch")]


def test_a_verdict_waits_for_its_answer_and_for_nothing_that_is_written_after_it(page, site):
    open_blank(page, site, OUTBOX)
    page.evaluate("""(code) => { outbox.store.settle = () => new Promise(() => {});
      outbox.submit({ service: "lunch", code }).then((result) => { window.result = result; }); }""", CODES[0])
    page.wait_for_function("() => window.result?.verdict === 'accepted'", timeout=10_000)


def test_one_write_stands_before_a_request_and_kept_on_this_tablet_is_said_of_what_is_on_the_disk(page, site):
    open_blank(page, site, OUTBOX)
    page.evaluate("""() => { window.road = [];
      const begin = IDBDatabase.prototype.transaction;
      IDBDatabase.prototype.transaction = function (stores, mode, options) {
        const deal = begin.call(this, stores, mode, options);
        if (mode === "readwrite") deal.addEventListener("complete", () => road.push(options.durability));
        return deal;
      };
      const ask = window.fetch;
      window.fetch = (...all) => { road.push("request"); return ask(...all); }; }""")
    site.always = "dead"
    page.evaluate("(code) => outbox.submit({ service: 'lunch', code }).then(() => road.push('said'))", CODES[0])
    assert page.evaluate("() => road.slice(0, 4)") == ["relaxed", "request", "strict", "said"]


def test_a_request_names_the_device_time_and_the_csrf_token_and_no_code_in_its_address(page, site):
    open_blank(page, site, OUTBOX)
    submit(page, CODES[0])
    post = site.posts[0]
    assert post["headers"]["X-CSRFToken"] == "token" and post["path"] == "/api/v1/scans"
    assert post["headers"]["X-Sent-At"][-6] in "+-" and post["body"][0]["scanned_at"][-6] in "+-"


def test_an_error_in_an_items_place_is_final_and_the_next_scan_goes_on(page, site):
    site.answers["BAD"] = {"error": "conflict", "message": "同一编号，内容不同"}
    open_blank(page, site, OUTBOX)
    assert submit(page, "BAD")["error"] == "conflict"
    assert submit(page, CODES[0])["verdict"] == "accepted"
    assert page.evaluate(EMPTY)


@pytest.mark.parametrize("restored", ["epoch", "head"])
def test_a_restored_backup_makes_the_tablet_send_everything_again(page, site, restored):
    """Who was let through is told as such (then nothing is printed a second time), who was refused is judged anew."""
    site.answers[CODES[1]] = {"verdict": "refused", "reason": "used_up"}
    open_blank(page, site, OUTBOX)
    for code in CODES:
        submit(page, code)
    assert not any(scan.get("offline") for scan in site.scans)
    lost = site.recorded[1:]
    del site.recorded[1:], site.scans[1:]
    if restored == "epoch":
        site.epoch = "e2"
    page.evaluate("() => outbox.check('/api/v1/station')")
    page.evaluate(DRAINED)
    assert site.recorded[1:] == lost
    assert [scan["code"] for scan in site.scans] == CODES
    assert [scan["offline"] for scan in site.scans[1:]] == [code != CODES[1] for code in CODES[1:]]


def test_a_tablet_whose_pairing_ended_keeps_its_scans_and_says_so(page, site):
    site.always = 401
    open_blank(page, site, OUTBOX)
    assert submit(page, CODES[0])["why"] == "unpaired"
    assert page.evaluate("async () => [await outbox.waiting(), outbox.state]") == [1, "unpaired"]


def test_a_lead_s_grant_goes_with_its_own_scan_only(page, site):
    site.always = "dead"
    open_blank(page, site, OUTBOX)
    submit(page, CODES[0])
    page.evaluate("(code) => outbox.submit({ service: 'lunch', code, force: true, reason: '漏登' }, { grant: 'g-1' })",
                  CODES[1])
    site.always = None
    page.evaluate("() => outbox.drain()")
    page.evaluate(DRAINED)
    sent = [(len(post["body"]), post["headers"].get("X-Grant")) for post in site.posts]
    assert sent[-2:] == [(1, None), (1, "g-1")]
    assert set(sent) <= {(1, None), (1, "g-1")}
