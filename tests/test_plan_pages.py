"""The plan in the coordinator's pages: what is typed becomes the plan by the file's own checks, and nothing is lost."""
from __future__ import annotations

import io
import re
from datetime import date, datetime, timedelta
from html import unescape

import pytest
from sqlalchemy import select, update
from werkzeug.datastructures import MultiDict

from admin import plan_forms, plan_import, plan_saving
from models import plan_file, plan_store, sign_ins
from models.audit import audit
from models.database import now
from models.event import Event, Service
from models.people import StaffSession
from models.scans import StockMove
from tests.conftest import sign_in, token_of

TIMES = {"opens": ["2026-12-05T11:30", "2026-12-06T11:30"], "closes": ["2026-12-05T13:30", "2026-12-06T13:30"]}


@pytest.fixture
def coordinator(client, create_staff, write):
    create_staff("陈总", "coordinator")
    assert sign_in(client, "陈总").status_code == 303

    def december(session):
        event = session.scalars(select(Event)).one()
        event.starts, event.ends = date(2026, 12, 5), date(2026, 12, 7)
        for one in session.scalars(select(Service)):       # what a person types has no fractions of a second
            one.windows = [[re.sub(r"\.\d+", "", moment) for moment in window] for window in one.windows]
            one.starts, one.ends = (at and at.replace(microsecond=0) for at in (one.starts, one.ends))
    write(december)
    return client


@pytest.fixture
def plan(runtime):
    """Reads the plan anew."""
    def load():
        return plan_saving.load(runtime)
    return load


