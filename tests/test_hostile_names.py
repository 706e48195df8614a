"""Every text that anybody can type is an attack: on every page in a real browser, as a template, as SQL (issue 6)."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pypdfium2
import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from admin.badges import BadgeCard, BadgeSheet, make_pdf
from models.people import Attendee
from printers import slip
from printers.slip import SlipContent
from tests import rosters
from tests.conftest import Tablet, token_of
from tests.hostile_event import CODE, MARK, MARKUP, SUM, hostile_world, served
from tests.route_requests import request_of
from tests.route_world import World
from tests.uploads import form

WHO = ("coordinator", "desk", "kiosk", "gate", "board")
NO_PAGES = ("GET /static/<path:filename>", "GET /api/v1/live")        # a file of ours; a stream without end
ALERT = """document.addEventListener('securitypolicyviolation', event =>
  console.error('POLICY ' + event.violatedDirective + ' ' + event.blockedURI + ' ' + event.sample))"""
SETTLED = "() => fetch('/healthz').then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 30))))"


def routes(app: Flask) -> list[str]:
    """Every GET route of the application's own map, as the table of routes writes it."""
    found = {f"GET {re.sub(r'<any[^>]*:table>', '<table>', rule.rule)}" for rule in app.url_map.iter_rules()
             if "GET" in (rule.methods or ())}
    return sorted(found - set(NO_PAGES))


# --- markup, in a real browser ---

@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, str]]:
    """The event full of markup, behind a real socket."""
    world = hostile_world(tmp_path_factory.mktemp("markup"), MARKUP)
    with served(world) as url:
        yield world, url


class Watched:
    """A caller's browser that notes what must not happen."""

    def __init__(self, browser: Browser, world: World, url: str, who: str):
        self.context: BrowserContext = browser.new_context(locale="zh-CN")
        cookies = [f"huiwu_session={world.cookies['session']}", world.cookies[who]]
        self.context.add_cookies([{"name": name, "value": value, "url": url} for name, _, value in (one.partition("=") for one in cookies)])
        self.context.add_init_script(ALERT)
        self.page: Page = self.context.new_page()
        self.bad: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("console", lambda line: self.bad.append(line.text) if re.search("POLICY|Content Security", line.text) else None)
        self.page.on("request", lambda asked: self.bad.append(asked.url) if asked.url.endswith(("/x", "/x=")) else None)

    def _dialog(self, dialog: Any) -> None:
        self.bad.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def look(self) -> str:
        """The page's text once its scripts have run; nothing of the attack may be an element or an attribute."""
        self.page.evaluate(SETTLED)
        assert self.page.locator(f"[{MARK}], [onerror], [onload], a[href^='javascript']").count() == 0, self.page.url
        assert self.bad == [], self.page.url
        return str(self.page.evaluate("() => document.documentElement.textContent + [...document.querySelectorAll('input,option')]"
                                      ".map(one => one.value + one.getAttribute('aria-label')).join()"))


@pytest.mark.parametrize("who", WHO)
def test_no_page_of_the_map_takes_a_text_for_markup(site: tuple[World, str], system_chromium: Browser, who: str) -> None:
    world, url = site
    watched, seen, opened = Watched(system_chromium, world, url, who), 0, 0
    for route in routes(world.app):
        path, _ = request_of(world, route, who)
        answer = world.call(who, "GET", path)
        if answer.status_code != 200 or "text/html" not in answer.headers["Content-Type"]:
            continue
        answer.close()
        watched.page.goto(f"{url}{path}", wait_until="load")
        opened += 1
        seen += MARK in watched.look()
    watched.context.close()
    assert opened >= (25 if who == "coordinator" else 5)
    assert seen >= {"coordinator": 20, "desk": 6, "gate": 1, "kiosk": 1, "board": 1}[who]


