"""The main job, end to end, on real parts: commands, the real server, a real browser with a camera, two printers.

Plan -> roster -> badges -> pairing -> a badge before the camera -> ledger -> slips on a network printer and on the
virtual one -> the dashboard counts without a reload.
"""
from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Page, Playwright, expect

from admin.samples import write_sample_roster
from printers.faulty import FaultyPrinter
from tests.command_line import run
from tests.station_browser import camera_browser
from tests.test_browser_modules import film, wedge_types

ROOT = Path(__file__).resolve().parent.parent

PLAN = """
[event]
name = "端到端会议"
name_en = "End to end"
timezone = "Asia/Shanghai"
starts = {today}
ends = {today}

[[category]]
key = "delegate"
name = "代表"
name_en = "Delegate"

[[service]]
key = "signin"
kind = "sign_in"
name = "报到"
name_en = "Check-in"
slip = true

[[service]]
key = "lunch"
kind = "meal"
name = "午餐"
opens = {before}
closes = {after}
slip = true

[[station]]
key = "kiosk-1"
name = "自助报到"
mode = "kiosk"
services = ["signin"]
printer = "front"

[[station]]
key = "gate-1"
name = "餐厅入口"
mode = "gate"
services = ["lunch"]
printer = "rear"

[[printer]]
key = "front"
url = "tcp://127.0.0.1:{port}"

[[printer]]
key = "rear"
url = "virtual://"
"""


@pytest.fixture
def printer() -> Iterator[FaultyPrinter]:
    with FaultyPrinter() as working:
        yield working


@pytest.fixture
def event(tmp_path: Path, printer: FaultyPrinter) -> Path:
    """An event made by the commands, with a roster and badges."""
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    plan = tmp_path / "方案.toml"
    plan.write_text(PLAN.format(today=now.date(), port=printer.port, before=f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}",
                                after=f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"), encoding="utf-8")
    data = tmp_path / "会议"
    roster = write_sample_roster(tmp_path / "名单.xlsx", 12, categories=["代表"])
    assert run(data, "init", "--plan", plan, "--roster", roster).payload["roster"]["new"] == 12
    return data


def codes(data: Path) -> list[str]:
    file = data / "badges.csv"
    run(data, "badges", "--out", file)
    with file.open(encoding="utf-8-sig", newline="") as rows:
        return [row["code"] for row in csv.DictReader(rows)]


@pytest.fixture
def served(event: Path) -> Iterator[tuple[str, str]]:
    """The real server: its address, and the code that makes the first coordinator."""
    server = subprocess.Popen(
        [sys.executable, "app.py", "--data", str(event), "--json", "serve", "--host", "127.0.0.1", "--port", "0", "--http"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout and server.stderr
    ready: dict[str, Any] = json.loads(server.stdout.readline())
    said = ""
    while not (code := re.search(r"one-time code: (\d+)", said)):
        said += server.stderr.readline()
    yield ready["url"], code[1]
    os.killpg(server.pid, signal.SIGTERM)
    server.communicate(timeout=30)


def pair(page: Page, url: str, data: Path, station: str) -> None:
    code = run(data, "pair", station).payload["code"].replace(" ", "")
    page.goto(f"{url}/pair?code={code}")
    page.click("button.primary")
    page.wait_for_url("**/station")


def codes_on(slip: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(slip.convert("L"))]


def test_from_a_roster_to_a_counted_scan(event: Path, served: tuple[str, str], printer: FaultyPrinter, browser_page: Page,
                                         playwright: Playwright, tmp_path: Path) -> None:
    url, setup = served
    mine, other = codes(event)[:2]
    browser_page.goto(f"{url}/setup")
    for field, text in {"code": setup, "name": "王会务", "secret": "long enough", "again": "long enough"}.items():
        browser_page.fill(f"[name={field}]", text)
    browser_page.press("[name=again]", "Enter")
    browser_page.wait_for_url("**/admin/")
    browser_page.evaluate("window.neverReloaded = true")
    expect(browser_page.locator("main")).not_to_contain_text("1 / 12")

    browser = camera_browser(playwright, film(tmp_path / "film.mjpeg", [mine], seen=30, blank=60))
    kiosk = browser.new_context(permissions=["camera"], locale="zh-CN").new_page()
    pair(kiosk, url, event, "kiosk-1")
    if kiosk.locator("[data-start]").is_visible():
        kiosk.click("[data-start]")
    kiosk.wait_for_selector("#verdict[data-verdict=accepted]", timeout=30_000)
    assert printer.wait_for_slips(1, 20)
    first = printer.slips[0]
    assert [code[0] for code in codes_on(first)] == ["S"]

    gate = browser.new_context(permissions=["camera"], locale="zh-CN").new_page()
    pair(gate, url, event, "gate-1")
    gate.wait_for_selector("#link:not(:empty)")
    wedge_types(gate, other, 0.01)
    gate.wait_for_selector("#verdict[data-verdict=accepted]")
    expect(browser_page.locator("#figures, main").first).to_contain_text(re.compile(r"1\s*/\s*12"))
    assert browser_page.evaluate("window.neverReloaded")
    browser.close()

    paper = event / "paper" / "rear"
    for _ in range(100):
        if paper.exists() and list(paper.glob("*.png")):
            break
        browser_page.wait_for_timeout(100)
    with Image.open(next(paper.glob("*.png"))) as drawn:
        assert [code[0] for code in codes_on(drawn)] == ["S"]
    assert run(event, "audit").payload["differences"] == []
