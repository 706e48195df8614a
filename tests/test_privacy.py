"""Nobody sees more than the task needs (law 8): what each role gets of a person, where phones and codes never stand,
and that whoever saw a number in full is known."""
from __future__ import annotations

import io
import json
import logging
import re
import sqlite3
import sys
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from admin import person_pages
from app import create_app
from models.disclosures import Disclosure
from models.masks import mask_id_number, mask_phone
from models.runtime import Runtime
from tests.command_line import run
from tests.conftest import Tablet, post, scan, sign_in, token_of
from tests.station_browser import PairedBrowser

NAME, PHONE, ID_NUMBER = "慕容雪晴", "13877665544", "11010119880807665X"
EMAIL, ROOM, SEAT, UNIT = "xueqing@quant.example", "房7731", "座K771", "拓扑量子研究院"
ROLES = ("nobody", "board", "kiosk", "gate", "desk", "staff", "lead", "coordinator")
ASKED = {"admin.whole_numbers", "admin.edit_whole", "kiosk.phone"}      # what shows a number in full, when asked
LOUD = {"admin.logout", "admin.purge_event", "admin.close_event", "admin.golive", "admin.revoke_tablet", "kiosk.leave",
        "admin.disable_staff", "admin.reset_staff", "admin.person_state", "admin.revoke_badge", "admin.reissue_badge",
        "admin.badge_pdf", "admin.kept_file", "kiosk.replace", "api.stream", "static"}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_DATA", "/nowhere")


@pytest.fixture
def person(create_attendee: Callable[..., tuple[int, str]]) -> tuple[int, str]:
    """Somebody with something in every field: (id, code)."""
    return create_attendee(NAME, number="K778899", phone=PHONE, id_number=ID_NUMBER, email=EMAIL, room=ROOM, seat=SEAT,
                           organisation=UNIT, table="9桌", diet="清真", folded=NAME, search_keys="murongxueqing mrxq")


@pytest.fixture
def looks(runtime: Runtime) -> Callable[[], list[tuple[Any, ...]]]:
    """The log of who saw what: (purpose, actor, station, whose, fields, count)."""
    def read() -> list[tuple[Any, ...]]:
        with runtime.connection() as connection:
            return [(row.purpose, row.actor, row.station_key, row.attendee_id, row.fields, row.count)
                    for row in connection.execute(select(Disclosure.__table__).order_by(Disclosure.id))]
    return read


# --- masks by role ---

def test_each_station_gets_of_a_person_what_its_task_needs(pair, person):
    body = scan(person[1], "signin")
    kiosk, desk = (json.dumps(pair(key).call("POST", "/api/v1/scans", body | {"id": str(uuid.uuid4())})[1], ensure_ascii=False)
                   for key in ("kiosk-1", "desk-1"))
    gate = json.dumps(pair("gate-1").call("POST", "/api/v1/scans", scan(person[1], "lunch"))[1], ensure_ascii=False)
    assert "慕*晴" in kiosk and SEAT in kiosk and "9桌" in kiosk
    assert not [text for text in (NAME, UNIT, ROOM, PHONE, ID_NUMBER, EMAIL, "清真") if text in kiosk]
    assert all(text in gate for text in (NAME, UNIT, "清真", "9桌"))
    assert not [text for text in (ROOM, SEAT, PHONE, ID_NUMBER, EMAIL) if text in gate]
    assert all(text in desk for text in (NAME, UNIT, ROOM, SEAT))
    assert not [text for text in (PHONE, ID_NUMBER, EMAIL) if text in desk]


def test_a_kiosk_that_searches_gets_a_masked_name_and_phone(pair, person):
    said = pair("kiosk-1").call("POST", "/api/v1/search", {"q": f"{NAME} {PHONE[-4:]}"})[1]
    assert [(hit["name"], hit["org"], hit["phone"]) for hit in said["hits"]] == [("慕*晴", "", mask_phone(PHONE))]


