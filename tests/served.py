"""The real server in a process of its own, as a person starts it, and a visitor who knows what a browser knows."""
from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

TABLET_WAITS = 10       # seconds, of what a tablet would wait for an answer
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Served:
    """`url` is the door for tablets, `beside` the plain door's address (the same over plain http)."""

    data: Path
    url: str
    beside: str
    code: str       # of the first coordinator
    said: str

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    def trusting(self) -> ssl.SSLContext:
        """What a tablet that installed the certificate has."""
        return ssl.create_default_context(cafile=str(self.data / "https" / "authority.pem"))


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Served]:
    """Serves a data folder at 127.0.0.1 on free ports, and stops."""
    server = subprocess.Popen(
        [sys.executable, "app.py", "--data", str(data), "--json", "serve", "--host", "127.0.0.1", "--port", "0", *options],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert server.stdout and server.stderr
    try:
        line = server.stdout.readline()
        assert line, server.stderr.read()
        said = ""
        while not (code := re.search(r"one-time code: (\d+)", said)):
            said += server.stderr.readline()
        beside = re.search(r"(http://localhost:\d+)/setup", said)
        assert beside
        yield Served(data, json.loads(line)["url"], beside[1], code[1], said)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.communicate(timeout=30)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    def cookies(self) -> dict[str, str]:
        """Name -> the whole Set-Cookie line."""
        return {line.split("=", 1)[0]: line for line in self.headers.get_all("Set-Cookie") or ()}


class Visitor:
    """A browser without a screen: it keeps cookies and sends back a form's token."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None):
        self.where, self.context, self.jar = urlsplit(url), context, dict[str, str]()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        link: Any = (http.client.HTTPSConnection(self.where.hostname, self.where.port, timeout=TABLET_WAITS, context=self.context)
                     if self.where.scheme == "https" else
                     http.client.HTTPConnection(self.where.hostname, self.where.port, timeout=TABLET_WAITS))
        try:
            head = {name.replace("_", "-"): value for name, value in headers.items()}
            if self.jar:
                head["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
            link.request(method, path, body, head)
            came = link.getresponse()
            answer = Answer(came.status, came.headers, came.read().decode("utf-8", "replace"))
        finally:
            link.close()
        for line in answer.cookies().values():
            for name, morsel in SimpleCookie(line).items():
                self.jar[name] = morsel.value
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def send(self, page: str, fields: dict[str, str]) -> Answer:
        """Opens a page and sends its form."""
        token = re.search(r'name="csrf-token" content="([^"]+)"', self.get(page).text)
        assert token
        return self.ask("POST", page, urlencode({**fields, "csrf_token": token[1]}).encode(),
                        Content_Type="application/x-www-form-urlencoded")

    def post_json(self, path: str, value: object, **headers: str) -> Answer:
        return self.ask("POST", path, json.dumps(value).encode(), Content_Type="application/json", **headers)
