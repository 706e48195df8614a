"""The plan in the words of a conference team: labels of its keys, values, times, and what is wrong at which field."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, lazy_pgettext, pgettext

from admin.shell import said, speaks_english
from models.plan_words import Problem

TABLES = ("category", "service", "station", "printer")
KINDS = {"sign_in": lazy_pgettext("kind", "签到"), "material": lazy_pgettext("kind", "资料"), "session": lazy_pgettext("kind", "考勤"),
         "meal": lazy_pgettext("kind", "用餐")}
KIND_ICONS = {"sign_in": "badge-check", "material": "shopping-bag", "session": "users", "meal": "utensils"}
MODES = {"kiosk": lazy_pgettext("mode", "自助机"), "desk": lazy_pgettext("mode", "服务台"), "gate": lazy_pgettext("mode", "入口"),
         "board": lazy_pgettext("mode", "大屏")}
MODE_ICONS = {"kiosk": "user", "desk": "users", "gate": "scan-line", "board": "monitor"}
THINGS = {"event": lazy_pgettext("thing", "会议"), "category": lazy_pgettext("thing", "证件种类"),
          "service": lazy_pgettext("thing", "服务项目"), "station": lazy_pgettext("thing", "服务点"),
          "printer": lazy_pgettext("thing", "打印机")}
HEADINGS = {"category": lazy_pgettext("heading", "证件种类"), "service": lazy_pgettext("heading", "服务项目"),
            "station": lazy_pgettext("heading", "服务点"), "printer": lazy_pgettext("heading", "打印机")}
LABELS = {
    "key": lazy_pgettext("plan", "代号"), "name": lazy_pgettext("plan", "名称"), "name_en": lazy_pgettext("plan", "英文名称"),
    "organiser": lazy_pgettext("plan", "主办单位"), "venue": lazy_pgettext("plan", "地点"),
    "timezone": lazy_pgettext("plan", "时区"), "starts": lazy_pgettext("plan", "开始"), "ends": lazy_pgettext("plan", "结束"),
    "colour": lazy_pgettext("plan", "颜色"), "hint": lazy_pgettext("plan", "提示"), "kind": lazy_pgettext("plan", "种类"),
    "opens": lazy_pgettext("plan", "开始"), "closes": lazy_pgettext("plan", "结束"),
    "windows": lazy_pgettext("plan", "开放时间"), "entitled": lazy_pgettext("plan", "谁可以用"),
    "needs": lazy_pgettext("plan", "要先完成"), "tolerance_minutes": lazy_pgettext("plan", "前后放宽（分钟）"),
    "limit": lazy_pgettext("plan", "每人次数"), "per": lazy_pgettext("plan", "次数怎么算"),
    "slip": lazy_pgettext("plan", "打印小票"), "coupon": lazy_pgettext("plan", "签到时打印餐券"),
    "stock": lazy_pgettext("plan", "总数"), "late_after_minutes": lazy_pgettext("plan", "几分钟后算迟到"),
    "reentry": lazy_pgettext("plan", "离场后可以再进"), "missing_out": lazy_pgettext("plan", "忘记扫离场"),
    "question": lazy_pgettext("plan", "扫码时要问"), "text": lazy_pgettext("plan", "问题"),
    "choices": lazy_pgettext("plan", "选项"), "required": lazy_pgettext("plan", "必须回答"),
    "mode": lazy_pgettext("plan", "用法"), "services": lazy_pgettext("plan", "办理的项目"),
    "printer": lazy_pgettext("plan", "打印机"), "offline": lazy_pgettext("plan", "断网时也能用"),
    "url": lazy_pgettext("plan", "地址"), "width": lazy_pgettext("plan", "纸宽"), "backup": lazy_pgettext("plan", "备用打印机"),
}
# What models/plan_words.py says of a file, said of a form.
AT_FIELD = {
    "blank": lazy_gettext("请填写这一项。"), "number": lazy_gettext("请写整数。"),
    "date": lazy_gettext("请选一个日期。"), "moment": lazy_gettext("请选日期和时间。"),
    "order": lazy_gettext("结束要晚于开始。"), "event_order": lazy_gettext("最后一天不能早于第一天。"),
    "key": lazy_gettext("代号只用小写字母、数字和连字符，最多 40 个字符。"),
    "duplicate": lazy_gettext("这个代号已经有了，请换一个。"), "colour": lazy_gettext("请选一种颜色。"),
    "no_category": lazy_gettext("至少要有一个证件种类。"), "only_desk": lazy_gettext("只有服务台和入口可以断网使用。"),
    "kiosk": lazy_gettext("自助机要有一个签到项目，否则没有事可做。"), "nowhere": lazy_gettext("没有服务点办理这一项，谁也领不到。"),
    "nobody": lazy_gettext("没有选任何证件种类，谁也不能用。"), "idle": lazy_gettext("还没有选服务项目。"),
    "far_off": lazy_gettext("时间不在会议日期内，请核对。"), "choice": lazy_gettext("请选一种。"),
}
_QUOTED = re.compile("“([a-z_]+)”")
WEEKDAYS = (lazy_gettext("周一"), lazy_gettext("周二"), lazy_gettext("周三"), lazy_gettext("周四"), lazy_gettext("周五"),
            lazy_gettext("周六"), lazy_gettext("周日"))


def sentence(problem: Problem) -> str:
    """One sentence for a person who looks at a form, not at a file."""
    if problem.code in AT_FIELD:
        return str(AT_FIELD[problem.code])
    return _QUOTED.sub(lambda found: f"“{LABELS.get(found[1], found[1])}”", problem.message)


def split(problems: Iterable[Problem], path: Sequence[str | int], raw: Mapping[str, Any],
          shown: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """What belongs to the fields of the form of the item at `path`, by field ("windows.0.closes"), and the rest with
    the name of what it is about. `shown` are the keys that the form has fields for."""
    at_fields: dict[str, str] = {}
    others: list[str] = []
    for problem in problems:
        rest = problem.path[len(path):]
        if tuple(problem.path[:len(path)]) == tuple(path) and rest and rest[0] in shown:
            at_fields.setdefault(".".join(map(str, rest)), sentence(problem))
        else:
            others.append(about(problem, raw) + sentence(problem))
    return at_fields, others


def about(problem: Problem, raw: Mapping[str, Any]) -> str:
    """`报到台1：`, before a sentence about it; empty where it is about the plan as a whole."""
    item = item_at(problem.path, raw)
    name = (said(item) or str(item.get("key", ""))) if item else ""
    return _("%(name)s：", name=name) if name else ""


def item_at(path: Sequence[str | int], raw: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The table of the plan that a path leads into."""
    if len(path) > 1 and isinstance(path[1], int):
        found: Mapping[str, Any] = raw[str(path[0])][path[1]]
        return found
    return None


