"""Makes files that attack whoever opens them: bombs, rings, entities, lies. None of them is kept in the repository."""
from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from tests import rosters

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
ROW = '<row r="{0}"><c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c></row>'
PEOPLE = ROW.format(1, "姓名") + ROW.format(2, "张三")


def with_parts(**parts: str | bytes) -> bytes:
    """The smallest good workbook with further parts, or others in the place of its own; `sheet1` is its sheet."""
    paths = {"sheet1": "xl/worksheets/sheet1.xml", "strings": "xl/sharedStrings.xml", "book": "xl/workbook.xml",
             "styles": "xl/styles.xml", "rels": "xl/_rels/workbook.xml.rels"}
    given = {paths.get(name, name): content for name, content in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(rosters.bare_xlsx(PEOPLE))) as good, \
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for name in good.namelist():
            made.writestr(name, given.pop(name, good.read(name)))
        for name, content in given.items():
            made.writestr(name, content)
    return out.getvalue()


def sheet(cells: str, head: str = "") -> str:
    """A sheet's part around its rows."""
    return f'{head}<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData></worksheet>'


def external_entity(path: str) -> bytes:
    """A name that is an entity: the content of a file of the server."""
    head = f'<?xml version="1.0"?><!DOCTYPE worksheet [<!ENTITY secret SYSTEM "file://{path}">]>'
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + ROW.format(2, "张&secret;"), head))


def external_subset(url: str) -> bytes:
    """A document type that is to be fetched."""
    head = f'<?xml version="1.0"?><!DOCTYPE worksheet SYSTEM "{url}">'
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + ROW.format(2, "张三"), head))


def billion_laughs() -> bytes:
    """Entities of entities, ten times ten times …"""
    lines = ['<!ENTITY a0 "哈哈哈哈哈哈哈哈哈哈">']
    lines += [f'<!ENTITY a{n} "' + f"&a{n - 1};" * 10 + '">' for n in range(1, 11)]
    head = f'<?xml version="1.0"?><!DOCTYPE worksheet [{"".join(lines)}]>'
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + ROW.format(2, "&a10;"), head))


def flat_bomb() -> bytes:
    """A sheet that unpacks to two thousand million blanks: a thousandth of that in the file."""
    return _raw_part("xl/worksheets/sheet1.xml", _blanks(2_000), 2_000_000_000)


def _blanks(millions: int) -> bytes:
    """Deflated blanks, again and again the same, without ever holding them unpacked."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = engine.compress(b" " * 1_000_000) + engine.flush(zlib.Z_FULL_FLUSH)
    return packed * millions + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def _raw_part(name: str, packed: bytes, size: int, base: bytes = b"") -> bytes:
    """A workbook in which a part's packed bytes are given, and its size as it is declared."""
    whole = bytearray(base or _without(name))
    end = whole.rindex(b"PK\x05\x06")
    at = struct.unpack_from("<I", whole, end + 16)[0]
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0) + name.encode() + packed
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0, 0, 0, 0, 0,
                        at) + name.encode()
    central = bytes(whole[at:end]) + entry
    count = struct.unpack_from("<H", whole, end + 10)[0] + 1
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(central), at + len(local), 0)
    return bytes(whole[:at]) + local + central + tail


def _without(name: str, **others: str) -> bytes:
    """The good workbook without one of its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(rosters.bare_xlsx(PEOPLE))) as good, zipfile.ZipFile(out, "w") as made:
        for path in good.namelist():
            if path != name:
                made.writestr(path, others.get(path, good.read(path)))
    return out.getvalue()


def overlapping(entries: int = 3_000) -> bytes:
    """Many entries that all lie on one packed part (D. Fifield, A better zip bomb, 2019): each a sheet of a few MB."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = engine.compress(sheet(PEOPLE + " " * 4_000_000).encode()) + engine.flush()
    base = bytearray(_raw_part("xl/worksheets/sheet1.xml", packed, 4_000_200))
    end = base.rindex(b"PK\x05\x06")
    at = struct.unpack_from("<I", base, end + 16)[0]
    central = bytes(base[at:end])
    last = central[central.rindex(b"PK\x01\x02"):]
    more = b"".join(last[:28] + struct.pack("<H", len(name)) + last[30:46] + name
                    for name in (f"xl/worksheets/sheet{n}.xml".encode() for n in range(2, entries)))
    count = struct.unpack_from("<H", base, end + 10)[0] + entries - 2
    central += more
    return bytes(base[:at]) + central + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(central), at, 0)


