"""What a stranger's page, a forged form or a field too many would do: every write of the application, from its map.

A write that leans on a cookie wants the page's token and no other site's page behind it; a form takes its own fields and
no more. Looking writes nothing: tests/test_routes.py says so of every page.
"""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from models.database import Base
from tests.conftest import scan
from tests.route_requests import GOOD, request_of
from tests.route_world import PASSPHRASE, PEOPLE, Copies, Watch, World, build, copy
from tests.uploads import form

WRITES = [route for route in GOOD if route.startswith("POST")]
PAIR = "POST /api/v1/pair"      # anybody's, and no cookie stands behind it: a program needs no page
# every column of every table, and what api.md and the forms speak of: posted beside a form's own fields
WISHES = {"role": "coordinator", "state": "cancelled", "category_key": "press", "station_key": "gate-2", "station": "gate-2",
          "service_key": "lunch", "trial": "0", "vip": "1", "disabled_at": "", "revoked_at": "2026-01-01T00:00:00", "limit": "99",
          "actor": "别人", "granted": "true", "device_id": "1", "verdict": "accepted", "mode": "desk", "offline": "true"}
SURE = {"sure", "do", "whole", "phones", "allow"}       # ticks of forms, never columns
ELSEWHERE = ("https://evil.example/", "//evil.example/", "///evil.example", "/\\evil.example", "\\\\evil.example", "/\tevil",
             "/\n/evil.example", "javascript:alert(1)", "http:evil.example", "https:/evil.example", " //evil.example",
             "/%0d%0aSet-Cookie:x=1", "\x00//evil.example", "//evil.example\\@here", "data:text/html,x", "evil.example")


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], dict[str, Any]]:
    """The event as it is before anybody asks."""
    folder = tmp_path_factory.mktemp("forms") / "event"
    return (folder, *build(folder))


