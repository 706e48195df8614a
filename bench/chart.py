"""The rows as a picture, docs/speed.svg: the scans beside their references, and how near each goal is.

It stands on paper of its own colour, so that it reads the same in light and dark pages; marks and words say what
colours say. The same rows always make the same bytes.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from bench.figures import Row, plain

WIDTH, MARGIN = 1120, 60
PAPER, CARD, LINE, INK, QUIET = "#f6f5f1", "#fff", "#d8d5cc", "#16181d", "#5d6475"
OURS, GOOD, BAD = "#b5312a", "#14713a", "#96412f"
_FONTS = "PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"
_SCANS = re.compile(r"(扫码 scans|教科书 textbook ORM), (\d+) clients?$")
_BARS = 560                     # dots: the longest bar of the first panel
_GOAL_AT, _BAR_MOST = 300, 430  # dots: where the goal lies on a bar of the second panel, and where bars end


def draw(rows: Sequence[Row]) -> str:
    """The whole picture."""
    first, y = _scans(rows, 120)
    second, end = _goals([row for row in rows if row.goal], y + 30)
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {end}" font-family="{_FONTS}" role="img">',
            "<title>扫码的速度 The speed of a scan</title>", _box(0, 0, WIDTH, end, PAPER, 0),
            _box(MARGIN, 36, 52, 52, OURS, 12), _text(86, 72, "会", 30, "#fff", "middle", 700),
            _text(132, 64, "扫码的速度", 30, INK, weight=700), _text(132, 90, "The speed of a scan", 17, QUIET)]
    return "\n".join([*head, *first, *second, "</svg>"]) + "\n"


def _scans(rows: Sequence[Row], y: int) -> tuple[list[str], int]:
    """At each number of clients a bar for hello, for ours and for the textbook."""
    found: dict[int, dict[str, Row]] = {}
    for row in rows:
        if match := _SCANS.match(row.name):
            found.setdefault(int(match[2]), {})[match[1]] = row
    if not found:
        return [], y
    most = max(row.reference or 0 for group in found.values() for row in group.values())
    made = [_text(MARGIN, y + 24, "每秒完成的请求 answers a second", 19, INK, weight=700)]
    y += 44
    for clients, group in sorted(found.items()):
        ours, book = (group[name] for name in ("扫码 scans", "教科书 textbook ORM"))
        made.append(_text(MARGIN, y + 56, f"{clients} 客户端", 16, INK))
        made.append(_text(MARGIN, y + 76, f"client{'s' * (clients > 1)}", 14, QUIET))
        bars = (("Flask hello", ours.reference or 0, "", "#a9adb8"), ("会务 Huiwu", ours.value or 0, _of(ours), OURS),
                ("教科书 textbook ORM", book.value or 0, _of(book), INK))
        for at, (name, value, share, colour) in enumerate(bars):
            top, length = y + 16 + at * 30, max(2, round(value / most * _BARS))
            made += [_text(340, top + 17, name, 14, QUIET, "end"), _box(356, top, length, 22, colour, 3),
                     _text(364 + length, top + 17, f"{plain(value)} /s{share}", 15, INK)]
        y += 118
    return made, y


def _of(row: Row) -> str:
    return f"   {row.ratio:.2f} of hello" if row.ratio is not None else ""


def _goals(rows: Iterable[Row], y: int) -> tuple[list[str], int]:
    """A line for each goal: its bar reaches the upright line where the goal is reached."""
    rows = list(rows)
    if not rows:
        return [], y
    start = WIDTH - MARGIN - _BAR_MOST
    made = [_text(MARGIN, y + 24, "目标 figures to reach", 19, INK, weight=700),
            _text(start + _GOAL_AT, y + 24, "目标 goal", 14, QUIET, "middle")]
    top = y + 40
    for at, row in enumerate(rows):
        made += _goal(row, start, top + at * 34)
    end = top + len(rows) * 34
    made.append(f'<path d="M{start + _GOAL_AT} {top - 6}V{end}" stroke="{INK}" stroke-width="1.5" stroke-dasharray="3 4"/>')
    return made, end + 36


def _goal(row: Row, start: int, y: int) -> list[str]:
    mark, colour = {True: ("✓", GOOD), False: ("✗", BAD), None: ("–", QUIET)}[row.holds]
    made = [_text(MARGIN, y + 20, mark, 18, colour, weight=700), _text(MARGIN + 28, y + 20, row.name, 14, INK)]
    near = nearness(row)
    if near is None:
        return [*made, _text(start - 16, y + 20, row.note, 13, QUIET, "end")]
    length = max(2, min(round(near * _GOAL_AT), _BAR_MOST))
    said = f"{plain(row.ratio)}" if row.goal and row.goal.of_ratio and row.ratio is not None else f"{plain(row.value or 0)} {row.unit}"
    return [*made, _text(start - 16, y + 20, f"{said}  ({row.goal})", 13, QUIET, "end"), _box(start, y + 5, length, 20, colour, 3)]


def nearness(row: Row) -> float | None:
    """1 where the goal is just reached, more beyond it; None without a figure."""
    figure = row.ratio if row.goal and row.goal.of_ratio else row.value
    if row.goal is None or figure is None:
        return None
    if row.goal.at_least:
        return figure / row.goal.limit
    return row.goal.limit / figure if figure > 0 else 2.0


def _box(x: int, y: int, width: int, height: int, colour: str, round_: int) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="{round_}" fill="{colour}"/>'


def _text(x: int, y: int, words: str, size: int, colour: str, anchor: str = "start", weight: int = 400) -> str:
    return (f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}" '
            f'xml:space="preserve">{escape(words)}</text>')
