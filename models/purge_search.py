"""Is a former value still in a file? One pass over raw bytes, whatever the number of values, and inside archives.

A value is looked for by its key, the longest piece of it that no text splits: Chinese characters anywhere in a run of
them, phones and ID numbers anywhere in a run of digits, codes anywhere in a run of capitals, other words as whole
words. Bytes are read as UTF-8, as UTF-16 and with the \\u escapes of JSON; a file that is no UTF-8 also as GB18030.
"""
from __future__ import annotations

import gzip
import io
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from models.cores import everywhere

CHUNK, OVERLAP = 16 << 20, 4096
UNPACKED = 512 << 20                  # of one archive's entries: what is larger is said to be unsearched
DEPTH = 3                             # archives within archives
PICTURES = (".png", ".jpg", ".jpeg", ".pdf", ".gif", ".webp", ".tif", ".bmp", ".7z", ".rar", ".mp4")
_SQLITE = b"SQLite format 3\0"
_WORD = re.compile(rb"[0-9A-Za-z_]{2,}")
_RUN = {"digits": re.compile(rb"[0-9]{7,}"), "code": re.compile(rb"[0-9A-Z]{21,}"),
        "wide": re.compile(rb"(?:[\xc2-\xf4][\x80-\xbf]{1,3})+")}
_SIXTEEN = re.compile(rb"(?:[\x20-\x7e]\x00){3,}[\x20-\x7e]?")
_ESCAPE = re.compile(rb"\\u([0-9a-fA-F]{4})")
_PIECES = re.compile(r"[0-9A-Za-z_]+")
_CHINESE = re.compile(r"[^\x00-\x7f]+")
_SPECIAL_CODE = re.compile(r"[0-9A-Z]{21}")
Hit = tuple[str, str]                 # kind, value


@dataclass(slots=True)
class Findings:
    """Where something was found: file -> kind -> how many values; files that could not be looked into; how many values
    were looked for, and how many of each kind were skipped."""

    hits: dict[str, Counter[str]] = field(default_factory=dict)
    unsearched: list[str] = field(default_factory=list)
    files: int = 0
    searched: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    def rows(self) -> list[dict[str, object]]:
        """For people and scripts: never the values themselves."""
        return [{"file": file, "kind": kind, "values": count}
                for file, kinds in sorted(self.hits.items()) for kind, count in sorted(kinds.items())]


class Finder:
    """Values to look for. What the plan itself says, and what has fewer than two characters, is `skipped`: it would be
    found wherever the plan is."""

    def __init__(self, values: Mapping[str, Iterable[str]], plan_words: str = ""):
        self._keys: dict[str, dict[str, list[Hit]]] = {name: defaultdict(list) for name in ("word", "digits", "code", "wide")}
        self.skipped: Counter[str] = Counter()
        self.count = 0
        for kind, texts in values.items():
            for text in {text.strip() for text in texts}:
                self._add(kind, text, plan_words)
        self._lengths = {name: sorted({len(key) for key in keys}) for name, keys in self._keys.items()}

    def _add(self, kind: str, text: str, plan_words: str) -> None:
        if not text:
            return
        way, key = _key(text)
        if not key or text in plan_words:
            self.skipped[kind] += 1
            return
        self._keys[way][key].append((kind, text))
        self.count += 1

    def look(self, data: bytes) -> set[Hit]:
        """The values that stand in these bytes."""
        found = self._plain(data)
        if sixteen := _SIXTEEN.findall(data):
            found |= self._plain(b"\n".join(run[::2] for run in sixteen))
        if b"\\u" in data:
            found |= self._plain(_ESCAPE.sub(_unescaped, data))
        return found

    def _plain(self, data: bytes) -> set[Hit]:
        keys = {("word", word.decode()) for word in set(_WORD.findall(data)) if word.decode() in self._keys["word"]}
        for way, pattern in _RUN.items():
            if self._keys[way]:
                keys |= {(way, key) for run in set(pattern.findall(data)) for key in self._within(way, run)}
        hits = [hit for way, key in keys for hit in self._keys[way][key]]
        return {(kind, text) for kind, text in hits if text.encode() in data}

    def _within(self, way: str, run: bytes) -> Iterator[str]:
        text, known = run.decode(errors="replace"), self._keys[way]
        for length in self._lengths[way]:
            for at in range(len(text) - length + 1):
                if text[at:at + length] in known:
                    yield text[at:at + length]


def _key(text: str) -> tuple[str, str]:
    """How a value is looked for, and its key; an empty key: it is too short to be looked for."""
    chinese = max(_CHINESE.findall(text), key=len, default="")
    if len(chinese) >= 2:
        return "wide", chinese
    if _SPECIAL_CODE.fullmatch(text):
        return "code", text
    piece = max(_PIECES.findall(text), key=len, default="")
    digits = max(re.findall("[0-9]+", piece), key=len, default="")
    if len(digits) >= 7:
        return "digits", digits
    return "word", piece if len(piece) >= 3 and len(text) >= 3 else ""


