"""Pairing in the browser, the station's page by its mode, and leaving it: what a tablet's first minute is like."""
from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from app import create_app
from kiosk import pairing
from models.database import now
from models.devices import PairingCode
from sessions import STATION_COOKIE
from tests.station_browser import PairedBrowser, csrf_of


def new_code(write, station):
    return write(lambda session: pairing.new_code(session, station)).code


def send(client, code, **more):
    token = csrf_of(client.get("/").text)
    return client.post("/pair", data={"code": code, "csrf_token": token, **more})


def test_a_new_device_is_asked_for_its_code_and_a_paired_one_goes_to_its_station(app, write, client):
    first = client.get("/")
    assert first.status_code == 200 and 'name="code"' in first.text and "配对码" in first.text and "Pairing code" in first.text
    answer = send(client, new_code(write, "gate-1"))
    assert (answer.status_code, answer.location) == (303, "/station")
    assert (client.get("/").status_code, client.get("/").location) == (303, "/station")
    assert 'data-mode="gate"' in client.get("/station").text


def test_the_cookie_is_the_station_s_own_and_no_script_reads_it(app, write, client):
    cookie = send(client, new_code(write, "desk-1")).headers["Set-Cookie"]
    assert cookie.startswith(f"{STATION_COOKIE}=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert "Max-Age=31536000" in cookie


def test_opening_the_qr_changes_nothing_and_one_tap_pairs(app, write, client):
    code = new_code(write, "kiosk-1").replace(" ", "")
    for _ in range(2):
        assert f'value="{code}"' in client.get(f"/pair?code={code}").text
    assert send(client, code).status_code == 303


def test_a_pairing_code_works_once_for_ten_minutes_and_says_so_afterwards(app, write, client):
    code = new_code(write, "desk-1")
    assert send(client, code).status_code == 303
    used = send(app.test_client(), code)
    assert used.status_code == 410 and "已经用过" in used.text
    late = new_code(write, "desk-1")
    write(lambda session: session.execute(update(PairingCode).values(expires_at=now() - timedelta(seconds=1))))
    expired = send(app.test_client(), late)
    assert expired.status_code == 410 and "已过期" in expired.text and "再生成一个" in expired.text
    unknown = send(app.test_client(), "000 000")
    assert unknown.status_code == 404 and "没有这个配对码" in unknown.text


def test_full_width_digits_and_blanks_are_the_same_code(app, write, client):
    code = new_code(write, "desk-1").translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert send(client, code).status_code == 303


def test_a_stranger_s_form_does_not_pair(app, write, client):
    assert client.post("/pair", data={"code": new_code(write, "desk-1")}).status_code == 400


def test_codes_are_not_guessed_at_leisure(data):
    limited = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})
    try:
        client = limited.test_client()
        answers = [send(client, f"{n:06d}").status_code for n in range(32)]
        assert set(answers[:30]) == {404} and answers[-1] == 429
        assert "新码更长" in send(client, "000000").text
    finally:
        limited.extensions["huiwu"].engine.dispose()


def test_a_tablet_that_pairs_anew_leaves_its_old_station(app, write, runtime):
    browser = PairedBrowser(app, new_code(write, "gate-1"))
    assert "餐厅入口" in browser.client.get("/pair").text
    assert browser.post("/pair", code=new_code(write, "gate-2")).status_code == 200
    assert [device.station for device in runtime.plan(fresh=True).devices.values()] == ["gate-2"]


@pytest.mark.parametrize("station", ["kiosk-1", "gate-1", "desk-1"])
def test_no_page_of_a_station_opens_with_a_name_or_a_code_in_it(app, write, create_attendee, station):
    _, code = create_attendee("欧阳娜娜", phone="13812341234")
    page = PairedBrowser(app, new_code(write, station)).client.get("/station")
    assert page.headers["Cache-Control"] == "no-store"
    assert not any(secret in page.text for secret in (code, "欧阳", "娜娜", "1381234"))


def test_a_board_goes_to_the_big_screen(app, write):
    answer = PairedBrowser(app, new_code(write, "board")).client.get("/station")
    assert (answer.status_code, answer.location) == (303, "/board")


def test_a_gate_is_told_the_numbers_of_its_own_services_only(app, write, gate, badge):
    gate.scan(badge, "lunch")
    services = {one["key"]: one["count"] for one in gate.call("GET", "/api/v1/station")[1]["services"]}
    assert list(services) == ["lunch", "dinner", "s1", "s2"]
    assert (services["lunch"]["people"], services["lunch"]["entitled"]) == (1, 1)


def test_a_kiosk_is_told_what_is_on_today_and_no_numbers(pair, runtime):
    plan = runtime.plan()
    today, zone = datetime.now(plan.event.zone).date(), plan.event.zone
    on = {one.name for one in plan.services.values() if one.starts and one.starts.astimezone(zone).date() == today}
    said = pair("kiosk-1").call("GET", "/api/v1/station")[1]
    assert on == {one["name"] for one in said["programme"]} & {"开幕式", "分论坛"}     # begun an hour ago, perhaps yesterday
    assert all("count" not in one for one in said["services"])


def test_a_stranger_cannot_turn_a_kiosk_off_and_a_lead_can(app, write, runtime, create_staff):
    create_staff("王组长", "lead")
    create_staff("小李", "staff")
    browser = PairedBrowser(app, new_code(write, "kiosk-1"))
    assert 'name="pin"' in browser.get("/station/leave").text
    for name, pin in (("", ""), ("王组长", "0000"), ("小李", "2468")):
        assert browser.client.post("/station/leave", data={"name": name, "pin": pin, "csrf_token": browser.csrf}).status_code == 403
    assert len(runtime.plan(fresh=True).devices) == 1
    answer = browser.client.post("/station/leave", data={"name": "王组长", "pin": "2468", "csrf_token": browser.csrf})
    assert (answer.status_code, answer.location) == (303, "/pair")
    assert runtime.plan(fresh=True).devices == {} and browser.client.get("/").status_code == 200


def test_a_revoked_station_is_asked_to_pair_again(app, write, runtime):
    browser = PairedBrowser(app, new_code(write, "gate-1"))
    [device] = runtime.plan(fresh=True).devices.values()
    write(lambda session: pairing.revoke(session, device.id))
    runtime.plan(fresh=True)
    assert browser.client.get("/").status_code == 200 and 'name="code"' in browser.client.get("/").text


def test_staff_find_their_way_from_the_first_page_to_the_sign_in(client):
    page = client.get("/").text
    assert 'href="/login"' in page and "登录" in page
