"""The test server itself: it serves, and a browser opens it."""
from __future__ import annotations


def test_a_browser_reaches_the_live_server(live_server, browser_page):
    browser_page.goto(f"{live_server.url}/healthz")
    assert '"status":"ok"' in browser_page.text_content("body")