def _unescaped(match: re.Match[bytes]) -> bytes:
    return chr(int(match[1], 16)).encode(errors="replace")


def search(folder: Path, finder: Finder) -> Findings:
    """Looks for everything in every file of a folder, in their names, and in what SQLite reads in its files."""
    said = Findings(searched=finder.count, skipped=finder.skipped)
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        name = path.relative_to(folder).as_posix()
        said.files += 1
        found = finder.look(name.encode(errors="replace")) | _in_file(path, finder)
        opened = True
        if _is_packed(path):
            inside, opened = _archive(path.read_bytes(), finder, DEPTH)
            found |= inside
        if path.suffix.lower() in PICTURES or not opened:
            said.unsearched.append(name)
        if found:
            said.hits[name] = Counter(kind for kind, _text in found)
    return said


def search_apart(folder: Path, values: Mapping[str, Iterable[str]], plan_words: str) -> Findings:
    """The same in a process of its own, which is what a server needs: SQLite's locks on the event's files are this
    process's, and the system drops them all as soon as it closes any other handle to those files (POSIX, fcntl)."""
    told = json.dumps({"folder": str(folder), "values": {kind: list(texts) for kind, texts in values.items()},
                       "plan_words": plan_words})
    with everywhere():
        child = subprocess.run([sys.executable, "-m", __name__], input=told.encode(), capture_output=True,  # noqa: S603  ourselves
                               cwd=Path(__file__).parent.parent, check=False)
    if child.returncode != 0:       # its words may hold what it looked for
        raise RuntimeError(f"the search ended with {child.returncode}")
    said = json.loads(child.stdout)
    return Findings({file: Counter(kinds) for file, kinds in said["hits"].items()}, said["unsearched"], said["files"],
                    said["searched"], Counter(said["skipped"]))


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(4)
    return start[:2] == b"\x1f\x8b" or start == b"PK\x03\x04"


def _in_file(path: Path, finder: Finder) -> set[Hit]:
    found: set[Hit] = set()
    with path.open("rb") as file:
        head = file.read(len(_SQLITE))
        file.seek(0)
        before = b""
        while chunk := file.read(CHUNK):
            found |= finder.look(before + chunk)
            before = chunk[-OVERLAP:]
    if head == _SQLITE:
        return found | _in_database(path, finder)
    if path.stat().st_size <= UNPACKED:
        found |= _in_words(path.read_bytes(), finder)
    return found


def _in_words(data: bytes, finder: Finder) -> set[Hit]:
    """A text that is no UTF-8, as the two other ways in which Chinese is written."""
    found: set[Hit] = set()
    try:
        data.decode()
    except UnicodeDecodeError:
        for encoding in ("gb18030", "utf-16-le", "utf-16-be"):
            try:
                found |= finder._plain(data.decode(encoding).encode())
            except UnicodeError:
                continue
    return found


def _in_database(path: Path, finder: Finder) -> set[Hit]:
    """Every text that SQLite reads: one that is longer than a page stands in pieces in the file."""
    found: set[Hit] = set()
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as there:
        try:
            tables = [row[0] for row in there.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                rows = there.execute(f'SELECT * FROM "{table}"')        # noqa: S608  a name that SQLite itself gave
                while some := rows.fetchmany(20_000):
                    words = "\n".join(value for row in some for value in row if isinstance(value, str))
                    found |= finder.look(words.encode(errors="replace"))
        except sqlite3.DatabaseError:
            pass                    # no database after all; its bytes were searched
    return found


def _archive(data: bytes, finder: Finder, depth: int) -> tuple[set[Hit], bool]:
    """What is inside a zip file (xlsx and docx are such) or a gz file, and whether all of it could be opened."""
    found: set[Hit] = set()
    try:
        for name, part in _parts(data):
            found |= finder.look(name.encode(errors="replace")) | finder.look(part) | _in_words(part, finder)
            if part[:2] not in (b"PK", b"\x1f\x8b"):
                continue
            if depth == 1:
                return found, False
            inside, opened = _archive(part, finder, depth - 1)
            found |= inside
            if not opened:
                return found, False
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError):
        return found, False             # damaged, encrypted or too large
    return found, True


def _parts(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            yield "", _whole(file.read(UNPACKED + 1))
        return
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as part:
                yield entry.filename, _whole(part.read(UNPACKED + 1))


def _whole(data: bytes) -> bytes:
    if len(data) > UNPACKED:
        raise OSError("too large to be searched")
    return data


def _answer() -> None:
    """The child's side: what to look for comes on stdin, where it was found goes to stdout."""
    told = json.load(sys.stdin.buffer)
    said = search(Path(told["folder"]), Finder(told["values"], told["plan_words"]))
    json.dump({"hits": said.hits, "unsearched": said.unsearched, "files": said.files, "searched": said.searched,
               "skipped": said.skipped}, sys.stdout)


if __name__ == "__main__":
    _answer()