@pytest.fixture(scope="module")
def world(event: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One copy, to which nothing that is refused may write."""
    with closing(copy(event[0], tmp_path_factory.mktemp("shared") / "event", *event[1:])) as made:
        yield made


@pytest.fixture
def fresh(event: Any, tmp_path: Path) -> Iterator[Copies]:
    """Makes copies that may be written to."""
    with closing(Copies(event[0], event[1], event[2], tmp_path)) as copies:
        yield copies


def who_writes(world: World, route: str) -> str:
    """Somebody who may: of those who may, the one whose cookie is worth most to a stranger."""
    path = re.sub(r"<table>", "<any(category,service,station,printer):table>", route.split(" ", 1)[1])
    rule = next(rule for rule in world.app.url_map.iter_rules() if rule.rule == path and "POST" in (rule.methods or ()))
    may = getattr(world.app.view_functions[rule.endpoint], "may", frozenset[str]())
    return next(who for who in ("coordinator", "lead", "desk", "kiosk", "gate") if who in may or "anyone" in may)


# --- forms of other sites ---

@pytest.mark.parametrize("route", WRITES)
def test_a_form_of_a_stranger_s_page_is_refused_and_writes_nothing(world: World, route: str) -> None:
    who = who_writes(world, route)
    path, body = request_of(world, route, who)
    stranger = world.app.test_client().get("/login")
    theirs = re.search(r'name="csrf-token" content="([^"]+)"', stranger.text)
    watch = Watch(world)
    before = watch()
    tokens = [{"X-CSRFToken": ""}, {"X-CSRFToken": "x"}, {"X-CSRFToken": theirs[1] if theirs else ""}]
    sites = [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
             {"Origin": "http://localhost.evil.example"}, {"Authorization": "Basic eDp5", "X-CSRFToken": ""}]
    for headers in (*(tokens if route != PAIR else ()), *(sites[:-1] if route == PAIR else sites)):
        answer = world.call(who, "POST", path, headers, **body)
        turned_away = "Authorization" in headers and answer.status_code in (303, 401)     # a cookie beside it counts for nothing
        assert answer.status_code == 400 or turned_away, (headers, answer.status_code)
        assert watch() == before, headers
    watch.close()


def test_a_form_of_our_own_page_is_taken_as_browsers_send_it(fresh: Copies) -> None:
    for headers in ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, {"Sec-Fetch-Site": "none"},
                    {"Origin": "http://localhost"}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://name.of.a.proxy"}, {}):
        here = fresh()
        answer = here.call("coordinator", "POST", "/admin/staff", headers, data={"name": "新人", "role": "staff", "secret": "24680"})
        assert (answer.status_code, answer.location) == (303, "/admin/staff"), headers


def test_a_stranger_s_page_signs_nobody_in_and_nobody_out(world: World) -> None:
    bare = world.app.test_client(use_cookies=False)
    for path, fields in (("/login", {"name": PEOPLE["coordinator"], "secret": PASSPHRASE}), ("/pair", {"code": "424242"})):
        assert bare.post(path, data=fields).status_code == 400
    assert bare.post("/logout", headers={"Cookie": world.cookies["coordinator"]}).status_code == 400
    assert world.call("coordinator", "GET", "/admin/").status_code == 200


def test_a_bearer_s_token_needs_no_page_and_no_cookie_beside_it_counts(fresh: Copies) -> None:
    here = fresh()
    client, headers = here.app.test_client(use_cookies=False), {"Authorization": f"Bearer {here.ids['token gate']}"}
    assert client.post("/api/v1/scans", json=scan(here.ids["second code"], "s1"), headers=headers).status_code == 200
    for authorization in ("Bearer x", "Basic eDp5", "Digest x"):
        answer = client.get("/api/v1/counts", headers={"Authorization": authorization, "Cookie": here.cookies["coordinator"]})
        assert answer.status_code == 401


# --- fields too many ---

def extras() -> dict[str, str]:
    """A wish for every column there is."""
    columns = {column.name for table in Base.metadata.tables.values() for column in table.columns}
    return {**dict.fromkeys(sorted(columns), "1"), **WISHES}


def outcome(world: World, route: str, more: dict[str, str]) -> dict[str, list[tuple[Any, ...]]]:
    """The whole database after a good request with more fields beside its own."""
    who = who_writes(world, route)
    path, body = request_of(world, route, who, more)
    answer = world.call(who, "POST", path, **body)
    assert answer.status_code == GOOD[route].status or (GOOD[route].status is None and answer.status_code < 400), answer.text
    return world.dump()


@pytest.mark.parametrize("route", WRITES)
def test_a_form_takes_its_own_fields_and_no_other(fresh: Copies, route: str) -> None:
    plain, again, wishful = outcome(fresh(), route, {}), outcome(fresh(), route, {}), outcome(fresh(), route, extras())
    for table, rows in plain.items():
        assert len(rows) == len(again[table]) == len(wishful[table]), table
        for row, same, wished in zip(rows, again[table], wishful[table], strict=True):
            for value, once_more, got in zip(row, same, wished, strict=True):
                if value == once_more:          # what differs by itself is a moment, a token or a code
                    assert got == value, (table, row, wished)


def test_the_wishes_are_no_fields_of_forms_by_another_name() -> None:
    assert not SURE & set(extras())


# --- where a form leads ---

@pytest.mark.parametrize("place", ELSEWHERE)
def test_no_form_and_no_address_leads_to_another_site(world: World, place: str) -> None:
    answers = [
        world.call("anyone", "POST", "/login", data={"name": PEOPLE["coordinator"], "secret": PASSPHRASE, "next": place}),
        world.call("anyone", "POST", "/login", data={"name": PEOPLE["staff"], "secret": PASSPHRASE, "next": place}),
        world.call("coordinator", "GET", "/login", query_string={"next": place}),
        world.call("coordinator", "POST", "/language", data={"lang": "en", "next": place}),
        world.call("coordinator", "POST", "/language", {"Referer": "https://evil.example" + quote(place)}, data={"lang": "en"}),
        world.call("anyone", "GET", "/admin/", query_string={"next": place}),
        world.call("anyone", "GET", "/admin", {"HX-Request": "true"}),
        *(world.call("anyone", "GET", "/", environ_overrides={"PATH_INFO": path, "RAW_URI": path, "REQUEST_URI": path})
          for path in ("//evil.example/admin", "//evil.example", "/\\evil.example", "///evil.example/admin/..", "//evil.example/admin/")),
    ]
    for answer in answers:
        assert answer.status_code in (200, 303, 308, 404)
        for name in ("Location", "HX-Redirect", "Refresh"):
            where = urlsplit(answer.headers.get(name, "").replace("\\", "/"))
            assert where.netloc in ("", "localhost"), (name, where)
            assert where.scheme in ("", "http"), (name, where)
            assert not where.path.startswith("//"), (name, where)


def test_a_forged_host_and_forwarding_headers_lead_nobody_away(world: World) -> None:
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example",
              "X-Original-URL": "/admin/staff", "X-Rewrite-URL": "/admin/staff", "X-HTTP-Method-Override": "DELETE"}
    answer = world.call("anyone", "GET", "/admin/", forged)
    assert answer.location.startswith("/login")
    assert "evil" not in answer.location
    assert "Secure" not in world.app.test_client().get("/login", headers=forged).headers["Set-Cookie"]
    assert world.call("anyone", "GET", "/login", forged).status_code == 200


# --- sizes ---

def test_forms_have_a_largest_size_and_number_of_parts(world: World) -> None:
    many = b"".join(b'--b\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % number for number in range(1200)) + b"--b--\r\n"
    wide = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + b"x" * 600_000 + b"\r\n--b--\r\n"
    for body in (many, wide):
        answer = world.call("coordinator", "POST", "/admin/staff", data=body, content_type="multipart/form-data; boundary=b")
        assert answer.status_code == 413
    answer = world.call("coordinator", "POST", "/admin/staff", data=b"&a" * 80_000,
                        content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413


def test_a_large_plan_comes_back_in_its_field(world: World) -> None:
    text = "# " + "会" * 250_000
    body = form("text", "", b"", text=text, sure="")
    assert world.call("coordinator", "POST", "/admin/plan/import", **body).status_code == 422     # read, and no plan


@pytest.mark.parametrize("route", [route for route in WRITES if route != "POST /admin/import"])
def test_no_write_reads_a_body_of_more_than_two_megabytes(world: World, route: str) -> None:
    who = who_writes(world, route)
    path, _body = request_of(world, route, who)
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"):
        body = b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n' + b" " * 2_200_000
        answer = world.call(who, "POST", path, {"X-CSRFToken": ""}, data=body, content_type=kind)
        assert answer.status_code in (400, 413), (kind, answer.status_code)
        if " /api/" in route:
            assert set(json.loads(answer.text)) >= {"error", "message"}
