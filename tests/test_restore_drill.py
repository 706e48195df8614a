"""docs/drill.md, played: the laptop dies between two backups, another one continues, and the tablets hand back the rest."""
from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.command_line import run
from tests.served import ROOT, Visitor
from tests.test_browser_modules import wedge_types

# A browser that goes hangs up on files under way, and the server lets them go to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
PASSPHRASE = "一二三四五六七八"
PATIENCE = 40       # seconds; a tablet with nothing to send asks twice a minute


class Laptop:
    """The real server of a data folder at a port; it can die as a laptop does."""

    def __init__(self, data: Path, port: int = 0):
        self.data = data
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--data", str(data), "--json", "serve", "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        assert self.process.stdout and self.process.stderr
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.url: str = json.loads(line)["url"]
        self.port = int(self.url.rsplit(":", 1)[1])

    def end(self, how: signal.Signals) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            self.process.communicate(timeout=30)

    def first_coordinator(self) -> None:
        assert self.process.stderr
        said = ""
        while not (code := re.search(r"one-time code: (\d+)", said)):
            said += self.process.stderr.readline()
        door = re.search(r"(http://localhost:\d+)/setup", said)
        assert door
        answer = Visitor(door[1]).send("/setup", {"code": code[1], "name": "陈总", "secret": PASSPHRASE, "again": PASSPHRASE})
        assert answer.status == 303, answer.text

    def head(self, context: ssl.SSLContext) -> int:
        return int(json.loads(Visitor(self.url, context).get("/healthz").text)["head"])


@contextmanager
def tablets(browser: Browser, laptop: Laptop, *stations: str) -> Iterator[list[Page]]:
    pages = []
    for station in stations:
        page = browser.new_context(locale="zh-CN", ignore_https_errors=True).new_page()
        code = run(laptop.data, "pair", station).payload["code"].replace(" ", "")
        page.goto(f"{laptop.url}/pair?code={code}")
        page.click("button.primary")
        page.wait_for_url("**/station")
        page.wait_for_selector("#link:not(:empty)")
        pages.append(page)
    try:
        yield pages
    finally:
        for page in pages:
            page.context.close()


def scan(page: Page, code: str) -> str:
    """A badge at a tablet; the id of the scan, once the screen has said something of it."""
    before = page.locator("#verdict").get_attribute("data-scan-id") or ""
    wedge_types(page, code, 0.005)
    verdict = page.locator(f"#verdict[data-scan-id]:not([data-scan-id='{before}'])")
    expect(verdict).to_be_visible(timeout=20_000)
    return str(verdict.get_attribute("data-scan-id"))


