"""Measures an .xlsx before it is opened: how much it unpacks to, its sheets, rows, columns and cells.

calamine keeps a sheet as one dense block from its first to its last cell: a single cell at XFD1048576 asks for
hundreds of gigabytes. So the whole package is inflated once as a stream, and measured, before calamine sees it;
every part of it, since a sheet may lie anywhere and be called anything.
"""
from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from html import unescape

from admin.roster_words import RosterError

UNPACKED_LIMIT = 300_000_000     # bytes
ROW_LIMIT = 200_000
COLUMN_LIMIT = 200
CELL_LIMIT = 8_000_000           # rows x columns of one sheet; calamine takes 40 bytes for each, empty or not
SHEET_LIMIT = 100
PART_LIMIT = 5_000               # parts of the package; a workbook full of pictures has some hundreds
_TITLE_ROWS = 100                # how many rows above and between may come on top of ROW_LIMIT
_CHUNK = 1 << 20
_ROW_BYTES = 1 << 24             # 200 cells of 32,767 characters need 6.5 MB

_REF = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*\br="([0-9]{1,9})"')
_CELL = re.compile(rb"<(?:\w+:)?c[\s>]")
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]{1,3})([0-9]{1,7})"[^>]*>'
                         rb'.*?<(?:\w+:)?v>([^<]*)', re.DOTALL)

Errors = list[tuple[int, int, str]]     # row, column, #N/A …


def measure(data: bytes) -> dict[str, Errors]:
    """Inflates the package within the limits; gives the error cells by sheet name. Raises RosterError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
        if len(entries) > PART_LIMIT:
            raise RosterError("broken")
        parts = {one.filename: one for one in entries}
        if sum(one.file_size for one in entries) > UNPACKED_LIMIT:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
        left = [UNPACKED_LIMIT]
        sheets = _sheet_parts(data, parts, left)
        errors = {}
        for path, one in parts.items():
            if path in sheets or path.lower().startswith("xl/worksheets/sheet"):
                errors[sheets.get(path, "")] = _scan(_inflate(data, one, left))
            else:
                for _ in _inflate(data, one, left):
                    pass
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, OSError) as problem:
        raise RosterError("broken") from problem
    return errors


def _inflate(data: bytes, part: zipfile.ZipInfo, left: list[int]) -> Iterator[bytes]:
    """A part in chunks. `left[0]` counts down what may still be unpacked: the declared size could be a lie."""
    at = part.header_offset
    if data[at:at + 4] != b"PK\x03\x04" or part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise RosterError("broken")
    at += 30 + int.from_bytes(data[at + 26:at + 28], "little") + int.from_bytes(data[at + 28:at + 30], "little")
    packed = data[at:at + part.compress_size]
    if part.compress_type == zipfile.ZIP_STORED or not packed:
        chunks: Iterator[bytes] = iter([packed])
    else:
        chunks = _deflated(packed)
    for chunk in chunks:
        left[0] -= len(chunk)
        if left[0] < 0:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
        yield chunk


def _deflated(packed: bytes) -> Iterator[bytes]:
    engine = zlib.decompressobj(-15)
    while packed and not engine.eof:
        chunk = engine.decompress(packed, _CHUNK)
        packed = engine.unconsumed_tail
        yield chunk
    if not engine.eof:
        raise RosterError("broken")


def _sheet_parts(data: bytes, parts: dict[str, zipfile.ZipInfo], left: list[int]) -> dict[str, str]:
    """Which part of the package is which sheet, from the workbook and its relationships."""
    def text(path: str) -> str:
        return b"".join(_inflate(data, parts[path], left)).decode("utf-8", "replace") if path in parts else ""

    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\b[^>]*>", text("xl/_rels/workbook.xml.rels")):
        attributes = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        targets[attributes.get("Id")] = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
    sheets = {}
    tags = re.findall(r"<(?:\w+:)?sheet\b[^>]*>", text("xl/workbook.xml"))
    if len(tags) > SHEET_LIMIT:
        raise RosterError("too_many_sheets", limit=SHEET_LIMIT)
    for tag in tags:
        attributes = dict(re.findall(r'([\w:]+)="([^"]*)"', tag))
        linked = next((value for key, value in attributes.items() if key.endswith(":id")), None)
        sheets[targets.get(linked, "")] = unescape(attributes.get("name", ""))
    return sheets


def _scan(chunks: Iterator[bytes]) -> Errors:
    """Measures the cells that have a value; gives the error cells."""
    errors: Errors = []
    most_columns = most_rows = 1
    for number, row in enumerate(_row_pieces(chunks), 1):
        last = row.rfind(b"<v>")
        if last < 0:
            last = max(row.rfind(b"<v"), row.rfind(b"<is"), row.rfind(b":v"), row.rfind(b":is"))
            if last < 0:
                continue
        cell = max(row.rfind(b"<c ", 0, last), row.rfind(b":c ", 0, last))
        found = _REF.search(row, cell, last) if cell >= 0 else None
        if found is None:
            named = _ROW.findall(row)
            last_column, last_row = len(_CELL.findall(row)), max(number, int(named[-1]) if named else 0)
        else:
            letters, last_row = found[1], int(found[2])
            last_column = 0 if len(letters) == 1 else column_index(letters.decode())
        if last_column >= COLUMN_LIMIT or (len(row) > 2000 and row.count(b"<v") > COLUMN_LIMIT):
            raise RosterError("too_many_columns", limit=COLUMN_LIMIT)
        if last_row > ROW_LIMIT + _TITLE_ROWS:
            raise RosterError("too_many_rows", limit=ROW_LIMIT)
        most_columns, most_rows = max(most_columns, last_column + 1), max(most_rows, last_row)
        if most_columns * most_rows > CELL_LIMIT:
            raise RosterError("too_many_rows", limit=CELL_LIMIT // most_columns)
        if b't="e"' in row:
            errors += [(int(hit[2]) - 1, column_index(hit[1].decode()), hit[3].decode("ascii", "replace"))
                       for hit in _ERROR_CELL.finditer(row)]
    return errors


def _row_pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    end, tail = b"", b""
    for chunk in chunks:
        tail += chunk
        if not end:
            opened = re.search(rb"<(\w+:)?sheetData\b", tail)
            end = b"</" + (opened[1] or b"") + b"row>" if opened else b""
        if end:
            *rows, tail = tail.split(end)
            yield from rows
        if len(tail) > _ROW_BYTES:
            raise RosterError("too_large_unpacked", limit=UNPACKED_LIMIT // 1_000_000)
    yield tail


def column_index(letters: str) -> int:
    """A -> 0, AA -> 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def column_letters(index: int) -> str:
    """0 -> A, 26 -> AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