@pytest.mark.parametrize(("number", "shown"), [(ID_NUMBER, "110***5X"), ("E1234567", "***"), (" ", ""), ("", "")])
def test_an_id_number_shows_its_region_and_its_end(number: str, shown: str):
    assert mask_id_number(number) == shown


def test_slips_as_pictures_are_for_leads_and_the_coordinator(app, create_staff, data):
    (data / "paper" / "front").mkdir(parents=True)
    (data / "paper" / "front" / "a.png").write_bytes(b"PNG")
    codes: dict[str, set[int]] = {}
    for name, role in (("甲", "staff"), ("乙", "lead"), ("丙", "coordinator")):
        create_staff(name, role)
        browser = app.test_client()
        sign_in(browser, name)
        codes[role] = set()
        for rest in ("", "/now", "/a.png"):
            with browser.get(f"/admin/printers/front/paper{rest}") as answer:
                codes[role].add(answer.status_code)
    assert codes == {"staff": {403}, "lead": {200}, "coordinator": {200}}


# --- who saw what ---

def test_a_number_in_full_is_shown_to_who_asks_and_the_log_says_who_asked(coordinator, person, looks):
    who, path = person[0], f"/admin/roster/{person[0]}"
    for page in (coordinator.get("/admin/roster"), coordinator.get(path), coordinator.get(f"{path}/edit")):
        assert NAME in page.text and PHONE not in page.text and ID_NUMBER not in page.text
    assert looks() == []
    assert PHONE in post(coordinator, f"{path}/whole", path).text
    assert ID_NUMBER in post(coordinator, f"{path}/edit/whole", path).text
    fields = ["phone", "id_number"]
    assert looks() == [("person", "陈总", None, who, fields, 1), ("edit", "陈总", None, who, fields, 1)]


def test_a_form_that_showed_no_number_changes_none_and_one_that_did_may_empty_it(coordinator, person, runtime):
    path = f"/admin/roster/{person[0]}/edit"
    form = {"name": NAME, "category_key": "delegate", "organisation": "别的单位", "phone": "", "id_number": ""}

    def numbers() -> tuple[str, str]:
        with runtime.reading() as session:
            found = person_pages.person_view.person_of(session, person[0])
            assert found
            return found.phone, found.id_number
    post(coordinator, path, **form)
    assert numbers() == (PHONE, ID_NUMBER)
    page = post(coordinator, f"{path}/whole", path, **form, email="typed@before.example").text
    assert "typed@before.example" in page and "别的单位" in page and PHONE in page
    post(coordinator, path, **form, whole="1")
    assert numbers() == ("", "")


def test_a_list_that_shows_phones_is_a_look_at_each_of_them_and_never_shows_an_id_number(coordinator, person, create_attendee, looks):
    other, _ = create_attendee("李四", phone="13900001111", id_number="110101198001011234")
    create_attendee("王五")
    assert ID_NUMBER not in (page := post(coordinator, "/admin/roster", phones="1").text) and PHONE in page
    assert [row[:4] for row in looks()] == [("roster", "陈总", None, person[0]), ("roster", "陈总", None, other)]
    page = coordinator.get("/admin/disclosures").text
    assert "在名单里显示了手机号" in page and "2 人" in page


def test_a_desk_that_asks_for_a_phone_is_known(app, runtime, person, looks):
    from kiosk import pairing
    browser = PairedBrowser(app, runtime.writer.do(lambda session: pairing.new_code(session, "desk-1")).code)
    who = browser.look_up(person[1])
    for page in (browser.get(f"/desk/person?who={who}"), browser.get(f"/desk/correct?who={who}"), browser.post("/desk/find", q="K778899")):
        assert mask_phone(PHONE) in page.text and PHONE not in page.text
    assert looks() == []
    assert browser.post("/desk/phone", who=who).text.strip() == PHONE
    assert looks() == [("desk", "desk-1", "desk-1", person[0], ["phone"], 1)]
    assert browser.post("/desk/phone", who="forged").status_code == 404


