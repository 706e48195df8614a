"""The desk's pages: looking up, what one tap gives, slips, walk-ins, corrections and lost badges."""
from __future__ import annotations

import re
import uuid

import pytest
from sqlalchemy import func, select, update

from kiosk import handles, pairing
from models.database import now
from models.event import Service
from models.people import Attendee, Badge, Correction, Coupon
from models.scans import PrintJob, Scan
from tests.station_browser import PairedBrowser

TILE = re.compile(r'class="tile (\w+)[^"]*" type="button" data-service="([^"]+)" data-chain="([^"]*)"')


@pytest.fixture
def browser(app, write):
    return PairedBrowser(app, write(lambda session: pairing.new_code(session, "desk-1")).code)


@pytest.fixture
def jobs(runtime):
    def newest():
        with runtime.reading() as session:
            return session.scalars(select(PrintJob).order_by(PrintJob.number.desc())).all()
    return newest


def tiles(html):
    return {key: (face, chain.split()) for face, key, chain in TILE.findall(html)}


def due(html):
    found = re.search(r'id="all-due" data-chain="([^"]*)"', html)
    return found[1].split() if found else []


def scan_by_handle(browser, who, service):
    """What the page's outbox sends."""
    answer = browser.client.post("/api/v1/scans", json={"id": str(uuid.uuid4()), "service": service, "attendee": who},
                                 headers={"X-CSRFToken": browser.csrf})
    assert answer.status_code == 200, answer.text
    return answer.get_json()["results"][0]


# --- looking up ---

def test_a_scan_shows_the_person_and_records_nothing(browser, create_attendee, runtime):
    _, code = create_attendee("欧阳娜娜", organisation="第十二研究所", phone="13812341234", seat="A-12", room="1208", hint="坐轮椅")
    card = browser.post("/desk/find", code=code)
    assert card.status_code == 200 and "<html" not in card.text
    assert all(said in card.text for said in ("欧阳娜娜", "第十二研究所", "A-12", "1208", "坐轮椅", "138****1234"))
    assert "13812341234" not in card.text and code not in card.text
    with runtime.reading() as session:
        assert session.scalar(select(func.count(Scan.seq))) == 0


def test_the_whole_number_is_shown_when_somebody_asks_for_it(browser, create_attendee):
    _, code = create_attendee(phone="13812341234")
    assert browser.post("/desk/phone", who=browser.look_up(code)).text.strip() == "13812341234"


@pytest.mark.parametrize("clean", [lambda code: code.lower() + "\r\n", lambda code: "]Q1" + code])
def test_what_a_scanner_adds_is_no_part_of_the_code(browser, create_attendee, clean):
    _, code = create_attendee("欧阳娜娜")
    assert "欧阳娜娜" in browser.post("/desk/find", code=clean(code)).text


def test_an_unknown_code_says_what_to_do(browser):
    answer = browser.post("/desk/find", code="B" + "0" * 20)
    assert answer.status_code == 404 and "查无此码" in answer.text and 'data-trouble="unknown"' in answer.text


@pytest.mark.parametrize(("state", "word"), [("cancelled", "报名已取消"), ("pending", "报名待审核")])
def test_what_is_wrong_with_a_person_stands_there_in_words(browser, create_attendee, state, word):
    _, code = create_attendee(state=state)
    card = browser.post("/desk/find", code=code).text
    assert word in card and "请到服务台" not in card
    assert {face for face, _ in tiles(card).values()} == {"later"} and due(card) == []


def test_38_40_one_character_finds_nothing_and_two_of_one_name_are_told_apart_by_unit(browser, create_attendee):
    create_attendee("王伟", organisation="江北大学", folded="王伟")
    create_attendee("王伟", organisation="临海理工学院", folded="王伟", search_keys=" 王伟 wangwei ·ww ")
    create_attendee("王伟", organisation="南屏学院", folded="王伟", search_keys=" 王伟 wangwei ·ww ")
    assert 'class="hit"' not in browser.post("/desk/find", q="王").text
    found = browser.post("/desk/find", q="王伟").text
    assert "临海理工学院" in found and "南屏学院" in found


