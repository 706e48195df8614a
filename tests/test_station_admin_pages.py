"""Stations and their tablets in the coordinator's pages: pairing that notices by itself, ending a pairing."""
from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import zxingcpp
from PIL import Image, ImageDraw
from sqlalchemy import select, update

from admin.station_pages import qr
from doors import Doors
from kiosk.pairing import SERVED_AT
from models.database import now
from models.devices import Device, PairingCode
from tests.conftest import sign_in, token_of

URL = "https://192.168.1.20:8443"


@pytest.fixture
def lead(client, create_staff):
    create_staff("李组长", "lead")
    sign_in(client, "李组长")
    return client


@pytest.fixture
def coordinator(client, create_staff):
    create_staff("陈总", "coordinator")
    sign_in(client, "陈总")
    return client


def post(client, path, seen_at="/admin/stations"):
    return client.post(path, data={"csrf_token": token_of(client, seen_at)})


def start(client, station="desk-1"):
    """Starts pairing as a browser does: the page with the code, and the code."""
    answer = post(client, f"/admin/stations/{station}/pair")
    assert answer.status_code == 303
    page = client.get(answer.location).text
    return page, re.search(r'class="code num">(\d{3} \d{3})<', page)[1]


def state(client, station="desk-1"):
    return client.get(f"/admin/stations/{station}/pair/state")


def test_staff_see_no_stations_page_and_a_stranger_none_of_it(client, create_staff):
    paths = ["/admin/stations", "/admin/stations/desk-1/pair", "/admin/stations/desk-1/pair/state", "/admin/stations/lines/x"]
    assert [client.get(path).status_code for path in paths] == [303] * 4
    create_staff("小王", "staff")
    sign_in(client, "小王")
    assert [client.get(path).status_code for path in paths] == [403] * 4


def test_a_lead_goes_straight_to_the_stations_and_sees_no_entry_that_is_not_theirs(client, create_staff):
    create_staff("李组长", "lead")
    assert sign_in(client, "李组长", next_="/admin/stations").location == "/admin/stations"
    links = set(re.findall(r'<a href="(/admin/\w*)"', client.get("/admin/stations").text))
    assert links == {"/admin/stations", "/admin/printers", "/admin/conflicts"}
    assert "/admin/stations" in client.get("/login").text


def test_a_lead_pairs_but_ends_no_pairing_and_edits_no_station(lead, desk, runtime):
    page = lead.get("/admin/stations").text
    assert "配对新设备" in page and "确认停用" not in page and "/admin/plan/station/" not in page
    assert start(lead)[1]
    assert post(lead, "/admin/stations/tablets/1/revoke").status_code == 403
    assert desk.call("GET", "/api/v1/station")[0] == 200


@pytest.mark.parametrize("path", ["/admin/stations/desk-1/pair", "/admin/stations/tablets/1/revoke"])
def test_a_form_without_the_page_s_token_changes_nothing(coordinator, desk, path):
    assert coordinator.post(path).status_code == 400
    assert desk.call("GET", "/api/v1/station")[0] == 200


def test_every_station_says_its_tablets_and_what_to_do_where_there_are_none(coordinator, desk, runtime):
    page = coordinator.get("/admin/stations").text
    assert "还没有平板" in page                        # the other stations
    assert "在线" in page and ">test<" in page
    runtime.sight(1, None, 5)
    assert "5 条待传" in coordinator.get("/admin/stations").text


def test_a_tablet_that_fell_silent_is_offline_in_words(coordinator, desk, runtime):
    desk.call("GET", "/api/v1/station")
    runtime.seen[1].at = now() - timedelta(minutes=3)
    assert "离线 · 3 分钟前" in coordinator.get("/admin/stations").text


def test_a_plan_without_stations_says_what_to_do_next(coordinator, write):
    from models.event import Station

    def remove_all(session):
        for station in session.scalars(select(Station)):
            session.delete(station)
        from models.event import touch
        touch(session, "plan")
    write(remove_all)
    assert "先添加一个报到台或入口" in coordinator.get("/admin/stations").text


def test_the_page_shows_the_code_its_address_and_a_qr_that_reads_back(coordinator, data):
    (data / SERVED_AT).write_text(json.dumps({"url": URL}))
    page, code = start(coordinator)
    assert URL in page and "只有本机能打开" not in page
    drawn = qr(f"{URL}/pair?code={code.replace(' ', '')}")
    assert f'd="{drawn["path"]}"' in page
    assert read_back(drawn) == f"{URL}/pair?code={code.replace(' ', '')}"