def test_whoever_takes_data_of_many_away_is_known(coordinator, person, create_attendee, looks, data, tmp_path):
    create_attendee("李四")
    works = coordinator.application.extensions
    exports = [("/admin/care/export", {"what": what, "ending": "csv"}) for what in ("roster", "counts", "ledger")]
    for path, form in (*exports, ("/admin/badges", {"form": "csv"}), ("/admin/care/backup", {})):
        where = post(coordinator, path, "/admin/care", **form).location
        works["huiwu.works"]._kept[where.rstrip("/").split("/")[-1]].over.wait(60)
    name = next((data / "backups").iterdir()).name
    with post(coordinator, f"/admin/care/files/{name}", "/admin/care") as answer:
        assert answer.status_code == 200
    post(coordinator, f"/admin/roster/{person[0]}/badge.pdf", "/admin/care")
    run(data, "export", "roster", "--out", tmp_path / "a.csv")
    run(data, "badges", "--out", tmp_path / "b.csv")
    run(data, "backup", "--to", tmp_path / "c.db")
    everything = ["*"]
    assert looks() == [
        ("export_roster", "陈总", None, None, everything, 2), ("export_ledger", "陈总", None, None, everything, 0),
        ("badges", "陈总", None, None, ["code", "csv"], 2), ("backup", "陈总", None, None, everything, 2),
        ("badges", "陈总", None, person[0], ["code", "pdf"], 1), ("export_roster", "命令行", None, None, everything, 2),
        ("badges", "命令行", None, None, ["code", "csv"], 2),
        ("backup", "命令行", None, None, [*everything, str(tmp_path / "c.db")], 2)]
    said = coordinator.get("/admin/disclosures").text
    assert said.count("制作代表证<small>编码表 csv</small>") == 2 and "制作代表证<small>PDF</small>" in said


def test_a_backup_is_not_taken_by_a_link_which_would_leave_no_word(coordinator, data, looks):
    run(data, "backup")
    name = next((data / "backups").iterdir()).name
    assert coordinator.get(f"/admin/care/files/{name}").status_code == 405
    assert [row[0] for row in looks()] == ["backup"]        # the command's own


def test_the_log_of_looks_holds_no_number_and_is_the_coordinator_s_by_person_and_by_page(coordinator, app, person, create_attendee,
                                                                                       create_staff, data, write):
    from models import disclosures
    path = f"/admin/roster/{person[0]}"
    post(coordinator, f"{path}/whole", path)
    other, _ = create_attendee("李四", phone="13900001111")

    def look(session: Any) -> None:
        for _ in range(150):
            disclosures.note(session, "desk", "李组长", ["phone"], attendee_id=other, station="desk-1")
    write(look)
    with closing(sqlite3.connect(data / "huiwu.db")) as there:
        rows = str(list(there.execute("SELECT * FROM disclosure")))
    assert PHONE not in rows and ID_NUMBER not in rows
    first = coordinator.get("/admin/disclosures").text
    assert first.count("报到台1") == 100 and "陈总" not in first.split("<tbody>")[1]
    older = re.search(r'name="before" value="(\d+)"', first)
    assert older
    assert NAME in post(coordinator, "/admin/disclosures", before=older[1]).text
    mine = post(coordinator, "/admin/disclosures", who="陈总").text.split("<tbody>")[1]
    assert NAME in mine and "李四" not in mine
    about = coordinator.get(f"/admin/disclosures?person={person[0]}").text.split("<tbody>")[1]
    assert NAME in about and "李四" not in about
    create_staff("李组长", "lead")
    lead = app.test_client()
    sign_in(lead, "李组长")
    assert lead.get("/admin/disclosures").status_code == 403


