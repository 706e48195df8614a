"""What every answer tells the browser, whatever it is an answer to: scripts of ours only, no frame, no guessing of types,
nothing personal kept on a disk; and what no template may hold."""
from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.route_requests import request_of
from tests.route_world import PASSPHRASE, PEOPLE, World, build, copy
from tests.test_routes import TABLE

ROOT = Path(__file__).resolve().parent.parent
EXACT = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
         "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"}
SOURCES = {"'self'", "'none'", "'wasm-unsafe-eval'", "data:", "blob:"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An event with somebody of every kind."""
    folder = tmp_path_factory.mktemp("headers")
    with closing(copy(folder / "event", folder / "copy", *build(folder / "event"))) as made:
        yield made


def check(answer: TestResponse, what: str) -> None:
    """The headers of one answer."""
    for name, value in EXACT.items():
        assert answer.headers.getlist(name) == [value], (what, name)
    (policy,) = answer.headers.getlist("Content-Security-Policy")
    rules = {name: values for name, *values in (part.split() for part in policy.split(";"))}
    assert {value for values in rules.values() for value in values} <= SOURCES, what
    assert rules["default-src"] == ["'self'"]
    assert set(rules["script-src"]) == {"'self'", "'wasm-unsafe-eval'"}
    assert {rules[name][0] for name in ("frame-ancestors", "object-src", "base-uri")} == {"'none'"}
    assert rules["form-action"] == ["'self'"]
    features = dict(part.strip().split("=") for part in answer.headers["Permissions-Policy"].split(","))
    assert features["camera"] == "(self)"
    assert {features[name] for name in ("microphone", "geolocation", "payment", "usb")} == {"()"}
    assert "Access-Control-Allow-Origin" not in answer.headers
    for cookie in answer.headers.getlist("Set-Cookie"):
        assert "HttpOnly" in cookie, cookie
        assert "SameSite=Lax" in cookie or "SameSite=Strict" in cookie, cookie


@pytest.mark.parametrize("who", ["coordinator", "desk", "anyone"])
def test_every_page_and_every_refusal_carries_the_headers_and_no_cache_keeps_it(world: World, who: str) -> None:
    for route in (route for route in TABLE if route.startswith("GET")):
        path, _body = request_of(world, route, who)
        answer = world.call(who, "GET", path)
        answer.close()
        check(answer, route)
        if not path.startswith("/static/"):
            assert answer.headers.getlist("Cache-Control") == ["no-store"], route


def test_errors_files_redirects_and_answers_without_a_body_carry_the_headers(world: World) -> None:
    etag = world.call("anyone", "GET", "/static/app.css").headers["ETag"]
    for method, path, headers, status in (
            ("GET", "/nothing", {}, 404), ("PUT", "/login", {}, 405), ("POST", "/api/v1/scans", {"X-CSRFToken": ""}, 401),
            ("GET", "/admin", {}, 308), ("OPTIONS", "/login", {}, 200), ("HEAD", "/login", {}, 200), ("GET", "/static/nothing", {}, 404),
            ("GET", "/static/app.css", {"If-None-Match": etag}, 304), ("GET", "/static/app.css", {"Range": "bytes=0-9"}, 206),
            ("POST", "/login", {}, 413)):
        answer = world.call("anyone", method, path, headers, data=b" " * 3_000_000 if status == 413 else None)
        assert answer.status_code == status, (method, path, answer.status_code)
        check(answer, f"{method} {path}")


def test_a_file_of_personal_data_is_kept_by_no_browser(world: World) -> None:
    path, body = request_of(world, "POST /admin/care/files/<name>", "coordinator")
    for answer in (world.call("coordinator", "POST", path, **body),
                   world.call("coordinator", "GET", request_of(world, "GET /admin/badges/<key>/file", "coordinator")[0])):
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers.getlist("Cache-Control") == ["no-store"]


def test_each_cookie_is_hidden_from_scripts_and_from_other_sites(world: World) -> None:
    signed_in = world.call("anyone", "POST", "/login", data={"name": PEOPLE["lead"], "secret": PASSPHRASE})
    paired = world.call("anyone", "POST", "/pair", data={"code": "424242"})
    told = world.call("anyone", "POST", "/language", data={"lang": "en"})
    seen = "; ".join(name for answer in (signed_in, paired, told) for name in answer.headers.getlist("Set-Cookie"))
    for answer in (signed_in, paired, told):
        check(answer, "a cookie")
    assert {"huiwu_staff", "huiwu_station", "lang"} <= set(re.findall(r"(\w+)=", seen))
    assert re.search(r"huiwu_station=[^;]+;.*SameSite=Strict", paired.headers["Set-Cookie"])


def test_no_template_holds_a_script_a_style_or_a_handler_of_its_own() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")", text), path
        assert not re.search(r"<style|\sstyle\s*=|\son[a-z]+\s*=\s*[\"'{]|javascript:|hx-on|hx-vals=.js:", text, re.IGNORECASE), path
        assert not re.search(r"(src|href|action|data-url)=[\"']?(https?:)?//", text), path


def test_no_template_turns_escaping_off() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        assert not re.search(r"\|\s*safe\b|autoescape\s+false|Markup\(", path.read_text(encoding="utf-8")), path


def test_no_script_of_ours_reads_cookies_or_makes_code_of_text() -> None:
    for path in (ROOT / "static" / "js").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"document\.cookie|\beval\(|new Function|document\.write|localStorage\.setItem\([^)]*token", text), path


def test_no_answer_names_the_software_behind_it(world: World) -> None:
    for path in ("/login", "/nothing", "/api/v1/nothing", "/healthz"):
        answer: Any = world.call("anyone", "GET", path)
        assert not {"Server", "X-Powered-By"} & set(answer.headers.keys())
        assert not re.search(r"werkzeug|flask|python/|granian", answer.text, re.IGNORECASE), path
