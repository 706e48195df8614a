"""The import's three steps: a file, what it would do, what it did; every error in words and nothing half done."""
from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect
from sqlalchemy import func, select

from admin import works
from admin.import_pages import BODY_LIMIT
from admin.roster_import import holding
from models.people import Attendee, visible
from models.runtime import Runtime
from tests import rosters
from tests.conftest import post, sign_in, token_of
from tests.rosters import HEAD, PEOPLE
from tests.uploads import form

GOOD = rosters.xlsx()
BAD = rosters.xlsx([HEAD, PEOPLE[0], ("A00002", "", "第二研究所", "13800000002")])


def upload(client: FlaskClient, data: bytes = GOOD, name: str = "名单.xlsx") -> str:
    """Sends a file; the address of its import."""
    token = token_of(client, "/admin/import")
    with client.post("/admin/import", **form("file", name, data, csrf_token=token)) as answer:
        assert answer.status_code == 303, answer.text
        work_of(client, answer.location).over.wait(30)
        return str(answer.location)


def work_of(client: FlaskClient, path: str) -> works.Work:
    found: works.Works = client.application.extensions["huiwu.works"]
    return found._kept[path.split("/")[3]]


def start(client: FlaskClient, path: str, **fields: str) -> str:
    assert post(client, f"{path}/start", path, **fields).location == path
    work_of(client, path).over.wait(30)
    return str(client.get(path).text)


def everybody(runtime: Runtime) -> list[str]:
    with runtime.reading() as session:
        return list(session.scalars(select(Attendee.name).where(visible()).order_by(Attendee.id)))


def tallies(page: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"<li[^>]*><b>([\d,]+)</b>", page)]


def test_a_file_is_shown_first_and_imported_on_the_button(coordinator, runtime):
    path = upload(coordinator)
    page = coordinator.get(path).text
    assert tallies(page) == [2, 0, 0, 0] and "导入 2 人" in page and "张三" in page
    assert everybody(runtime) == []
    done = start(coordinator, path)
    assert "导入完成" in done and 'href="/admin/badges"' in done
    assert everybody(runtime) == ["张三", "李四"]
    assert not list(work_of(coordinator, path).folder.iterdir())


def test_the_same_file_again_has_nothing_to_import(coordinator):
    start(coordinator, upload(coordinator))
    page = coordinator.get(upload(coordinator)).text
    assert tallies(page) == [0, 0, 2, 0] and "不用导入" in page and "导入 0 人" not in page


def test_changes_are_shown_field_by_field_before_they_are_made(coordinator, runtime):
    start(coordinator, upload(coordinator))
    page = coordinator.get(upload(coordinator, rosters.xlsx([HEAD, ("A00001", "张三", "另一研究所", ""), PEOPLE[1]]))).text
    assert "<del>第一研究所</del>" in page and "<ins>另一研究所</ins>" in page and "13800000001</del>" not in page


def test_bad_rows_stop_everything_unless_the_good_ones_are_asked_for(coordinator, runtime):
    path = upload(coordinator, BAD)
    page = coordinator.get(path).text
    assert "没有姓名。" in page and 'name="skip"' in page
    start(coordinator, path)
    assert everybody(runtime) == []
    assert "没有导入" in start(coordinator, path, skip="1")
    assert everybody(runtime) == ["张三"]


