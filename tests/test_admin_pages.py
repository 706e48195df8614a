"""The coordinator's door: signing in and out, the first set-up, who may see what, the other language."""
from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient

from admin import people
from app import create_app
from models.runtime import Runtime
from sessions import STAFF_COOKIE
from tests.conftest import post, sign_in

PASSPHRASE = "山高水长好风光好"
PAGES = ["/admin/", "/admin/ledger", "/admin/staff"]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_sent_to_the_login_and_a_lead_is_told_it_is_not_theirs(client, create_staff, path):
    create_staff("李组长", "lead")
    answer = client.get(path)
    assert answer.status_code == 303 and answer.location.startswith("/login?next=")
    sign_in(client, "李组长")
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("role", ["staff", "lead"])
def test_staff_land_on_a_page_that_sends_them_to_their_station(client, create_staff, role):
    create_staff("小王", role)
    answer = sign_in(client, "小王", next_="/admin/")
    assert answer.location == "/login"
    assert "服务点" in client.get("/login").text


def test_the_coordinator_lands_on_the_dashboard_or_where_they_were_going(client, create_staff):
    create_staff("陈总", "coordinator")
    assert sign_in(client, "陈总").location == "/admin/"
    assert sign_in(app_client(client), "陈总", next_="/admin/ledger?service=lunch").location == "/admin/ledger?service=lunch"


def app_client(client: FlaskClient) -> FlaskClient:
    return client.application.test_client()


@pytest.mark.parametrize("next_", ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example",
                                   "/\t/evil.example", "javascript:alert(1)", "evil"])
def test_next_leads_to_no_other_server(client, create_staff, next_):
    create_staff("陈总", "coordinator")
    assert sign_in(client, "陈总", next_=next_).location == "/admin/"


def test_a_wrong_secret_and_an_unknown_name_are_told_alike(client, create_staff):
    create_staff("陈总", "coordinator")
    wrong, unknown = sign_in(client, "陈总", "1357"), sign_in(client, "没这人", "1357")
    assert wrong.status_code == unknown.status_code == 403
    assert "姓名或口令不对" in wrong.text and "姓名或口令不对" in unknown.text
    assert STAFF_COOKIE not in wrong.headers.get("Set-Cookie", "")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client, create_staff):
    create_staff("陈总", "coordinator")
    cookie = next(c for c in sign_in(client, "陈总").headers.getlist("Set-Cookie") if c.startswith(STAFF_COOKIE))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_signing_out_ends_the_session_for_a_copied_cookie_too(coordinator):
    copied = coordinator.get_cookie(STAFF_COOKIE).value
    assert post(coordinator, "/logout", "/admin/staff").location == "/login"
    thief = coordinator.application.test_client()
    thief.set_cookie(STAFF_COOKIE, copied)
    assert thief.get("/admin/").status_code == 303


def test_signing_in_again_ends_the_session_before_it(coordinator, create_staff):
    before = coordinator.get_cookie(STAFF_COOKIE).value
    create_staff("王总", "coordinator")
    post(coordinator, "/login", "/login?again=1", name="王总", secret="2468")
    other = coordinator.application.test_client()
    other.set_cookie(STAFF_COOKIE, before)
    assert other.get("/admin/").status_code == 303


@pytest.mark.parametrize("path", ["/login", "/logout", "/setup", "/language", "/admin/staff", "/admin/ledger/person"])
def test_a_form_without_the_page_s_token_changes_nothing(coordinator, path):
    answer = coordinator.post(path, data={"name": "陈总", "secret": "2468", "lang": "en"})
    assert answer.status_code == 400
    assert "没有做任何改动" in answer.text


@pytest.fixture
def limited(data, create_staff) -> Flask:
    """The application with its rate limits on."""
    create_staff("陈总", "coordinator")
    create_staff("王总", "coordinator")
    return create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})


