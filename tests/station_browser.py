"""A tablet's browser in the tests: paired by its cookie, with the page's CSRF token, for pages and their parts."""
from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, Page, Playwright
from werkzeug.test import TestResponse

from kiosk import pairing

WHO = re.compile(r'data-who="([^"]+)"')


class PairedBrowser:
    """A browser that holds a station's cookie."""

    def __init__(self, app: Flask, code: str):
        self.client = app.test_client()
        self.csrf = csrf_of(self.client.get("/pair").text)
        answer = self.client.post("/pair", data={"code": code, "csrf_token": self.csrf})
        assert answer.status_code == 303, answer.text
        self.csrf = csrf_of(self.client.get("/pair").text)

    def get(self, path: str, part: bool = True) -> TestResponse:
        return self.client.get(path, headers={"HX-Request": "true"} if part else {})

    def post(self, path: str, part: bool = True, **form: Any) -> TestResponse:
        """Posts a form and follows the 303 as a browser does."""
        return self.client.post(path, data={"csrf_token": self.csrf, **form}, follow_redirects=True,
                                headers={"HX-Request": "true"} if part else {})

    def look_up(self, code: str) -> str:
        """The handle of the person behind a badge."""
        found = WHO.search(self.post("/desk/find", code=code).text)
        assert found
        return found[1]


def csrf_of(html: str) -> str:
    """The token in the page's head."""
    found = re.search(r'<meta name="csrf-token" content="([^"]+)"', html)
    assert found
    return found[1]


def pair_page(page: Page, url: str, write: Callable[..., Any], station: str) -> None:
    """Pairs a real browser through the page that the QR opens."""
    code = write(lambda session: pairing.new_code(session, station)).code.replace(" ", "")
    page.goto(f"{url}/pair?code={code}", wait_until="networkidle")
    page.click("button.primary")
    page.wait_for_url("**/station")
    page.wait_for_selector("#link:not(:empty)")


def camera_browser(playwright: Playwright, film: Path) -> Browser:
    """A Chromium whose camera plays a film, over and over."""
    binary = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return playwright.chromium.launch(executable_path=binary, args=[
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"])
