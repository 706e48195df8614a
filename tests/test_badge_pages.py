"""The badges' page: previews of nobody, the choice of people, files that are secrets, missing characters by name."""
from __future__ import annotations

import csv
import io
import zipfile

import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import select

from models.event import Event
from models.people import Badge
from tests.conftest import post, sign_in, token_of
from tests.uploads import form

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9" fill="#b5312a"/></svg>'


def make(client: FlaskClient, **fields: str) -> str:
    """Has badges made; the address of the outcome."""
    path = str(post(client, "/admin/badges", **fields).location)
    client.application.extensions["huiwu.works"]._kept[path.split("/")[3]].over.wait(60)
    return path


def taken(client: FlaskClient, path: str) -> bytes:
    """The finished file."""
    with client.get(f"{path}/file") as answer:
        return bytes(answer.data)


def table(client: FlaskClient, **fields: str) -> list[list[str]]:
    made = taken(client, make(client, form="csv", **fields))
    return list(csv.reader(io.StringIO(made.decode("utf-8-sig"))))[1:]


def test_the_preview_is_a_badge_whose_code_is_nobody_s(coordinator, runtime, create_attendee):
    create_attendee("张三")
    picture = Image.open(io.BytesIO(coordinator.get("/admin/badges/preview/press.png").data)).convert("L")
    code = zxingcpp.read_barcodes(picture)[0].text
    with runtime.reading() as session:
        assert session.scalar(select(Badge).where(Badge.code == code)) is None
    assert coordinator.get("/admin/badges/preview/nothing.png").status_code == 404


def test_everybody_a_category_or_some_numbers(coordinator, create_attendee):
    for number, category, state in [("N1", "delegate", "registered"), ("N2", "press", "registered"), ("N3", "press", "pending")]:
        create_attendee(f"人{number}", category, number=number, state=state)
    assert [row[0] for row in table(coordinator)] == ["N1", "N2"]
    assert [row[0] for row in table(coordinator, whom="category", category="press")] == ["N2"]
    assert [row[0] for row in table(coordinator, whom="numbers", numbers="N2， N1")] == ["N1", "N2"]


def test_a_mistyped_number_is_said_and_nothing_is_made_without_it(coordinator, create_attendee):
    create_attendee("张三", number="N1")
    path = make(coordinator, form="csv", whom="numbers", numbers="N1 N9")
    assert "这些编号不在名单里，或没有有效的代表证：N9" in coordinator.get(path).text
    with coordinator.get(f"{path}/file") as answer:
        assert answer.status_code == 404


def test_the_table_carries_the_codes_and_the_page_does_not(coordinator, create_attendee):
    _, code = create_attendee("张三")
    path = make(coordinator, form="csv")
    page = coordinator.get(path).text
    assert code not in page and "编码就是代表证本身" in page
    assert code.encode() in taken(coordinator, path)


@pytest.mark.parametrize(("ending", "start"), [("pdf", b"%PDF"), ("zip", b"PK")])
def test_a_pdf_to_print_and_pictures_for_a_shop(coordinator, create_attendee, ending: str, start: bytes):
    create_attendee("张三", number="A1")
    with coordinator.get(f"{make(coordinator, form=ending, layout='a4')}/file") as made:
        assert made.data.startswith(start) and f"badges.{ending}" in made.headers["Content-Disposition"]
        if ending == "zip":
            assert zipfile.ZipFile(io.BytesIO(made.data)).namelist() == ["badge-A1.png"]


def test_missing_characters_are_named_with_their_people_and_may_be_printed_all_the_same(coordinator, create_attendee):
    who, _ = create_attendee("张\U0010fffd", number="A1")
    page = coordinator.get(make(coordinator, form="pdf")).text
    assert "1 人的资料里有字体没有的字" in page and f'href="/admin/roster/{who}/edit"' in page and "照印" in page
    assert taken(coordinator, make(coordinator, form="pdf", allow="1")).startswith(b"%PDF")


def test_nobody_to_make_a_badge_for_is_a_sentence(coordinator):
    assert "还没有人可以制作代表证" in coordinator.get("/admin/badges").text
    path = make(coordinator, form="pdf")
    assert "没有符合的人" in coordinator.get(path).text
    assert coordinator.get(f"{path}/file").status_code == 404


def test_a_finished_file_is_its_maker_s_alone_and_goes_when_told(coordinator, create_attendee, create_staff):
    create_attendee("张三")
    path = make(coordinator, form="csv")
    create_staff("王总", "coordinator")
    other = coordinator.application.test_client()
    sign_in(other, "王总")
    assert other.get(f"{path}/file").status_code == 404
    folder = coordinator.application.extensions["huiwu.works"]._kept[path.split("/")[3]].folder
    post(coordinator, f"{path}/drop", path)
    assert not folder.exists() and coordinator.get(f"{path}/file").status_code == 404


def logo(client: FlaskClient, data: bytes, name: str = "logo.png") -> str:
    token = token_of(client, "/admin/badges")
    with client.post("/admin/badges/logo", **form("logo", name, data, csrf_token=token)) as answer:
        assert answer.status_code == 303
    return str(client.get("/admin/badges").text)


def picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "#b5312a").save(out, kind)
    return out.getvalue()


def kept_colour(runtime) -> tuple[str, tuple[int, ...]]:
    """The kept logo's format and the colour of its middle."""
    with runtime.reading() as session, Image.open(io.BytesIO(session.scalars(select(Event.logo)).one())) as image:
        return str(image.format), image.convert("RGBA").getpixel((image.width // 2, image.height // 2))


def test_a_logo_is_kept_when_a_badge_can_be_drawn_with_it_and_goes_again(coordinator, runtime):
    for data in (picture("PNG"), picture("JPEG"), SVG):
        assert "会标已换上" in logo(coordinator, data)
        kind, (red, green, blue, alpha) = kept_colour(runtime)
        assert (kind, alpha) == ("PNG", 255)
        assert max(abs(red - 0xB5), abs(green - 0x31), abs(blue - 0x2A)) <= 3
    post(coordinator, "/admin/badges/logo", "/admin/badges", remove="1")
    with runtime.reading() as session:
        assert session.scalars(select(Event.logo)).one() is None


@pytest.mark.parametrize(("content", "words"), [
    (b"", "请先选择一张图片"), (b"GIF89a nothing", "不是能用的"), (picture("GIF"), "不是能用的"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'><broken", "不是能用的"), (b"x" * 1_000_001, "最多 1 MB")],
    ids=["empty", "no gif", "gif", "broken svg", "large"])
def test_what_is_no_logo_is_refused_and_the_old_one_stays(coordinator, runtime, content: bytes, words: str):
    logo(coordinator, SVG)
    before = kept_colour(runtime)
    assert words in logo(coordinator, content)
    assert kept_colour(runtime) == before