def test_a_search_with_one_hit_opens_the_card_and_a_miss_offers_to_register(browser, create_attendee):
    create_attendee("欧阳娜娜", folded="欧阳娜娜", search_keys=" 欧阳娜娜 ouyangnana ·oynn ")
    assert 'id="card"' in browser.post("/desk/find", q="oynn").text
    miss = browser.post("/desk/find", q="查无此人").text
    assert "没有找到" in miss and 'name="draft"' in miss


def test_a_handle_is_this_tablets_and_is_renewed_while_the_card_is_open(browser, app, write, runtime, create_attendee):
    attendee_id, code = create_attendee()
    who = browser.look_up(code)
    other = PairedBrowser(app, write(lambda session: pairing.new_code(session, "desk-1")).code)
    assert other.get(f"/desk/person?who={who}").status_code == 404
    secret, device = runtime.plan().event.secret, min(d.id for d in runtime.plan(fresh=True).devices.values())
    old = handles.make(secret, attendee_id, device, now() - handles.GOOD_FOR * 5)
    late = browser.client.post("/api/v1/scans", json={"id": str(uuid.uuid4()), "service": "signin", "attendee": old},
                               headers={"X-CSRFToken": browser.csrf})
    assert (late.status_code, late.get_json()["field"]) == (400, "attendee")
    fresh = browser.post("/desk/handle", who=old).get_json()["attendee"]
    assert scan_by_handle(browser, fresh, "signin")["verdict"] == "accepted"
    ancient = handles.make(secret, attendee_id, device, now() - handles.AT_A_DESK * 2)
    assert browser.post("/desk/handle", who=ancient).status_code == 404


def test_only_a_desk_may_ask_who_somebody_is(app, write, create_attendee):
    _, code = create_attendee("欧阳娜娜")
    gate = PairedBrowser(app, write(lambda session: pairing.new_code(session, "gate-1")).code)
    assert "欧阳娜娜" not in gate.post("/desk/find", code=code).text


# --- what one tap gives ---

def test_one_tap_gives_what_is_due_in_the_stations_order_and_leaves_the_meal_alone(browser, badge):
    card = browser.post("/desk/find", code=badge).text
    assert due(card) == ["signin", "bag"] and "一次办完 2 项" in card
    assert tiles(card) == {"signin": ("next", ["signin"]), "bag": ("possible", ["signin", "bag"]), "lunch": ("possible", ["lunch"])}
    assert "剩 2 份" in card


def test_after_the_batch_the_tiles_are_green_with_their_time(browser, desk, badge):
    desk.batch([{"id": str(uuid.uuid4()), "service": key, "code": badge} for key in ("signin", "bag")])
    card = browser.post("/desk/find", code=badge).text
    assert tiles(card)["signin"][0] == tiles(card)["bag"][0] == "done" and due(card) == []
    assert re.search(r"\d\d:\d\d 已报到", card) and tiles(card)["lunch"][0] == "next"


def test_what_is_sold_out_or_closed_is_dashed_with_its_reason(browser, desk, create_attendee, write):
    for _ in range(2):
        code = create_attendee()[1]
        desk.batch([{"id": str(uuid.uuid4()), "service": key, "code": code} for key in ("signin", "bag")])
    card = browser.post("/desk/find", code=create_attendee()[1]).text
    assert due(card) == ["signin"] and "办理报到" in card and tiles(card)["bag"][0] == "later"


def test_a_question_stands_at_its_tile(browser, badge, write):
    write(lambda session: (session.execute(update(Service).where(Service.key == "bag").values(
        question=[{"key": "size", "text": "尺码", "choices": ["M", "L"], "required": True}])), touch(session)))
    card = browser.post("/desk/find", code=badge).text
    assert 'data-question="size"' in card and "尺码" in card and due(card) == ["signin", "bag"]


def touch(session):
    from models.event import touch as touched

    touched(session, "plan")


def test_what_was_done_here_can_be_undone_here(browser, desk, badge):
    done = desk.scan(badge, "signin")
    card = browser.post("/desk/find", code=badge).text
    assert f'data-undo="{done["id"]}"' in card and "data-late" not in card
    assert desk.void(done["id"])[0] == 200
    assert "data-undo" not in browser.post("/desk/find", code=badge).text