# The browser hangs up on files under way, and the test server lets them go to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_search_and_no_verdict_takes_a_name_for_markup(site: tuple[World, str], system_chromium: Browser) -> None:
    world, url = site
    coordinator = Watched(system_chromium, world, url, "coordinator")
    coordinator.page.goto(f"{url}/admin/roster")
    coordinator.page.fill("input[name=q]", "N1")
    coordinator.page.keyboard.press("Enter")
    coordinator.page.wait_for_load_state("networkidle")
    assert MARK in coordinator.look()
    for who, service in (("desk", "bag"), ("gate", "lunch")):
        tablet = Watched(system_chromium, world, url, who)
        tablet.page.goto(f"{url}/station", wait_until="load")
        tablet.page.wait_for_selector("#link:not(:empty)")
        tablet.look()
        tablet.page.keyboard.type(world.ids["second code"], delay=2)
        tablet.page.keyboard.press("Enter")
        tablet.page.wait_for_function(f"() => document.body.textContent.includes('{MARK}')")
        assert MARK in tablet.look(), service
        tablet.context.close()
    coordinator.context.close()


def test_an_uploaded_roster_of_markup_is_shown_as_text(site: tuple[World, str], system_chromium: Browser) -> None:
    world, url = site
    watched = Watched(system_chromium, world, url, "coordinator")
    rows = [["编号", "姓名", "单位", "备注", "类别", MARKUP], ["M1", MARKUP, "javascript:alert(1)", MARKUP, "代表", MARKUP],
            ["M2", "李四", MARKUP, MARKUP, MARKUP, MARKUP], ["N1", MARKUP + "!", MARKUP, "", "", ""]]
    for data in (rosters.xlsx(rows, name="<img data-pwned>"), rosters.xlsx([[MARKUP, "b"], ["a", "b"]])):
        sent = form("file", "'><img src=x onerror=alert(1) data-pwned>.xlsx", data)
        where = world.call("coordinator", "POST", "/admin/import", **sent).location
        for show in ("refused", "changed", "new"):
            watched.page.goto(f"{url}{where}?show={show}", wait_until="load")
            assert MARK in watched.look()
    watched.context.close()


# --- templates ---

