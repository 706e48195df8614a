"""Which row is the header, and which column is which roster field (api.md, Roster fields)."""
from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any

from admin.roster_words import RosterError
from admin.roster_workbook import Grid, column_index, column_letters

# Header words by field, as `_plain` leaves them. The first words of each field are api.md's.
_WORDS = {
    "name": "姓名 name 名字 全名 中文名 中文姓名 fullname chinesename attendeename participantname namechinese "
            "姓名中文",
    "first_name": "firstname givenname forename 名",
    "last_name": "lastname surname familyname 姓",
    "name_en": "英文名 nameen 英文姓名 姓名英文 外文名 外文姓名 englishname nameenglish nameinenglish",
    "number": "编号 工号 证件编号 badgeno number 代表证号 证号 胸卡号 胸牌号 参会编号 人员编号 員工編號 編號 工號 "
              "员工号 员工编号 badgenumber badge# badgeid attendee# attendeeno attendeenumber employeeno "
              "employeenumber employeeid staffno",
    "organisation": "单位 工作单位 部门 company organization organisation 所在单位 单位部门 公司 机构 学校 院校 "
                    "單位 工作單位 部門 公司名称 機構 department affiliation institution institute employer "
                    "companyname organizationname organisationname university",
    "post": "职务 职称 jobtitle post 职位 岗位 职务职称 职称职务 職務 職稱 職位 position",
    "delegation": "代表团 团组 组别 delegation 分组 小组 团队 代表團 團組 組別 group team",
    "category": "类别 证件种类 身份 tickettype category 证件类别 人员类别 参会类别 参会身份 人员身份 代表类别 "
                "票种 類別 證件種類 attendeetype participanttype registrationtype tickettypename",
    "phone": "手机 手机号 联系电话 cellphone phone 电话 电话号 联系方式 联系手机 移动电话 手機 手機號 電話 "
             "聯絡電話 mobile mobilephone mobileno mobilenumber phoneno phonenumber telephone tel cell "
             "contactnumber",
    "email": "邮箱 email 电子邮箱 电子邮件 电邮 郵箱 電郵 電子郵件 emailaddress mail",
    "id_number": "身份证号 idnumber 身份证 证件号 护照号 身份證號 idno idcard idcardno passport passportno "
                 "passportnumber",
    "sex": "性别 sex 性別 gender",
    "nation": "民族 nation ethnicity ethnicgroup",
    "diet": "饮食 diet 饮食要求 饮食禁忌 饮食习惯 用餐要求 餐饮要求 忌口 飲食 dietary dietaryrequirements "
            "dietaryrestrictions dietaryneeds",
    "hint": "提示 hint 提醒 工作提示 hints",
    "seat": "座位 seat 座位号 座号 座次 座位號 seatno seatnumber",
    "table": "桌号 table 桌次 餐桌 餐桌号 桌號 tableno tablenumber",
    "room": "房间号 room 房间 房号 酒店房间 酒店房号 房間號 roomno roomnumber",
    "vip": "贵宾 vip 是否贵宾 是否vip 貴賓 isvip",
    "arrival": "车次航班 arrival 车次 航班 航班号 航班车次 到达车次 到达航班 抵达航班 抵达车次 車次航班 flight "
               "flightno train trainno arrivalflight",
    "state": "状态 state 报名状态 审核状态 参会状态 狀態 status attendeestatus registrationstatus",
    "remarks": "备注 remarks 備註 附注 remark note notes comment comments",
}
_FIELD_OF = {word: name for name, words in _WORDS.items() for word in words.split()}
PARTS = ("first_name", "last_name")
FIELDS = tuple(name for name in _WORDS if name not in PARTS)
IGNORE = ("", "-", "ignore", "忽略")                  # as a FIELD: leave this column out
_NUMBERING = re.compile(r"^(?:[(（]?\d{1,2}[)）]|\d{1,2}[、.．])")     # of questionnaires: 1、姓名
_BRACKETS = re.compile(r"[(（\[【<《][^)）\]】>》]*[)）\]】>》]")
_ENDINGS = ("码", "碼", "名称", "信息", "必填", "选填", "栏")
_STARTS = ("您的", "你的", "请填写", "填写", "参会人员", "参会人", "参会者", "参会代表", "与会人员", "人员", "代表",
           "嘉宾", "本人", "attendee", "participant", "your")
_HEADER_ROWS = 50                # the header is looked for among so many rows
_FORM_ROWS = 30                  # labels of a form are looked for in so many rows below


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is taken: its index in a grid's rows, its header, its field, and for names which part."""

    index: int
    header: str
    field: str
    part: str = ""


