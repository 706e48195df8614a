"""After the event: personal data goes, what is counted stays, and every file is searched for what was there."""
from __future__ import annotations

import json
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from app import create_app
from models import care, disclosures, purge, purge_rows, purged
from models.audit import audit
from models.database import Base, now
from models.event import Service, touch
from models.files import take_lock
from models.people import Attendee, Badge, Correction, Delegation, ImportRun, Staff, StaffSession
from models.runtime import Runtime
from models.scans import PrintJob, Scan
from tests.command_line import run
from tests.conftest import Tablet, post, sign_in

PERSON = {
    "name": "欧阳慕华", "name_en": "Muhuazhang Ouyang", "organisation": "拓扑量子研究院", "post": "首席教授", "phone": "13877665544",
    "email": "muhua.ouyang@quant.example", "id_number": "11010119880807665X", "hint": "需要轮椅通道", "diet": "清真餐食",
    "remarks": "夫人同行两位", "arrival": "高铁Z9907次", "room": "房7731", "seat": "座K771", "nation": "回族同胞"}
REASON, STAFF, TYPED, FREE = "他说证件忘在酒店", "诸葛清风", "Q13655554444Q", "我要特大号衣服"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def story(data: Path, app: Any, runtime: Runtime, create_attendee: Callable[..., tuple[int, str]], desk: Tablet, gate: Tablet,
          create_staff: Callable[..., None], write: Callable[..., Any]) -> list[str]:
    """An event with something personal in every place that there is; returns all of it."""
    # Some systems' SQLite overwrites what it deletes without being asked; elsewhere it does not.
    runtime.engine.dispose()
    event.listen(runtime.engine, "connect", lambda connection, _record: connection.execute("PRAGMA secure_delete = OFF").close())
    create_staff(STAFF, "coordinator")
    questions = [{"key": "size", "text": "尺码", "choices": ["M", "L"]}, {"key": "wish", "text": "还有什么要说"}]
    write(lambda session: session.execute(update(Service).where(Service.key == "bag").values(question=questions)).close())
    write(lambda session: touch(session, "plan"))
    delegation = write(_delegation)
    who, code = create_attendee(number="WXYZ-778899", delegation_id=delegation, **PERSON)
    others = [create_attendee(f"令狐{letter}山", number=f"N{place:07d}") for place, letter in enumerate("甲乙丙丁戊己庚辛壬癸")]
    desk.scan(code, "signin")
    desk.scan(code, "bag", answers={"size": "M", "wish": FREE})
    made = desk.scan(others[0][1], "signin")
    assert desk.void(made["id"], reason=REASON)[0] == 200
    gate.scan(TYPED, "lunch")
    gate.scan(code, "lunch")
    for _, other in others[1:]:
        desk.scan(other, "signin")
    browser = app.test_client()
    sign_in(browser, STAFF)
    post(browser, f"/admin/roster/{who}/whole", f"/admin/roster/{who}")
    write(lambda session: session.add_all([
        Correction(attendee_id=who, at=now(), actor=STAFF, changes={"name": ["欧阳木华", PERSON["name"]]}),
        ImportRun(file_name="欧阳慕华的名单.xlsx", started_at=now(), finished_at=now(), actor=STAFF)]))
    write(lambda session: session.execute(update(PrintJob).values(blob=zlib.compress(PERSON["name"].encode()))).close())
    care.backup(data)
    (data / "uploads" / "x").mkdir(parents=True)
    (data / "uploads" / "x" / "名单.csv").write_text(PERSON["phone"])
    (data / "paper" / "front").mkdir(parents=True)
    (data / "paper" / "front" / "slip.png").write_bytes(b"PNG")
    (data / "trial-20261201-080000.db").write_bytes((data / "huiwu.db").read_bytes())
    for why in ("before-restore", "before-upgrade-0001"):
        (data / f"{why}-20261201-080000.db").write_text(PERSON["name"])
    with runtime.connection() as connection:
        codes = [*connection.execute(select(Badge.code)).scalars(), *connection.execute(select(PrintJob.code)).scalars()]
    return [*PERSON.values(), REASON, STAFF, TYPED, FREE, "WXYZ-778899", "欧阳木华", "西域探险代表团", "令狐甲山", "令狐癸山",
            *(one for one in codes if one)]