def test_a_coupon_shows_its_person_and_names_its_meal(browser, desk, runtime, badge):
    desk.scan(badge, "signin")
    with runtime.reading() as session:
        coupon = session.scalars(select(Coupon)).one()
    card = browser.post("/desk/find", code=coupon.code).text
    assert "这是午餐的餐券" in card and "张三" in card and 'data-by="attendee"' in card and coupon.code not in card


# --- slips ---

def test_a_slip_is_found_by_its_own_code_and_printed_again_as_a_marked_copy(browser, desk, badge, jobs, write):
    desk.scan(badge, "signin")
    slip = next(job for job in jobs() if job.kind == "slip")
    write(lambda session: session.execute(update(PrintJob).values(state="printed")))
    found = browser.post("/desk/find", code=slip.code).text
    assert "已打印" in found and "张三" in found and f'data-undo="{slip.scan_id}"' in found and slip.code not in found
    again = browser.post("/desk/reprint", job=slip.id).text
    newest = jobs()[0]
    assert (newest.copy, newest.code, newest.content["copy"], newest.state) == (2, slip.code, 2, "queued")
    assert "已补打" in again and "补打第 2 份" in again


@pytest.mark.parametrize(("out", "states"), [("yes", ["printed"]), ("no", ["queued", "cancelled"])])
def test_a_person_says_whether_a_doubtful_slip_came_out(browser, desk, badge, jobs, write, out, states):
    desk.scan(badge, "signin")
    slip = next(job for job in jobs() if job.kind == "slip")
    write(lambda session: session.execute(update(PrintJob).where(PrintJob.id == slip.id).values(state="unknown")))
    assert "出来了吗？" in browser.post("/desk/find", code=badge).text
    browser.post("/desk/came-out", job=slip.id, out=out)
    assert [job.state for job in jobs() if job.kind == "slip"] == states


def test_the_slips_of_a_person_ask_for_themselves_only_while_one_is_on_its_way(browser, desk, badge, write):
    desk.scan(badge, "signin")
    who = browser.look_up(badge)
    assert "every 2s" in browser.get(f"/desk/jobs?who={who}").text
    write(lambda session: session.execute(update(PrintJob).values(state="printed")))
    assert "every 2s" not in browser.get(f"/desk/jobs?who={who}").text


def test_what_is_not_possible_is_said_in_words(browser, desk, badge, jobs, write):
    scan = desk.scan(badge, "signin")
    slip = next(job for job in jobs() if job.kind == "slip")
    desk.void(scan["id"])
    assert "小票不能再打" in browser.post("/desk/reprint", job=slip.id).text


# --- people ---

def test_a_walk_in_gets_a_number_a_badge_and_its_print_job(browser, runtime, jobs, desk):
    card = browser.post("/desk/walk-in", name=" 欧阳 新人 ", organisation="第十二研究所", category="press", phone="13900001111")
    assert card.status_code == 200 and "已登记" in card.text and due(card.text) == ["signin", "bag"]
    with runtime.reading() as session:
        person = session.scalars(select(Attendee)).one()
        badge = session.scalars(select(Badge)).one()
    assert (person.name, person.category_key, person.state) == ("欧阳 新人", "press", "registered")
    [job] = jobs()
    assert (job.kind, job.printer_key, job.state, job.attendee_id) == ("badge", "front", "queued", person.id)
    assert (job.content["code"], job.content["name"], job.content["category"]) == (badge.code, "欧阳 新人", "记者")
    assert badge.code not in card.text
    assert desk.scan(badge.code, "signin")["verdict"] == "accepted"
    assert "欧阳 新人" in browser.post("/desk/find", q="oyxr").text


def test_people_of_the_same_name_or_phone_are_shown_before_another_is_made(browser, create_attendee, runtime):
    create_attendee("王伟", organisation="江北大学", folded="王伟", phone="13900001111")
    same = browser.post("/desk/walk-in", name="王伟", category="delegate")
    assert same.status_code == 409 and "江北大学" in same.text and "姓名相同" in same.text
    phone = browser.post("/desk/walk-in", name="王玮", category="delegate", phone="13900001111")
    assert phone.status_code == 409 and "手机相同" in phone.text
    assert browser.post("/desk/walk-in", name="王伟", category="delegate", sure="1").status_code == 200
    with runtime.reading() as session:
        assert session.scalar(select(func.count(Attendee.id))) == 2