def test_over_https_a_new_tablet_is_sent_to_the_certificate_first(coordinator):
    start(coordinator)
    assert "先装证书" not in coordinator.get("/admin/stations/desk-1/pair").text
    coordinator.application.config["DOORS"] = Doors("192.168.1.20", 8443, 8444)
    page = coordinator.get("/admin/stations/desk-1/pair").text
    assert "第一次用这台平板：先装证书" in page and "http://192.168.1.20:8444/trust</a>" in page
    drawn = qr("http://192.168.1.20:8444/trust")
    assert drawn["path"] in page and read_back(drawn) == "http://192.168.1.20:8444/trust"
    assert 'href="/trust"' in coordinator.get("/admin/stations").text


def read_back(drawn):
    """What a reader sees in the path: each `Mx yh1v1h-1z` is a dark module."""
    picture = Image.new("L", (drawn["size"] * 8, drawn["size"] * 8), 255)
    pen = ImageDraw.Draw(picture)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn["path"]):
        pen.rectangle([int(x) * 8, int(y) * 8, int(x) * 8 + 7, int(y) * 8 + 7], fill=0)
    return zxingcpp.read_barcode(picture).text


def test_without_a_server_on_the_lan_the_page_says_that_no_tablet_can_reach_it(coordinator):
    assert "只有本机能打开" in start(coordinator)[0]


def test_the_code_is_in_no_address_and_in_no_other_browser(coordinator, create_staff):
    page, code = start(coordinator)
    digits = code.replace(" ", "")
    assert not re.search(rf'(?:href|action|hx-get)="[^"]*{digits}', page)
    create_staff("李组长", "lead")
    other = coordinator.application.test_client()
    sign_in(other, "李组长")
    assert other.get("/admin/stations/desk-1/pair").status_code == 303
    assert digits not in state(other).text


def test_the_page_waits_then_says_who_was_paired_and_asks_no_more(coordinator, client, app):
    page, code = start(coordinator)
    assert "hx-trigger" in page and state(coordinator).status_code == 204
    assert app.test_client(use_cookies=False).post("/api/v1/pair", json={"code": code, "name": "iPad 3"}).status_code == 201
    paired = state(coordinator)
    assert "“iPad 3”现在是报到台1的平板" in paired.text
    assert "hx-trigger" not in paired.text and code not in paired.text
    assert "iPad 3" in coordinator.get("/admin/stations").text


def test_a_code_that_ran_out_offers_a_new_one(coordinator, write):
    _page, code = start(coordinator)
    write(lambda session: session.execute(update(PairingCode).values(expires_at=now() - timedelta(seconds=1))))
    late = state(coordinator)
    assert "已经失效" in late.text and "hx-trigger" not in late.text and code not in late.text
    assert start(coordinator)[1] != code


def test_a_station_that_is_not_there_is_not_found(coordinator):
    assert post(coordinator, "/admin/stations/nowhere/pair").status_code == 404
    assert coordinator.get("/admin/stations/nowhere/pair").status_code == 404
    assert post(coordinator, "/admin/stations/tablets/99/revoke").status_code == 404


def test_an_ended_pairing_is_turned_away_at_once_and_only_that_one(coordinator, pair, runtime):
    first, second = pair("desk-1"), pair("desk-1")
    with runtime.reading() as session:
        device = session.scalars(select(Device.id).order_by(Device.id)).first()
    answer = post(coordinator, f"/admin/stations/tablets/{device}/revoke")
    assert answer.status_code == 303 and "已停用" in coordinator.get(answer.location).text
    assert first.call("GET", "/api/v1/station")[0] == 401
    assert second.call("GET", "/api/v1/station")[0] == 200


def test_the_lines_move_by_themselves_until_a_tablet_comes_or_goes(coordinator, pair):
    mark = re.search(r"/admin/stations/lines/(\w+)", coordinator.get("/admin/stations").text)[1]
    assert 'id="line-desk-1" hx-swap-oob="true"' in coordinator.get(f"/admin/stations/lines/{mark}").text
    pair("desk-1")
    assert coordinator.get(f"/admin/stations/lines/{mark}").headers["HX-Refresh"] == "true"


def test_a_browser_sees_the_tablet_arrive(live_server, browser_page, create_staff, app):
    create_staff("陈总", "coordinator")
    page = browser_page
    page.goto(f"{live_server.url}/login?next=/admin/stations")
    page.fill("[name=name]", "陈总")
    page.fill("[name=secret]", "2468")
    page.click("button.primary")
    page.click("#station-gate-1 footer button")
    code = page.text_content(".pairing .code")
    page.get_by_text(re.compile(r"^还有 (10:00|9:\d\d) 有效$")).wait_for()
    app.test_client(use_cookies=False).post("/api/v1/pair", json={"code": code, "name": "iPad 7"})
    page.wait_for_selector(".pairing.paired")
    assert "iPad 7" in page.text_content(".pairing")
    page.click(".pairing a.primary")
    assert "iPad 7" in page.text_content("#station-gate-1")
