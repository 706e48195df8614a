"""A roster into the event (behaviours 45 to 49): compared, shown, written in chunks, seen at once."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from admin import roster_import
from admin.roster_file import RosterError
from admin.roster_import import BESIDE_SCANS, ImportRunning, import_file, look
from models.database import now
from models.exports import export
from models.names import search_keys
from models.people import Attendee, Badge, ImportRun, standing_badge, visible
from models.runtime import Runtime
from tests import rosters
from tests.rosters import HEAD, PEOPLE


def people(runtime: Runtime) -> dict[str, Attendee]:
    """Everybody whom anyone may see, by number."""
    with runtime.reading() as session:
        return {person.number: person for person in session.scalars(select(Attendee).where(visible())).unique()}


def code_of(runtime: Runtime, number: str) -> str:
    with runtime.reading() as session:
        person = session.scalars(select(Attendee).where(Attendee.number == number)).one()
        code: str = session.scalars(standing_badge(person.id)).one().code
        return code


def bring(runtime: Runtime, *rows: Any, head: Any = HEAD, **how: Any) -> roster_import.Verdict:
    return import_file(runtime, rosters.xlsx([head, *rows]), "名单.xlsx", **how)


def numbers_of(found: roster_import.Verdict) -> tuple[int, int, int, int]:
    return len(found.new), len(found.changed), found.unchanged, len(found.refused)


@pytest.mark.parametrize("head", [HEAD, ("工号2", *HEAD[1:])], ids=["by number", "by phone and name"])
def test_45_the_same_file_twice_changes_nothing(runtime, head):
    assert numbers_of(bring(runtime, *PEOPLE, head=head)) == (2, 0, 0, 0)
    before = {number: code_of(runtime, number) for number in people(runtime)}
    revision = runtime.plan(fresh=True).roster_revision
    assert numbers_of(bring(runtime, *PEOPLE, head=head)) == (0, 0, 2, 0)
    assert {number: code_of(runtime, number) for number in people(runtime)} == before
    assert runtime.plan(fresh=True).roster_revision == revision


def test_45_a_changed_file_shows_its_changes_before_they_are_made(runtime):
    bring(runtime, *PEOPLE)
    changed = ("A00001", "张三丰", "", "13800000009")
    found = look(runtime, rosters.xlsx([HEAD, changed, PEOPLE[1]]), "名单.xlsx")
    assert numbers_of(found) == (0, 1, 1, 0)
    assert found.changed[0].fields == {"name": ("张三", "张三丰"), "phone": ("13800000001", "13800000009")}
    assert people(runtime)["A00001"].name == "张三"
    bring(runtime, changed, PEOPLE[1])
    person = people(runtime)["A00001"]
    assert (person.name, person.organisation, person.phone) == ("张三丰", "第一研究所", "13800000009")
    assert "zhangsanfeng" in person.search_keys and person.folded == "张三丰"


def test_a_corrected_name_is_still_found_by_the_english_one(runtime):
    bring(runtime, ("A00001", "张三", "San Zhang"), head=("编号", "姓名", "英文名"))
    bring(runtime, ("A00001", "章三"), head=("编号", "姓名"))
    assert "sanzhang" in people(runtime)["A00001"].search_keys


def test_45_people_signed_in_keep_their_state_and_their_badge(runtime, desk):
    bring(runtime, *PEOPLE)
    code = code_of(runtime, "A00001")
    assert desk.scan(code, "signin")["verdict"] == "accepted"
    bring(runtime, ("A00001", "张三", "另一研究所", "13800000001"), PEOPLE[1])
    assert code_of(runtime, "A00001") == code
    assert desk.scan(code, "signin")["reason"] == "used_up"


def test_46_a_bad_row_is_named_and_nothing_is_half_imported(runtime):
    found = bring(runtime, PEOPLE[0], ("A00002", "", "第二研究所", "13800000002"))
    assert [(r.row, r.error) for r in found.refused] == [(3, "no_name")]
    assert people(runtime) == {}
    found = bring(runtime, PEOPLE[0], ("A00002", "", "第二研究所", "13800000002"), skip_bad=True)
    assert numbers_of(found) == (1, 0, 0, 1) and list(people(runtime)) == ["A00001"]


def test_an_unknown_category_names_the_nearest(runtime):
    found = bring(runtime, ("张三", "记着"), head=("姓名", "类别"))
    assert found.refused[0].error == "unknown_category"
    assert found.refused[0].message == "会务方案里没有类别“记着”，最接近的是“记者”。"


def test_a_category_goes_by_name_english_name_or_key_and_the_first_one_is_the_default(runtime):
    bring(runtime, ("张三", "Press"), ("李四", "press"), ("王五", "记者"), ("赵六", ""), head=("姓名", "类别"))
    assert {p.name: p.category_key for p in people(runtime).values()} == {
        "张三": "press", "李四": "press", "王五": "press", "赵六": "delegate"}


def test_people_without_a_number_get_the_next_free_ones(runtime, create_attendee):
    create_attendee("先来", number="00001")
    bring(runtime, ("张三", ""), ("李四", "00002"), ("王五", ""), head=("姓名", "编号"))
    assert {p.name: p.number for p in people(runtime).values()} == {
        "先来": "00001", "张三": "00003", "李四": "00002", "王五": "00004"}


def test_a_row_that_fits_two_people_is_refused_and_touches_neither(runtime, create_attendee):
    for _ in range(2):
        create_attendee("张三", organisation="第一研究所", folded="张三")
    found = bring(runtime, ("张三", "第一研究所", "博士"), head=("姓名", "单位", "职务"), skip_bad=True)
    assert numbers_of(found) == (0, 0, 0, 1)
    assert "不止一人" in found.refused[0].message
    assert {p.post for p in people(runtime).values()} == {""}


def test_two_rows_that_become_one_person_of_the_roster_are_not_merged(runtime):
    bring(runtime, ("A00001", "张三", "第一研究所", "13800000001"))
    found = bring(runtime, ("A00001", "张三", "", ""), ("", "张三", "", "13800000001"), skip_bad=True)
    assert [(r.row, r.error, r.params) for r in found.refused] == [(3, "duplicate", {"first": 2})]


def test_delegations_are_made_as_the_file_names_them(runtime):
    bring(runtime, ("张三", "华东代表团"), ("李四", "华东代表团"), head=("姓名", "代表团"))
    assert list(runtime.plan(fresh=True).delegations.values()) == ["华东代表团"]
    found = bring(runtime, ("张三", "华北代表团"), head=("姓名", "代表团"))
    assert found.changed[0].fields == {"delegation": ("华东代表团", "华北代表团")}


def test_49_a_name_that_starts_like_a_formula_is_imported_as_it_is_and_harmless_in_exports(runtime, tmp_path: Path):
    names = ["=HYPERLINK(1)", "+张三", "-李四", "@王五"]
    rows = [("编号", "姓名"), *((f"N{i}", name) for i, name in enumerate(names))]
    import_file(runtime, rosters.text(rows).encode(), "名单.csv")
    assert [p.name for p in people(runtime).values()] == names
    for ending in (".csv", ".xlsx"):
        file = tmp_path / f"roster{ending}"
        export(runtime, "roster", file)
        assert numbers_of(import_file(runtime, file)) == (0, 0, 4, 0)
    assert "'=HYPERLINK(1)" in (tmp_path / "roster.csv").read_text("utf-8-sig")


@pytest.mark.parametrize("make", [rosters.locked_xlsx, lambda: b"", lambda: b"%PDF-1.7 "])
def test_48_a_file_that_is_no_roster_is_refused_in_words_and_nothing_changes(runtime, make: Callable[[], bytes]):
    with pytest.raises(RosterError) as caught:
        import_file(runtime, make(), "名单.xlsx")
    assert caught.value.message.endswith("。")
    assert people(runtime) == {}


class CutOff(Exception):
    """The laptop lost its power."""


def cut_off_after(step: int) -> Callable[[str, int, int], None]:
    def progress(stage: str, done: int, _total: int) -> None:
        if stage == "write" and done >= step:
            raise CutOff
    return progress


@pytest.fixture
def many() -> bytes:
    """More people than the server writes in one transaction."""
    count = BESIDE_SCANS.people + 5
    return rosters.xlsx([HEAD, *((f"B{n:05d}", f"人{n}", "单位", f"139{n:08d}") for n in range(count))])


def test_until_the_end_nobody_of_an_import_is_there_and_then_all_are(runtime, desk, many: bytes):
    seen = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "write" and done < total:
            with runtime.reading() as session:
                code = session.scalars(select(Badge.code).limit(1)).one()
            seen.append((len(people(runtime)), desk.scan(code, "signin")["reason"], code))
    import_file(runtime, many, "名单.xlsx", pace=BESIDE_SCANS, progress=progress)
    assert [(count, reason) for count, reason, _ in seen] == [(0, "unknown")]
    assert len(people(runtime)) == BESIDE_SCANS.people + 5
    assert desk.scan(seen[0][2], "signin")["verdict"] == "accepted"


def test_an_import_that_was_cut_off_is_never_seen_and_the_next_one_sweeps_it_away(runtime, many: bytes):
    bring(runtime, *PEOPLE)
    with pytest.raises(CutOff):
        import_file(runtime, many, "名单.xlsx", pace=BESIDE_SCANS, progress=cut_off_after(BESIDE_SCANS.people))
    assert list(people(runtime)) == ["A00001", "A00002"]
    assert numbers_of(import_file(runtime, many, "名单.xlsx")) == (BESIDE_SCANS.people + 5, 0, 0, 0)
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attendee)) == BESIDE_SCANS.people + 7
        assert session.scalar(select(func.count()).select_from(Badge)) == BESIDE_SCANS.people + 7
        assert [run.outcome.get("cut_off", False) for run in session.scalars(select(ImportRun))] == [False, True, False]


def test_two_imports_at_once_are_refused(runtime, many: bytes):
    tried = []

    def progress(stage: str, done: int, _total: int) -> None:
        if stage == "write" and not tried:
            tried.append(done)
            with pytest.raises(ImportRunning):
                bring(runtime, *PEOPLE)
    import_file(runtime, many, "名单.xlsx", pace=BESIDE_SCANS, progress=progress)
    assert tried and "A00001" not in people(runtime)
    assert numbers_of(bring(runtime, *PEOPLE)) == (2, 0, 0, 0)


def test_an_import_is_written_down_with_who_did_it(runtime):
    bring(runtime, *PEOPLE, actor="陈总")
    with runtime.reading() as session:
        run = session.scalars(select(ImportRun)).one()
    assert (run.file_name, run.actor) == ("名单.xlsx", "陈总") and run.finished_at <= now()
    assert (run.outcome["new"], run.outcome["refused"]) == (2, 0)


def test_all_that_a_file_says_of_a_new_person_is_kept_and_what_it_does_not_say_has_its_usual_value(runtime):
    said = {"姓名": "张三", "英文名": "San Zhang", "单位": "一所", "职务": "博士", "手机": "13800000001", "邮箱": "a@b.cn",
            "身份证号": "110101199001011234", "性别": "女", "民族": "汉", "饮食": "清真", "提示": "发言", "座位": "A1", "桌号": "8",
            "房间号": "1208", "贵宾": "是", "车次航班": "G1", "状态": "待审核", "备注": "晚到", "代表团": "华东", "类别": "记者"}
    bring(runtime, list(said.values()), head=list(said))
    bring(runtime, ("李四",), head=("姓名",))
    first, second = people(runtime)["00001"], people(runtime)["00002"]
    assert [first.name, first.name_en, first.organisation, first.post, first.phone, first.email, first.id_number, first.sex,
            first.nation, first.diet, first.hint, first.seat, first.table, first.room] == list(said.values())[:14]
    assert (first.vip, first.arrival, first.state, first.remarks, first.category_key) == (True, "G1", "pending", "晚到", "press")
    assert runtime.plan(fresh=True).delegations[first.delegation_id] == "华东"
    assert (second.vip, second.state, second.category_key, second.delegation_id) == (False, "registered", "delegate", None)
    assert {second.organisation, second.phone, second.table, second.remarks} == {""}
    assert first.search_keys == search_keys("张三", "San Zhang") and (second.folded, second.search_keys) == ("李四", search_keys("李四"))
