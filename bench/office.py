"""The coordinator's browser, as far as an import needs one: signs in, uploads a roster, starts the import, waits."""
from __future__ import annotations

import http.cookiejar
import re
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from models.database import now
from models.people import Staff

NAME, SECRET = "测速", "bench-bench-bench"
LONGEST = 300.0                 # seconds for any step
LOOK = 0.25                     # seconds between two looks at the progress, as the page does it
_CSRF = re.compile(r'<meta name="csrf-token" content="([^"]+)"')


def hire(session: Session) -> None:
    """A coordinator with a passphrase."""
    import argon2

    session.add(Staff(name=NAME, role="coordinator", secret_hash=argon2.PasswordHasher().hash(SECRET), created_at=now()))


class Office:
    """One browser, signed in."""

    def __init__(self, port: int):
        self._at = f"http://127.0.0.1:{port}"
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())).open
        self._csrf = self._token("/login")
        self._post("/login", {"name": NAME, "secret": SECRET})
        self._csrf = self._token("/admin/import")

    def upload(self, file: Path) -> str:
        """Sends a roster and waits until it has been read; the path of the import."""
        border = uuid.uuid4().hex
        body = "".join(f'--{border}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}'
                       for name, more, value in (("csrf_token", "", f"{self._csrf}\r\n"),
                                                 ("file", f'; filename="{file.name}"', ""))).encode()
        body += file.read_bytes() + f"\r\n--{border}--\r\n".encode()
        answer = self._send("/admin/import", body, f"multipart/form-data; boundary={border}")
        path = urllib.parse.urlsplit(answer.geturl()).path
        self._wait(path)
        return path

    def start(self, path: str) -> None:
        """Writes what was read, and waits until it is done."""
        self._post(f"{path}/start", {})
        self._wait(path)
        if "refused" in (page := self._open(self._at + path).read().decode()) and "/start" in page:
            raise RuntimeError("the import was refused")

    def _wait(self, path: str) -> None:
        end = time.monotonic() + LONGEST
        while time.monotonic() < end:
            asked = urllib.request.Request(f"{self._at}{path}/progress", headers={"HX-Request": "true"})
            with self._open(asked) as answer:
                if answer.headers.get("HX-Redirect"):
                    return
            time.sleep(LOOK)
        raise RuntimeError("the import does not end")

    def _token(self, path: str) -> str:
        found = _CSRF.search(self._open(self._at + path).read().decode())
        if found is None:
            raise RuntimeError(f"{path} has no token: not signed in?")
        return found[1]

    def _post(self, path: str, form: dict[str, str]) -> None:
        self._send(path, urllib.parse.urlencode({"csrf_token": self._csrf, **form}).encode(),
                   "application/x-www-form-urlencoded").close()

    def _send(self, path: str, body: bytes, kind: str) -> Any:
        return self._open(urllib.request.Request(self._at + path, body, {"Content-Type": kind}))
