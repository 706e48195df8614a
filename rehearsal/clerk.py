"""A lead at the printers' page: answers "did slip … come out?" as the truth of the paper says, sees to printers."""
from __future__ import annotations

import http.client
import re
import threading
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from rehearsal.link import HOST, SECONDS
from rehearsal.paper import Papers

NAME, PIN = "演练组长", "835291"
LOOK = 0.5              # seconds between two looks at the printers' page
_TOKEN = re.compile(r'name="csrf[-_]token" (?:content|value)="([^"]+)"')
_QUESTION = re.compile(r'id="q-0*(\d+)".*?/admin/print-jobs/([0-9a-f-]+)/answer', re.DOTALL)
_SHOWN = re.compile(r"<p>([^<·]+?) ·")


class Page:
    """A browser without a screen, as far as forms need one: cookies, tokens, no redirects."""

    def __init__(self, port: int):
        self.port = port
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str]:
        """The status and text of a page. OSError, HTTPException."""
        return self._ask("GET", path, None)

    def post(self, path: str, token: str, **fields: str) -> int:
        """Sends a form; the status. OSError, HTTPException."""
        return self._ask("POST", path, urlencode({**fields, "csrf_token": token}))[0]

    def _ask(self, method: str, path: str, form: str | None) -> tuple[int, str]:
        link = http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        head = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())} if self._cookies else {}
        if form is not None:
            head["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            link.request(method, path, form, head)
            answer = link.getresponse()
            text = answer.read().decode("utf-8", "replace")
        finally:
            link.close()
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        return answer.status, text


def token_in(text: str) -> str:
    """The token that a page's forms carry; "" without one."""
    found = _TOKEN.search(text)
    return found[1] if found else ""


class Clerk:
    """The lead, in a thread of their own, at any node that answers."""

    def __init__(self, ports: list[int], papers: Papers):
        self.answered = {"yes": 0, "no": 0}
        self._ports, self._place, self._papers = ports, 0, papers
        self._page: Page | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="clerk", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Goes home."""
        self._stop.set()
        self._thread.join()

    def look(self) -> int:
        """Answers every question on the page; how many there were. OSError, HTTPException."""
        page = self._signed_in()
        status, text = page.get("/admin/printers/now")
        if status != 200:
            self._page = None
            return 0
        token, asked = token_in(text), 0
        for section in text.split('<section class="card ask question"')[1:]:
            asked += self._answer(page, token, section.split("</section>")[0])
        return asked

    def _answer(self, page: Page, token: str, section: str) -> bool:
        found, shown = _QUESTION.search(section), _SHOWN.search(section)
        if found is None:
            return False
        out = "yes" if self._papers.came_out(int(found[1]), shown[1] if shown else "") else "no"
        if page.post(f"/admin/print-jobs/{found[2]}/answer", token, out=out) == 303:
            self.answered[out] += 1
        return True

    def check(self, key: str) -> None:
        """Says that a printer has been seen to: it is asked at once. OSError, HTTPException."""
        page = self._signed_in()
        page.post(f"/admin/printers/{key}/check", token_in(page.get("/admin/printers/now")[1]))

    def _signed_in(self) -> Page:
        if self._page is None:
            page = Page(self._ports[self._place % len(self._ports)])
            status = page.post("/login", token_in(page.get("/login")[1]), name=NAME, secret=PIN)
            if status != 303:
                raise http.client.HTTPException(f"sign-in: {status}")
            self._page = page
        return self._page

    def _work(self) -> None:
        while not self._stop.wait(LOOK):
            try:
                self.look()
            except (OSError, http.client.HTTPException):
                self._page, self._place = None, self._place + 1     # that node is away: the next one
