"""What a picture of the camera costs and what it may not miss: the decoding worker fed picture by picture, and a fake camera."""
from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import qrcode
from PIL import Image
from playwright.sync_api import Page

from tests.browser_site import ROOT, Site
from tests.test_browser_modules import CODES, SCANNER, camera_browser, film, open_blank

WORKER = (ROOT / "static/js/decode-worker.js").read_text()
Places = Sequence[tuple[str, int, int]]


@pytest.fixture
def site() -> Iterator[Site]:
    running = Site()
    yield running
    running.close()


def hall(places: Places, grain: float = 0) -> str:
    """A 1280x720 picture of the hall with codes at (code, x, y), as a data URL; `grain` is a sensor's noise."""
    image = Image.new("L", (1280, 720), 74)
    for code, x, y in places:
        image.paste(qrcode.make(code, border=3).get_image().convert("L").resize((240, 240)), (x, y))
    if grain:
        image = Image.blend(image, Image.effect_noise((1280, 720), grain), 0.3)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


READ = """async (urls) => {
  const worker = new Worker("/static/js/decode-worker.js");
  const answer = (wanted) => new Promise((done) => worker.addEventListener("message", function look({ data }) {
    if (!wanted(data)) return;
    worker.removeEventListener("message", look);
    done(data);
  }));
  const read = [];
  for (const url of urls) {
    const picture = new Image();
    picture.src = url;
    await picture.decode();
    const bitmap = await createImageBitmap(picture);
    const told = answer((data) => data.texts);
    worker.postMessage({ frame: bitmap }, [bitmap]);
    const { texts, how } = await told;
    read.push([how, texts.sort()]);
  }
  worker.terminate();
  return read;
}"""