def test_what_an_import_would_change_is_shown_with_masked_numbers(coordinator, person):
    rows = f"编号,姓名,手机,身份证号\nK778899,{NAME},13911112222,{ID_NUMBER}\nK2,新来的,13955556666,110101198001011234\n"
    where = coordinator.post("/admin/import", data={
        "csrf_token": token_of(coordinator, "/admin/import"), "file": (io.BytesIO(rows.encode()), "a.csv")}).location
    coordinator.application.extensions["huiwu.works"]._kept[where.split("/")[3]].over.wait(60)
    pages = "".join(coordinator.get(f"{where}?show={tab}").text for tab in ("changed", "new"))
    assert mask_phone(PHONE) in pages and "139****2222" in pages and "110***34" in pages
    assert not [one for one in (PHONE, "13911112222", "13955556666", "110101198001011234") if one in pages]


# --- every page, every role ---

def browsers(app: Flask, pair: Callable[[str], Tablet], create_staff: Callable[..., None]) -> Iterator[tuple[str, Any]]:
    """A browser of each role: signed in, or holding a station's cookie."""
    for role in ROLES:
        client = app.test_client()
        if role in ("staff", "lead", "coordinator"):
            create_staff(f"某{role}", role)
            assert sign_in(client, f"某{role}").status_code == 303
        elif role != "nobody":
            client.set_cookie("huiwu_station", pair("board" if role == "board" else f"{role}-1").token)
        yield role, client


def answers(app: Flask, client: FlaskClient, known: dict[str, Any], bodies: dict[str, dict[str, str]]) -> Iterator[tuple[str, Any]]:
    """Every route, asked in each of its methods: (endpoint, answer)."""
    csrf = token_of(client, "/login?again=1")
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: one.rule):
        if rule.endpoint in LOUD:
            continue
        with app.test_request_context():
            path = app.url_for(rule.endpoint, **{name: known.get(name, "nothing") for name in rule.arguments})
        for method in (rule.methods or set()) & {"GET", "POST"}:
            form = {"csrf_token": csrf, **bodies.get(rule.endpoint, {})}
            if method == "GET":
                yield rule.endpoint, client.get(path, query_string={"who": known["who"]} if path.startswith("/desk") else {})
            elif rule.endpoint.startswith("api."):
                yield rule.endpoint, client.post(path, json=bodies.get(rule.endpoint, {}), headers={"X-CSRFToken": csrf})
            else:
                yield rule.endpoint, client.post(path, data=form)


def addresses(text: str) -> str:
    """Every address in an answer, read as a person would: without the escapes."""
    found = re.findall(r'(?:href|src|action|formaction|hx-get|hx-post|hx-delete|data-url|content)="([^"]*)"', text)
    return urllib.parse.unquote("\n".join(found))