@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The event full of template code."""
    world = hostile_world(tmp_path_factory.mktemp("templates"), CODE)
    yield world
    world.close()


@pytest.mark.parametrize("who", WHO)
def test_no_page_runs_a_text_as_a_template(templates: World, who: str) -> None:
    seen = 0
    for route in routes(templates.app):
        path, _ = request_of(templates, route, who)
        answer = templates.call(who, "GET", path)
        assert answer.status_code < 500, path
        text = answer.get_data(as_text=True) if (answer.mimetype or "").startswith(("text/", "application/json")) else ""
        answer.close()
        assert f">{SUM}" not in text and f"{SUM}{{" not in text and f"{SUM}<" not in text, path
        assert "root:x:" not in text
        assert "&lt;Config" not in text
        seen += "191*7" in text
    assert seen >= 1


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_staff_type_into_forms_comes_back_as_they_typed_it(templates: World, lang: str) -> None:
    for path in ("/admin/plan/event", "/admin/plan/service/bag", "/admin/plan/category/delegate", "/admin/plan/station/desk-1"):
        page = templates.call("coordinator", "GET", path, headers={"Accept-Language": lang}).text
        assert "{{191*7}}{%x%}{#c#}#eval(&#34;191*7&#34;)" in page
    plan = templates.call("coordinator", "GET", "/admin/plan/export")
    assert "{{191*7}}{%x%}{#c#}#eval(" in plan.text
    plan.close()


def card(text: str, **more: str) -> BadgeCard:
    """A badge that says the same everywhere."""
    texts = dict.fromkeys(("number", "name", "name_en", "organisation", "post", "category", "category_en"), text)
    return BadgeCard(**{**texts, **more}, colour="#1f6feb", code="B" + "0" * 20)


@pytest.mark.parametrize("text", ["#eval(\"191*7\")", "#{191*7}", "{{191*7}}", "#read(\"/etc/passwd\")",
                                  "$ 191 * 7 $", "\\u{53EB}", "*bold* _it_ `raw`", "#panic()",
                                  "= title", "#import \"x\"", "#sys.inputs", "%(x)s", "\\\"'"])
def test_a_badge_says_a_text_as_it_is_and_runs_none_of_it(text: str) -> None:
    made = make_pdf([card(text)], BadgeSheet(text, text, text, text), allow_missing=True)
    document = pypdfium2.PdfDocument(made)
    page = document[0].get_textpage()
    said = re.sub(r"\s", "", page.get_text_range())
    page.close()
    document.close()
    assert re.sub(r"\s", "", text) in said
    assert SUM not in said
    assert "root:x:" not in said
    assert "叫" not in said


def test_a_slip_says_a_text_as_it_is() -> None:
    same = SlipContent(kind="slip", event="会", title="报到", name=CODE, note=CODE)
    done = SlipContent(kind="slip", event="会", title="报到", name=CODE.replace("{{191*7}}", SUM), note=CODE)
    assert CODE in list(same.texts())
    assert slip.draw(same, 576).tobytes() != slip.draw(done, 576).tobytes()


def test_a_slip_s_job_keeps_the_texts_of_the_event_as_they_are(templates: World) -> None:
    from tests.conftest import scan

    answer = templates.call("desk", "POST", "/api/v1/scans", json=scan(templates.ids["second code"], "signin", force=False))
    assert answer.status_code == 200
    from models.scans import PrintJob

    with templates.runtime.reading() as session:
        contents = [str(job.content) for job in session.scalars(select(PrintJob)) if job.kind == "slip"]
    assert contents
    assert not [one for one in contents if SUM in one]


# --- SQL ---

SQL = [
    "' OR '1'='1", "\" OR \"\"=\"", "'; DROP TABLE attendee; --", "1) OR 1=1 --", "%", "_", "%%", "__", "\\", "\\%", "*", "?", ":x",
    "%s", "' UNION SELECT secret_hash FROM staff --", "0 OR 1=1", "-1", "1" * 40, "9223372036854775808", "١٢٣٤", "²³", "nan", "1e400",
    "\0", "a\0b", "\0\0\0", "%\0", "\ufffd", "名" * 5000, "[", "(", "NULL", "[]", "{}"]


class Asked(MultiDict[str, str]):
    """Notes which names a view looks up."""

    names: set[str] = set()  # noqa: RUF012  shared on purpose: what all requests of the test asked for

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        return super().__getitem__(key)

    def get(self, key: str, *more: Any, **others: Any) -> Any:
        self.names.add(key)
        return super().get(key, *more, **others)


class Noting(Request):
    """A request whose parameters are noted."""

    parameter_storage_class = Asked


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The ordinary event of the route tests, whose requests note what is looked up."""
    world = hostile_world(tmp_path_factory.mktemp("sql"), "平常")
    world.app.request_class = Noting
    yield world
    world.close()


def _parameters(world: World, route: str) -> set[str]:
    """The names that a page looks for in its address; those of the filters when they are handed on whole."""
    Asked.names = set()
    path, _ = request_of(world, route, "coordinator")
    world.call("coordinator", "GET", path).close()
    return Asked.names | {"q", "page", "sort", "before", "person", "service", "station", "verdict", "category", "delegation", "state",
                          "signed", "number", "next", "show", "kind", "who", "said", "missing", "after", "code"}


@pytest.mark.parametrize("route", [
    "GET /admin/roster", "GET /admin/ledger", "GET /admin/disclosures", "GET /admin/printers", "GET /admin/import/<key>",
    "GET /admin/plan/new/<table>", "GET /admin/badges", "GET /admin/roster/<int:attendee_id>", "GET /login", "GET /pair", "GET /admin/"])
def test_no_parameter_of_a_list_is_sql_or_an_error(plain: World, route: str) -> None:
    path, _ = request_of(plain, route, "coordinator")
    for name in sorted(_parameters(plain, route)):
        for text in SQL:
            answer = plain.call("coordinator", "GET", path, query_string={name: text})
            assert answer.status_code < 500, (path, name, text[:30])
            assert "argon2" not in answer.text, (path, name, text[:30])
            answer.close()


