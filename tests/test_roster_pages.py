"""The roster's pages: finding people, one person's page, and what the coordinator changes there."""
from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from admin.roster_import import import_file
from admin.samples import people, write_sample_roster
from models.names import fold, search_keys
from models.people import Attendee, Correction
from models.runtime import Runtime
from tests.conftest import post, sign_in


@pytest.fixture
def roster(runtime: Runtime, tmp_path) -> list[dict]:
    """Two hundred invented people on the roster."""
    import_file(runtime, write_sample_roster(tmp_path / "名单.xlsx", 200, categories=("代表", "记者")))
    return people(200, categories=("代表", "记者"))


def find(client: FlaskClient, **fields: str) -> str:
    return str(post(client, "/admin/roster", **fields).text)


def id_of(runtime: Runtime, number: str) -> int:
    with runtime.reading() as session:
        return session.scalars(select(Attendee.id).where(Attendee.number == number)).one()


@pytest.mark.parametrize("path", ["/admin/roster", "/admin/import", "/admin/badges", "/admin/care", "/admin/care/golive"])
def test_only_the_coordinator_sees_these_pages(client, create_staff, path):
    assert client.get(path).status_code == 303
    create_staff("李组长", "lead")
    sign_in(client, "李组长")
    assert client.get(path).status_code == 403


def test_an_empty_roster_says_what_to_do(coordinator):
    page = coordinator.get("/admin/roster").text
    assert "名单还是空的" in page and 'href="/admin/import"' in page


def test_the_first_hundred_and_the_rest(coordinator, roster):
    first = coordinator.get("/admin/roster").text
    assert "共 200 人" in first and "A00100" in first and "A00101" not in first
    second = find(coordinator, page="2")
    assert "A00101" in second and "A00200" in second and "A00100" not in second


def test_people_are_found_by_name_initials_unit_phone_and_number(coordinator, create_attendee):
    create_attendee("欧阳娜娜", number="B00007", organisation="江北大学", phone="13800004321", folded=fold("欧阳娜娜"),
                    search_keys=search_keys("欧阳娜娜"))
    create_attendee("张三", number="B00008", organisation="第一研究所", folded="张三", search_keys=search_keys("张三"))
    for words in ("欧阳", "oynn", "江北", "4321", "B00007", "ｂ００００７"):
        page = find(coordinator, q=words)
        assert "欧阳娜娜" in page and "张三" not in page, words
    for words in ("娜", "李四"):
        assert "没有找到" in find(coordinator, q=words)


def test_words_searched_for_stand_in_no_address(coordinator, create_attendee):
    create_attendee("张三", folded="张三", search_keys=search_keys("张三"))
    assert "共 1 人" in coordinator.get("/admin/roster?q=李四").text
    assert 'method="post"' in coordinator.get("/admin/roster").text


def test_filters_by_category_state_and_sign_in(coordinator, create_attendee, desk):
    _, code = create_attendee("张三", number="T-0001")
    create_attendee("李四", "press", number="T-0002", state="pending")
    desk.scan(code, "signin")
    assert "李四" in coordinator.get("/admin/roster?category=press").text
    for field, value, there, gone in [("category", "press", "T-0002", "T-0001"), ("state", "pending", "T-0002", "T-0001"),
                                      ("signed", "yes", "T-0001", "T-0002"), ("signed", "no", "T-0002", "T-0001")]:
        page = find(coordinator, **{field: value})
        assert there in page and gone not in page and "符合 1 人，共 2 人" in page


def test_an_undone_sign_in_counts_as_not_signed_in(coordinator, create_attendee, desk):
    _, code = create_attendee("张三", number="T-0001")
    desk.void(desk.scan(code, "signin")["id"])
    assert "T-0001" in find(coordinator, signed="no")


def test_phones_are_masked_until_asked_for(coordinator, create_attendee):
    who, _ = create_attendee("张三", phone="13812345678", id_number="110101199001011234")
    for page in (coordinator.get("/admin/roster").text, coordinator.get(f"/admin/roster/{who}").text):
        assert "13812345678" not in page and "138****5678" in page
    assert "13812345678" in find(coordinator, phones="1")
    assert "110101199001011234" not in coordinator.get(f"/admin/roster/{who}").text
    whole = post(coordinator, f"/admin/roster/{who}/whole", f"/admin/roster/{who}").text
    assert "13812345678" in whole and "110101199001011234" in whole


def test_htmx_gets_the_table_alone(coordinator, create_attendee):
    create_attendee("张三", number="T-0001")
    page = coordinator.get("/admin/roster").text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    part = coordinator.post("/admin/roster", data={"csrf_token": token}, headers={"HX-Request": "true"}).text
    assert "T-0001" in part and "<html" not in part


def test_no_page_of_a_person_shows_a_code(coordinator, create_attendee, desk):
    who, code = create_attendee("张三")
    desk.scan(code, "signin")
    assert code not in coordinator.get(f"/admin/roster/{who}").text


