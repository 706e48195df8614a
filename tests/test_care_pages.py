"""Care: going live in two steps, backups, exports, the audit, each said in words."""
from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from models.care import look_into
from models.scans import Tally
from tests.conftest import post, sign_in


def do(client: FlaskClient, action: str, **fields: str) -> tuple[str, str]:
    """Has something done; the address and the text of its outcome."""
    path = str(post(client, f"/admin/care/{action}", "/admin/care", **fields).location)
    client.application.extensions["huiwu.works"]._kept[path.split("/")[4]].over.wait(60)
    return path, str(client.get(path).text)


def test_going_live_says_what_happens_and_needs_a_second_word(coordinator, runtime, desk, badge):
    desk.scan(badge, "signin")
    assert "现在是试运行" in coordinator.get("/admin/care").text
    page = coordinator.get("/admin/care/golive").text
    assert "<b>1</b>" in page and "名单和代表证" in page
    post(coordinator, "/admin/care/golive")
    assert runtime.plan(fresh=True).event.trial
    post(coordinator, "/admin/care/golive", sure="1")
    assert not runtime.plan(fresh=True).event.trial
    page = coordinator.get("/admin/care").text
    assert "试运行的 1 条记录" in page and "正式运行" in page and "试运行的记录" in page
    assert desk.scan(badge, "signin")["verdict"] == "accepted"


def test_going_live_twice_is_told(coordinator):
    post(coordinator, "/admin/care/golive", sure="1")
    assert coordinator.get("/admin/care/golive").status_code == 303
    post(coordinator, "/admin/care/golive", "/admin/care", sure="1")
    assert "会议已经正式开始" in coordinator.get("/admin/care").text


def test_a_backup_is_made_listed_and_can_be_taken_away(coordinator, tmp_path, desk, badge):
    desk.scan(badge, "signin")
    _, page = do(coordinator, "backup")
    assert "备份好了" in page and "到第 1 条记录" in page
    name = page.split("/admin/care/files/")[1].split('"')[0]
    assert name in coordinator.get("/admin/care").text
    copy = tmp_path / "copy.db"
    with post(coordinator, f"/admin/care/files/{name}", "/admin/care") as answer:
        copy.write_bytes(answer.data)
    assert look_into(copy).head == 1
    with closing(sqlite3.connect(copy)) as there:
        assert there.execute("SELECT count(*) FROM scan").fetchone() == (1,)


@pytest.mark.parametrize("name", ["huiwu.db", "..%2Fhuiwu.db", "serve.lock", "nothing.db"])
def test_only_listed_copies_are_handed_out(coordinator, name: str):
    assert post(coordinator, f"/admin/care/files/{name}", "/admin/care").status_code == 404


@pytest.mark.parametrize("what", ["counts", "ledger", "roster"])
@pytest.mark.parametrize(("ending", "start"), [("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("json", b"[")])
def test_exports_come_in_three_forms(coordinator, desk, badge, what: str, ending: str, start: bytes):
    desk.scan(badge, "signin")
    path, page = do(coordinator, "export", what=what, ending=ending)
    assert "行导出好了" in page
    with coordinator.get(f"{path}/file") as answer:
        assert answer.data.startswith(start) and f"{what}.{ending}" in answer.headers["Content-Disposition"]


def test_an_unknown_export_is_not_found(coordinator):
    assert post(coordinator, "/admin/care/export", "/admin/care", what="staff", ending="csv").status_code == 404


def test_the_audit_says_that_everything_agrees_or_what_does_not(coordinator, desk, badge, write):
    desk.scan(badge, "signin")
    assert "全部相符" in do(coordinator, "audit")[1]
    write(lambda session: session.execute(update(Tally).where(Tally.service_key == "signin").values(people=7)))
    page = do(coordinator, "audit")[1]
    assert "1 条记录里有 1 处不符" in page and "计数为 7" in page


def test_an_outcome_belongs_to_who_asked_for_it(coordinator, create_staff):
    path, _ = do(coordinator, "export", what="roster", ending="csv")
    create_staff("王总", "coordinator")
    other = coordinator.application.test_client()
    sign_in(other, "王总")
    assert other.get(path).status_code == other.get(f"{path}/file").status_code == 404


def test_the_file_before_an_upgrade_is_listed_and_can_be_taken_away(coordinator, data):
    (data / "before-upgrade-0001-20261205-080000.db").write_bytes(b"an older event")
    assert "升级之前的文件" in coordinator.get("/admin/care").text
    with post(coordinator, "/admin/care/files/before-upgrade-0001-20261205-080000.db", "/admin/care") as answer:
        assert answer.data == b"an older event"


def test_a_folder_for_the_automatic_backups_is_chosen_on_the_page(coordinator, tmp_path, runtime, desk, badge):
    desk.scan(badge, "signin")
    assert "备份只在这台电脑上" in coordinator.get("/admin/care").text
    stick = tmp_path / "stick"
    stick.mkdir()
    _, page = do(coordinator, "folder", folder=str(stick))
    assert "备份好了，并检查过" in page and "一直插着" in page and "到第 1 条记录" in page
    page = coordinator.get("/admin/care").text
    assert str(stick) in page and "1 份" in page
    desk.scan(badge, "bag")
    _, page = do(coordinator, "backup")
    assert str(stick) in page and "到第 2 条记录" in page
    assert len(list(stick.glob("huiwu-*.db"))) == 2
    post(coordinator, "/admin/care/folder", "/admin/care", folder="")
    assert str(stick) not in coordinator.get("/admin/care").text


def test_a_folder_that_is_not_there_is_refused_in_words(coordinator, tmp_path):
    post(coordinator, "/admin/care/folder", "/admin/care", folder=str(tmp_path / "nowhere"))
    page = coordinator.get("/admin/care").text
    assert "找不到文件夹" in page and "备份只在这台电脑上" in page


def test_a_stick_that_is_gone_is_said_on_the_page_and_when_a_backup_is_wanted(coordinator, tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    do(coordinator, "folder", folder=str(stick))
    stick.rename(tmp_path / "drawer")
    assert "U 盘或文件夹不在" in coordinator.get("/admin/care").text
    assert "U 盘或文件夹不在" in do(coordinator, "backup")[1]


def test_of_the_automatic_backups_the_newest_is_handed_out(coordinator, data, runtime):
    (data / "backups").mkdir()
    for n in (1, 2):
        (data / "backups" / f"huiwu-0a1b2c3d-00000{n}-20261205-12000{n}.db").write_bytes(b"copy %d" % n)
    page = coordinator.get("/admin/care").text
    assert page.count("自动备份，最新的一份") == 1
    with post(coordinator, "/admin/care/files/huiwu-0a1b2c3d-000002-20261205-120002.db", "/admin/care") as answer:
        assert answer.data == b"copy 2"
