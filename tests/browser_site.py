"""A small real server for the browser tests: the templates, the static files and a scripted device API with faults.

It judges nothing: a test says what a code is answered with. What it keeps (ids in the order of their first arrival) is what
the outbox is tested against. The pages get the same content security policy as the product.
"""
from __future__ import annotations

import json
import threading
from collections import deque
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape

ROOT = Path(__file__).resolve().parent.parent
POLICY = ("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
          "worker-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm"}
BLANK = ('<!doctype html><html lang="zh-CN"><meta charset="utf-8"><meta name="csrf-token" content="token">'
         '<link rel="icon" href="/static/img/favicon.svg">'
         '<video id="video" playsinline muted></video><input id="search" type="search"><div id="toasts"></div>')


def station_answer(mode: str = "gate") -> dict[str, Any]:
    """What GET /api/v1/station says, with invented names long enough to hurt."""
    services = [
        {"key": "signin", "kind": "sign_in", "name": "报到", "name_en": "Sign-in", "windows": [], "open": mode == "kiosk",
         "limit": 1, "count": {"people": 311, "entitled": 480}},
        {"key": "lunch", "kind": "meal", "name": "12月5日午餐", "name_en": "Lunch, 5 December", "open": mode != "kiosk", "limit": 1,
         "windows": [{"opens": "2026-12-05T11:30:00+08:00", "closes": "2026-12-05T13:30:00+08:00"}],
         "count": {"people": 312, "entitled": 430}},
        {"key": "s1", "kind": "session", "name": "开幕式", "name_en": "Opening ceremony", "windows": [], "open": False,
         "limit": None, "count": {"people": 287, "entitled": 480, "inside": 287}},
    ]
    return {
        "station": {"key": "s-1", "name": "餐厅入口", "name_en": "Dining hall", "mode": mode}, "services": services,
        "categories": [{"key": "guest", "name": "嘉宾", "name_en": "Guest", "colour": "#8250df"}],
        "event": {"name": "2026年全国学术年会", "name_en": "Annual Meeting 2026", "timezone": "Asia/Shanghai", "trial": False},
        "programme": [{"starts": datetime.now(UTC).isoformat(), "name": "开幕式", "name_en": "Opening ceremony"},
                      {"starts": datetime.now(UTC).isoformat(), "name": "午餐 · 一层宴会厅", "name_en": "Lunch, banquet hall"}],
        "server_time": datetime.now(UTC).isoformat(), "epoch": "e1", "head": 0,
    }


class Site:
    """`faults` are taken one a POST of scans: "lost" (recorded, no answer), "dead" (nothing), or a status such as 503."""

    def __init__(self) -> None:
        self.faults: deque[str | int] = deque()
        self.always: str | int | None = None
        self.answers: dict[str, dict[str, Any]] = {}
        self.hits: list[dict[str, Any]] = []
        self.recorded: list[str] = []
        self.scans: list[dict[str, Any]] = []
        self.posts: list[dict[str, Any]] = []
        self.epoch, self.head_lost = "e1", 0
        self.language, self.trial = "zh-CN", False
        self.gate = threading.Event()
        self.gate.set()
        self.templates = Environment(loader=FileSystemLoader(ROOT / "templates"), autoescape=select_autoescape(), trim_blocks=True)
        self.templates.globals.update(_=lambda text: text, csrf_token=lambda: "token",
                                      url_for=lambda _endpoint, filename: f"/static/{filename}")
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def head(self) -> int:
        return len(self.recorded) - self.head_lost

    def station(self, mode: str) -> dict[str, Any]:
        answer = station_answer(mode) | {"epoch": self.epoch, "head": self.head()}
        answer["event"]["trial"] = self.trial
        return answer

    def page(self, mode: str) -> str:
        return self.templates.get_template(f"kiosk/{mode}.html").render(station=self.station(mode), lang=self.language)

    def record(self, scans: list[dict[str, Any]]) -> dict[str, Any]:
        results = []
        for scan in scans:
            replayed = scan["id"] in self.recorded
            answer = self.answers.get(scan.get("code", ""), {"verdict": "accepted", "reason": None})
            if not replayed and "error" not in answer:
                self.recorded.append(scan["id"])
                self.scans.append(scan)
            results.append({"id": scan["id"], "replayed": replayed, "hints": [], **answer})
        return {"results": results, "head": self.head(), "epoch": self.epoch, "server_time": datetime.now(UTC).isoformat()}


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: the paths of a failing test would hide its message."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/static/"):
            return self.give_file(ROOT / path.lstrip("/"))
        if path in ("/kiosk", "/gate"):
            return self.give(200, self.site.page(path[1:]).encode(), "text/html; charset=utf-8")
        if path == "/blank":
            return self.give(200, BLANK.encode(), "text/html; charset=utf-8")
        if path == "/api/v1/station":
            return self.give_json(200, self.site.station(self.headers.get("Referer", "gate").rsplit("/", 1)[-1] or "gate"))
        return self.give(404, b"", "text/plain")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.site.posts.append({"path": self.path, "body": body, "headers": dict(self.headers)})
        self.site.gate.wait(10)
        if self.path == "/api/v1/scans":
            return self.take_scans(body)
        if self.path == "/api/v1/search":
            return self.give_json(200, {"hits": self.site.hits, "message": ""})
        if self.path == "/api/v1/grant":
            return self.give_json(201, {"grant": "g-1", "role": "lead", "expires_at": "2026-12-05T12:00:00Z"})
        return self.give_json(200, {"id": body.get("id"), "verdict": "accepted", "reason": None})

    def take_scans(self, body: list[dict[str, Any]]) -> None:
        fault = self.site.always or (self.site.faults.popleft() if self.site.faults else None)
        if isinstance(fault, int):
            return self.give_json(fault, {"error": "not_now", "message": ""})
        if fault != "dead":
            answer = self.site.record(body)
        if fault:
            self.close_connection = True
            return self.connection.close()
        return self.give_json(200, answer)

    def give_file(self, file: Path) -> None:
        if not file.is_file():
            return self.give(404, b"", "text/plain")
        return self.give(200, file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))

    def give_json(self, status: int, value: Any) -> None:
        self.give(status, json.dumps(value).encode(), "application/json")

    def give(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)
