"""From the code in the picture to the verdict on the screen, in a real browser with a film for its camera."""
from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import film, meeting, venue
from bench.figures import Goal, Options, Row, missing, share, spread
from bench.meeting import ROOT

NAME = "摄像头到结果 camera to verdict"
GOAL = Goal(60)
SAMPLES = 17                # badges a round: three rounds are 51
FRAME = 1000 / film.RATE
LONGEST = 60_000            # ms
_SETTINGS = {"bits": film.BITS, "square": film.SQUARE, "seen": film.SEEN, "each": film.EACH, "rate": film.RATE}
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
          "--use-fake-device-for-media-stream")


def rows(options: Options) -> list[Row]:
    """p50 and p95 over all rounds' badges; the reference is one frame of the camera."""
    binary = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if binary is None:
        return [missing(NAME, "no Chromium", GOAL)]
    with tempfile.TemporaryDirectory() as scratch, meeting.event(options.people, cache=options.cache) as place:
        delegates = [badge for n, badge in enumerate(place.badges) if n % 9]
        count = SAMPLES * options.rounds
        roll = Path(scratch) / "badges.mjpeg"
        film.write(roll, delegates[:count])
        code = meeting.change(place.folder, _pairing_code)
        with venue.huiwu(place.folder) as ours, paired(binary, roll, ours.port, code) as page:
            times = waits(page, count)
    rounds = [sorted(times[start:start + SAMPLES]) for start in range(0, len(times), SAMPLES)]
    note = f"{len(times)} of {count} badges, from the picture's capture to after the paint"
    return [_row("p50", 0.5, rounds, times, None, note), _row("p95", 0.95, rounds, times, GOAL, note)]


def _row(name: str, part: float, rounds: list[list[float]], times: list[float], goal: Goal | None, note: str) -> Row:
    value = share(sorted(times), part)
    return Row(f"{NAME}, {name}", value, "ms", spread([share(one, part) / FRAME for one in rounds]), FRAME,
               "one frame", value / FRAME, goal, note)


def _pairing_code(session: Any) -> str:
    from kiosk import pairing

    return pairing.new_code(session, "gate").code.replace(" ", "")


@contextmanager
def paired(binary: str, roll: Path, port: int, code: str) -> Iterator[Any]:
    """The gate's page with its camera running."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=[*_FLAGS, f"--use-file-for-fake-video-capture={roll}"])
        try:
            page = browser.new_page(viewport={"width": 1194, "height": 834}, locale="zh-CN")
            page.goto(f"http://127.0.0.1:{port}/pair?code={code}", wait_until="networkidle")
            page.click("button.primary")
            page.wait_for_url("**/station")
            page.wait_for_selector("#link:not(:empty)")
            if page.locator("[data-start]").is_visible():
                page.click("[data-start]")
            yield page
        finally:
            browser.close()


def waits(page: Any, count: int) -> list[float]:
    """Milliseconds of each badge, in their order: from its first picture to the first verdict after it."""
    page.evaluate((ROOT / "bench" / "watch.js").read_text(), _SETTINGS)
    page.wait_for_function(f"() => watch.stood.length >= {count - 2}", timeout=LONGEST + count * film.EACH * FRAME)
    found = page.evaluate("() => watch")
    came = sorted(found["came"].values())
    times = []
    for at, following in zip(came, [*came[1:], float("inf")], strict=True):
        stood = next((moment for moment in found["stood"] if moment >= at), None)
        if stood is not None and stood < following:
            times.append(stood - at)
    return times