def test_no_part_of_an_address_is_sql_or_an_error(plain: World) -> None:
    for who in ("coordinator", "desk"):
        for rule in plain.app.url_map.iter_rules():
            if "GET" not in (rule.methods or ()) or not rule.arguments or rule.endpoint == "static":
                continue
            for text in (*SQL[:24], "../../etc/passwd", "..%2f..%2fhuiwu.db"):
                path = re.sub(r"<int:[^>]*>", "9" * 25, rule.rule)
                path = re.sub(r"<uuid:[^>]*>", "0d4c2c1e-0000-4000-8000-000000000000", path)
                path = re.sub(r"<any[^>]*>", "service", path)
                path = re.sub(r"<[^>]*>", lambda _: text.replace("/", "%2F").replace("?", "%3F").replace("#", "%23"), path)  # noqa: B023
                answer = plain.call(who, "GET", path)
                assert answer.status_code < 500, path
                answer.close()


FORMS = {("coordinator", "/admin/roster"): ("q", "category", "delegation", "state", "signed", "page"),
         ("coordinator", "/admin/ledger/person"): ("q",), ("coordinator", "/admin/disclosures"): ("person", "who", "before"),
         ("desk", "/desk/find"): ("q", "code")}
FILTERS = {"q", "category", "state", "signed", "code", "who"}


@pytest.mark.parametrize(("who", "path"), FORMS)
def test_no_field_of_a_search_is_sql_an_error_or_everybody(plain: World, who: str, path: str) -> None:
    for name in FORMS[who, path]:
        for text in SQL:
            answer = plain.call(who, "POST", path, data={name: text}, follow_redirects=False)
            assert answer.status_code < 500, (name, text[:30])
            assert "argon2" not in answer.text
            if name in ("q", "code"):
                assert not _everybody(answer.text), (name, text[:30])


def _everybody(html: str) -> bool:
    return "N1" in html and "N2" in html


@pytest.mark.parametrize("who", ["desk", "kiosk"])
def test_no_search_of_a_tablet_is_sql_an_error_or_everybody(plain: World, who: str) -> None:
    for text in (*SQL, "平常____", "平常%%%%", "%7777", "%' OR 1=1 --7777"):
        answer = plain.call(who, "POST", "/api/v1/search", json={"q": text})
        assert answer.status_code < 500, text[:30]
        assert len(answer.get_json().get("hits") or []) < 2, text[:30]
        found = plain.call(who, "POST", "/api/v1/lookup", json={"code": text})
        assert found.status_code < 500, text[:30]


@pytest.mark.parametrize(("words", "wanted"), [("百分之%", {"WORT-1"}), ("下划_线", {"WORT-2"}), ("%%", set()), ("__", set()),
                                               ("反\\斜", {"WORT-3"}),
                                               ("百分_%", set()), ("下划%线", set())])
def test_the_wildcards_of_sql_are_letters_like_others_in_a_search(
        coordinator: FlaskClient, desk: Tablet, create_attendee: Callable[..., tuple[int, str]], write: Callable[..., Any],
        words: str, wanted: set[str]) -> None:
    from models.names import fold, search_keys

    people = (("WORT-1", "百分之%人"), ("WORT-2", "下划_线人"), ("WORT-3", "反\\斜人"), ("WORT-4", "百分之百人"),
              ("WORT-5", "下划横线人"))
    for number, name in people:
        create_attendee(name, number=number, folded=fold(name), search_keys=search_keys(name), organisation=name)
    html = coordinator.post("/admin/roster", data={"csrf_token": token_of(coordinator, "/admin/roster"), "q": words}).text
    assert {number for number in ("WORT-1", "WORT-2", "WORT-3", "WORT-4", "WORT-5") if number in html} == wanted
    hits = desk.call("POST", "/api/v1/search", {"q": words})[1]["hits"]
    assert len(hits) == len(wanted)


def test_an_attack_on_the_tables_leaves_them(plain: World) -> None:
    for table in ("attendee", "scan", "staff"):
        plain.call("coordinator", "POST", "/admin/roster", data={"q": f"'; DROP TABLE {table}; --"})
    with plain.runtime.reading() as session:
        assert len(session.scalars(select(Attendee)).unique().all()) == 2


