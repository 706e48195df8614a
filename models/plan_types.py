"""会务方案 as types: every table and key of the plan file, its default and its meaning in both languages.

`docs/plan.md` is made from them (`python -m admin.plan_reference`), and plan_shape checks a file against them.
"""
from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec


def said(chinese: str, english: str, rule: str = "", **limits: Any) -> msgspec.Meta:
    """The meaning of a key, with its limits. `rule` names a check of plan_shape."""
    return msgspec.Meta(description=chinese, extra={"en": english, "rule": rule}, **limits)


Key = Annotated[str, said(
    "代号，在同类中唯一：a-z、0-9 和 -，最多 40 个字符",
    "Its key, unique among its kind: a-z, 0-9 and -, 40 characters at most", "key")]
Name = Annotated[str, said("名称", "Its name", "name", max_length=120)]
NameEn = Annotated[str, said("英文名称；不写就用名称", "Its English name; `name` stands in for it", max_length=120)]
_Limit = Annotated[int, msgspec.Meta(ge=1, le=9999)]
_Stock = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
_MINUTES: dict[str, Any] = {"ge": 0, "le": 1440}


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the plan: no key but those written here."""


class Event(Table, kw_only=True, frozen=True):
    """会议，只写一次。 | The meeting, once."""

    name: Name
    name_en: NameEn = ""
    organiser: Annotated[str, said("主办单位", "Who holds it", max_length=120)] = ""
    venue: Annotated[str, said("地点", "Where it is held", max_length=120)] = ""
    timezone: Annotated[str, said(
        "时区；方案里的时间都是这里的当地时间",
        "Time zone; all times of the plan are local to it", "timezone")] = "Asia/Shanghai"
    starts: Annotated[date, said("第一天", "First day")]
    ends: Annotated[date, said("最后一天", "Last day")]


class Category(Table, kw_only=True, frozen=True):
    """证件种类，至少一种；没写类别的人归第一种。 | Categories of badge, at least one; who has none is of the first."""

    key: Key
    name: Name
    name_en: NameEn = ""
    colour: Annotated[str, said(
        "证件上的颜色，写成 #rrggbb", "Colour on the badge, as #rrggbb", "colour")] = "#3c4a6b"
    hint: Annotated[str, said(
        "每次扫码时给工作人员的提示", "Shown to staff at every scan", max_length=200)] = ""


class Window(Table, kw_only=True, frozen=True):
    """一段开放时间，首尾都算。 | A time when a service is open, both ends included."""

    opens: Annotated[datetime, said("从什么时候", "From")]
    closes: Annotated[datetime, said("到什么时候", "Until")]


class Question(Table, kw_only=True, frozen=True):
    """扫码时要问的问题。 | Something that is asked at the scan."""

    key: Key
    text: Annotated[str, said("问题", "The question", "name", max_length=120)]
    choices: Annotated[list[Annotated[str, said("选项", "A choice", "name", max_length=60)]], said(
        "选项；不写就可以填任何文字", "The choices; any text when left out")] = []
    required: Annotated[bool, said("必须回答", "It must be answered")] = False


class Service(Table, kw_only=True, frozen=True):
    """服务项目：一个人可以办理、领取、参加或使用的一项。 | Services: what a person may receive, attend or use."""

    key: Key
    kind: Annotated[Literal["sign_in", "material", "session", "meal"], said(
        "种类：`sign_in` 签到、`material` 资料、`session` 考勤、`meal` 用餐",
        "Kind: `sign_in`, `material` (handed out), `session` (in and out), `meal`")]
    name: Name
    name_en: NameEn = ""
    opens: Annotated[datetime | None, said(
        "从什么时候开放；不写就一直开放", "Open from; always open when left out")] = None
    closes: Annotated[datetime | None, said("开放到什么时候", "Open until")] = None
    windows: Annotated[list[Window], said(
        "几段开放时间，代替 opens 和 closes", "Several windows, in place of opens and closes")] = []
    entitled: Annotated[list[Key] | None, said(
        "有资格的证件种类；不写就是全部", "Categories that may use it; all when left out")] = None
    needs: Annotated[list[Key], said("要先完成的其他项目", "Other services that must come first")] = []
    tolerance_minutes: Annotated[int, said(
        "开放时间前后放宽几分钟", "Minutes of tolerance before and after a window", **_MINUTES)] = 0
    limit: Annotated[_Limit | None, said(
        "每人可用几次；不写就是 1 次，考勤不限", "Uses per person; 1 when left out, no limit for a session")] = None
    per: Annotated[Literal["event", "day"], said(
        "次数按整个会议（`event`）还是按天（`day`）计；一天从会议时区的零点开始",
        "The limit is for the event, or starts anew at midnight in the event's zone")] = "event"
    slip: Annotated[bool, said("通过后打印小票", "Prints a slip on acceptance")] = False
    coupon: Annotated[bool, said(
        "有资格的人签到时打印餐券（只用于 `meal`）",
        "Its coupon is printed when an entitled person signs in (`meal` only)")] = False
    stock: Annotated[_Stock | None, said(
        "库存数量；不写就不计（只用于 `material`）",
        "How many there are; not counted when left out (`material` only)")] = None
    starts: Annotated[datetime | None, said(
        "环节的开始，不限制进场（只用于 `session`）",
        "When a session starts; it does not limit who may enter when (`session` only)")] = None
    ends: Annotated[datetime | None, said(
        "环节的结束（只用于 `session`）", "When a session ends (`session` only)")] = None
    late_after_minutes: Annotated[int, said(
        "开始几分钟后算迟到", "Minutes after the start from which one is late", **_MINUTES)] = 0
    reentry: Annotated[bool, said("离场后可以再进", "One may leave and come in again")] = True
    missing_out: Annotated[Literal["ends", "none"], said(
        "忘记扫离场时：`ends` 算到结束，`none` 不计时长",
        "A forgotten out counts until the end (`ends`) or not at all (`none`)")] = "ends"
    question: Annotated[list[Question], said("扫码时要问的问题", "What is asked at the scan")] = []


class Station(Table, kw_only=True, frozen=True):
    """服务点：一台或几台平板做什么。 | Stations: what one paired tablet or several do."""

    key: Key
    name: Name
    name_en: NameEn = ""
    mode: Annotated[Literal["kiosk", "gate", "desk", "board"], said(
        "用法：`kiosk` 自助机、`gate` 入口、`desk` 服务台、`board` 大屏",
        "Mode: `kiosk` (unattended), `gate` (fast scanning), `desk` (staffed), `board` (big screen)")]
    services: Annotated[list[Key], said("在这里办理的项目，按先后排列", "The services it gives, in order")] = []
    printer: Annotated[Key | None, said("用哪台打印机", "Its printer")] = None
    offline: Annotated[bool, said(
        "可以保存加密的离线名单（只用于 `gate` 和 `desk`）",
        "May hold the encrypted offline snapshot (`gate` and `desk` only)")] = False


class Printer(Table, kw_only=True, frozen=True):
    """打印机。 | Printers."""

    key: Key
    name: Annotated[str, said("名称；不写就用代号", "Its name; the key stands in for it", max_length=120)] = ""
    name_en: NameEn = ""
    url: Annotated[str, said(
        "地址：`tcp://192.168.1.50:9100`、`usb://04b8:0e15`、`serial:///dev/ttyUSB0?baud=115200`、`win32://NAME`、"
        "`file:///dev/usb/lp0`，或 `virtual://`（画在浏览器里）；末尾加 `?mode=text` 用打印机自带的字",
        "Where it is, in one of these forms; `virtual://` is drawn in the browser; with `?mode=text` the printer's own "
        "characters are used", "url")]
    width: Annotated[int, said(
        "打印宽度（点），8 的倍数，200 到 832：80 毫米纸 576，58 毫米纸 384",
        "Width in dots, a multiple of 8 from 200 to 832: 576 for 80 mm paper, 384 for 58 mm", "width")] = 576
    backup: Annotated[Key | None, said(
        "备用打印机，只接手一个字节都没发出的任务", "Takes over jobs of which no byte was sent")] = None


class Plan(Table, kw_only=True, frozen=True):
    """会务方案。 | The plan."""

    event: Event
    category: list[Category] = []
    service: list[Service] = []
    station: list[Station] = []
    printer: list[Printer] = []
