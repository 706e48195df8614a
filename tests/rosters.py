"""Makes roster files with the traps of real ones. Everybody in them is invented."""
from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
import xlwt
from msoffcrypto.format.ooxml import OOXMLFile
from openpyxl import Workbook

from admin.roster_file import RosterError, Sheet, read

Rows = Sequence[Sequence[Any]]
HEAD = ("编号", "姓名", "单位", "手机")
PEOPLE = (("A00001", "张三", "第一研究所", "13800000001"), ("A00002", "李四", "第二研究所", "13800000002"))


def xlsx(rows: Rows = (HEAD, *PEOPLE), *, at: tuple[int, int] = (1, 1), merges: Iterable[str] = (),
         name: str = "名单", others: dict[str, Rows] | None = None,
         touch: Callable[[Workbook], None] | None = None) -> bytes:
    """A workbook with rows whose first cell is at (row, column); `others` are sheets before it."""
    book = Workbook()
    book.remove(book.active)
    for title, content in (others or {}).items():
        other = book.create_sheet(title)
        for row in content:
            other.append(row)
    sheet = book.create_sheet(name)
    for index, row in enumerate(rows):
        for place, value in enumerate(row):
            if value is not None:
                sheet.cell(at[0] + index, at[1] + place, value)
    for merge in merges:
        sheet.merge_cells(merge)
    if touch:
        touch(book)
    out = io.BytesIO()
    book.save(out)
    book.close()
    return out.getvalue()


def xls(rows: Rows = (HEAD, *PEOPLE)) -> bytes:
    """A real BIFF8 workbook."""
    book = xlwt.Workbook()
    sheet = book.add_sheet("名单")
    for index, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write(index, place, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(rows: Rows = (HEAD, *PEOPLE), *, separator: str = ",", end: str = "\r\n") -> str:
    """Rows as separated text."""
    return "".join(separator.join(map(str, row)) + end for row in rows)


def locked_xlsx() -> bytes:
    """A workbook that asks for a password, as Excel saves it."""
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(xlsx())).encrypt("password", out)
    return out.getvalue()


def locked_xls() -> bytes:
    """A BIFF8 workbook whose stream says, right after its beginning, that it is encrypted (FILEPASS)."""
    data = bytearray(xls())
    at = data.index(b"\x09\x08\x10\x00") + 20
    data[at:at + 4] = struct.pack("<HH", 0x2F, 0x36)
    return bytes(data)


def package(parts: dict[str, str], level: int = 6) -> bytes:
    """A zip of parts, as office files are."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for path, content in parts.items():
            archive.writestr(path, content)
    return out.getvalue()


def bare_xlsx(cells: str, prefix: str = "") -> bytes:
    """The smallest workbook around the rows of its sheet, written as XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package_ns = "http://schemas.openxmlformats.org/package/2006"
    x = f"{prefix}:" if prefix else ""
    ns = f'xmlns{":" + prefix if prefix else ""}="{main}"'
    return package({
        "[Content_Types].xml": f'<Types xmlns="{package_ns}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package_ns}/relationships"><Relationship Id="rId1" '
                       f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
                           '<sheet name="名单" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package_ns}/relationships"><Relationship Id="rId1" '
                                      f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f"<{x}worksheet {ns}><{x}sheetData>{cells}</{x}sheetData></{x}worksheet>",
    })


def lying_xlsx(size: int) -> bytes:
    """A workbook whose sheet unpacks to more than it declares: its declared size is `size`."""
    data = bytearray(bare_xlsx("<row>" + " " * 320_000_000 + "</row>"))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(mark)
        while at >= 0:
            if int.from_bytes(data[at + offset:at + offset + 4], "little") > 300_000_000:
                data[at + offset:at + offset + 4] = size.to_bytes(4, "little")
            at = data.find(mark, at + 4)
    return bytes(data)


def names(sheet: Sheet) -> list[str]:
    """The names that were read, in order."""
    return [row.values["name"] for row in sheet.rows]


def refusal(data: bytes, **how: Any) -> RosterError:
    """Why a file is refused; its sentence is whole."""
    with pytest.raises(RosterError) as caught:
        read(data, **how)
    assert caught.value.message == str(caught.value)
    assert "%(" not in caught.value.message
    return caught.value
