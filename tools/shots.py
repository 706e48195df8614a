"""Takes the screenshots of docs/shots from the running demo, in one command: `make shots`.

It starts the demo in a scratch folder, signs in, pairs one tablet a station and uses them: each picture is a page in
use, not a mock-up. Badges are scanned by the keys that a wedge scanner would send.
"""
from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "docs" / "shots"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
SCENE = Path(tempfile.gettempdir()) / "huiwu-scene.mjpeg"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
         "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={SCENE}"]
SIZES = {"portrait": (768, 1024), "landscape": (1024, 768), "wide": (1440, 900), "phone": (390, 844)}


class Demo:
    """The demo conference, being served."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.words: list[str] = []
        self.url = ""
        self.server = subprocess.Popen(
            [sys.executable, "app.py", "--data", str(folder), "--json", "demo", "--port", "0", "--http"], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        threading.Thread(target=self._listen, args=(self.server.stderr,), daemon=True).start()
        threading.Thread(target=self._listen, args=(self.server.stdout,), daemon=True).start()
        for _ in range(1200):
            for line in self.words:
                if line.startswith("{") and json.loads(line).get("ready"):
                    port = json.loads(line)["url"].rsplit(":", 1)[1]
                    self.url = f"http://127.0.0.1:{port}"
                    return
            time.sleep(0.1)
        raise RuntimeError("\n".join(self.words))

    def _listen(self, stream: Any) -> None:
        for line in iter(stream.readline, ""):
            self.words.append(line.strip())

    def command(self, *words: str) -> dict[str, Any]:
        """Runs a command beside the server."""
        done = subprocess.run([sys.executable, "app.py", "--data", str(self.folder), "--json", *words], cwd=ROOT,
                              capture_output=True, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def setup_code(self) -> str:
        """The one-time code of the first coordinator, as the terminal said it."""
        return next(match[1] for line in self.words if (match := re.search(r"one-time code: (\d+)", line)))

    def badges(self) -> dict[str, str]:
        """Codes by badge number."""
        file = self.folder / "badges.csv"
        self.command("badges", "--out", str(file))
        with file.open(encoding="utf-8-sig", newline="") as rows:
            return {row["number"]: row["code"] for row in csv.DictReader(rows)}

    def expected(self) -> list[str]:
        """Codes of people who have not signed in yet."""
        file = self.folder / "ledger.json"
        self.command("export", "ledger", "--out", str(file))
        rows = json.loads(file.read_text(encoding="utf-8"))
        there = {row["number"] for row in rows if row["service"] == "signin" and row["verdict"] == "accepted"}
        return [code for number, code in self.badges().items() if number not in there]

    def stop(self) -> None:
        """Ends it."""
        os.killpg(self.server.pid, signal.SIGTERM)
        self.server.wait(20)


@contextmanager
def window(browser: Browser, demo: Demo, size: str, lang: str, **more: Any) -> Iterator[tuple[BrowserContext, Page]]:
    """A browser window of a size, in a language."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN" if lang == "zh" else "en-GB",
                                  permissions=["camera"], **more)
    context.add_cookies([{"name": "lang", "value": lang, "url": demo.url}])
    page = context.new_page()
    try:
        yield context, page
    finally:
        context.close()


def shoot(page: Page, name: str, full: bool = False) -> None:
    """Saves what is on the page."""
    page.wait_for_timeout(700)      # fonts, the chart and the picture of the camera settle
    from PIL import Image

    path = SHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=full)
    with Image.open(path) as picture:       # 256 colours are enough for flat pages, and a third of the size
        picture.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(name)


TABLETS: dict[str, Any] = {}      # station -> its one tablet's cookies


def paired(page: Page, demo: Demo, station: str) -> None:
    """Makes the window a tablet of a station: the one there is, or a new one."""
    if station in TABLETS:
        page.context.add_cookies(TABLETS[station])
        page.goto(f"{demo.url}/station")
        return
    code = demo.command("pair", station)["code"].replace(" ", "")
    page.goto(f"{demo.url}/pair?code={code}")
    page.locator("form:has([name=code]) [type=submit]").first.click()
    page.wait_for_url(re.compile("/(station|board)"))
    TABLETS[station] = [cookie for cookie in page.context.cookies() if cookie["name"] != "lang"]


def scan(page: Page, code: str) -> None:
    """What a wedge scanner does."""
    page.evaluate("""code => { for (const key of [...code, "Enter"]) window.dispatchEvent(new KeyboardEvent("keydown", {
        key, code: key === "Enter" ? key : (/[0-9]/.test(key) ? "Digit" : "Key") + key, bubbles: true, cancelable: true })) }""", code)


def verdict(page: Page) -> None:
    """Waits for the answer on the screen."""
    page.wait_for_selector("#verdict:not([hidden])[data-verdict='accepted'], #verdict:not([hidden])[data-verdict='refused']")


