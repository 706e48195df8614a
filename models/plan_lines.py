"""On which line a plan says what: a small scanner over TOML that has been read already, and so is well formed."""
from __future__ import annotations

import re
from collections.abc import Iterator
from tomllib import TOMLDecodeError

from models.plan_words import Path, Problem, sentence

_STRINGS = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL)
_NAME = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_NAMES = rf"{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*"
_HEADER = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_NAMES})[ \t]*\]")
_PAIR = re.compile(rf"[ \t]*({_NAMES})[ \t]*=[ \t]*")
_NO_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?![:\d])")
_FULL_WIDTH = re.compile("[“”‘’＝，［］｛｝]")
_AT_LINE = re.compile(r"at line (\d+), column \d+")


class TextLines:
    """The lines of one text, by path."""

    def __init__(self, text: str):
        self._text = text.replace("\r\n", "\n")
        self._blind = _STRINGS.sub(_blinded, self._text)
        self._found: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        self._scan()

    def find(self, path: Path) -> int | None:
        """The line of a path, or of the nearest thing around it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._found:
                return self._found[path[:length]]
        return None

    def _scan(self) -> None:
        """Headers and keys stand at the start of a line that is inside no brackets."""
        table: Path = ()
        depth = 0
        for number, start, line in self._lines():
            if depth == 0 and (header := _HEADER.match(line)):
                table = self._enter(self._names(start, header, 2), header[1] == "[[")
                self._found.setdefault(table, number)
                if header[1] == "[[":
                    self._found.setdefault(table[:-1], number)
                continue
            if depth == 0 and (pair := _PAIR.match(line)):
                path = table + self._names(start, pair, 1)
                self._found.setdefault(path, number)
                self._elements(path, number, start + pair.end())
            depth += sum(line.count(c) for c in "[{") - sum(line.count(c) for c in "]}")

    def _lines(self) -> Iterator[tuple[int, int, str]]:
        start = 0
        for number, line in enumerate(self._blind.split("\n"), 1):
            yield number, start, line
            start += len(line) + 1

    def _names(self, start: int, match: re.Match[str], group: int) -> Path:
        """The names of a header or key as they were written: the blinded line has no strings."""
        written = self._text[start + match.start(group):start + match.end(group)]
        return tuple(name.strip("\"'") for name in re.findall(_NAME, written))

    def _enter(self, names: Path, is_list: bool) -> Path:
        """The path of a header: a name on the way that is a list means its newest element."""
        path: Path = ()
        for name in names[:-1]:
            path += (name,)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        path += names[-1:]
        if is_list:
            self._counts[path] = self._counts.get(path, 0) + 1
            path += (self._counts[path] - 1,)
        return path

    def _elements(self, path: Path, number: int, at: int) -> None:
        """The lines of the elements of an array, which often has one a line."""
        depth, index, waiting = 0, 0, False
        for letter in self._blind[at:]:
            if letter == "\n":
                number += 1
            elif waiting and not letter.isspace() and letter != "]":
                self._found[(*path, index)] = number
                index, waiting = index + 1, False
            depth += (letter in "[{") - (letter in "]}")
            waiting = waiting or (depth == 1 and letter in "[,")
            if depth <= 0:
                return


def _blinded(match: re.Match[str]) -> str:
    """A string or comment of the same length that holds nothing to stumble over."""
    text = match[0]
    if text.startswith("#"):
        return " " * len(text)
    return text[0] + "".join(c if c == "\n" else "_" for c in text[1:-1]) + text[-1]


def syntax_problem(text: str, error: TOMLDecodeError) -> Problem:
    """What is wrong with a text that is no TOML, in words where the mistake is a usual one."""
    lines = text.split("\n")
    said = _AT_LINE.search(str(error))
    number = int(said[1]) if said else len(text.rstrip().split("\n"))
    line = _STRINGS.sub(_blinded, lines[number - 1])
    detail = str(error).split(" (at ")[0]
    if _NO_SECONDS.search(line):
        return Problem(number, "", sentence("syntax_seconds"))
    if _FULL_WIDTH.search(line):
        return Problem(number, "", sentence("syntax_full_width"))
    code = "twice" if detail.startswith("Cannot") else "syntax"
    return Problem(number, "", sentence(code, detail=detail))