def test_guessing_one_name_locks_out_neither_others_here_nor_that_person_where_they_are_known(limited):
    here, theirs = limited.test_client(), limited.test_client()
    assert sign_in(theirs, "陈总").status_code == 303
    theirs.delete_cookie(STAFF_COOKIE)
    answers = [sign_in(here, "陈总", "0000").status_code for _ in range(11)]
    assert answers == [403] * 10 + [429]
    assert sign_in(here, "陈总").status_code == 429
    assert sign_in(here, "王总").status_code == 303
    assert sign_in(theirs, "陈总").status_code == 303


def test_the_one_time_code_makes_the_first_coordinator_and_signs_them_in(client, runtime: Runtime):
    code = people.setup_code(runtime) or ""
    answer = post(client, "/setup", code=f"{code[:4]} {code[4:]}", name="陈总", secret=PASSPHRASE, again=PASSPHRASE)
    assert answer.location == "/admin/"
    assert client.get("/admin/staff").status_code == 200
    assert "已经设置好了" in client.get("/setup").text


def test_a_slip_of_the_finger_at_set_up_costs_nothing(client, runtime: Runtime):
    code = people.setup_code(runtime) or ""
    for wrong, words in [({"again": "山高"}, "两次输入的口令不一样"), ({"code": "00000000"}, "一次性代码不对"),
                         ({"secret": "1", "again": "1"}, "至少 8 个字")]:
        fields = {"code": code, "name": "陈总", "secret": PASSPHRASE, "again": PASSPHRASE, **wrong}
        answer = post(client, "/setup", **fields)
        assert answer.status_code == 403 and words in answer.text and 'value="陈总"' in answer.text
    assert post(client, "/setup", code=code, name="陈总", secret=PASSPHRASE, again=PASSPHRASE).status_code == 303


def test_two_who_use_the_code_at_once_make_one_coordinator(app, runtime: Runtime):
    code = people.setup_code(runtime) or ""
    browsers = [app.test_client() for _ in range(2)]
    for browser in browsers:
        browser.get("/setup")

    def use(number: int) -> int:
        return post(browsers[number], "/setup", code=code, name=f"总{number}", secret=PASSPHRASE,
                    again=PASSPHRASE).status_code
    runtime.writer.start()
    try:
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(use, range(2))) == [303, 403]
    finally:
        runtime.writer.stop()
    assert [one.role for one in people.everyone(runtime)] == ["coordinator"]


def test_one_tap_gives_the_other_language_on_the_same_page(client):
    answer = post(client, "/language", "/login", lang="en", next="/login?again=1")
    assert answer.status_code == 303 and answer.location == "/login?again=1"
    page = client.get("/login").text
    assert '<html lang="en"' in page and "Sign in" in page
    assert post(client, "/language", "/login", lang="xx", next="//evil.example").location == "/"


def test_the_coordinator_adds_resets_and_disables_staff(coordinator):
    assert post(coordinator, "/admin/staff", name="小王", role="lead", secret="13579").status_code == 303
    page = coordinator.get("/admin/staff").text
    found = re.search(r'href="/admin/staff/(\d+)">重设或停用<span class="sr"> 小王', page)
    assert found
    lead = coordinator.application.test_client()
    sign_in(lead, "小王", "13579")
    assert post(coordinator, f"/admin/staff/{found[1]}/reset", "/admin/staff", secret="97531").status_code == 303
    assert "您好" not in lead.get("/login").text
    assert sign_in(lead, "小王", "97531").status_code == 303
    assert post(coordinator, f"/admin/staff/{found[1]}/disable", "/admin/staff").status_code == 303
    assert sign_in(lead, "小王", "97531").status_code == 403


@pytest.mark.parametrize("wrong,words", [({"name": " "}, "请写姓名"), ({"secret": "12"}, "至少 4 位"), ({"name": "陈总"}, "同名"),
                                         ({"role": "king"}, "请选择角色")])