def _delegation(session: Any) -> int:
    made = Delegation(name="西域探险代表团")
    session.add(made)
    session.flush()
    return made.id


def bytes_of(data: Path) -> Iterator[tuple[str, bytes]]:
    """Every file's name and bytes, read without any of the program's own search."""
    for path in data.rglob("*"):
        if path.is_file():
            yield path.name, path.name.encode() + path.read_bytes()


def standing(data: Path, values: list[str]) -> dict[str, str]:
    """Which value stands in which file, as UTF-8, as UTF-16 or escaped as JSON escapes it."""
    return {value: name for name, content in bytes_of(data) for value in values
            for written in (value.encode(), value.encode("utf-16-le"), json.dumps(value)[1:-1].encode()) if written in content}


def counts(runtime: Runtime) -> Any:
    """The dashboard's numbers; delegations without their names."""
    with runtime.connection() as connection:
        from models.reports import counts as report
        found = report(runtime, connection)
    return {"services": found["services"], "categories": found["categories"],
            "delegations": sorted(tuple(one.values()) for one in found["delegations"].values())}


# --- what goes and what stays ---

def test_nothing_of_before_is_in_any_file_and_everything_was_there(data, runtime, story):
    assert set(story) == set(standing(data, story))
    purge.close(runtime)
    outcome = purge.purge(runtime)
    assert outcome.clean and outcome.payload()["found"] == [] and outcome.findings.searched > 30
    assert standing(data, story) == {}
    assert not [path for path in data.iterdir() if path.name.startswith(("trial", "before", "backups", "uploads", "paper"))]


def test_counts_are_what_they_were_and_the_audit_agrees_and_says_since_when(data, runtime, story):
    before = counts(runtime)
    assert before["services"]["signin"]["people"] == 10 and before["delegations"] != []
    purge.close(runtime)
    purge.purge(runtime)
    assert counts(runtime) == before
    assert audit(runtime)[1] == []
    said = run(data, "audit")
    assert said.code == 0 and said.payload["purged"] and "个人信息已于" in said.words


def test_the_end_of_the_chain_before_stands_in_the_record_and_a_flipped_byte_is_found_still(data, runtime, story, write):
    with runtime.connection() as connection:
        end = connection.execute(select(Scan.chain).order_by(Scan.seq.desc()).limit(1)).scalar_one()
    purge.close(runtime)
    purge.purge(runtime)
    with runtime.connection() as connection:
        record = purged.newest(connection)
        assert record
        assert record.chain_before == end and record.people == 11
    write(lambda session: session.execute(update(Scan).where(Scan.seq == 3).values(station_key="gate-1")))
    assert [one["seq"] for one in audit(runtime)[1] if one["kind"] == "chain"] == [3]
    write(lambda session: session.execute(update(Scan).where(Scan.seq == 3).values(station_key="desk-1")))
    write(lambda session: session.execute(update(purged.Purged).values(chain_before="0" * 32)))
    assert [one["seq"] for one in audit(runtime)[1] if one["kind"] == "chain"] == [1]


def test_a_ledger_that_starts_after_a_purge_has_a_chain_of_its_own(data, runtime, story, write, create_attendee, pair):
    purge.close(runtime)
    purge.purge(runtime)
    care.go_live(runtime)
    assert audit(runtime) == (0, [])
    write(lambda session: session.execute(update(Service).values(closed=False)).close())
    write(lambda session: touch(session, "plan"))
    assert pair("desk-1").scan(create_attendee("新来的人")[1], "signin")["verdict"] == "accepted"
    assert audit(runtime) == (1, [])


def test_exports_work_on_with_people_who_are_numbers(data, tmp_path, runtime, story):
    purge.close(runtime)
    purge.purge(runtime)
    for what in ("roster", "ledger", "counts"):
        assert run(data, "export", what, "--out", tmp_path / f"{what}.json").code == 0
    roster = json.loads((tmp_path / "roster.json").read_text())
    assert len(roster) == 11
    assert all(row["name"].startswith("参会人员 ") and not row["phone"] and not row["organisation"] for row in roster)
    ledger = json.loads((tmp_path / "ledger.json").read_text())
    assert [row["verdict"] for row in ledger if row["service"] == "lunch"] == ["refused", "accepted"]
    assert {row["answers"]["size"] for row in ledger if row["answers"]} == {"M"}      # a choice may be counted still
    assert all("wish" not in row["answers"] for row in ledger if row["answers"])


