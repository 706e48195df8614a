"""The search that proves a purge: every kind of value, however and wherever it is written, and nothing else."""
from __future__ import annotations

import gzip
import io
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.database import database_path
from models.event import Event
from models.purge_search import Finder, search, search_apart
from models.runtime import Runtime

VALUES = {"name": ["欧阳慕华", "José Álvarez", "Ann O'Neill"], "phone": ["13877665544"], "id_number": ["11010119880807665X"],
          "email": ["muhua@quant.example"], "code": ["B0123456789ABCDEFGHJK"]}
EVERY = {kind: len(values) for kind, values in VALUES.items()}


def hits(folder: Path) -> dict[str, dict[str, int]]:
    return {file: dict(kinds) for file, kinds in search(folder, Finder(VALUES)).hits.items()}


def packed(text: bytes) -> bytes:
    """A zip in a zip."""
    def once(name: str, content: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        return out.getvalue()
    return once("inner.zip", once("a.txt", text))


@pytest.mark.parametrize(("ending", "wrap"), [
    ("txt", lambda text: text.encode()), ("bin", lambda text: b"\xff\x00" + text.encode() + b"\x80\x81"),
    ("utf16", lambda text: text.encode("utf-16")), ("utf16be", lambda text: text.encode("utf-16-be")),
    ("gb", lambda text: text.replace("José Álvarez", "").encode("gb18030")),
    ("json", lambda text: json.dumps({"a": text}).encode()), ("gz", lambda text: gzip.compress(text.encode())),
    ("zip", lambda text: packed(text.encode())),
    ("db-wal", lambda text: b"\x00" * (16 << 20) + text.encode()),
])
def test_the_search_finds_every_kind_of_value_however_it_is_written(tmp_path, ending: str, wrap: Callable[[str], bytes]):
    text = "x".join(f"前{value}后 " for values in VALUES.values() for value in values)
    (tmp_path / f"file.{ending}").write_bytes(wrap(text))
    expected = {**EVERY, "name": 2} if ending == "gb" else EVERY
    assert hits(tmp_path) == {f"file.{ending}": expected}


def test_the_search_finds_a_value_across_the_seam_of_two_pieces(tmp_path):
    for before in range((16 << 20) - 12, (16 << 20), 3):
        (tmp_path / "a").write_bytes(b" " * before + "欧阳慕华".encode())
        assert hits(tmp_path) == {"a": {"name": 1}}


def test_the_search_finds_a_phone_as_utf_16_within_bytes_that_are_no_text(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff" + "x13877665544x".encode("utf-16-le") + b"\x00\xd8\x00\xff")
    assert hits(tmp_path) == {"a": {"phone": 1}}


def test_the_search_finds_a_name_that_stands_on_two_pages_of_a_database(tmp_path):
    path = tmp_path / "c.db"
    for before in range(470, 500, 4):        # of a text of 4,400 bytes SQLite keeps 489 on the row's own page
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as there, there:
            there.execute("CREATE TABLE t (x)")
            there.execute("INSERT INTO t VALUES (?)", ("x" * before + "欧阳慕华" + "x" * (4400 - before),))
        if "欧阳慕华".encode() not in path.read_bytes():
            break
    else:
        raise AssertionError("no text was split")
    assert hits(tmp_path) == {"c.db": {"name": 1}}


def test_the_search_finds_a_name_in_a_file_s_name_and_in_a_workbook(tmp_path):
    from openpyxl import Workbook
    (tmp_path / "欧阳慕华.txt").touch()
    book = Workbook()
    book.active["B2"] = "José Álvarez"
    book.save(tmp_path / "b.xlsx")
    assert hits(tmp_path) == {"欧阳慕华.txt": {"name": 1}, "b.xlsx": {"name": 1}}


def test_the_search_takes_nothing_else_for_a_value(tmp_path):
    (tmp_path / "a").write_text("欧阳 慕华 1387766554 B0123456789ABCDEFGHJ Joséa Álvarez quant.example muhua Ann Neill")
    assert hits(tmp_path) == {}


def test_what_cannot_be_searched_is_said(tmp_path):
    (tmp_path / "slip.png").write_bytes(b"\x89PNG")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04" + b"x" * 50)
    assert search(tmp_path, Finder(VALUES)).unsearched == ["broken.zip", "slip.png"]


def test_a_search_in_a_process_of_its_own_finds_the_same(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(text for texts in VALUES.values() for text in texts), "utf-8")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 cut off")
    assert search_apart(tmp_path, VALUES, "") == search(tmp_path, Finder(VALUES))
    assert search_apart(tmp_path, VALUES, "").hits.keys() == {"list.txt"}


def test_a_search_beside_a_server_leaves_it_its_locks(data: Path, runtime: Runtime) -> None:
    """A command that comes last would otherwise take the log away under the server."""
    runtime.writer.do(lambda session: session.execute(update(Event).values(venue="before")))
    with runtime.connection() as kept:                      # as a server's pool holds one
        kept.execute(select(Event.venue)).one()
        search_apart(data, VALUES, "")
        subprocess.run([sys.executable, "-c", f"import sqlite3; c = sqlite3.connect({str(database_path(data))!r});"
                        "c.execute('SELECT * FROM event').fetchall(); c.close()"], check=True)
        assert database_path(data).with_name("huiwu.db-wal").exists()
