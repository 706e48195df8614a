"""Plays docs/drill.md on this machine and takes its pictures: a demo laptop with a stick, its end, another that continues.

Every picture is a page in use or a command's own words; docs/shots/drill-*.png, one command: python tools/drill.py
"""
from __future__ import annotations

import html
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
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from shots import CHROMIUM, FLAGS, film

ROOT = Path(__file__).resolve().parent.parent
SHOTS = ROOT / "docs" / "shots"
NAME, PASSPHRASE = "王会务", "long enough"
TERMINAL = """<!doctype html><meta charset="utf-8"><style>body {{ margin: 0; background: #1b2027; }}
pre {{ margin: 0; padding: 22px 26px; color: #e8e6df; font: 15px/1.6 ui-monospace, "Noto Sans Mono CJK SC", monospace;
white-space: pre-wrap; overflow-wrap: anywhere; }} b {{ color: #8fd3a8; }}</style><pre>{text}</pre>"""


class Laptop:
    """The server of a data folder, as a person starts it."""

    def __init__(self, data: Path, *words: str):
        self.data = data
        self.lines: list[str] = []
        self.process = subprocess.Popen([sys.executable, "app.py", "--data", str(data), *words], cwd=ROOT, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.ready = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()
        if not self.ready.wait(180):
            raise RuntimeError("\n".join(self.lines))

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if "Ctrl+C" in line:
                self.ready.set()

    def end(self, how: signal.Signals) -> None:
        """Ends it, or lets it die."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.wait(30)

    @property
    def url(self) -> str:
        """Where tablets find it."""
        return next(match[1] for line in self.lines if (match := re.search(r"tablets:\s+(https://\S+)", line)))

    def said(self, pattern: str) -> str:
        """What its window says that fits."""
        return next(match[1] for line in self.lines if (match := re.search(pattern, line)))


def command(data: Path, *words: str, stdin: str | None = None) -> tuple[dict[str, Any], str]:
    """A command's answer for scripts, and its words."""
    done = subprocess.run([sys.executable, "app.py", "--data", str(data), "--json", *words], cwd=ROOT, input=stdin,
                          capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, done.stderr


def save(page: Page, name: str, clip: str | None = None, stick: Path | None = None) -> None:
    """A picture of the page, or of one of its parts, in few colours: docs/ stays small. This machine's name for the
    stick becomes the one that the page in docs/ speaks of."""
    if stick:
        page.evaluate("""(from) => { for (const one of document.querySelectorAll("code, p.num")) {
            one.textContent = one.textContent.replace(from, "/media/usb"); } }""", str(stick))
    file = SHOTS / f"drill-{name}.png"
    (page.locator(clip).first if clip else page).screenshot(path=file, animations="disabled")
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(file, optimize=True)


def terminal(browser: Browser, name: str, typed: str, words: str) -> None:
    """A picture of a terminal: what is typed, and what the command answered."""
    page = browser.new_page(viewport={"width": 860, "height": 200})
    page.set_content(TERMINAL.format(text=f"<b>$ {html.escape(typed)}</b>\n{html.escape(words.strip(chr(10)))}"))
    save(page, name, "body")
    page.close()


def scan(page: Page, code: str) -> None:
    """What a wedge scanner does."""
    page.evaluate("""code => { for (const key of [...code, "Enter"]) window.dispatchEvent(new KeyboardEvent("keydown", {
        key, code: key === "Enter" ? key : (/[0-9]/.test(key) ? "Digit" : "Key") + key, bubbles: true, cancelable: true })) }""", code)
    page.wait_for_selector("#verdict:not([hidden])[data-verdict]", timeout=30_000)


def gate(browser: Browser, laptop: Laptop) -> Page:
    """A tablet at the dining hall."""
    page = browser.new_context(viewport={"width": 1024, "height": 640}, locale="zh-CN", ignore_https_errors=True).new_page()
    code = command(laptop.data, "pair", "gate-dining")[0]["code"].replace(" ", "")
    page.goto(f"{laptop.url}/pair?code={code}")
    page.locator("form:has([name=code]) [type=submit]").first.click()
    page.wait_for_url("**/station")
    page.wait_for_selector("#link:not(:empty)")
    return page


def coordinator(browser: Browser, laptop: Laptop, is_first: bool) -> Page:
    """The coordinator's browser on the laptop."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN").new_page()
    page.goto(laptop.said(r"on this laptop:\s+(\S+)") + ("/setup" if is_first else "/login"))
    fields = {"name": NAME, "secret": PASSPHRASE}
    for field, text in ({"code": laptop.said(r"one-time code: (\d+)"), **fields, "again": PASSPHRASE} if is_first else fields).items():
        page.fill(f"[name={field}]", text)
    page.click("main button.primary, button.primary")
    page.wait_for_url("**/admin/")
    return page


def before(browser: Browser, laptop: Laptop, stick: Path, codes: list[str]) -> Page:
    """The stick is chosen; the laptop dies between a backup and a scan; the tablet goes on by itself."""
    page, tablet = coordinator(browser, laptop, True), gate(browser, laptop)
    page.goto(page.url + "care")
    page.fill("#backups input[name=folder]:not([type=hidden])", str(stick))
    page.click("#backups form:has(input[required]) button")
    page.wait_for_selector(".say.ok", timeout=60_000)
    save(page, "chosen", ".say.ok", stick)
    page.click("a.button:has-text('回到备份与检查')")
    page.wait_for_selector("#backups")
    save(page, "care", "#backups", stick)
    scan(tablet, codes[0])
    laptop.end(signal.SIGKILL)
    scan(tablet, codes[1])
    tablet.wait_for_timeout(1500)
    save(tablet, "offline")
    return tablet


def main() -> None:
    """The whole drill, with the minutes it took a machine."""
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    stick = Path(tempfile.mkdtemp(prefix="usb-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    film()
    first, second = Laptop(folder / "first", "demo", "--port", "0"), None
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            command(folder / "first", "badges", "--out", str(folder / "badges.csv"))
            codes = re.findall(r"\bB[0-9A-Z]{20}\b", (folder / "badges.csv").read_text(encoding="utf-8-sig"))
            tablet = before(browser, first, stick, codes[-2:])
            begun = time.monotonic()
            said, words = command(folder / "second", "restore", str(stick), "--pin-stdin", stdin=PASSPHRASE + "\n")
            words = words.replace(str(stick), "/media/usb")
            port = said["address"].rsplit(":", 1)[1]
            terminal(browser, "restore", "python app.py restore /media/usb", words.replace(f" --port {port}", ""))
            second = Laptop(folder / "second", "serve", "--port", port)
            terminal(browser, "serve", "python app.py serve", "\n".join(second.lines).replace(f":{port}", ":8443").replace(
                f":{int(port) + 1}", ":8444"))
            tablet.evaluate("dispatchEvent(new Event('online'))")
            tablet.wait_for_selector("#link.ok", timeout=60_000)
            tablet.wait_for_timeout(5000)
            save(tablet, "back")
            page = coordinator(browser, second, False)
            page.goto(page.url + "care")
            save(page, "again", "#backups")
            print(f"from the restore to the tablet: {time.monotonic() - begun:.0f} s; {command(folder / 'second', 'audit')[0]}")
    finally:
        for laptop in filter(None, (first, second)):
            laptop.end(signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(stick, ignore_errors=True)


if __name__ == "__main__":
    main()