def test_a_mistake_about_staff_is_told_and_the_name_is_kept(coordinator, wrong, words):
    answer = post(coordinator, "/admin/staff", **{"name": "小王", "role": "staff", "secret": "13579", **wrong})
    assert answer.status_code == 400 and words in answer.text


def test_the_last_coordinator_stays(coordinator, runtime: Runtime):
    own = people.everyone(runtime)[0].id
    answer = post(coordinator, f"/admin/staff/{own}/disable", "/admin/staff")
    assert answer.status_code == 400 and "最后一位总负责" in answer.text


@pytest.fixture
def rows(desk, gate, create_attendee) -> dict[str, dict]:
    """A few scans of two people."""
    first, second = create_attendee("张三丰")[1], create_attendee("欧阳娜娜")[1]
    return {"signed": desk.scan(first, "signin"), "again": desk.scan(first, "signin"),
            "meal": gate.scan(second, "lunch"), "unknown": gate.scan("B" + "0" * 20, "lunch")}


def listed(client: FlaskClient, query: str = "") -> list[str]:
    return re.findall(r'<td class="num muted">(\d+)</td>', client.get(f"/admin/ledger{query}").text)


def test_the_ledger_is_narrowed_by_service_station_result_and_person(coordinator, rows):
    assert listed(coordinator) == ["4", "3", "2", "1"]
    assert listed(coordinator, "?service=lunch") == ["4", "3"]
    assert listed(coordinator, "?station=desk-1") == ["2", "1"]
    assert listed(coordinator, "?verdict=refused") == ["4", "2"]
    assert listed(coordinator, "?before=3") == ["2", "1"]
    answer = post(coordinator, "/admin/ledger/person", "/admin/ledger", q="欧阳")
    assert re.fullmatch(r"/admin/ledger\?person=\d+", answer.location)
    assert listed(coordinator, answer.location.removeprefix("/admin/ledger")) == ["3"]
    assert "没有找到这个人" in post(coordinator, "/admin/ledger/person", "/admin/ledger", q="王小二").text


def test_the_coordinator_undoes_a_scan_late_with_a_reason(coordinator, rows, desk, runtime: Runtime):
    way = f"/admin/ledger/{rows['signed']['id']}/undo"
    own = re.search(r'name="id" value="([^"]+)"', coordinator.get(way).text)
    assert own
    assert post(coordinator, way, id=own[1], reason=" ").status_code == 400
    assert post(coordinator, way, id=own[1], reason="误扫").status_code == 303
    assert post(coordinator, way, id=own[1], reason="误扫").status_code == 303
    page = coordinator.get("/admin/ledger").text
    assert page.count("撤销 #1") == 1 and "已被 #5 撤销" in page and "陈总" in page and "误扫" in page
    assert desk.counts()["services"]["signin"]["people"] == 0
    refused = coordinator.get(f"/admin/ledger/{rows['again']['id']}/undo")
    token = re.search(r'name="id" value="([^"]+)"', refused.text)
    answer = post(coordinator, f"/admin/ledger/{rows['again']['id']}/undo", id=token[1] if token else "", reason="误扫")
    assert answer.status_code == 409 and "不能撤销" in answer.text


def test_empty_pages_say_what_to_do_next(coordinator):
    assert "/admin/roster" in coordinator.get("/admin/").text
    assert "先导入名单" in coordinator.get("/admin/").text
    assert "配对平板" in coordinator.get("/admin/ledger").text


def test_trial_mode_is_in_sight_with_the_way_out(coordinator):
    assert re.search(r'class="trial" href="/admin/care"', coordinator.get("/admin/").text)


def test_nobody_but_a_board_or_the_coordinator_opens_the_big_screen(client, create_staff, pair):
    assert client.get("/board").status_code == 303
    pair("board")
    create_staff("李组长", "lead")
    sign_in(client, "李组长")
    assert client.get("/board").status_code == 403