def test_an_id_says_nothing_of_a_place_on_the_old_list(data, runtime, create_attendee, desk):
    codes = [create_attendee(f"测试{place}", number=f"N{place:05d}")[1] for place in range(60)]
    for code in codes:
        desk.scan(code, "signin")
    purge.close(runtime)
    purge.purge(runtime)
    with runtime.connection() as connection:
        order = list(connection.execute(select(Scan.attendee_id).order_by(Scan.seq)).scalars())
        assert connection.execute(select(func.max(Scan.badge_id))).scalar() is None
        assert len(set(order)) == 60 == len(set(connection.execute(select(Attendee.id)).scalars()))
    assert order != sorted(order)


def test_the_bytes_of_deleted_rows_stay_in_the_file_until_it_is_written_anew(data, runtime, story, monkeypatch):
    """Why the file is rewritten, and that the search sees it where it was not."""
    monkeypatch.setattr(purge, "_rewrite_file", lambda _runtime: None)
    purge.close(runtime)
    outcome = purge.purge(runtime)
    assert not outcome.clean and outcome.left_over == {}
    assert {row["kind"] for row in outcome.findings.rows()} >= {"name", "phone", "code"}


def test_whoever_purges_signs_in_on_and_everybody_else_is_gone(data, app, runtime, story, create_staff, desk):
    create_staff("李组长", "lead")
    with runtime.reading() as session:
        keeper = session.scalars(select(Staff.id).where(Staff.name == STAFF)).one()
    purge.close(runtime)
    purge.purge(runtime, keeper)
    with runtime.reading() as session:
        assert [(one.id, one.role, one.name.split()[0]) for one in session.scalars(select(Staff))] == [(keeper, "coordinator", "经办人")]
        assert {one.staff_id for one in session.scalars(select(StaffSession))} == {keeper}
    assert desk.call("GET", "/api/v1/station")[0] == 401


def test_a_second_purge_has_nothing_to_find(data, runtime, story):
    purge.close(runtime)
    purge.purge(runtime)
    again = purge.purge(runtime)
    assert again.clean and again.findings.searched == 0
    assert audit(runtime)[1] == []


# --- when it is refused, and what is said ---

def test_an_event_that_is_not_closed_is_not_purged(data, runtime, story):
    said = run(data, "purge")
    assert (said.code, said.payload["error"]) == (1, "not_closed") and "close" in said.words
    assert standing(data, [PERSON["name"]])


def test_no_scan_is_accepted_after_the_end(data, desk, badge):
    said = run(data, "close")
    assert said.code == 0 and said.payload["closed_at"] and said.payload["event"] == "测试会议"
    assert desk.scan(badge, "signin")["reason"] == "service_closed"
    assert run(data, "close").payload["closed_at"] == said.payload["closed_at"]


def test_people_are_not_purged_while_an_import_brings_more(data, runtime, story):
    purge.close(runtime)
    with (data / "import.lock").open("a+b") as lock:
        take_lock(lock)
        with pytest.raises(care.CareRefused) as refused:
            purge.purge(runtime)
    assert refused.value.error == "import_running"