def test_no_role_finds_a_code_or_an_unasked_number_on_any_page_address_or_in_the_log(
        app: Flask, runtime: Runtime, pair: Callable[[str], Tablet], create_staff: Callable[..., None], person: tuple[int, str],
        create_attendee: Callable[..., tuple[int, str]], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    create_attendee("慕容冰", organisation=UNIT)      # a search by their unit gives two people, and so a list
    desk = pair("desk-1")
    made = desk.scan(person[1], "signin")
    desk.scan(PHONE, "signin")                       # whoever types a phone where a code belongs
    with runtime.connection() as connection:
        codes = [person[1], *(one for one in connection.exec_driver_sql("SELECT code FROM print_job").scalars() if one)]
    names = {"nobody", "board", "kiosk"}
    seen: set[str] = set()
    for role, client in browsers(app, pair, create_staff):
        known = {"attendee_id": person[0], "staff_id": 1, "key": "front", "table": "service", "category": "delegate",
                 "scan_id": made["id"], "device": 99, "name": "nothing.png", "job_id": made["print_jobs"][0], "action": "reprint",
                 "of": "desk-1", "filename": "x", "who": desk_handle(app, runtime, person[0], desk)}
        bodies = {"kiosk.find": {"q": UNIT}, "api.look_up": {"code": person[1]}, "api.find": {"q": "K778899"},
                  "admin.find_people": {"q": NAME}, "admin.ledger_person": {"q": NAME}, "kiosk.phone": {"who": "x"},
                  "kiosk.correct": {"who": known["who"], "name": ""}, "admin.correct_person": {"name": ""},
                  "api.scans": scan(person[1], "signin")}
        for endpoint, answer in answers(app, client, known, bodies):
            with answer:
                text = answer.data.decode(errors="replace") if answer.mimetype in ("text/html", "application/json", "text/plain") else ""
            where = addresses(text) + urllib.parse.unquote(answer.headers.get("Location", ""))
            case = f"{role}: {endpoint}"
            assert not [code for code in codes if code in text or code in where], case
            assert not [one for one in (NAME, PHONE, ID_NUMBER, EMAIL) if one in where], case
            if endpoint not in ASKED:
                assert PHONE not in text, case
                assert ID_NUMBER not in text, case
            assert role not in names or NAME not in text, case
            assert role == "coordinator" or EMAIL not in text, case
            assert answer.status_code < 500, case
            seen |= {case} if NAME in text else set()
    assert {"coordinator: admin.person", "desk: kiosk.find", "desk: api.look_up", "lead: printers.index"} <= seen
    assert not [one for one in (*codes, NAME, PHONE, ID_NUMBER, EMAIL) if one in caplog.text]
    assert UNIT not in caplog.text


def desk_handle(app: Flask, runtime: Runtime, attendee_id: int, desk: Tablet) -> str:
    """A handle as the desk's card has it; good on that tablet alone."""
    from kiosk import handles
    from models.codes import digest
    from models.database import now
    found = runtime.device(digest(desk.token))
    assert found
    return handles.make(runtime.plan().event.secret, attendee_id, found[0].id, now())


# --- when something breaks ---

def test_a_failure_shows_no_trace_and_no_value_on_the_page_or_in_the_log(
        data: Path, create_staff: Callable[..., None], person: tuple[int, str], monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture) -> None:
    create_staff("陈总", "coordinator")
    app = create_app({"DATA": data, "RATELIMIT_ENABLED": False})
    browser = app.test_client()
    sign_in(browser, "陈总")

    def fail(*_args: Any) -> Any:
        try:
            raise KeyError(f"{NAME} {PHONE}")
        except KeyError as error:
            raise RuntimeError(f"no room for {person[1]} {ID_NUMBER}") from error
    monkeypatch.setattr(person_pages.person_view, "rights", fail)
    caplog.set_level(logging.DEBUG)
    answer = browser.get(f"/admin/roster/{person[0]}")
    app.extensions["huiwu"].engine.dispose()
    assert answer.status_code == 500
    assert "RuntimeError" in caplog.text and "person_pages.py" in caplog.text
    for text in (answer.text, caplog.text):
        assert not [one for one in (NAME, PHONE, person[1], ID_NUMBER) if one in text]
    for word in ("Traceback", "RuntimeError", "werkzeug", "person_pages", sys.prefix, str(data)):
        assert word not in answer.text


def test_work_that_fails_in_a_thread_takes_no_value_into_the_log(coordinator, person, monkeypatch, caplog):
    def fail(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError(f"{NAME} {PHONE}")
    monkeypatch.setattr("admin.care_pages.exports.export", fail)
    caplog.set_level(logging.DEBUG)
    where = post(coordinator, "/admin/care/export", "/admin/care", what="roster", ending="csv").location
    coordinator.application.extensions["huiwu.works"]._kept[where.split("/")[4]].over.wait(60)
    page = coordinator.get(where).text
    assert "RuntimeError" in caplog.text
    for text in (caplog.text, page):
        assert NAME not in text and PHONE not in text