def read(page: Page, site: Site, pictures: Sequence[Places | str], reread: float = 1e9) -> list[list[Any]]:
    """(how, texts) of each picture, in one worker. It re-reads a still picture after `reread` ms, whatever the machine does."""
    script, changed = re.subn(r"REREAD_MS = \d+", f"REREAD_MS = {reread}", WORKER)
    assert changed
    page.route("**/decode-worker.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    open_blank(page, site, "() => {}")
    urls = [one if isinstance(one, str) else hall(one) for one in pictures]
    answers: list[list[Any]] = page.evaluate(READ, urls)
    return answers


A, B, C = CODES


def test_a_badge_that_lies_still_is_read_once_whatever_the_sensor_s_noise(browser_page, site):
    still = [hall([(A, 200, 200)], grain=8) for _ in range(4)]
    assert read(browser_page, site, still) == [["whole", [A]], *[["still", [A]]] * 3]


def test_a_still_picture_is_read_again_after_a_while(browser_page, site):
    assert [how for how, _ in read(browser_page, site, [[(A, 200, 200)]] * 3, reread=-1)] == ["whole", "part", "whole"]


def test_a_moving_badge_is_read_where_it_was_and_every_other_picture_whole(browser_page, site):
    moving = [[(A, 200 + 30 * step, 200)] for step in range(5)]
    assert read(browser_page, site, moving) == [[how, [A]] for how in ("whole", "part", "whole", "part", "whole")]


def test_a_second_badge_elsewhere_is_found_one_picture_later_though_the_first_lies_still(browser_page, site):
    pictures = [[(A, 100, 200)], [(A, 100, 200)], *[[(A, 100, 200), (B, 900, 400)]] * 3]
    assert read(browser_page, site, pictures) == [
        ["whole", [A]], ["still", [A]], ["part", [A]], ["whole", [A, B]], ["still", [A, B]]]


def test_one_badge_in_the_place_of_another_is_read_in_the_same_picture(browser_page, site):
    answers = read(browser_page, site, [[(A, 500, 200)], [(B, 500, 200)], [(C, 500, 200)]])
    assert answers == [["whole", [one]] for one in (A, B, C)]


def test_a_badge_that_left_and_came_back_to_its_place_is_read_anew(browser_page, site):
    answers = read(browser_page, site, [[(A, 500, 200)], [], [], [(A, 500, 200)]])
    assert answers == [["whole", [A]], ["whole", []], ["whole", []], ["whole", [A]]]


def test_a_code_that_jumped_out_of_its_place_is_found_in_the_whole_picture_at_once(browser_page, site):
    assert read(browser_page, site, [[(A, 50, 50)], [(A, 950, 430)]]) == [["whole", [A]], ["whole", [A]]]


def test_two_codes_in_one_picture_both_arrive_and_a_missed_frame_is_no_new_sighting(browser_page, site):
    open_blank(browser_page, site, "() => {}")
    assert browser_page.evaluate("""async () => {
      const { createSightings } = await import("/static/js/scanner.js");
      const look = createSightings();
      const told = [look.look(["A", "B"], 0), look.look([], 33), look.look([], 66), look.look(["A"], 99)];
      for (const now of [200, 300, 400, 500]) look.look([], now);
      return [...told, look.look(["A"], 600)].map((all) => all.map((one) => one.text + one.held));
    }""") == [["Afalse", "Bfalse"], [], [], [], ["Afalse"]]


FRAMES = """async (url) => {
  const worker = new Worker("/static/js/decode-worker.js");
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const context = new OffscreenCanvas(1279, 719).getContext("2d");       // odd sizes: half a chroma pixel at the edges
  context.drawImage(picture, 0, 0);
  const image = context.getImageData(0, 0, 1279, 719);
  const grey = image.data.filter((_, at) => at % 4 === 0);
  const chroma = 640 * 360;
  const planar = new Uint8Array(grey.length + 2 * chroma).fill(128);
  planar.set(grey);
  const frame = (format) => new VideoFrame(planar, { format, codedWidth: 1279, codedHeight: 719, timestamp: 0 });
  const pictures = { I420: frame("I420"), NV12: frame("NV12"), bitmap: await createImageBitmap(image), data: image,
    RGBA: new VideoFrame(image.data, { format: "RGBA", codedWidth: 1279, codedHeight: 719, timestamp: 0 }) };
  const read = {};
  for (const [name, one] of Object.entries(pictures)) {
    const told = new Promise((done) => { worker.onmessage = ({ data }) => { if (data.texts) done(data); }; });
    worker.postMessage({ frame: one }, one instanceof ImageData ? [] : [one]);
    read[name] = (await told).texts;
  }
  worker.terminate();
  return read;
}"""


def test_every_kind_of_picture_that_a_browser_gives_is_read(browser_page, site):
    open_blank(browser_page, site, "() => {}")
    told = browser_page.evaluate(FRAMES, hall([(A, 300, 200)]))
    assert told == {kind: [A] for kind in ("I420", "NV12", "bitmap", "data", "RGBA")}


def test_a_camera_s_own_formats_need_no_canvas(browser_page, site):
    script = f"self.OffscreenCanvas = undefined;{WORKER}"
    browser_page.route("**/decode-worker.js", lambda route: route.fulfill(body=script, content_type="text/javascript"))
    open_blank(browser_page, site, "() => {}")
    told = browser_page.evaluate(FRAMES, hall([(A, 300, 200)]))
    assert {kind for kind, texts in told.items() if texts} == {"I420", "NV12", "data"}


SLOW = """
self.onmessage = ({ data }) => {
  if (data.frame) { self.postMessage({ stamp: data.frame.timestamp }); data.frame.close(); }
  if (data.answer) self.postMessage({ texts: [], how: "whole", ms: 0 });
};"""
FRAMES_PASS = """(many) => new Promise((done) => {
  const video = document.getElementById("video");
  const count = () => (--many < 0 ? done() : video.requestVideoFrameCallback(count));
  count();
})"""


def test_while_the_worker_is_busy_frames_are_dropped_and_then_it_gets_the_newest_at_once(playwright, site, tmp_path):
    browser, page = camera_browser(playwright, site, film(tmp_path / "queue.mjpeg", CODES))
    try:
        page.route("**/decode-worker.js", lambda route: route.fulfill(body=SLOW, content_type="text/javascript"))
        page.evaluate(SCANNER)
        page.evaluate("""() => { window.stamps = [];
          scanner.worker.addEventListener("message", ({ data }) => { if ("stamp" in data) stamps.push(data.stamp); }); }""")
        page.evaluate(FRAMES_PASS, 12)
        assert page.evaluate("() => stamps.length <= 1 && scanner.busy")
        newest = page.evaluate("""() => { const video = document.getElementById("video");
          video.pause();                              // no further frame comes: what is sent now is sent for the answer
          stamps.length = 0;
          const frame = new VideoFrame(video), { timestamp } = frame;
          frame.close();
          scanner.worker.postMessage({ answer: true });
          return timestamp; }""")
        page.wait_for_function("() => stamps.length")
        assert page.evaluate("() => [stamps, video.paused]") == [[newest], True]
    finally:
        browser.close()


def test_a_held_badge_is_one_scan_then_said_to_be_held_and_hardly_read_in_between(playwright, site, tmp_path):
    browser, page = camera_browser(playwright, site, film(tmp_path / "held.mjpeg", CODES[:1], seen=30, blank=0))
    try:
        page.evaluate(SCANNER)
        page.evaluate("""() => { window.hows = [];
          scanner.worker.addEventListener("message", ({ data }) => { if (data.texts) hows.push(data.how); }); }""")
        page.wait_for_function("() => seen.length >= 2", timeout=20_000)
        hows, seen = page.evaluate("() => [hows, seen]")
    finally:
        browser.close()
    assert [held for _, _, held in seen[:2]] == [False, True]
    decoded = sum(how != "still" for how in hows)
    assert decoded <= 6 and decoded < hows.count("still")


def test_the_screen_says_that_a_code_was_seen_before_the_server_has_answered(playwright, site, tmp_path):
    site.gate.clear()
    browser, page = camera_browser(playwright, site, film(tmp_path / "one.mjpeg", CODES[:1]))
    try:
        page.add_init_script("""addEventListener("DOMContentLoaded", () => {
          window.noticed = [];
          const camera = document.getElementById("camera"), verdict = document.getElementById("verdict");
          new MutationObserver(() => noticed.push([camera.hasAttribute("data-seen"), verdict.dataset.verdict ?? ""]))
            .observe(camera, { attributes: true, attributeFilter: ["data-seen"] });
        });""")
        page.goto(f"{site.url}/gate")
        if page.locator("[data-start]").is_visible():
            page.click("[data-start]")
        page.wait_for_function("() => noticed.length >= 2", timeout=20_000)
        noticed = page.evaluate("() => noticed")
    finally:
        site.gate.set()
        browser.close()
    assert noticed[0] == [True, ""] and noticed[1][0] is False