def test_without_room_on_the_disk_nothing_is_changed(data, runtime, story, monkeypatch):
    monkeypatch.setattr(purge.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
    purge.close(runtime)
    with pytest.raises(care.CareRefused) as refused:
        purge.purge(runtime)
    assert refused.value.error == "disk_full" and standing(data, [PERSON["name"]])


def test_a_list_that_somebody_left_in_the_folder_is_named_and_its_content_is_not(data, runtime, story):
    (data / "我的名单.csv").write_bytes(f"姓名,手机\n{PERSON['name']},{PERSON['phone']}\n".encode("gb18030"))
    purge.close(runtime)
    runtime.engine.dispose()
    said = run(data, "purge")
    assert (said.code, said.payload["error"]) == (1, "found")
    assert {(row["file"], row["kind"]) for row in said.payload["found"]} == {("我的名单.csv", "name"), ("我的名单.csv", "phone")}
    assert not [value for value in story if value in said.words or value in json.dumps(said.payload, ensure_ascii=False)]


def test_a_backup_that_was_written_elsewhere_is_named(data, tmp_path, runtime, story):
    assert run(data, "backup", "--to", tmp_path / "stick.db").code == 0
    run(data, "close")
    said = run(data, "purge")
    assert said.code == 0 and said.payload["elsewhere"] == [str(tmp_path / "stick.db")] and "stick.db" in said.words


def test_a_person_named_like_a_part_of_the_plan_is_no_find(data, runtime, create_attendee):
    create_attendee("开幕式", phone="13877665544")
    purge.close(runtime)
    outcome = purge.purge(runtime)
    assert outcome.clean and outcome.findings.skipped["name"] == 1


# --- the coordinator's page ---

@pytest.fixture
def coordinator(client, create_staff) -> Any:
    create_staff("陈总管", "coordinator")
    assert sign_in(client, "陈总管").status_code == 303
    return client


def finished(client: Any, answer: Any) -> str:
    """The outcome's page, once the work is over."""
    assert answer.status_code == 303, answer.text
    client.application.extensions["huiwu.works"]._kept[answer.location.split("/")[4]].over.wait(60)
    return str(client.get(answer.location).text)


def test_the_page_wants_the_event_closed_and_its_name_typed(coordinator, runtime, create_attendee, data):
    create_attendee(**PERSON)
    assert "会议还没有结束" in coordinator.get("/admin/care/purge").text
    post(coordinator, "/admin/care/close", "/admin/care")
    assert "会议还没有结束" in coordinator.get("/admin/care/purge").text
    post(coordinator, "/admin/care/close", "/admin/care", sure="1")
    wrong = post(coordinator, "/admin/care/purge", event="别的会议")
    assert wrong.status_code == 422 and "什么都没有改动" in wrong.text and standing(data, [PERSON["name"]])
    page = finished(coordinator, post(coordinator, "/admin/care/purge", event="测试会议"))
    assert "1 人已匿名" in page and "经办人 1" in page and PERSON["name"] not in page
    assert standing(data, [PERSON["name"], "陈总管"]) == {}
    assert "个人信息已于" in coordinator.get("/admin/care").text


def test_a_lead_closes_nothing_and_purges_nothing(client, create_staff, runtime):
    create_staff("李组长", "lead")
    sign_in(client, "李组长")
    for path in ("/admin/care/close", "/admin/care/purge"):
        assert post(client, path, "/admin/printers", sure="1", event="测试会议").status_code == 403
    assert client.get("/admin/care/purge").status_code == 403


# --- every place is decided about ---

def test_every_column_of_every_table_has_a_decision():
    gone = {table.__tablename__ for table in purge_rows.DELETED}
    for name, table in Base.metadata.tables.items():
        if name in gone | purge_rows.PLAN:
            continue
        assert name in purge_rows.KEPT, f"what becomes of table {name} when personal data is purged? (models/purge_rows.py)"
        decided = purge_rows.KEPT[name] | purge_rows.CHANGED[name]
        assert {column.name for column in table.columns} == decided, f"{name}: see models/purge_rows.py"
        assert not purge_rows.KEPT[name] & purge_rows.CHANGED[name]


# --- whose the files are ---

@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps owners another way")
def test_the_event_s_files_are_their_owner_s_alone(tmp_path, monkeypatch):
    before = os.umask(0o022)
    try:
        folder = tmp_path / "new" / "event"
        run(tmp_path, "sample", tmp_path / "sample")
        plan = next((tmp_path / "sample").glob("*.toml"))
        assert run(folder, "init", "--plan", plan).code == 0
        backup = Path(run(folder, "backup").payload["file"])
        there = create_app({"DATA": folder}).extensions["huiwu"]
        there.writer.do(lambda session: disclosures.note(session, "backup", "x", ["*"]))
        _, aside = care.go_live(there)
        assert {stat.S_IMODE(path.stat().st_mode) for path in (folder, backup.parent)} == {0o700}
        files = [backup, aside, *folder.glob("huiwu.db*")]
        assert len(files) > 3 and {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        there.engine.dispose()
        restored = tmp_path / "other"
        assert run(restored, "restore", backup).code == 0
        assert {stat.S_IMODE(path.stat().st_mode) for path in (restored / "huiwu.db", restored)} == {0o600, 0o700}
    finally:
        os.umask(before)
