"""The printers' pages: who may see them, what a person does there, and that they follow what happens."""
from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update
from werkzeug.exceptions import NotFound

from models import print_queue
from models.event import Printer
from models.people import Badge
from models.scans import PrintJob
from printers import views, virtual
from printers.status import Problem
from printers.worker import paper_folder
from tests.print_shop import Shop


@pytest.fixture
def sign_in_as(client, create_staff):
    """Signs a person of a role in, through the door."""
    def enter(role):
        create_staff("陈总", role)
        client.post("/login", data={"csrf_token": token(client, "/login"), "name": "陈总", "secret": "2468"})
    return enter


@pytest.fixture
def lead(client, sign_in_as):
    """A browser in which a lead has signed in."""
    sign_in_as("lead")
    return client


@pytest.fixture
def jobs(runtime, desk, badge):
    """A slip and a coupon that wait; read again at each call."""
    desk.scan(badge, "signin")

    def read():
        with runtime.reading() as session:
            return session.scalars(select(PrintJob).order_by(PrintJob.number)).all()
    return read


def token(client, path="/admin/printers"):
    return re.search(r'name="csrf-token" content="([^"]+)"', client.get(path).text)[1]


def post(client, path, **fields):
    answer = client.post(path, data={"csrf_token": token(client), **fields})
    return client.get(answer.location).text if answer.status_code == 303 else answer.status_code


def put(write, job, **values):
    write(lambda session: session.execute(update(PrintJob).where(PrintJob.id == job.id).values(**values)))


PAGES = ["/admin/printers", "/admin/printers/now", "/admin/printers/front/paper", "/admin/printers/front/paper/now"]


@pytest.mark.parametrize("path", PAGES)
def test_strangers_and_staff_are_turned_away_and_leads_are_let_in(client, sign_in_as, path):
    assert client.get(path).status_code == 303
    sign_in_as("lead")
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_staff_see_no_queue(client, sign_in_as, path):
    sign_in_as("staff")
    assert client.get(path).status_code == 403


def test_a_write_without_the_pages_token_is_refused(lead, jobs):
    assert lead.post(f"/admin/print-jobs/{jobs()[0].id}/cancel").status_code == 400
    assert jobs()[0].state == "queued"


def test_the_page_says_how_printers_are_and_what_waits(lead, jobs, write):
    write(lambda session: session.execute(update(Printer).values(
        state="blocked", message="缺纸，请换纸卷 · Out of paper: change the roll")))
    text = lead.get("/admin/printers").text
    assert "缺纸，请换纸卷" in text and "Out of paper" not in text
    assert all(said in text for said in ("0001", "0002", "张三", "午餐", "处理好了，再试"))
    lead.set_cookie("lang", "en")
    text = lead.get("/admin/printers").text
    assert "Out of paper: change the roll" in text and "缺纸" not in text and "Waiting to be printed" in text


def test_codes_are_in_no_page(lead, jobs, runtime):
    text = lead.get("/admin/printers").text
    with runtime.reading() as session:
        codes = [*session.scalars(select(Badge.code)), *(job.code for job in jobs())]
    assert len(codes) == 3 and not [code for code in codes if code in text]


@pytest.mark.parametrize(("action", "state", "said"), [
    ("hold", "held", "已暂停"), ("cancel", "cancelled", "已取消"), ("reprint", "queued", "已加打一份")])
def test_what_waits_is_held_or_cancelled_with_a_tap(lead, jobs, action, state, said):
    assert said in post(lead, f"/admin/print-jobs/{jobs()[0].id}/{action}")
    assert (jobs()[0].state, jobs()[0].actor) == (state, "陈总" if action != "reprint" else "")


def test_a_held_job_is_released_and_moved(lead, jobs, write):
    write(lambda session: session.add(Printer(key="rear", url="virtual://", name="后台打印机")))
    put(write, jobs()[0], state="held")
    assert "后台打印机" in post(lead, f"/admin/print-jobs/{jobs()[0].id}/move", printer="rear")
    assert "已继续打印" in post(lead, f"/admin/print-jobs/{jobs()[0].id}/release")
    assert (jobs()[0].state, jobs()[0].printer_key) == ("queued", "rear")


@pytest.mark.parametrize(("out", "states"), [("yes", ["printed", "queued"]), ("no", ["cancelled", "queued", "queued"])])
def test_the_question_is_asked_first_and_answered_with_a_tap(lead, jobs, write, out, states):
    put(write, jobs()[0], state="unknown", reason="已发出，但打印机没有确认 · Sent, but the printer has not confirmed it")
    text = lead.get("/admin/printers").text
    assert "第 0001 号小票出来了吗？" in text and "关机再开" in text and "已发出，但打印机没有确认" in text
    assert text.index("第 0001 号小票出来了吗？") < text.index("等待打印")
    text = post(lead, f"/admin/print-jobs/{jobs()[0].id}/answer", out=out)
    assert "第 0001 号小票出来了吗？" not in text
    assert [job.state for job in jobs()] == states


def test_what_is_not_possible_is_said_and_changes_nothing(lead, jobs, write):
    put(write, jobs()[0], state="printed")
    assert "处理过了" in post(lead, f"/admin/print-jobs/{jobs()[0].id}/cancel")
    assert "没有这张小票" in post(lead, "/admin/print-jobs/x/cancel")
    assert post(lead, f"/admin/print-jobs/{jobs()[0].id}/shred") == 404
    assert jobs()[0].state == "printed"