def test_a_correction_is_kept_with_who_made_it_and_the_person_is_found_by_the_new_name(coordinator, create_attendee, runtime):
    who, _ = create_attendee("张三", organisation="第一研究所", phone="13800000001")
    path = f"/admin/roster/{who}/edit"
    answer = post(coordinator, path, name="章三", organisation="第一研究所", phone="13800000001", category_key="press",
                  vip="1", remarks="改过")
    assert answer.status_code == 303
    assert "章三" in find(coordinator, q="章三")
    with runtime.reading() as session:
        person, kept = session.get_one(Attendee, who), session.scalars(select(Correction)).one()
        assert (person.category_key, person.vip, person.folded) == ("press", True, "章三")
        assert kept.actor == "陈总" and kept.changes["name"] == ["张三", "章三"]
        assert "organisation" not in kept.changes
    assert "张三 → 章三" in coordinator.get(f"/admin/roster/{who}").text


@pytest.mark.parametrize(("wrong", "words"), [({"name": " "}, "请填写姓名"), ({"category_key": "x"}, "请选择证件种类")])
def test_a_wrong_correction_keeps_what_was_typed_and_changes_nothing(coordinator, create_attendee, runtime, wrong, words):
    who, _ = create_attendee("张三")
    fields = {"name": "章三", "category_key": "press", "remarks": "刚写的", **wrong}
    answer = post(coordinator, f"/admin/roster/{who}/edit", **fields)
    assert answer.status_code == 422 and words in answer.text and "刚写的" in answer.text
    with runtime.reading() as session:
        assert session.get_one(Attendee, who).name == "张三"


def test_a_state_counts_at_the_next_scan(coordinator, create_attendee, desk):
    who, code = create_attendee("张三", state="pending")
    assert desk.scan(code, "signin")["reason"] == "pending"
    post(coordinator, f"/admin/roster/{who}/state", f"/admin/roster/{who}", state="registered")
    assert desk.scan(code, "signin")["verdict"] == "accepted"
    post(coordinator, f"/admin/roster/{who}/state", f"/admin/roster/{who}", state="cancelled")
    assert desk.scan(code, "bag")["reason"] == "cancelled"
    assert post(coordinator, f"/admin/roster/{who}/state", f"/admin/roster/{who}", state="x").status_code == 404


def test_a_reissued_badge_revokes_the_old_one_and_a_revoked_one_is_no_good(coordinator, create_attendee, desk, runtime):
    who, code = create_attendee("张三")
    post(coordinator, f"/admin/roster/{who}/reissue", f"/admin/roster/{who}")
    assert desk.scan(code, "signin")["reason"] == "revoked"
    assert "旧证" in coordinator.get(f"/admin/roster/{who}").text
    post(coordinator, f"/admin/roster/{who}/revoke", f"/admin/roster/{who}")
    assert "没有有效的证" in coordinator.get(f"/admin/roster/{who}").text


def test_an_exception_opens_closes_and_limits_a_service_for_one_person(coordinator, create_attendee, desk):
    who, code = create_attendee("张三", "press")
    path = f"/admin/roster/{who}"
    assert desk.scan(code, "lunch")["reason"] == "not_entitled"
    post(coordinator, f"{path}/rights", path, **{"choice.lunch": "yes", "limit.lunch": "2", "choice.signin": "no"})
    answers = [desk.scan(code, "lunch") for _ in range(3)]
    assert [a["reason"] for a in answers] == [None, None, "used_up"]
    assert desk.scan(code, "signin")["reason"] == "not_entitled"
    post(coordinator, f"{path}/rights", path)
    assert desk.scan(code, "signin")["verdict"] == "accepted"


def test_the_history_shows_refusals_and_who_undid_what_and_why(coordinator, create_attendee, desk):
    who, code = create_attendee("张三")
    desk.void(desk.scan(code, "signin")["id"])
    desk.scan(code, "dinner") and desk.scan(code, "bag")
    page = coordinator.get(f"/admin/roster/{who}").text
    assert "误扫" in page and "还差一步" in page and "撤销了 1 号记录" in page


def test_one_badge_comes_as_a_pdf_and_without_one_a_sentence(coordinator, create_attendee):
    who, _ = create_attendee("张三", number="A1")
    answer = post(coordinator, f"/admin/roster/{who}/badge.pdf", f"/admin/roster/{who}")
    assert answer.data.startswith(b"%PDF") and "badge-A1.pdf" in answer.headers["Content-Disposition"]
    post(coordinator, f"/admin/roster/{who}/state", f"/admin/roster/{who}", state="cancelled")
    assert post(coordinator, f"/admin/roster/{who}/badge.pdf", f"/admin/roster/{who}").status_code == 303
    assert "没有有效的代表证" in coordinator.get(f"/admin/roster/{who}").text


def test_people_of_an_unfinished_import_have_no_page(coordinator, create_attendee, runtime):
    who, _ = create_attendee("张三")
    assert coordinator.get(f"/admin/roster/{who + 1}").status_code == 404
    assert post(coordinator, f"/admin/roster/{who + 1}/state", "/admin/roster", state="pending").status_code == 404
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attendee)) == 1
