"""What the real server prints while people use it, and when it breaks, holds nothing of anybody (law 8)."""
from __future__ import annotations

import http.cookiejar
import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import scan

ROOT = Path(__file__).resolve().parent.parent
NAME, PHONE, ID_NUMBER, EMAIL = "慕容雪晴", "13877665544", "11010119880807665X", "xueqing@quant.example"


@pytest.fixture
def person(create_attendee: Callable[..., tuple[int, str]]) -> tuple[int, str]:
    """Somebody whose values would be seen: (id, code)."""
    return create_attendee(NAME, number="K778899", phone=PHONE, id_number=ID_NUMBER, email=EMAIL, folded=NAME,
                           search_keys="murongxueqing mrxq")


class Visitor:
    """A browser of the real server, without scripts."""

    def __init__(self, url: str):
        self.url, self.jar = url, http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.csrf, self.at = "", url

    def ask(self, path: str, data: Any = None, **headers: str) -> tuple[int, str]:
        """The status and the text of an answer; a form or (with Content-Type json) an object goes with it."""
        body = None
        if data is not None:
            as_json = isinstance(data, bytes)
            body = data if as_json else urllib.parse.urlencode({"csrf_token": self.csrf, **data}).encode()
            headers |= {"Content-Type": "application/json"} if as_json else {}
        asked = urllib.request.Request(self.url + path, body, headers)
        try:
            with self._opener.open(asked, timeout=30) as answer:
                status, text, self.at = answer.status, answer.read().decode(errors="replace"), answer.url
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode(errors="replace")
        if found := re.search(r'name="csrf-token" content="([^"]+)"', text):
            self.csrf = found[1]
        return status, text


@pytest.fixture
def served(data: Path, person: tuple[int, str], create_staff: Callable[..., None], runtime: Runtime) -> Iterator[tuple[str, Any]]:
    """The real server on an event with one person: its address, and a function that stops it and gives all it said."""
    create_staff("陈总", "coordinator", "long enough")
    runtime.engine.dispose()
    server = subprocess.Popen(
        [sys.executable, "app.py", "--data", str(data), "--json", "serve", "--host", "127.0.0.1", "--port", "0", "--http"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout

    def stop() -> str:
        server.send_signal(signal.SIGTERM)
        return "".join(server.communicate(timeout=30))
    try:
        yield json.loads(server.stdout.readline())["url"], stop
    finally:
        if server.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                stop()
        if server.poll() is None:
            server.kill()
            server.communicate()


def test_what_the_real_server_prints_holds_nothing_of_anybody(served: tuple[str, Any], data: Path, person: tuple[int, str]) -> None:
    url, stop = served
    code = run(data, "pair", "desk-1").payload["code"]
    stranger, visitor = Visitor(url), Visitor(url)
    token = json.loads(stranger.ask("/api/v1/pair", json.dumps({"code": code, "name": NAME}).encode())[1])["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    for text in (person[1], PHONE, ID_NUMBER):
        assert stranger.ask("/api/v1/scans", json.dumps(scan(text, "signin")).encode(), **bearer)[0] == 200
    assert stranger.ask("/api/v1/search", json.dumps({"q": NAME}).encode(), **bearer)[0] == 200
    assert stranger.ask("/api/v1/lookup", json.dumps({"code": person[1]}).encode(), **bearer)[0] == 200
    assert stranger.ask("/api/v1/scans", f'{{"id": "{PHONE}", "code": "{person[1]}"'.encode(), **bearer)[0] == 400
    visitor.ask("/login")
    assert visitor.ask("/login", {"name": NAME, "secret": PHONE})[0] == 403
    assert visitor.ask("/login", {"name": "陈总", "secret": "long enough"})[0] == 200
    assert NAME in visitor.ask("/admin/roster", {"q": NAME})[1]
    assert visitor.ask(f"/nothing/{PHONE}")[0] == 404
    with closing(sqlite3.connect(data / "huiwu.db", timeout=10)) as there, there:
        there.execute("DROP TABLE correction")              # from here on something is broken
    status, page = visitor.ask(f"/admin/roster/{person[0]}")
    assert status in (500, 503) and "Traceback" not in page and "correction" not in page and NAME not in page
    assert visitor.ask(f"/admin/roster/{person[0]}/edit", {"name": NAME, "category_key": "press", "phone": PHONE})[0] in (500, 503)
    said = stop()
    assert "correction" in said or "incident" in said           # the failure is there to be read
    assert not [one for one in (NAME, PHONE, ID_NUMBER, EMAIL, person[1], token, code, "long enough") if one in said]


def test_a_purge_from_the_page_of_the_running_server_leaves_nothing_in_its_folder(
        served: tuple[str, Any], data: Path, person: tuple[int, str]) -> None:
    url, stop = served
    code = run(data, "pair", "desk-1").payload["code"]
    token = json.loads(Visitor(url).ask("/api/v1/pair", json.dumps({"code": code, "name": "x"}).encode())[1])["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert Visitor(url).ask("/api/v1/scans", json.dumps(scan(person[1], "signin")).encode(), **bearer)[0] == 200
    visitor = Visitor(url)
    visitor.ask("/login")
    assert visitor.ask("/login", {"name": "陈总", "secret": "long enough"})[0] == 200
    assert visitor.ask("/admin/care/close", {"sure": "1"})[0] == 200
    _, page = visitor.ask("/admin/care/purge", {"event": "测试会议"})
    for _ in range(60):
        if "progress-line" not in page:
            break
        time.sleep(0.5)             # the work's own page is the only one who knows when it is over
        _, page = visitor.ask(urllib.parse.urlsplit(visitor.at).path)
    assert "1 人已匿名" in page, page
    assert Visitor(url).ask("/api/v1/scans", json.dumps(scan(person[1], "signin")).encode(), **bearer)[0] == 401
    for path in data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [one for one in (NAME, PHONE, ID_NUMBER, EMAIL, person[1], "陈总") if one.encode() in content], path.name
    assert "陈总" not in stop()