def test_a_slip_is_found_by_its_number_with_its_copies(lead, jobs, write):
    put(write, jobs()[0], state="printed")
    post(lead, f"/admin/print-jobs/{jobs()[0].id}/reprint")
    text = lead.get("/admin/printers?number=0001").text
    assert "补打第 2 份" in text and "小票 0001" in text
    for nothing in ("777", "abc", "９" * 30, "-1"):
        assert "没有这个号的小票" in lead.get("/admin/printers", query_string={"number": nothing}).text


def test_a_test_slip_and_a_new_look_are_asked_for(lead, runtime):
    assert "测试条已排队" in post(lead, "/admin/printers/front/test")
    assert "重新联系" in post(lead, "/admin/printers/front/check")
    assert "没有这台打印机" in post(lead, "/admin/printers/nowhere/test")


def test_a_plan_without_printers_says_what_to_do(lead, runtime):
    runtime.writer.do(lambda session: session.connection().exec_driver_sql("UPDATE station SET printer_key = NULL"))
    runtime.writer.do(lambda session: session.connection().exec_driver_sql("DELETE FROM printer"))
    assert "方案里还没有打印机" in lead.get("/admin/printers").text


def test_the_virtual_printer_is_made_to_fail_and_well_again(lead, data):
    folder = paper_folder(data, "front")
    text = post(lead, "/admin/printers/front/problem", problem="PAPER_OUT")
    assert virtual.problem_of(folder) is Problem.PAPER_OUT and 'aria-pressed="true"' in text
    post(lead, "/admin/printers/front/problem", problem="")
    assert virtual.problem_of(folder) is None
    assert post(lead, "/admin/printers/front/problem", problem="CUTTER") == 400


def test_only_a_virtual_printer_has_paper_to_look_at(lead, write, app):
    write(lambda session: session.execute(update(Printer).values(url="tcp://127.0.0.1:9")))
    assert lead.get("/admin/printers/front/paper").status_code == 404
    assert lead.get("/admin/printers/nowhere/paper").status_code == 404
    with app.test_request_context(), pytest.raises(NotFound):
        views._virtual_printer("front")


def test_a_slips_picture_is_given_and_nothing_beside_it(lead, data, runtime):
    folder = paper_folder(data, "front")
    folder.mkdir(parents=True)
    (folder / "0001-x.png").write_bytes(b"\x89PNG")
    with lead.get("/admin/printers/front/paper/0001-x.png") as answer:
        assert (answer.data, answer.mimetype) == (b"\x89PNG", "image/png") and "no-" in answer.headers["Cache-Control"]
    assert "0001-x.png" in lead.get("/admin/printers/front/paper").text
    for path in ("../../huiwu.db", "%2e%2e/%2e%2e/huiwu.db", "nothing.png"):
        assert lead.get(f"/admin/printers/front/paper/{path}").status_code == 404


# --- in a browser, with everything running ---

@pytest.fixture
def shop(live_server, runtime):
    """The live server with its spooler."""
    made = Shop(runtime)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def desk_page(live_server, browser_page, create_staff):
    """A browser in which the coordinator has signed in."""
    create_staff("陈总", "coordinator")
    browser_page.goto(f"{live_server.url}/login")
    browser_page.fill("[name=name]", "陈总")
    browser_page.fill("[name=secret]", "2468")
    browser_page.press("[name=secret]", "Enter")
    browser_page.wait_for_url("**/admin/")
    return browser_page


def test_a_slip_comes_out_on_screen_without_a_reload(shop, live_server, desk_page, desk, badge):
    desk_page.goto(f"{live_server.url}/admin/printers/front/paper")
    desk_page.wait_for_selector("text=还没有打出小票")
    desk.scan(badge, "signin")
    desk_page.wait_for_selector(".slips li:nth-child(2) img")
    assert desk_page.evaluate("[...document.querySelectorAll('.slips img')].every((one) => one.decode)")
    assert shop.states() == ["printed", "printed"]


def test_paper_is_taken_away_and_the_queue_says_so_until_it_is_back(shop, live_server, desk_page, desk, badge):
    desk_page.goto(f"{live_server.url}/admin/printers/front/paper")
    desk_page.click("button:has-text('缺纸')")
    desk_page.wait_for_selector(".practise :text('缺纸，请换纸卷')")
    desk_page.goto(f"{live_server.url}/admin/printers")
    desk.scan(badge, "signin")
    desk_page.wait_for_selector(".jobs .job:has-text('午餐')")
    assert "缺纸，请换纸卷" in desk_page.text_content("#printer-front")
    desk_page.click("button:has-text('暂停') >> nth=0")
    desk_page.wait_for_selector(".job:has-text('已暂停')")
    virtual.set_problem(paper_folder(shop.runtime.data, "front"), None)
    desk_page.click("button:has-text('处理好了，再试')")
    desk_page.wait_for_selector(".over .job:has-text('已打印')")
    desk_page.click("button:has-text('继续打印')")
    desk_page.wait_for_selector("text=没有等待的小票")


def test_an_open_menu_is_not_taken_away_under_the_finger(shop, live_server, desk_page, desk, badge):
    shop.printer("rear", name="后台打印机")
    virtual.set_problem(paper_folder(shop.runtime.data, "front"), Problem.COVER_OPEN)
    desk.scan(badge, "signin")
    assert shop.wait(lambda: shop.said().state == "blocked")
    desk_page.goto(f"{live_server.url}/admin/printers")
    desk_page.click(".job:has-text('0001') summary")
    shop.do(print_queue.cancel, shop.jobs()[1].id, "小王")
    desk_page.wait_for_timeout(600)       # nothing tells of a refresh that must not be: it would have come by now
    assert desk_page.is_visible(".job:has-text('0002')")
    desk_page.click(".menu[open] button:has-text('后台打印机')")
    desk_page.wait_for_selector(".over .job:has-text('后台打印机')")
    assert shop.states() == ["printed", "cancelled"]