def stations(browser: Browser, demo: Demo) -> None:
    """Kiosk, gate and desk, both directions, both languages."""
    fresh = iter(demo.expected())
    for lang in ("zh", "en"):
        for size in ("portrait", "landscape", "phone"):
            with window(browser, demo, size, lang) as (_, page):
                paired(page, demo, "kiosk-1")
                shoot(page, f"kiosk-{lang}-{size}")
                scan(page, next(fresh))
                verdict(page)
                shoot(page, f"kiosk-done-{lang}-{size}")
            with window(browser, demo, size, lang) as (_, page):
                paired(page, demo, "gate-dining")
                shoot(page, f"gate-idle-{lang}-{size}")
                code = next(fresh)
                scan(page, code)
                verdict(page)
                shoot(page, f"gate-{lang}-{size}")
                page.wait_for_timeout(4500)
                scan(page, code)
                verdict(page)
                shoot(page, f"gate-used-{lang}-{size}")
            with window(browser, demo, size, lang) as (_, page):
                paired(page, demo, "desk-1")
                scan(page, next(fresh))
                page.wait_for_timeout(1500)
                shoot(page, f"desk-{lang}-{size}")


def coordinator(browser: Browser, demo: Demo) -> None:
    """The admin pages on a wide screen; the dashboard also dark and on a phone."""
    with window(browser, demo, "wide", "zh") as (context, page):
        page.goto(f"{demo.url}/setup")
        page.fill("[name=code]", demo.setup_code())
        page.fill("[name=name]", "王会务")
        page.fill("[name=secret]", "long enough")
        page.fill("[name=again]", "long enough")
        page.press("[name=again]", "Enter")
        page.wait_for_url(re.compile("/admin/"))
        state = context.storage_state()
    for lang in ("zh", "en"):
        with window(browser, demo, "wide", lang, storage_state=state) as (context, page):
            context.add_cookies([{"name": "lang", "value": lang, "url": demo.url}])
            for name, path in (("dashboard", "/admin/"), ("roster", "/admin/roster"), ("import", "/admin/import"),
                               ("badges", "/admin/badges"), ("plan", "/admin/plan"), ("stations", "/admin/stations"),
                               ("printers", "/admin/printers"), ("ledger", "/admin/ledger"), ("care", "/admin/care"),
                               ("board", "/board")):
                page.goto(demo.url + path)
                for _ in range(40):
                    if page.evaluate("[...document.images].every(image => image.complete)"):
                        break
                    page.wait_for_timeout(250)
                shoot(page, f"{name}-{lang}-wide")
            imported(page, demo, lang)
    for name, size, scheme in (("dashboard-dark", "wide", "dark"), ("dashboard-phone", "phone", "light")):
        with window(browser, demo, size, "zh", storage_state=state, color_scheme=scheme) as (_, page):
            page.goto(f"{demo.url}/admin/")
            shoot(page, f"{name}-zh")


def imported(page: Page, demo: Demo, lang: str) -> None:
    """A roster looked at before it is imported."""
    roster = demo.folder / "sample" / "名单.xlsx"
    if not roster.exists():
        demo.command("sample", str(roster.parent))
    page.goto(f"{demo.url}/admin/import")
    page.set_input_files("input[type=file]", roster)
    submit = page.locator("form:has(input[type=file]) [type=submit]")
    if submit.count() and page.url.endswith("/admin/import"):
        submit.first.click()
    page.wait_for_url(re.compile("/admin/import/.+"))
    page.wait_for_timeout(2500)
    shoot(page, f"import-{lang}-wide")


def slip(demo: Demo) -> None:
    """The newest slip that the virtual printer drew."""
    drawn = sorted((demo.folder / "paper").rglob("*.png"), key=lambda file: file.stat().st_size)
    shutil.copyfile(drawn[-1], SHOTS / "slip.png")


def film() -> None:
    """What the fake camera sees: a badge held up in a dim hall, its code too blurred to be read."""
    from PIL import Image, ImageDraw, ImageFilter

    scene = Image.radial_gradient("L").resize((1280, 1280)).crop((0, 280, 1280, 1000))
    scene = Image.composite(Image.new("RGB", scene.size, "#20242d"), Image.new("RGB", scene.size, "#434a59"), scene)
    card = Image.new("RGBA", (330, 470), "#fbfaf7")
    draw = ImageDraw.Draw(card)
    draw.rectangle((0, 400, 330, 470), fill="#1f6feb")
    draw.rectangle((70, 40, 260, 70), fill="#16181d")
    for row in range(18):
        for column in range(18):
            if (row * 7 + column * 11 + row * column) % 5 < 2:
                draw.rectangle((75 + column * 10, 140 + row * 10, 84 + column * 10, 149 + row * 10), fill="#16181d")
    card = card.rotate(-6, expand=True, resample=Image.Resampling.BICUBIC)
    scene.paste(card, (450, 110), card)
    scene = scene.filter(ImageFilter.GaussianBlur(2.2))
    with SCENE.open("wb") as file:
        for _ in range(30):
            scene.save(file, "JPEG", quality=88, subsampling=2)


def main() -> None:
    """All of it."""
    film()
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    folder = Path(tempfile.mkdtemp(prefix="shots-"))
    demo = Demo(folder)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            stations(browser, demo)
            coordinator(browser, demo)
            slip(demo)
    finally:
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