def many_entries(count: int = 60_000) -> bytes:
    """A package of tens of thousands of empty parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        with zipfile.ZipFile(io.BytesIO(rosters.bare_xlsx(PEOPLE))) as good:
            for name in good.namelist():
                made.writestr(name, good.read(name))
        for n in range(count):
            made.writestr(f"xl/x{n}.xml", "")
    return out.getvalue()


def nested() -> bytes:
    """A zip in a zip in a zip, the innermost a bomb, called a workbook."""
    data = rosters.package({"0.txt": "0" * 20_000_000})
    for depth in range(6):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for copy in range(8):
                made.writestr(f"{depth}-{copy}.zip", data)
        data = out.getvalue()
    return data


def huge_strings(count: int = 6_000_000) -> bytes:
    """A table of shared strings that nobody uses: small in the file, gigabytes as objects."""
    item = "<si><t>x</t></si>"
    return with_parts(strings=f'<sst xmlns="{MAIN}" count="{count}" uniqueCount="{count}">{item * count}</sst>')


def many_sheets(count: int = 5_000) -> bytes:
    """A workbook of thousands of sheets, each of them the same."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = "".join(f'<sheet name="s{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, count))
    rels = "".join(f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
                   for n in range(1, count))
    rows = "".join(ROW.format(n, "x") for n in range(1, 3000))
    return with_parts(book=f'<workbook xmlns="{MAIN}" xmlns:r="{office}"><sheets>{sheets}</sheets></workbook>', sheet1=sheet(rows),
                      rels=f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rels}</Relationships>')


def endless_rows(count: int = 4_000_000) -> bytes:
    """Rows without a value, without end."""
    return with_parts(sheet1=sheet(PEOPLE + "<row/>" * count))


def deep(depth: int = 3_000_000) -> bytes:
    """Elements in elements in elements."""
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + "<row r=\"2\"><c r=\"A2\">" + "<x>" * depth + "<v>1</v></c></row>"))


def merged(count: int = 1_000_000) -> bytes:
    """A million merged ranges, each over the whole sheet."""
    ranges = '<mergeCell ref="A1:GR200000"/>' * count
    return with_parts(sheet1=f'<worksheet xmlns="{MAIN}"><sheetData>{PEOPLE}</sheetData>'
                             f'<mergeCells count="{count}">{ranges}</mergeCells></worksheet>')


def dense_corner() -> bytes:
    """Two cells at the corners of the largest table that is allowed: a dense block of forty million cells."""
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + ROW.format(2, "张三")
                                   + '<row r="200000"><c r="GR200000"><v>1</v></c></row>'))


def wide_merge() -> bytes:
    """A unit merged over all rows and columns that there can be."""
    return with_parts(sheet1=f'<worksheet xmlns="{MAIN}"><sheetData>{PEOPLE}</sheetData>'
                             '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells></worksheet>')


