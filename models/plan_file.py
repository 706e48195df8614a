"""会务方案, the plan: one TOML file that says what a meeting has. Every key, its default and its meaning stand here;
`docs/plan.md` is made from them (`python -m admin.plan_reference`).

A plan that was read is canonical: `opens` and `closes` have become a window, and the limit of its kind is filled in,
so that two plans that mean the same are equal. Times are local to the event, without zone.
"""
from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec

from models import plan_check, plan_shape
from models.plan_lines import TextLines, syntax_problem
from models.plan_words import Lines, PlanError, Problem, Report

__all__ = ["Category", "Event", "Plan", "PlanError", "Printer", "Problem", "Question", "Service", "Station", "Window",
           "of", "read", "to_raw"]


def said(chinese: str, english: str, rule: str = "", **limits: Any) -> msgspec.Meta:
    """The meaning of a key, with its limits. `rule` names a check of plan_shape."""
    return msgspec.Meta(description=chinese, extra={"en": english, "rule": rule}, **limits)


class Table(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """A table of the plan."""


Key = Annotated[str, said("代号，在同类中唯一：a-z、0-9 和 -，最多 40 个", "Its key, unique among its kind: a-z, 0-9 and -, "
                                                              "40 at most", "key")]
Name = Annotated[str, said("名称", "Its name", "name", max_length=120)]
NameEn = Annotated[str, said("英文名称；没有时用名称", "Its English name; `name` stands in for it", max_length=120)]
Minutes: dict[str, Any] = {"ge": 0, "le": 1440}


class Event(Table):
    """会议。只写一次。 | The meeting, once."""

    name: Name
    name_en: NameEn = ""
    organiser: Annotated[str, said("主办单位", "Who holds it", max_length=120)] = ""
    venue: Annotated[str, said("地点", "Where", max_length=120)] = ""
    timezone: Annotated[str, said("时区；方案里的时间都是这里的当地时间", "Time zone; all times of the plan are local to it",
                                  "timezone")] = "Asia/Shanghai"
    starts: Annotated[date, said("第一天", "First day")]
    ends: Annotated[date, said("最后一天", "Last day")]


class Category(Table):
    """证件种类，按先后排列；名单里没写种类的人归第一种。 | Categories of badge; people whose row names none are of the first."""

    key: Key
    name: Name
    name_en: NameEn = ""
    colour: Annotated[str, said("证件上的颜色，写成 #rrggbb", "Colour on the badge, as #rrggbb", "colour")] = "#3c4a6b"
    hint: Annotated[str, said("每次扫码时给工作人员的提示", "Shown to staff at every scan", max_length=200)] = ""


class Window(Table):
    """一段开放时间，首尾都算。 | A time when a service is open, both ends included."""

    opens: Annotated[datetime, said("开始", "From", tz=False)]
    closes: Annotated[datetime, said("结束", "To", tz=False)]


class Question(Table):
    """扫码时要问的问题。 | Something that is asked at the scan."""

    key: Key
    text: Annotated[str, said("问题", "The question", "name", max_length=120)]
    choices: Annotated[list[Annotated[str, said("选项", "A choice", "name", max_length=60)]],
                       said("选项；没有时可填任何文字", "The choices; any text when left out")] = []
    required: Annotated[bool, said("必须回答", "Must be answered")] = False


class Service(Table):
    """服务项目：一个人可以领取、参加或使用的一项。 | Services: what a person may receive, attend or use."""

    key: Key
    kind: Annotated[Literal["sign_in", "material", "session", "meal"],
                    said("种类：sign_in 签到、material 资料、session 考勤、meal 用餐",
                         "Kind: sign_in, material (things handed out), session (in and out), meal")]
    name: Name
    name_en: NameEn = ""
    opens: Annotated[datetime | None, said("开放时间的开始；不写就一直开放", "Open from; always open when left out", tz=False)] = None
    closes: Annotated[datetime | None, said("开放时间的结束", "Open until", tz=False)] = None
    windows: Annotated[list[Window], said("几段开放时间，代替 opens 和 closes", "Several windows, in place of opens and closes"
                                          )] = []
    entitled: Annotated[list[Key] | None, said("有资格的证件种类；不写就是全部", "Categories that may; all when left out")] = None
    needs: Annotated[list[Key], said("要先完成的其他项目", "Other services that must come first")] = []
    tolerance_minutes: Annotated[int, said("开放时间前后放宽几分钟", "Minutes of tolerance before and after a window",
                                           **Minutes)] = 0
    limit: Annotated[int | None, said("每人可用几次；不写时为 1，考勤不限", "Uses per person; 1 when left out, none for a session",
                                      ge=1, le=9999)] = None
    per: Annotated[Literal["event", "day"], said("次数按整个会议（event）还是按天（day）计，天以会议时区的零点为界",
                                                 "Whether the limit is for the event or starts anew each day at midnight "
                                                 "in the event's zone")] = "event"
    slip: Annotated[bool, said("通过后打印小票", "Prints a slip on acceptance")] = False
    coupon: Annotated[bool, said("有资格的人签到时打印餐券（只用于 meal）",
                                 "Its coupon is printed when an entitled person signs in (meals only)")] = False
    stock: Annotated[int | None, said("库存数量；不写就不计（只用于 material）", "How many there are; not counted when left out "
                                      "(materials only)", ge=0, le=10_000_000)] = None
    starts: Annotated[datetime | None, said("会议环节的开始（只用于 session），不限制进场", "When a session starts; it does not "
                                            "limit when people may enter", tz=False)] = None
    ends: Annotated[datetime | None, said("会议环节的结束", "When a session ends", tz=False)] = None
    late_after_minutes: Annotated[int, said("开始几分钟后算迟到", "Minutes after the start from which one is late",
                                            **Minutes)] = 0
    reentry: Annotated[bool, said("离场后可以再进", "Whether one may come in again")] = True
    missing_out: Annotated[Literal["ends", "none"], said("忘记扫离场码时：ends 算到结束，none 不计时长",
                                                         "A forgotten out counts until the end (ends) or not at all (none)"
                                                         )] = "ends"
    question: Annotated[list[Question], said("扫码时要问的问题", "What is asked at the scan")] = []


class Station(Table):
    """服务点：一台或几台平板。 | Stations: what a paired tablet is."""

    key: Key
    name: Name
    name_en: NameEn = ""
    mode: Annotated[Literal["kiosk", "gate", "desk", "board"],
                    said("用法：kiosk 自助机、gate 入口、desk 服务台、board 大屏",
                         "Mode: kiosk (unattended), gate (fast scanning), desk (staffed), board (big screen)")]
    services: Annotated[list[Key], said("在这里办理的项目，按先后排列", "The services it gives, in order")] = []
    printer: Annotated[Key | None, said("打印机", "Its printer")] = None
    offline: Annotated[bool, said("可以保存加密的离线名单（只用于 gate 和 desk）",
                                  "May hold the encrypted offline snapshot (gate and desk only)")] = False


class Printer(Table):
    """打印机。 | Printers."""

    key: Key
    name: Annotated[str, said("名称；没有时用代号", "Its name; the key stands in for it", max_length=120)] = ""
    name_en: NameEn = ""
    url: Annotated[str, said("地址：`tcp://192.168.1.50:9100`、`usb://04b8:0e15`、`serial:///dev/ttyUSB0?baud=115200`、"
                             "`win32://打印机名`、`virtual://`（在浏览器里看）", "Where it is, in one of these forms; `virtual://` "
                             "is drawn in the browser", "url")]
    width: Annotated[int, said("打印宽度，点：80 毫米纸 576，58 毫米纸 384", "Width in dots: 576 for 80 mm paper, 384 for 58 mm",
                               "width")] = 576
    backup: Annotated[Key | None, said("备用打印机，只接手一个字节都没发出的任务", "Takes over jobs of which no byte was sent")] = None


class Plan(Table):
    """会务方案。 | The plan."""

    event: Event
    category: list[Category] = []
    service: list[Service] = []
    station: list[Station] = []
    printer: list[Printer] = []


def read(text: str) -> tuple[Plan, list[str]]:
    """The plan of a TOML text, and remarks about it in words. Raises PlanError with all mistakes at once."""
    text = text.removeprefix("\ufeff")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError([syntax_problem(text, error)]) from None
    return of(raw, TextLines(text))


def of(raw: Mapping[str, Any], lines: Lines | None = None) -> tuple[Plan, list[str]]:
    """The same for values that stand in dictionaries already, as an admin page has them (see `to_raw`)."""
    report = Report(raw, lines)
    clean = plan_shape.clean(raw, Plan, report)
    plan_check.check(clean, report)
    if report.errors:
        raise PlanError(report.errors)
    plan = msgspec.convert(clean, Plan)
    plan = msgspec.structs.replace(plan, service=[_canonical(service) for service in plan.service])
    return plan, [str(remark) for remark in report.remarks]


def to_raw(plan: Plan) -> dict[str, Any]:
    """A plan as dictionaries, without what was left out, to be changed and given to `of`."""
    raw = {"event": msgspec.structs.asdict(plan.event)}
    for table in ("category", "service", "station", "printer"):
        raw[table] = [_without_defaults(item) for item in getattr(plan, table)]
    return raw


def default_limit(kind: str) -> int | None:
    """How often a person may use a service whose plan does not say: once, and a session as often as one likes."""
    return None if kind == "session" else 1


def _canonical(service: Service) -> Service:
    windows, limit = service.windows, service.limit
    if service.opens is not None and service.closes is not None:
        windows = [Window(opens=service.opens, closes=service.closes)]
    if limit is None:
        limit = default_limit(service.kind)
    return msgspec.structs.replace(service, opens=None, closes=None, windows=windows, limit=limit)


def _without_defaults(item: Table) -> dict[str, Any]:
    """The values that differ from their defaults, nested tables too."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(item):
        value = getattr(item, field.name)
        if not field.required and value == _default(field):
            continue
        nested = isinstance(value, list) and value and isinstance(value[0], Table)
        values[field.name] = [_without_defaults(part) for part in value] if nested else value
    return values


def _default(field: Any) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
