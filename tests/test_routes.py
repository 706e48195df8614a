"""Every route, for everybody: docs/routes.md is compared with the application's own map and then done, line by line."""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from kiosk import pairing
from models import codes
from tests.conftest import scan
from tests.route_requests import GOOD, request_of
from tests.route_world import CALLERS, NOBODIES, PEOPLE, PRIVATE, TABLETS, Copies, Watch, World, build, copy

PAGE = Path(__file__).resolve().parent.parent / "docs" / "routes.md"
LINES = [[cell.strip().strip("`") for cell in line.strip("| ").split(" | ")]
         for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| (GET|POST) \|", line)]
TABLE = {f"{line[0]} {line[1]}": dict(zip(CALLERS, (cell == "✓" for cell in line[2:]), strict=True))
         for line in LINES if len(line) == 2 + len(CALLERS)}
KEPT_ASIDE = {("revoked tablet", "POST /api/v1/scans"), ("revoked tablet", "POST /api/v1/scans/<uuid:scan_id>/void")}
OTHERS = {(f"{line[0]} {line[1]}", line[2]): int(line[3]) for line in LINES if len(line) == 4}


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Another event."""
    folder = tmp_path_factory.mktemp("another")
    with closing(copy(folder / "event", folder / "copy", *build(folder / "event"))) as made:
        yield made


@pytest.fixture(scope="module")
def event(another: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], dict[str, Any]]:
    """The event as it is before anybody asks; those of the other event are callers, too."""
    folder = tmp_path_factory.mktemp("routes")
    cookies, ids = build(folder / "event")
    theirs = another.cookies
    cookies |= {"tablet of another event": theirs["desk"], "coordinator of another event": theirs["coordinator"]}
    return folder / "event", cookies, ids


@pytest.fixture(scope="module")
def world(event: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One copy, which nothing in these tests may change."""
    with closing(copy(event[0], tmp_path_factory.mktemp("shared") / "event", *event[1:])) as made:
        yield made


@pytest.fixture
def fresh(event: Any, tmp_path: Path) -> Iterator[Copies]:
    """Makes copies that may be written to."""
    with closing(Copies(event[0], event[1], event[2], tmp_path)) as copies:
        yield copies


PROVES = "GET /healthz"         # a write that is on the disk, and takes it back


@pytest.fixture(scope="module")
def commits(world: World) -> Iterator[Watch]:
    """The shared copy's commits."""
    watch = Watch(world)
    yield watch
    watch.close()


def routes_of(app: Flask) -> set[str]:
    """Method and address of every route, without what Flask answers by itself."""
    return {f"{method} {re.sub(r'<any[^>]*:table>', '<table>', rule.rule)}" for rule in app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def method_of(route: str) -> str:
    """The method of a line of the table."""
    return route.split(maxsplit=1)[0]


def is_turned_away(answer: TestResponse, who: str, route: str) -> bool:
    """Whether it is the answer of somebody who may not, and tells them nothing."""
    known = who in TABLETS or who in PEOPLE
    if " /api/" in route:
        told = {"error", "message"} | ({"kept"} if (who, route) in KEPT_ASIDE else set())
        right = answer.status_code == (403 if known else 401) and set(answer.get_json()) == told
    elif who in PEOPLE:
        right = answer.status_code == 403
    else:
        right = answer.status_code == 303 and answer.location.startswith("/login")
    return right and not [word for word in PRIVATE if word in answer.text]


# --- the table and the map ---

def test_the_table_has_every_route_and_no_other(world: World) -> None:
    assert routes_of(world.app) == set(TABLE)


def test_every_view_says_who_may_call_it(world: World) -> None:
    for rule in world.app.url_map.iter_rules():
        view = world.app.view_functions[rule.endpoint]
        assert rule.endpoint == "static" or getattr(view, "may", None), rule.rule


def test_every_write_has_a_good_request_to_try_it_with() -> None:
    assert {route for route in TABLE if route.startswith("POST")} == {route for route in GOOD if route.startswith("POST")}


def test_no_route_takes_anything_but_get_and_post(world: World) -> None:
    assert {method_of(route) for route in routes_of(world.app)} == {"GET", "POST"}


# --- who may not ---

@pytest.mark.parametrize("route", [route for route, may in TABLE.items() if not may["anyone"]])
def test_who_may_not_is_turned_away_and_nothing_is_shown_or_written(world: World, commits: Watch, route: str) -> None:
    may = TABLE[route]
    for who in (*(who for who in CALLERS if not may[who]), *NOBODIES):
        path, body = request_of(world, route, who)
        before = commits()
        answer = world.call(who, method_of(route), path, **body)
        assert is_turned_away(answer, who, route), (who, answer.status_code, answer.location)
        assert commits() == before or (who, route) in KEPT_ASIDE, who      # behaviour 43: tests/test_aside.py


def test_whoever_tries_to_reach_a_page_by_another_method_is_turned_away_too(world: World, commits: Watch) -> None:
    for route, may in TABLE.items():
        if route.startswith("GET") and not may["anyone"]:
            path, _body = request_of(world, route, "anyone")
            before = commits()
            answer = world.call("anyone", "HEAD", path)
            assert answer.status_code == 401 or answer.location.startswith("/login"), route
            assert commits() == before, route
    before = commits()
    for path in ("/admin/staff", "/api/v1/scans"):
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "FOO"):
            assert world.call("coordinator", method, path).status_code == 405
    assert commits() == before


# --- who may ---

@pytest.mark.parametrize("route", [route for route in TABLE if route.startswith("GET")])
def test_who_may_look_is_let_in_and_looking_writes_nothing(world: World, commits: Watch, route: str) -> None:
    for who in (who for who in CALLERS if TABLE[route][who]):
        path, _body = request_of(world, route, who)
        before = commits()
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = world.call(who, method, path)
            answer.close()
            assert answer.status_code < 400, (who, method)
            assert not (answer.location or "").startswith("/login") or route in ("GET /login", "GET /"), who
        assert commits() == before or route == PROVES, who


@pytest.mark.parametrize("route", [route for route in TABLE if route.startswith("POST")])
def test_who_may_write_is_let_in(fresh: Copies, route: str) -> None:
    good = GOOD[route]
    for who in (who for who in CALLERS if TABLE[route][who]):
        world = fresh()
        path, body = request_of(world, route, who)
        answer = world.call(who, "POST", path, **body)
        assert answer.status_code == good.status or (good.status is None and answer.status_code < 400), (who, answer.text)
        assert not (answer.location or "").startswith("/login?next"), who


# --- what belongs to another ---

def other_cases() -> dict[tuple[str, str], Callable[[World, World], TestResponse]]:
    """How each line of the second table is done, in a world and beside another event's."""
    hit, work = "another tablet's search hit", "another coordinator's work"
    void = "POST /api/v1/scans/<uuid:scan_id>/void"
    cases: dict[tuple[str, str], Callable[[World, World], TestResponse]] = {
        ("POST /api/v1/scans", "another station's service"): lambda here, _there: here.call(
            "gate", "POST", "/api/v1/scans", json=scan(here.ids["person code"], "bag")),
        ("POST /api/v1/scans", hit): lambda here, _there: _by_handle(here, here.handle("second desk")),
        ("POST /api/v1/scans", "another event's search hit"): lambda here, there: _by_handle(here, there.handle()),
        ("POST /api/v1/scans", "another tablet's grant, to force"): lambda here, _there: here.call(
            "desk", "POST", "/api/v1/scans", {"X-Grant": _grant(here)},
            json=scan(here.ids["person code"], "signin", force=True, reason="x")),
        (void, "another station's scan"): lambda here, _there: _void(here, here.ids["scan gate"]),
        (void, "another station's scan, with another tablet's grant"): lambda here, _there: _void(
            here, here.ids["scan gate"], {"X-Grant": _grant(here)}),
        (void, "another event's scan"): lambda here, there: _void(here, there.ids["scan desk"]),
        ("POST /api/v1/pair", "another event's pairing code"): lambda here, there: here.call(
            "anyone", "POST", "/api/v1/pair", json={"code": there.runtime.writer.do(lambda s: pairing.new_code(s, "desk-1")).code}),
        ("POST /desk/reprint", "another event's slip"): lambda here, there: here.call(
            "desk", "POST", "/desk/reprint", data={"job": there.ids["job"]}),
        ("POST /desk/came-out", "another event's slip"): lambda here, there: here.call(
            "desk", "POST", "/desk/came-out", data={"job": there.ids["unknown job"], "out": "yes"}),
        ("POST /desk/came-out", "another station's slip"): lambda here, _there: here.call(
            "desk", "POST", "/desk/came-out", data={"job": here.ids["unknown job"], "out": "yes"}),
    }
    for route in ("GET /desk/person", "GET /desk/jobs", "GET /desk/correct", "GET /desk/replace"):
        cases[route, hit] = lambda here, _there, route=route: here.call(  # type: ignore[misc]
            "desk", "GET", f"{route.split()[1]}?who={here.handle('second desk')}")
    for route in ("POST /desk/handle", "POST /desk/phone", "POST /desk/correct", "POST /desk/replace"):
        cases[route, hit] = lambda here, _there, route=route: here.call(  # type: ignore[misc]
            "desk", "POST", route.split()[1], data={**request_of(here, route, "desk")[1]["data"], "who": here.handle("second desk")})
    for route in TABLE:
        if re.search(r"/admin/(badges|import|care/work)/<key>", route):
            cases[route, work] = lambda here, _there, route=route: _as_second_coordinator(here, route)  # type: ignore[misc]
    return cases


def _by_handle(here: World, handle: str) -> TestResponse:
    body = {key: value for key, value in scan("", "signin").items() if key != "code"}
    return here.call("desk", "POST", "/api/v1/scans", json={**body, "attendee": handle})


def _void(here: World, scan_id: str, headers: dict[str, str] | None = None) -> TestResponse:
    return here.call("desk", "POST", f"/api/v1/scans/{scan_id}/void", headers, json={"id": str(uuid.uuid4()), "reason": "x"})


def _grant(here: World) -> str:
    """A lead's grant for the gate's tablet."""
    answer = here.call("gate", "POST", "/api/v1/grant", json={"name": PEOPLE["lead"], "pin": "correct horse"})
    return str(answer.get_json()["grant"])


def _as_second_coordinator(here: World, route: str) -> TestResponse:
    path, body = request_of(here, route, "coordinator")
    mine = here.call("coordinator", "GET", path.removesuffix("/drop").removesuffix("/start").removesuffix("/columns"))
    assert mine.status_code < 400
    return here.call("second coordinator", method_of(route), path, **body)


def test_the_second_table_says_what_is_done_and_nothing_else() -> None:
    assert set(OTHERS) == set(other_cases())


def test_what_is_another_s_is_not_theirs(fresh: Copies, another: World) -> None:
    here = fresh()
    for case, do in other_cases().items():
        attendees = here.dump()["attendee"]
        answer = do(here, another)
        assert answer.status_code == OTHERS[case], (case, answer.text[:300])
        assert here.dump()["attendee"] == attendees
        if answer.status_code >= 400:
            assert not [word for word in PRIVATE[:4] if word in answer.text], case


def test_a_token_proves_itself_by_all_of_its_letters(world: World) -> None:
    token = world.ids["token desk"]
    for wrong in (token[:-1], token + "A", token.swapcase(), token[::-1], "", " ", codes.digest(token)):
        for headers in ({"Authorization": f"Bearer {wrong}"}, {"Cookie": f"huiwu_station={wrong}"}, {"Cookie": f"huiwu_staff={wrong}"}):
            answer = world.app.test_client(use_cookies=False).get("/api/v1/station", headers=headers)
            assert answer.status_code == 401, headers