def test_a_walk_in_without_a_name_is_asked_for_it_and_nothing_typed_is_lost(browser):
    answer = browser.post("/desk/walk-in", name=" ", organisation="第十二研究所", category="delegate")
    assert answer.status_code == 422 and "请填写姓名" in answer.text and "第十二研究所" in answer.text


def test_a_correction_is_written_with_who_made_it(browser, runtime, create_attendee):
    attendee_id, code = create_attendee("张山", phone="13812341234", seat="A-1")
    who = browser.look_up(code)
    form = browser.get(f"/desk/correct?who={who}").text
    assert 'value="张山"' in form and "138****1234" in form and "13812341234" not in form
    card = browser.post("/desk/correct", who=who, name="张三", phone="", seat="B-2", category="press").text
    assert "已更正" in card and "张三" in card and "B-2" in card
    with runtime.reading() as session:
        row = session.scalars(select(Correction)).one()
    assert row.changes == {"name": ["张山", "张三"], "seat": ["A-1", "B-2"], "category_key": ["delegate", "press"]}
    assert (row.attendee_id, row.station_key, row.actor) == (attendee_id, "desk-1", "desk-1")
    assert "张三" in browser.post("/desk/find", q="zhangsan").text


def test_a_lost_badge_is_revoked_at_once_and_the_new_one_is_printed(browser, desk, badge, runtime, jobs):
    desk.scan(badge, "signin")
    who = browser.look_up(badge)
    assert "旧证立即作废" in browser.get(f"/desk/replace?who={who}").text
    assert "已换证" in browser.post("/desk/replace", who=who).text
    assert desk.scan(badge, "bag")["reason"] == "revoked"
    with runtime.reading() as session:
        new = session.scalars(select(Badge.code).where(Badge.revoked_at.is_(None))).one()
    assert (jobs()[0].kind, jobs()[0].content["code"]) == ("badge", new)
    assert desk.scan(new, "signin")["reason"] == "used_up" and desk.scan(new, "bag")["verdict"] == "accepted"
    assert "旧证" in browser.post("/desk/find", code=badge).text


# --- around it ---

def test_just_now_has_one_line_for_what_was_given_in_one_go(browser, desk, badge):
    desk.batch([{"id": str(uuid.uuid4()), "service": key, "code": badge} for key in ("signin", "bag")])
    said = browser.get("/desk/recent").text
    assert said.count("张三") == 1 and "报到 · 资料袋" in said
    assert re.search(r"<span>报到</span><b class=\"num\">1</b>", said)


def test_printer_trouble_stands_on_the_desk_in_words(browser, write):
    from models.event import Printer

    write(lambda session: session.execute(update(Printer).values(state="blocked", message="缺纸 · Out of paper", name="前台打印机")))
    assert "前台打印机 缺纸" in browser.get("/desk/recent").text


def test_a_slip_that_nobody_knows_of_is_asked_at_the_desk_and_answered_there(browser, write, desk, badge, jobs):
    asked = desk.scan(badge, "signin")["print_jobs"][0]
    write(lambda session: session.execute(update(PrintJob).where(PrintJob.id == asked).values(state="unknown")))
    said = browser.get("/desk/recent").text
    assert "请看出纸口" in said and "关机再开" in said and said.count(f'value="{asked}"') == 1
    browser.post("/desk/came-out", job=asked, out="no")
    assert [job.copy for job in jobs() if job.kind == "slip"] == [2, 1]
    assert "请看出纸口" not in browser.get("/desk/recent").text


def test_every_part_stands_in_the_whole_desk_for_a_browser_without_scripts(browser, badge):
    page = browser.post("/desk/find", part=False, code=badge).text
    assert "<html" in page and "张三" in page and badge not in page
    walk_in = browser.get("/desk/walk-in", part=False).text
    assert "<html" in walk_in and 'name="organisation"' in walk_in


def test_the_desk_speaks_english(browser, badge):
    browser.client.set_cookie("lang", "en")
    card = browser.post("/desk/find", code=badge).text
    assert "Do all 2 at once" in card and "Sign-in · Bag" in card and "2 left · tap to give" in card
