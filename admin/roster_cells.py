"""What a cell says: text, number, date, yes or no, state; or why the row is refused."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, NamedTuple

from models.harmless import FORMULA
from models.names import fold

# The most characters of a field. 80 for a name is what a badge can still set (api.md leaves it open).
LIMITS = {"name": 80, "name_en": 80, "number": 32, "organisation": 200, "post": 100, "delegation": 100, "category": 60,
          "phone": 40, "email": 254, "id_number": 40, "sex": 16, "nation": 40, "diet": 100, "hint": 200, "seat": 40,
          "table": 40, "room": 40, "arrival": 200, "remarks": 1000}
_CODES = ("number", "seat", "table", "room")             # full-width digits and letters are folded
ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
_NOTHING = frozenset(("无", "暂无", "没有", "-", "--", "—", "——", "/", "\\", "n/a", "na", "none", "null"))
_APOSTROPHE = re.compile(f"'(?='*{FORMULA})")             # that our own exports put before what could run as a formula
_SCIENCE = re.compile(r"([0-9])(?:\.([0-9]+))?E\+?([0-9]{1,2})", re.IGNORECASE)
_EXACT = 10 ** 15                                        # Excel keeps 15 digits of a number
YES = frozenset(map(fold, ["是", "√", "✓", "✔", "☑", "y", "yes", "true", "t", "1", "vip", "贵宾", "对", "有", "on"]))
NO = frozenset(map(fold, ["否", "×", "✗", "✘", "☐", "n", "no", "false", "f", "0", "x", "不是", "非", "无", "-", "off"]))
STATES = {
    "registered": "registered 已报名 报名 已注册 已确认 确认 正常 已通过 审核通过 通过 参会 参加 已缴费 confirmed "
                  "approved attending checkedin active ok",
    "pending": "pending 待审核 待审批 审核中 未审核 待确认 待定 候补 awaitingapproval waiting waitlist waitlisted "
               "unconfirmed",
    "cancelled": "cancelled canceled 取消 已取消 取消报名 取消参会 已退会 退会 作废 不参加 不参会 notattending "
                 "refunded deleted declined",
}
_STATE_OF = {fold(word): state for state, words in STATES.items() for word in words.split()}
STATE_WORDS = "已报名 registered、待审核 pending、已取消 cancelled"


class Problem(NamedTuple):
    """Why a cell cannot be taken: an error code of roster_words and what its sentence needs."""

    error: str
    params: dict[str, Any]


Value = str | bool | Problem


def plain(cell: Any) -> str:
    """A cell as text: whole numbers without a point, dates as ISO, no control characters, no outer blanks, NFC."""
    if isinstance(cell, str):
        if cell.isprintable() and (cell.isascii() or unicodedata.is_normalized("NFC", cell)):
            return cell.strip()
        return _clean(cell)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e21 else repr(cell)
    return _moment(cell)


def _clean(text: str) -> str:
    """Breaks become blanks; what cannot be seen goes, but not the joiners that some scripts need."""
    kept = []
    for letter in unicodedata.normalize("NFC", text):
        kind = unicodedata.category(letter)
        if kind == "Cc":
            kept.append(" " if letter in "\t\n\r\v\f" else "")
        elif kind not in ("Cf", "Cs") or letter in "\u200c\u200d":
            kept.append(letter)
    return "".join(kept).strip()


def _moment(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "minutes")
    if isinstance(cell, time):
        return cell.isoformat("minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes = int(cell.total_seconds()) // 60
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return "" if cell is None else _clean(str(cell))


def cleaner(name: str, header: str) -> Callable[[Any], Value]:
    """How the cells of a field are read. Their result "" means: nothing said."""
    if name == "vip":
        return partial(_vip, header)
    if name == "state":
        return _state
    if name in ("phone", "id_number", *_CODES):
        return partial(_number, name, header)
    return partial(_text, header, LIMITS[name])


def _text(header: str, limit: int, cell: Any) -> Value:
    text = _APOSTROPHE.sub("", plain(cell), count=1)
    return text if len(text) <= limit else Problem("too_long", {"column": header, "limit": limit})


def _number(name: str, header: str, cell: Any) -> Value:
    if (isinstance(cell, str) and len(cell) <= 11 and cell.isascii()
            and (cell.isdigit() or (name in _CODES and cell.isalnum()))):
        return cell                                      # most cells: nothing below would change them
    if isinstance(cell, float) and abs(cell) >= _EXACT:
        return Problem("lost_digits", {"column": header, "value": f"{cell:.0f}"})
    text = _bare(unicodedata.normalize("NFKC", plain(cell)))
    whole = _whole(text, name)
    if whole is None:
        return Problem("lost_digits", {"column": header, "value": text})
    text = _phone(whole) if name == "phone" else whole
    if len(text) > LIMITS[name]:
        return Problem("too_long", {"column": header, "limit": LIMITS[name]})
    if name == "phone" and text and not any(map(str.isdigit, text)):
        return Problem("no_digits", {"column": header, "value": text})
    return text


def _bare(text: str) -> str:
    """Without what Excel puts around digits that are to stay a text: an apostrophe, ="0012" in a csv."""
    while (bare := text.strip().lstrip("'")) != text or re.fullmatch(r'=".*"', bare, re.DOTALL):
        text = bare[2:-1] if re.fullmatch(r'=".*"', bare, re.DOTALL) else bare
    return text


def _whole(text: str, name: str) -> str | None:
    """Digits that went through a spreadsheet as a number, whole again; None when some were lost."""
    science = _SCIENCE.fullmatch(text)
    if science and ("+" in text or name in ("phone", "id_number")):
        decimals, power = science[2] or "", int(science[3])
        return science[1] + decimals if len(decimals) == power else None
    if name in ("phone", "id_number", "number") and re.fullmatch(r"[0-9]{5,}\.0+", text):
        return text.partition(".")[0]
    return text


def _phone(text: str) -> str:
    """Without blanks, hyphens and China's prefix; two numbers in one cell stay as they are."""
    if fold(text) in _NOTHING:
        return ""
    bare = _bare(re.sub(r"[\s\-‐‑–—()]", "", text))
    return re.sub(r"^(?:(?:\+|00)?86)+(?=1[0-9]{10}$)", "", bare)


def _vip(header: str, cell: Any) -> Value:
    word = fold(plain(cell))
    if not word:
        return ""
    if word in YES or word in NO:
        return word in YES
    return Problem("unknown_vip", {"column": header, "value": plain(cell)[:40]})


def _state(cell: Any) -> Value:
    word = fold(plain(cell))
    if not word:
        return ""
    return _STATE_OF.get(word) or Problem("unknown_state", {"value": plain(cell)[:40], "allowed": STATE_WORDS})