def fields_of(client, path):
    """What a browser would send back from the plan's form, unchanged."""
    page = client.get(path).text
    form = page[page.index('id="plan-form"'):]
    form = form[:form.index("</form>")]
    found = MultiDict()
    for tag in re.findall(r"<input[^>]*>", form):
        at = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if at.get("type") in ("checkbox", "radio") and not re.search(r"\schecked", tag):
            continue
        if "name" in at:
            found.add(at["name"], unescape(at.get("value", "")))
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        found.add(name, unescape(chosen[1]))
    for name, text in re.findall(r'<textarea name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found.add(name, unescape(text))
    return found


def send(client, path, fields):
    return client.post(path, data=MultiDict({**fields.to_dict(flat=False), "csrf_token": token_of(client, "/admin/plan")}))


def change(client, path, **new):
    """Saves the form of a path with some fields changed (lists for several of one name, None for none)."""
    fields = fields_of(client, path)
    for name, value in new.items():
        fields.setlist(name, [] if value is None else value if isinstance(value, list) else [value])
    return send(client, path, fields)


def service(plan, key):
    return next(one for one in plan.service if one.key == key)


@pytest.mark.parametrize("path", ["/admin/plan", "/admin/plan/event", "/admin/plan/service/lunch", "/admin/plan/export",
                                  "/admin/plan/import", "/admin/plan/new/service?kind=meal"])
def test_only_the_coordinator_sees_and_changes_the_plan(client, create_staff, path):
    create_staff("李组长", "lead")
    assert client.get(path).status_code == 303
    sign_in(client, "李组长")
    assert client.get(path).status_code == 403


@pytest.mark.parametrize("path", ["/admin/plan/event", "/admin/plan/service/lunch", "/admin/plan/new/category",
                                  "/admin/plan/service/lunch/delete", "/admin/plan/service/lunch/closed",
                                  "/admin/plan/service/bag/stock", "/admin/plan/import"])
def test_a_form_without_the_page_s_token_changes_nothing(coordinator, plan, path):
    before = plan()
    assert coordinator.post(path, data={"name": "x"}).status_code == 400
    assert plan() == before


@pytest.mark.parametrize("path", ["/admin/plan/event", *[f"/admin/plan/{key}" for key in (
    "category/press", "service/signin", "service/bag", "service/lunch", "service/s1", "station/desk-1", "station/gate-1",
    "station/kiosk-1", "station/board", "printer/front")]])
def test_saving_a_form_as_it_is_changes_nothing(coordinator, plan, path):
    before = plan()
    answer = send(coordinator, path, fields_of(coordinator, path))
    assert answer.status_code == 303
    assert plan() == before


def test_a_service_may_be_changed_in_every_way_its_kind_has(coordinator, plan):
    answer = change(coordinator, "/admin/plan/service/lunch", name="会议午餐", name_en="Lunch", **TIMES, who="some",
                    entitled=["delegate", "press"], needs=["signin"], tolerance_minutes="15", limit="2", per="day",
                    slip="1", coupon=None, q_key="", q_text="主食", q_choices="米饭\r\n面条\r\n", q_required="0")
    assert answer.status_code == 303
    lunch = service(plan(), "lunch")
    assert (lunch.name, lunch.entitled, lunch.needs, lunch.tolerance_minutes) == ("会议午餐", ["delegate", "press"], ["signin"], 15)
    assert (lunch.limit, lunch.per, lunch.slip, lunch.coupon) == (2, "day", True, False)
    assert [window.opens for window in lunch.windows] == [datetime(2026, 12, 5, 11, 30), datetime(2026, 12, 6, 11, 30)]
    [question] = lunch.question
    assert (question.key, question.choices, question.required) == ("q1", ["米饭", "面条"], True)


def test_a_change_is_what_scans_are_judged_by_at_once(coordinator, plan, gate, badge):
    assert gate.scan(badge, "dinner")["reason"] == "too_early"
    change(coordinator, "/admin/plan/service/dinner", opens=None, closes=None)
    assert gate.scan(badge, "dinner")["verdict"] == "accepted"


def test_times_are_the_event_s_own_in_whatever_zone(coordinator, plan, write):
    change(coordinator, "/admin/plan/event", timezone="America/New_York")
    change(coordinator, "/admin/plan/service/lunch", **TIMES)
    assert "2026-12-05T11:30" in coordinator.get("/admin/plan/service/lunch").text
    windows = write(lambda session: session.get(Service, "lunch").windows)
    assert windows[0][0] == "2026-12-05T16:30:00+00:00"


@pytest.mark.parametrize(("path", "new", "words"), [
    ("/admin/plan/service/lunch", {"name": " "}, "请填写这一项"),
    ("/admin/plan/service/lunch", {"opens": "2026-12-05T13:30", "closes": "2026-12-05T11:30"}, "结束要晚于开始"),
    ("/admin/plan/service/lunch", {"opens": "2026-12-05T13:30", "closes": ""}, "“结束”"),
    ("/admin/plan/service/lunch", {"limit": "两次"}, "请写整数"),
    ("/admin/plan/service/lunch", {"limit": "0"}, "“每人次数”不能小于 1"),
    ("/admin/plan/service/s1", {"starts": "2026-12-05T13:30", "ends": "2026-12-05T11:30"}, "结束要晚于开始"),
    ("/admin/plan/event", {"starts": "2026-12-08"}, "最后一天不能早于第一天"),
    ("/admin/plan/event", {"timezone": "Asia/Shanghia"}, "是不是“Asia/Shanghai”"),
    ("/admin/plan/station/kiosk-1", {"services": None}, "自助机要有一个签到项目"),
    ("/admin/plan/printer/front", {"url": "192.168.1.50"}, "tcp://192.168.1.50:9100"),
    ("/admin/plan/category/press", {"colour": "red"}, "请选一种颜色"),
])
def test_a_mistake_is_said_at_its_field_and_nothing_typed_is_lost(coordinator, plan, path, new, words):
    before = plan()
    answer = change(coordinator, path, **{"name_en": "Typed & kept", **new})
    assert answer.status_code == 422
    assert words in unescape(answer.text) and 'class="wrong"' in answer.text
    assert 'value="Typed &amp; kept"' in answer.text
    for value in new.values():
        assert not value or value == " " or f'value="{value}"' in answer.text
    assert plan() == before


def test_new_ones_get_a_key_by_themselves_and_stand_where_they_were_put(coordinator, plan):
    for path, new in [
        ("category", {"name": "嘉宾", "colour": "#8250df", "after": ""}),
        ("service?kind=meal", {"kind": "meal", "name": "早餐", "name_en": "Breakfast, day 1", **TIMES}),
        ("service?kind=material", {"kind": "material", "name": "水", "stock": "50"}),
        ("station", {"name": "东门", "mode": "gate", "services": ["lunch"], "offline": "1"}),
        ("printer", {"name": "后台", "url": "tcp://192.168.1.51:9100", "width": "384", "backup": "front"}),
    ]:
        assert change(coordinator, f"/admin/plan/new/{path}", **new).status_code == 303
    now = plan()
    assert now.category[0].key == "category-1"
    assert {"breakfast-day-1", "material-1"} <= {one.key for one in now.service}
    gate = next(one for one in now.station if one.name == "东门")
    assert (gate.key, gate.services, gate.offline) == ("gate-3", ["lunch"], True)
    printer = now.printer[-1]
    assert (printer.key, printer.width, printer.backup) == ("printer-1", 384, "front")
    assert "没有服务点办理这一项" in coordinator.get("/admin/plan").text     # a remark on the breakfast


def test_a_key_that_is_taken_is_refused_at_its_field(coordinator, plan):
    answer = change(coordinator, "/admin/plan/new/category", name="贵宾", key="press")
    assert answer.status_code == 422 and "这个代号已经有了" in answer.text and 'value="press"' in answer.text


def test_rows_come_and_go_without_saving(coordinator, plan):
    before = plan()
    path = "/admin/plan/service/lunch"
    answer = change(coordinator, path, opens="2026-12-05T11:30", closes="2026-12-05T13:30", name="新名", do="add-window")
    assert answer.status_code == 200
    assert 'value="2026-12-06T11:30"' in answer.text and 'value="新名"' in answer.text     # the same hours a day later
    answer = change(coordinator, path, **TIMES, do="drop-window:0")
    assert "2026-12-05T11:30" not in answer.text and "2026-12-06T11:30" in answer.text
    assert 'name="q_text"' in change(coordinator, path, do="add-question").text
    answer = change(coordinator, "/admin/plan/station/desk-1", do="down:signin")
    assert answer.text.index('value="bag" checked') < answer.text.index('value="signin" checked')
    assert plan() == before


def test_an_edit_that_somebody_else_overtook_asks_once_more(coordinator, plan):
    mine = fields_of(coordinator, "/admin/plan/category/press")
    change(coordinator, "/admin/plan/category/press", name="媒体")
    mine["name"] = "新闻界"
    answer = send(coordinator, "/admin/plan/category/press", mine)
    assert answer.status_code == 409 and "别人改过" in answer.text and 'value="新闻界"' in answer.text
    assert plan().category[1].name == "媒体"
    mine["seen"] = re.search(r'name="seen" value="(\w+)"', answer.text)[1]
    assert send(coordinator, "/admin/plan/category/press", mine).status_code == 303
    assert plan().category[1].name == "新闻界"


def test_an_edit_of_another_part_meanwhile_is_not_lost(runtime, plan):
    """The plan that was looked at is compared inside the writer's transaction; the loser's edit is done again."""
    seen = []

    def rename(raw):
        plan_forms.find(raw, "category", "press")["name"] = "媒体"
        if not seen:
            seen.append(1)
            plan_saving.edit(runtime, lambda other: plan_forms.find(other, "service", "bag").update(stock=9))
    assert plan_saving.edit(runtime, rename)
    assert plan().category[1].name == "媒体" and service(plan(), "bag").stock == 9


def delete(client, table, key):
    return client.post(f"/admin/plan/{table}/{key}/delete", data={"csrf_token": token_of(client, "/admin/plan")})


def test_what_is_removed_leaves_no_mention_behind(coordinator, plan):
    assert "餐厅入口" in coordinator.get("/admin/plan/service/lunch").text
    assert delete(coordinator, "service", "lunch").status_code == 303
    assert delete(coordinator, "printer", "front").status_code == 303
    now = plan()
    assert all("lunch" not in station.services and station.printer is None for station in now.station)


def test_what_is_in_use_stays_and_says_why(coordinator, plan, gate, badge):
    gate.scan(badge, "lunch")
    before = plan()
    for table, key, words in [("service", "lunch", "已有扫码记录"), ("category", "delegate", "还有 1 人"),
                              ("station", "gate-1", "已有扫码记录"), ("service", "signin", "自助机要有一个签到项目")]:
        answer = delete(coordinator, table, key)
        assert answer.status_code == 409 and words in answer.text
    assert plan() == before


def test_a_service_is_stopped_at_once_and_goes_on(coordinator, gate, badge):
    for closed, reason in [("1", "service_closed"), ("0", None)]:
        answer = coordinator.post("/admin/plan/service/lunch/closed",
                                  data={"csrf_token": token_of(coordinator, "/admin/plan"), "closed": closed})
        assert answer.status_code == 303
        assert ("已停止" in coordinator.get("/admin/plan").text) is (closed == "1")
        assert gate.scan(badge, "lunch")["reason"] == reason


def correct(client, how, pieces, newest=None):
    page = client.get("/admin/plan/service/bag").text
    if newest is None:
        newest = re.search(r'name="newest" value="(\d+)"', page)[1]
    return client.post("/admin/plan/service/bag/stock", follow_redirects=True, data={
        "csrf_token": token_of(client, "/admin/plan"), "how": how, "pieces": pieces, "newest": newest}).text


def test_a_stock_correction_moves_what_is_left_and_the_audit_agrees(coordinator, runtime, desk, badge):
    desk.scan(badge, "signin")
    desk.scan(badge, "bag")
    assert "现在剩 41" in correct(coordinator, "more", "40")
    assert "现在剩 39" in correct(coordinator, "fewer", "2")
    assert "库存更正 -9，现在剩 30" in correct(coordinator, "counted", "30")
    assert desk.counts()["services"]["bag"]["stock_left"] == 30
    with runtime.reading() as session:
        moves = session.scalars(select(StockMove).where(StockMove.scan_id.is_(None))).all()
    assert [move.quantity for move in moves] == [40, -2, -9] and {move.actor for move in moves} == {"陈总"}
    assert audit(runtime)[1] == []


@pytest.mark.parametrize(("how", "pieces", "words"), [("fewer", "3", "减不了 3"), ("more", "半箱", "整数"),
                                                      ("more", "-1", "整数"), ("counted", "", "整数")])
def test_an_impossible_correction_changes_nothing(coordinator, desk, how, pieces, words):
    assert words in correct(coordinator, how, pieces)
    assert desk.counts()["services"]["bag"]["stock_left"] == 2


def test_a_second_click_corrects_the_stock_once(coordinator, desk):
    correct(coordinator, "more", "10", newest="0")
    assert "刚刚更正过" in correct(coordinator, "more", "10", newest="0")
    assert desk.counts()["services"]["bag"]["stock_left"] == 12


def test_moved_sessions_count_who_is_inside_anew(coordinator, runtime, gate, desk, badge):
    gate.scan(badge, "s1")
    gate.scan(badge, "s2")          # overlaps: the person left the first one by entering the second
    assert desk.counts()["services"]["s1"]["inside"] == 0
    change(coordinator, "/admin/plan/service/s2", starts="2026-12-06T09:00", ends="2026-12-06T10:00")
    assert desk.counts()["services"]["s1"]["inside"] == 1
    assert audit(runtime)[1] == []


# --- the plan as a file ---

def upload(client, text):
    data = text.encode() if isinstance(text, str) else text
    return client.post("/admin/plan/import", data={"csrf_token": token_of(client, "/admin/plan"),
                                                   "file": (io.BytesIO(data), "方案.toml")})


def confirm(client, page):
    text = unescape(re.search(r"<textarea name=\"text\" hidden>\n(.*?)</textarea>", page, re.DOTALL)[1])
    seen = re.search(r'name="seen" value="(\w+)"', page)[1]
    return client.post("/admin/plan/import", data={"csrf_token": token_of(client, "/admin/plan"), "text": text,
                                                   "seen": seen, "sure": "1"})


def test_the_exported_file_reads_back_to_the_same_plan(coordinator, plan):
    answer = coordinator.get("/admin/plan/export")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert plan_file.read(answer.text)[0] == plan()
    assert "没有要改的" in upload(coordinator, answer.text).text


def test_an_import_shows_what_it_would_change_and_then_changes_it(coordinator, plan):
    before = plan()
    text = coordinator.get("/admin/plan/export").text.replace('"午餐"', '"工作午餐 <3>"').replace("stock = 2", "stock = 20")
    page = upload(coordinator, text + '\n[[category]]\nkey = "guest"\nname = "嘉宾"\n')
    assert page.status_code == 200 and plan() == before
    for words in ("<del>午餐</del> → <ins>工作午餐 &lt;3&gt;</ins>", "<ins>20</ins>", "嘉宾", "新增"):
        assert words in page.text
    assert confirm(coordinator, page.text).status_code == 303
    assert service(plan(), "lunch").name == "工作午餐 <3>" and plan().category[-1].key == "guest"


def test_an_import_tells_a_new_order_once(coordinator, plan):
    raw = plan_file.to_raw(plan())
    raw["category"].reverse()
    page = upload(coordinator, plan_store.write(plan_file.of(raw)[0])).text
    assert page.count("<del>代表、记者</del> → <ins>记者、代表</ins>") == 1
    assert confirm(coordinator, page).status_code == 303
    assert [category.key for category in plan().category] == ["press", "delegate"]


def test_an_import_is_shown_again_when_the_plan_changed_meanwhile(coordinator, plan):
    page = upload(coordinator, coordinator.get("/admin/plan/export").text.replace('"午餐"', '"工作午餐"')).text
    change(coordinator, "/admin/plan/category/press", name="媒体")
    answer = confirm(coordinator, page)
    assert "刚刚被别人改过" in answer.text and "媒体" in answer.text
    assert service(plan(), "lunch").name == "午餐"


def test_an_import_that_takes_away_what_is_in_use_cannot_be_confirmed(coordinator, plan, gate, badge):
    gate.scan(badge, "lunch")
    raw = plan_file.to_raw(plan())
    plan_forms.remove(raw, "service", "lunch")
    page = upload(coordinator, plan_store.write(plan_file.of(raw)[0])).text
    assert "已有扫码记录" in page and 'name="sure"' not in page


@pytest.mark.parametrize(("text", "words"), [
    ("", "先选一个"), ("[event]\nname = 3\n", "第 2 行"), ("会议".encode("gb18030"), "UTF-8"), ("x" * 3001, "太大")])
def test_a_file_that_is_no_plan_is_refused_in_words(coordinator, plan, monkeypatch, text, words):
    before = plan()
    monkeypatch.setattr(plan_import, "LARGEST", 3000)
    answer = upload(coordinator, text)
    assert answer.status_code == 422 and words in answer.text
    assert plan() == before


# --- where the laptop sends bytes: the passphrase, asked again ---

@pytest.fixture
def stale(coordinator, write):
    """The coordinator's browser when the passphrase was typed a while ago."""
    write(lambda session: session.execute(update(StaffSession).values(
        confirmed_at=now() - sign_ins.CONFIRMED - timedelta(minutes=1))).close())
    return coordinator


def typed(client, asked, passphrase="2468"):
    """Types it into the page that asks."""
    kept = re.search(r'name="kept_form" value="([^"]+)"', asked.text)[1]
    return client.post(asked.request.path, data={"csrf_token": token_of(client, "/admin/plan"), "kept_form": kept,
                                                 "passphrase": passphrase})


@pytest.mark.parametrize("path", ["/admin/plan/printer/front", "/admin/plan/new/printer"])
def test_a_printer_is_saved_after_the_passphrase_only(stale, plan, path):
    before, data = plan(), {"name": "新打印机", "url": "tcp://192.168.1.77:9100"}
    asked = change(stale, path, **data)
    assert asked.status_code == 403 and 'name="passphrase"' in asked.text and plan() == before
    assert typed(stale, asked, "0000").status_code == 403 and plan() == before
    assert typed(stale, asked).status_code == 303
    assert any(printer.url == data["url"] for printer in plan().printer)


def test_an_import_changes_the_plan_after_the_passphrase_only(stale, plan):
    before = plan()
    page = upload(stale, stale.get("/admin/plan/export").text.replace('"午餐"', '"工作午餐"'))
    assert page.status_code == 200
    asked = confirm(stale, page.text)
    assert asked.status_code == 403 and 'name="passphrase"' in asked.text and plan() == before
    assert typed(stale, asked).status_code == 303 and service(plan(), "lunch").name == "工作午餐"


def test_the_rest_of_the_plan_is_changed_without_being_asked(stale, plan):
    assert change(stale, "/admin/plan/category/press", name="媒体").status_code == 303


# --- in a browser ---

def test_a_browser_adds_a_window_moves_a_service_and_saves(live_server, browser_page, create_staff, plan):
    create_staff("陈总", "coordinator")
    page = browser_page
    page.goto(f"{live_server.url}/login?next=/admin/plan")
    page.fill("[name=name]", "陈总")
    page.fill("[name=secret]", "2468")
    page.click("button.primary")
    with page.expect_download() as file:
        page.click("text=导出方案")
    assert file.value.suggested_filename == "会务方案.toml"
    page.click("#service-lunch a")
    page.click("text=再加一段")
    page.locator("[name=opens]").nth(1).wait_for()
    page.fill("[name=name]", "两天的午餐")
    page.press("[name=name]", "Enter")           # the save button, not one of those that only reshape the form
    page.wait_for_selector(".say.ok")
    assert len(service(plan(), "lunch").windows) == 2 and service(plan(), "lunch").name == "两天的午餐"
    page.click("#station-desk-1 a")
    page.click("[value='down:signin']")
    page.wait_for_selector("#order li:first-child [value=bag]")
    page.check("[name=mode][value=gate]")
    page.click(".form-end button")
    page.wait_for_selector(".say.ok")
    desk = next(one for one in plan().station if one.key == "desk-1")
    assert (desk.mode, desk.services) == ("gate", ["bag", "signin", "lunch"])