@dataclass
class Header:
    """Where the header is (`row` and `first` count from 0; row -1: there is none) and what its columns are."""

    row: int
    first: int                                   # first row of people
    columns: list[Column]
    texts: dict[int, str] = field(default_factory=dict)       # index -> header
    ignored: dict[int, str] = field(default_factory=dict)

    @property
    def mapping(self) -> dict[str, str]:
        """Header -> field, as shown and as accepted again."""
        return {column.header: column.field for column in self.columns}


@cache
def recognise(text: str) -> str | None:
    """The field of a header in words, also `first_name` and `last_name`; None when it is none of ours."""
    if len(text) > 40:
        return None
    full = _plain(text)
    bare = _plain(_BRACKETS.sub("", _NUMBERING.sub("", unicodedata.normalize("NFKC", text).strip())))
    for word in (full, bare):
        found = _FIELD_OF.get(word) or _FIELD_OF.get(_shorter(word))
        if found:
            return found
    return None


def _plain(text: str) -> str:
    """Without case, width, blanks and punctuation, but with the # of "Attendee #"."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if letter.isalnum() or letter == "#")


def _shorter(word: str) -> str:
    for start in _STARTS:
        if word.startswith(start) and len(word) > len(start):
            word = word.removeprefix(start)
            break
    while True:
        ending = next((one for one in _ENDINGS if word.endswith(one) and len(word) > len(one)), None)
        if ending is None or word in _FIELD_OF:
            return word
        word = word.removesuffix(ending)


def score(rows: Iterable[Sequence[Any]], mapping: Mapping[str, str] | None = None) -> int:
    """How many columns of a roster the best row names; 0 when no row is a header."""
    wanted = _explicit(mapping or {})
    found = (_fields(row, wanted) for row in islice(rows, _HEADER_ROWS))
    return max((len(fields) for fields in found if _names(fields)), default=0)


def _explicit(mapping: Mapping[str, str]) -> dict[str, str]:
    """Plain column -> field, for a mapping that a person gave. Raises RosterError for a field we do not have."""
    wanted = {}
    for column, given in mapping.items():
        name = "" if given.strip().casefold() in IGNORE else given.strip()
        found = name if name in _WORDS or not name else recognise(name)
        if found is None:
            raise RosterError("unknown_field", field=given, found="、".join(FIELDS))
        wanted[_plain(column)] = found
    return wanted


def _fields(row: Sequence[Any], wanted: Mapping[str, str]) -> set[str]:
    """The fields that the cells of a row name."""
    found = set()
    for cell in row:
        if isinstance(cell, str) and cell and len(cell) <= 40:
            found.add(wanted.get(_plain(cell)) or recognise(cell) or "")
    return found - {""}


def _names(fields: set[str]) -> bool:
    return "name" in fields or set(PARTS) <= fields


def find_header(grid: Grid, mapping: Mapping[str, str] | None = None) -> Header:
    """The header of a grid. Raises RosterError: no column of names, a form, or a mapping that does not fit."""
    wanted = _explicit(mapping or {})
    best, most = -1, 0
    for index, row in enumerate(grid.rows[:_HEADER_ROWS]):
        fields = _fields(row, wanted)
        if _names(fields) and len(fields) > most:
            best, most = index, len(fields)
    if best < 0:
        return _without_header(grid, mapping or {}, wanted)
    texts, first = _texts(grid, best)
    _refuse_form(grid, best, first, wanted)
    return _assign(grid, Header(best, first, [], texts), mapping or {}, wanted)


def _without_header(grid: Grid, mapping: Mapping[str, str], wanted: Mapping[str, str]) -> Header:
    """A list without header is taken when the mapping names its columns by their letters; else it is refused."""
    letters = {_letter(grid, column): found for column, found in ((c, wanted[_plain(c)]) for c in mapping)}
    width = max((len(row) for row in grid.rows), default=0)
    if "name" in letters.values() and all(index is not None and index < width for index in letters):
        texts = {index: column_letters(index + grid.left) for index in range(width)}
        header = Header(-1, 0, [], texts)
        return _assign(grid, header, mapping, wanted)
    found = max(grid.rows[:_HEADER_ROWS], key=lambda row: (len(_fields(row, wanted)), _filled(row)), default=[])
    shown = [_text(cell) for cell in found if _text(cell)]
    unknown = [column for column in mapping if _plain(column) not in {_plain(text) for text in shown}
               and _letter(grid, column) is None]
    if unknown:
        raise RosterError("unknown_column", column=unknown[0], found="、".join(shown[:30]))
    if _is_form(grid, 0, _fields(found, wanted), wanted):
        raise RosterError("form")
    raise RosterError("no_name_column", found="、".join(shown[:30]))


def _filled(row: Sequence[Any]) -> int:
    return sum(isinstance(cell, str) and bool(cell.strip()) for cell in row)


def _text(cell: Any) -> str:
    return " ".join(str(cell).replace("\ufeff", "").split()) if cell is not None else ""


def _letter(grid: Grid, column: str) -> int | None:
    """The index of a column named by its letter."""
    if not re.fullmatch(r"[A-Za-z]{1,2}", column.strip()):
        return None
    index = column_index(column.strip().upper()) - grid.left
    return index if index >= 0 else None


def _texts(grid: Grid, row: int) -> tuple[dict[int, str], int]:
    """Header texts by column, and the first row of people: a name merged over two rows makes a header of two rows."""
    texts = {index: _text(cell) for index, cell in enumerate(grid.rows[row])}
    last = row
    for (top, left), (bottom, _) in grid.merges:
        if top == row and recognise(texts.get(left - grid.left, "")) in ("name", *PARTS):
            last = max(last, min(bottom, row + 3))
    for below in grid.rows[row + 1:last + 1]:
        texts |= {index: _text(cell) for index, cell in enumerate(below) if _text(cell)}
    return texts, last + 1


def _refuse_form(grid: Grid, row: int, first: int, wanted: Mapping[str, str]) -> None:
    if _is_form(grid, first, _fields(grid.rows[row], wanted), wanted):
        raise RosterError("form")


def _is_form(grid: Grid, first: int, known: set[str], wanted: Mapping[str, str]) -> bool:
    """In a form, labels stand below labels: two or more fields of which the header row knows nothing."""
    below: set[str] = set()
    for row in grid.rows[first:first + _FORM_ROWS]:
        below |= _fields(row, wanted)
    return len(below - known - {"vip"}) >= 2             # 贵宾 and VIP are values too


def _assign(grid: Grid, header: Header, mapping: Mapping[str, str], wanted: Mapping[str, str]) -> Header:
    """Gives each column its field: what a person said first, then the words, the first column of a field wins."""
    said = _said(grid, header, mapping, wanted)
    found = {index: said[index] if index in said else recognise(text) or "" for index, text in header.texts.items()}
    parted = _names_in_parts(header, found, said)
    taken: set[tuple[str, str]] = set()
    shown: set[str] = set()
    for index in sorted(header.texts, key=lambda one: (one not in said, one)):
        name, part = found[index], ""
        if name in PARTS or index in parted:
            name, part = "name", recognise(header.texts[index]) or name
        text = header.texts[index]
        text = f"{text} ({column_letters(index + grid.left)})" if text in shown else text
        usable = name and (name, part) not in taken and not (name == "name" and bool(part) != bool(parted))
        if usable:
            taken.add((name, part))
            header.columns.append(Column(index, text, name, part))
        elif text:
            header.ignored[index] = text
        shown.add(text)
    header.columns.sort(key=lambda column: column.index)
    return header


def _said(grid: Grid, header: Header, mapping: Mapping[str, str], wanted: Mapping[str, str]) -> dict[int, str]:
    """Index -> field of the columns that a person named, by header or by letter."""
    said = {}
    places: dict[str, int] = {}
    for place, text in header.texts.items():
        places.setdefault(_plain(text), place)
    for column in mapping:
        index: int | None = places.get(_plain(column))
        if index is None:
            index = _letter(grid, column)
        if index is None or index not in header.texts:
            found = "、".join(text for text in header.texts.values() if text)
            raise RosterError("unknown_column", column=column, found=found)
        said[index] = wanted[_plain(column)]
    return said


def _names_in_parts(header: Header, found: dict[int, str], said: dict[int, str]) -> set[int]:
    """The columns of first and last name when there is no whole name (a mapping may call both of them `name`)."""
    parts = {index for index, name in found.items()
             if name in PARTS or (name == "name" and recognise(header.texts[index]) in PARTS)}
    whole = any(name == "name" and index not in parts for index, name in found.items())
    kinds = {recognise(header.texts[index]) or found[index] for index in parts} | {found[i] for i in parts}
    return parts if not whole and set(PARTS) <= kinds else set()