def long_cell(millions: int = 12) -> bytes:
    """A name of millions of characters."""
    return with_parts(sheet1=sheet(ROW.format(1, "姓名") + ROW.format(2, "张" * (millions * 1_000_000 // 3))))


def dimension() -> bytes:
    """A sheet that says of itself to be as large as sheets can be."""
    return with_parts(sheet1=f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>{PEOPLE}</sheetData></worksheet>')


BOMBS: dict[str, Callable[[], bytes]] = {
    "billion laughs": billion_laughs, "flat bomb": flat_bomb, "overlapping entries": overlapping,
    "many entries": many_entries, "nested zips": nested, "shared strings": huge_strings, "many sheets": many_sheets,
    "endless rows": endless_rows, "deep": deep, "merged": merged, "dense corner": dense_corner, "long cell": long_cell,
    "million columns": lambda: with_parts(sheet1=sheet(ROW.format(1, "姓名") + "<row r=\"2\">" + "<c><v>1</v></c>" * 1_000_000 + "</row>")),
    "wide merge": wide_merge, "dimension": dimension,
    "one line": lambda: "姓名,".encode() * 10_000_000,
    "one cell": lambda: b"\"" + b"x" * 49_000_000,
    "quotes": lambda: "姓名\n".encode() + b"\"\"" * 20_000_000,
    "lone separators": lambda: "姓名\n".encode() + b"," * 45_000_000,
    "blank lines": lambda: "姓名\n".encode() + b"\n" * 45_000_000,
    "gb garbage": lambda: bytes([0xB0, 0xA1]) * 20_000_000,
}

_SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9"{}>{}</svg>'


def svg(content: str, attributes: str = "", head: str = "") -> bytes:
    """An SVG around its content."""
    return (head + _SVG.format(attributes, content)).encode()


def png(width: int, height: int) -> bytes:
    """A PNG of one colour, of any size, a few hundred bytes for each million dots."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    engine, row = zlib.compressobj(9), bytes(1 + width // 8 + 1)[:1 + (width + 7) // 8]
    packed = b"".join(engine.compress(row) for _ in range(height)) + engine.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
            + chunk(b"IDAT", packed) + chunk(b"IEND", b""))


def _uses() -> bytes:
    """Uses of uses: ten to the ninth squares."""
    groups = '<g id="g0"><rect width="1" height="1"/></g>'
    for n in range(1, 10):
        groups += f'<g id="g{n}">' + f'<use xlink:href="#g{n - 1}"/>' * 10 + "</g>"
    return svg(f'<defs>{groups}</defs><use xlink:href="#g9"/>')


def _laughs() -> bytes:
    lines = '<!ENTITY a0 "哈哈">'
    for n in range(1, 10):
        lines += f'<!ENTITY a{n} "' + f"&a{n - 1};" * 10 + '">'
    return svg("<text>&a9;</text>", head=f'<?xml version="1.0"?><!DOCTYPE svg [{lines}]>')


LOGOS: dict[str, tuple[Callable[[], bytes], str]] = {
    "entities": (_laughs, "alive"),
    "external entity": (lambda: svg("<text>&x;</text>", head='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "alive"),
    "script": (lambda: svg("<script>alert(1)</script>"), "alive"),
    "onload": (lambda: svg("", ' onload="alert(1)"'), "alive"),
    "file of the server": (lambda: svg('<image href="/etc/passwd" width="9" height="9"/>'), "alive"),
    "address outside": (lambda: svg('<image xlink:href="http://127.0.0.1:1/x.png" width="9" height="9"/>'), "alive"),
    "svg in a picture": (lambda: svg('<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9" height="9"/>'), "alive"),
    "import": (lambda: svg("<style>@import 'http://127.0.0.1:1/x.css';</style>"), "alive"),
    "css address": (lambda: svg('<rect width="9" height="9" style="fill:url(http://127.0.0.1:1/x#y)"/>'), "alive"),
    "page inside": (lambda: svg("<foreignObject><b/></foreignObject>"), "alive"),
    "deep": (lambda: svg("<g>" * 40_000 + "</g>" * 40_000), "heavy"),
    "many parts": (lambda: svg("<g/>" * 200_000), "heavy"),
    "uses of uses": (_uses, "heavy"),
    "huge": (lambda: svg('<rect width="9" height="9"/>', ' width="1e9" height="1e9"'), "heavy"),
    "huge png": (lambda: png(50_000, 50_000), "heavy"),
    "large png": (lambda: png(9_000, 9_000), "heavy"),
    "cut png": (lambda: png(90, 90)[:45], ""),
    "svg that ends early": (lambda: svg("")[:-4], ""),
}


def hidden_bomb() -> bytes:
    """A sheet outside the usual folder, under another ending, whose declared size is a lie."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
            f'Type="{office}/worksheet" Target="/data/s.bin"/></Relationships>')
    base = _without("xl/worksheets/sheet1.xml", **{"xl/_rels/workbook.xml.rels": rels})
    return _raw_part("data/s.bin", _blanks(400), 1000, base)


def many_xls_sheets(count: int) -> bytes:
    """A BIFF8 workbook of many sheets."""
    import xlwt

    book, out = xlwt.Workbook(), io.BytesIO()
    for n in range(count):
        book.add_sheet(f"s{n}").write(0, 0, "姓名")
    book.save(out)
    return out.getvalue()