def names(items: Iterable[Any], most: int = 0) -> str:
    """The names of several, one after the other; beyond `most` only how many there are."""
    every = [said(item) for item in items]
    listed = (", " if speaks_english() else "、").join(every[:most] if most else every)
    return _("%(names)s 等 %(n)s 项", names=listed, n=len(every)) if most and len(every) > most else listed


# --- times ---

def day_words(day: date) -> str:
    """`12月5日 周六`, or `Sat 5 Dec`."""
    if speaks_english():
        return f"{day:%a} {day.day} {day:%b}"
    return f"{day.month}月{day.day}日 {WEEKDAYS[day.weekday()]}"


def span_words(opens: datetime, closes: datetime) -> str:
    """`11:30–13:30`; the day as well where it ends on another one."""
    if opens.date() == closes.date():
        return f"{opens:%H:%M}–{closes:%H:%M}"
    if closes == datetime.combine(opens.date() + timedelta(days=1), time()):
        return f"{opens:%H:%M}–24:00"
    return f"{opens:%H:%M}–{closes.month}/{closes.day} {closes:%H:%M}"


# --- values ---

def limit_words(service: Any) -> str:
    """How often: `每人 1 次`, `每人每天 2 次`, or nothing where there is no limit."""
    if service.limit is None:
        return ""
    return (_("每人每天 %(n)s 次", n=service.limit) if service.per == "day" else _("每人 %(n)s 次", n=service.limit))


def value_words(value: Any) -> str:
    """A value of the plan in a list of changes."""
    if value is None or value in ("", []):
        return pgettext("plan", "无")
    if isinstance(value, bool):
        return pgettext("plan", "是") if value else pgettext("plan", "否")
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M}"
    if isinstance(value, Mapping):
        if "opens" in value:
            return f"{value_words(value['opens'])} – {value_words(value['closes'])}"
        return str(value.get("text", ""))
    if isinstance(value, list):
        return ("、" if not speaks_english() else ", ").join(map(value_words, value))
    return str(KINDS.get(value) or MODES.get(value) or value) if isinstance(value, str) else str(value)