def test_the_refused_rows_come_as_a_table_that_runs_no_formula(coordinator):
    bad = rosters.text([("姓名", "类别"), ("=1+1", "没有的类别"), ("张三", "代表")]).encode()
    answer = coordinator.get(f"{upload(coordinator, bad, '名单.csv')}/refused.csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == ["行号", "原因", "姓名", "证件种类"] and rows[1][0] == "2"
    assert rows[1][2] == "'=1+1" and "最接近的是" in rows[1][1]


def test_a_column_gets_another_meaning_or_is_left_out(coordinator, runtime):
    path = upload(coordinator, rosters.xlsx([("姓名", "工作处", "手机"), ("张三", "第一研究所", "13800000001")]))
    page = coordinator.get(path).text
    assert "工作处" in page and "第一研究所" in page
    post(coordinator, f"{path}/columns", path, **{"field.0": "name", "field.1": "organisation", "field.2": ""})
    work_of(coordinator, path).over.wait(30)
    start(coordinator, path)
    with runtime.reading() as session:
        person = session.scalars(select(Attendee)).one()
    assert (person.name, person.organisation, person.phone) == ("张三", "第一研究所", "")


def test_another_sheet_is_one_choice_away(coordinator):
    path = upload(coordinator, rosters.xlsx(name="第二批", others={"第一批": [HEAD, ("B1", "王五", "", "")]}))
    assert "王五" in coordinator.get(path).text
    post(coordinator, f"{path}/columns", path, sheet="第二批")
    work_of(coordinator, path).over.wait(30)
    assert "张三" in coordinator.get(path).text


def test_without_a_column_of_names_the_page_asks_which_one_it_is(coordinator):
    path = upload(coordinator, rosters.xlsx([("来宾", "单位"), ("张三", "第一研究所")]))
    page = coordinator.get(path).text
    assert "没有找到“姓名”这一列" in page and "哪一列是姓名" in page
    post(coordinator, f"{path}/columns", path, name_column="来宾")
    work_of(coordinator, path).over.wait(30)
    assert tallies(coordinator.get(path).text) == [1, 0, 0, 0]


@pytest.mark.parametrize(("content", "words"), [
    (b"%PDF-1.7 not a roster", "PDF 文件"), (b"\x89PNG\r\n\x1a\n", "图片"), (b"", "没有内容"),
    (rosters.locked_xlsx(), "密码"), (rosters.xlsx([HEAD]), "只有表头")],
    ids=["pdf", "png", "empty", "locked", "header only"])
def test_a_file_that_is_no_roster_is_refused_in_words(coordinator, content: bytes, words: str):
    page = coordinator.get(upload(coordinator, content)).text
    assert words in page and "什么都没有改动" in page and "换一个文件" in page


def test_no_file_at_all_is_a_sentence(coordinator):
    assert post(coordinator, "/admin/import").status_code == 303
    assert "请先选择一个文件" in coordinator.get("/admin/import").text


def test_only_the_roster_s_own_upload_may_be_large(coordinator):
    token = token_of(coordinator, "/admin/import")
    upload(coordinator, rosters.text([HEAD, *PEOPLE]).encode() + b"\r\n" * 1_500_000, "名单.csv")
    for path, size in [("/admin/badges/logo", 3_000_000), ("/admin/import", BODY_LIMIT + 1)]:
        answer = coordinator.post(path, headers={"X-CSRFToken": token}, content_type="multipart/form-data; boundary=x",
                                  environ_overrides={"CONTENT_LENGTH": str(size)})
        assert answer.status_code == 413 and "文件太大" in answer.text


def test_another_import_under_way_is_said_and_nothing_is_lost(coordinator, runtime):
    path = upload(coordinator)
    with holding(runtime):
        page = start(coordinator, path)
        assert "另一个导入正在进行" in page and "导入 2 人" in page
    assert "导入完成" in start(coordinator, path)


def test_an_import_belongs_to_who_uploaded_it(coordinator, create_staff):
    path = upload(coordinator)
    create_staff("王总", "coordinator")
    other = coordinator.application.test_client()
    sign_in(other, "王总")
    assert other.get(path).status_code == other.get(f"{path}/refused.csv").status_code == 404
    assert post(other, f"{path}/start", "/admin/import").status_code == 404


def test_dropping_an_import_removes_its_file(coordinator):
    path = upload(coordinator)
    folder = work_of(coordinator, path).folder
    assert folder.is_dir()
    assert post(coordinator, f"{path}/drop", path).location == "/admin/import"
    assert not folder.exists() and coordinator.get(path).status_code == 404


def test_uploads_of_a_process_that_is_gone_are_swept_away(coordinator, data):
    left = data / works.FOLDER / "old"
    left.mkdir(parents=True)
    (left / "roster").write_bytes(b"names")
    upload(coordinator)
    assert not left.exists()


def test_the_progress_line_stops_itself(coordinator):
    path = upload(coordinator)
    over = coordinator.get(f"{path}/progress")
    assert over.headers["HX-Redirect"] == path and over.text == ""
    work = work_of(coordinator, path)
    work.over.clear()
    work.tell("write", 500, 2000)
    line = coordinator.get(f"{path}/progress").text
    assert 'hx-trigger="every 1s"' in line and "500 / 2,000" in line and 'value="500" max="2000"' in line
    assert "http-equiv=\"refresh\"" in coordinator.get(path).text
    work.over.set()


def test_the_browser_takes_a_dropped_file_through_to_the_roster(live_server, browser_page: Any, create_staff, runtime):
    create_staff("陈总", "coordinator")
    page = browser_page
    page.goto(f"{live_server.url}/login?next=/admin/import")
    page.fill("[name=name]", "陈总")
    page.fill("[name=secret]", "2468")
    page.click("main button.primary")
    page.wait_for_url("**/admin/import")
    page.set_input_files("[name=file]", {"name": "名单.xlsx", "mimeType": "application/octet-stream", "buffer": GOOD})
    page.get_by_role("button", name="导入 2 人").click()
    page.get_by_role("link", name="看名单").click()
    page.fill("#words", "李四")
    expect(page.locator("#people tbody tr")).to_have_count(1)
    assert "李四" in page.inner_text("#people")
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attendee)) == 2