def until(page: Page, is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        page.wait_for_timeout(200)


def recorded(data: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{data / 'huiwu.db'}?mode=ro", uri=True)) as there:
        return [row[0] for row in there.execute("SELECT id FROM scan ORDER BY seq")]


def event_row(data: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(f"file:{data / 'huiwu.db'}?mode=ro", uri=True)) as there:
        there.row_factory = sqlite3.Row
        return dict(there.execute("SELECT epoch, backup_folder FROM event").fetchone())


def test_another_laptop_continues_and_every_scan_is_there_once(
        data: Path, tmp_path: Path, system_chromium: Browser, create_attendee: Callable[..., tuple[int, str]]) -> None:
    badges = [create_attendee(f"代表{n}")[1] for n in range(6)]
    stick, other = tmp_path / "stick", tmp_path / "other laptop"
    stick.mkdir()
    first, second = Laptop(data), None
    try:
        first.first_coordinator()
        with tablets(system_chromium, first, "gate-1", "gate-2") as (gate, door):
            scans = [scan(gate, badges[0]), scan(door, badges[1])]
            assert run(data, "backup", "--auto", stick).payload["head"] == 2
            scans += [scan(gate, badges[2]), scan(door, badges[3])]         # the backup lacks these
            assert recorded(data) == scans
            trust = (data / "https" / "authority.pem").read_text()
            first.end(signal.SIGKILL)
            scans.append(scan(gate, badges[4]))                             # nobody answers: the tablet keeps it

            said = run(other, "restore", stick, "--pin-stdin", stdin=PASSPHRASE + "\n")
            assert (said.code, said.payload["head"], said.payload["authority"]) == (0, 2, "taken"), said
            assert said.payload["address"] == first.url
            second = Laptop(other, first.port)
            trusting = ssl.create_default_context(cadata=trust)
            assert second.head(trusting) >= 2                               # the certificate that tablets installed
            for page in (gate, door):
                page.evaluate("dispatchEvent(new Event('online'))")         # the Wi-Fi is back
            until(gate, lambda: set(recorded(other)) == set(scans))
            scans.append(scan(door, badges[5]))
        assert sorted(recorded(other)) == sorted(scans)
        assert second.head(trusting) == len(scans)
        assert event_row(other)["epoch"] != event_row(data)["epoch"]
        assert event_row(other)["backup_folder"] is None                    # chosen anew
    finally:
        first.end(signal.SIGKILL)
        if second:
            second.end(signal.SIGTERM)
    assert run(other, "audit").payload == {"scans": len(scans), "differences": []}


@pytest.fixture
def stick(data: Path, tmp_path: Path, create_attendee: Callable[..., tuple[int, str]]) -> Path:
    """A stick of an event that was served over https, with its coordinator signed in once."""
    create_attendee()
    folder = tmp_path / "stick"
    folder.mkdir()
    laptop = Laptop(data)
    try:
        laptop.first_coordinator()
    finally:
        laptop.end(signal.SIGTERM)
    assert run(data, "backup", "--auto", folder).code == 0
    return folder


def test_the_key_that_tablets_trust_is_on_no_stick_as_it_is(stick: Path, data: Path) -> None:
    key = (data / "https" / "authority.key").read_text()
    body = "".join(key.splitlines()[1:-1])
    for file in stick.iterdir():
        content = file.read_bytes()
        assert body[:40].encode() not in content and b"PRIVATE KEY" not in content, file.name


def test_without_the_right_passphrase_the_event_comes_back_and_the_authority_stays_shut(stick: Path, tmp_path: Path) -> None:
    for n, typed in enumerate(("wrong passphrase\n", "\n", None)):
        options = ["--pin-stdin"] if typed else []
        said = run(tmp_path / f"other {n}", "restore", stick, *options, stdin=typed)
        assert (said.code, said.payload["authority"]) == (0, "locked")
        assert not (tmp_path / f"other {n}" / "https").exists()
        assert "/trust" in said.words


def test_a_passphrase_that_was_changed_opens_no_stick_written_afterwards(stick: Path, data: Path, tmp_path: Path) -> None:
    assert run(data, "staff", "reset", "陈总", "--pin-stdin", stdin="another passphrase\n").code == 0
    assert run(data, "backup", "--auto", stick).code == 0
    said = run(tmp_path / "other", "restore", stick, "--pin-stdin", stdin=PASSPHRASE + "\n")
    assert said.payload["authority"] == "none"


def test_an_authority_that_was_here_is_kept_beside_the_one_that_is_taken_over(stick: Path, tmp_path: Path, data: Path) -> None:
    other = tmp_path / "other"
    (other / "https").mkdir(parents=True)
    (other / "https" / "authority.pem").write_text("another")
    assert run(other, "restore", stick, "--pin-stdin", stdin=PASSPHRASE + "\n").payload["authority"] == "taken"
    assert (other / "https" / "authority.pem").read_text() == (data / "https" / "authority.pem").read_text()
    assert [file.read_text() for file in other.glob("https-before-restore-*/authority.pem")] == ["another"]
    assert run(other, "restore", stick).payload["authority"] == "here"


def test_the_address_that_tablets_look_for_is_said_where_this_laptop_has_another(
        stick: Path, tmp_path: Path) -> None:
    mark = next(stick.glob("*-laptop.json"))
    papers = json.loads(mark.read_text(encoding="utf-8"))
    mark.write_text(json.dumps({**papers, "url": "https://192.0.2.77:9443"}), encoding="utf-8")
    said = run(tmp_path / "other", "restore", stick)
    assert said.payload["address"] == "https://192.0.2.77:9443"
    assert "192.0.2.77" in said.words and "serve --port 9443" in said.words


def test_a_damaged_newest_backup_is_skipped_and_named(stick: Path, data: Path, tmp_path: Path) -> None:
    run(data, "backup", "--auto", stick)
    newest = max(stick.glob("*.db"))
    newest.write_bytes(newest.read_bytes()[:20_000])
    said = run(tmp_path / "other", "restore", stick)
    assert (said.code, said.payload["skipped"]) == (0, [newest.name])
    assert newest.name in said.words
    assert Path(said.payload["file"]) == min(stick.glob("*.db"))


@pytest.mark.parametrize("content", ["nothing", "strangers"])
def test_a_folder_without_backups_changes_nothing(data: Path, tmp_path: Path, content: str) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    if content == "strangers":
        (folder / "photo.jpg").write_bytes(b"jpg")
    before = event_row(data)
    said = run(data, "restore", folder)
    assert (said.code, said.payload["error"]) == (1, "no_backup")
    assert event_row(data) == before


def test_a_server_says_that_the_stick_is_missing_and_uses_it_when_it_is_back(stick: Path, data: Path, tmp_path: Path) -> None:
    stick.rename(tmp_path / "drawer")
    laptop = Laptop(data)
    try:
        house = Visitor(laptop.url, ssl.create_default_context(cafile=str(data / "https" / "authority.pem")))
        assert house.send("/login", {"name": "陈总", "secret": PASSPHRASE, "next": ""}).status == 303
        alerts = re.search(r'id="alerts".*?</section>', house.get("/admin/").text, re.S)
        assert alerts and "备份的 U 盘或文件夹不在" in alerts[0]
        (tmp_path / "drawer").rename(stick)
        end = time.monotonic() + PATIENCE
        while len(list(stick.glob("huiwu-*.db"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert "备份的 U 盘或文件夹不在" not in house.get("/admin/").text
    finally:
        laptop.end(signal.SIGTERM)
