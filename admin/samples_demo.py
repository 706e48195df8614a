"""The plan of the demo conference: something of every kind is open whenever the demo is started."""
from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DEMO_ZONE = "Asia/Shanghai"
_KEEPS_GOING = timedelta(hours=1)   # what is open now stays open at least this long

_DEMO = """\
# 演示会议的方案。 The plan of the demo conference.

[event]
name = "2026年全国学术年会"
name_en = "Annual Meeting 2026"
organiser = "演示学会"
venue = "国际会议中心"
timezone = "Asia/Shanghai"
starts = {starts}
ends = {ends}
"""
_CATEGORIES = (
    ("delegate", "代表", "Delegate", "#1f6feb", ""),
    ("guest", "嘉宾", "Guest", "#8250df", "请引导至贵宾室"),
    ("observer", "列席", "Observer", "#1a7f37", ""),
    ("press", "记者", "Press", "#bf8700", "可进新闻中心"),
    ("staff", "工作人员", "Staff", "#57606a", ""),
    ("driver", "司机", "Driver", "#8a4b2a", "只用餐，不进会场"),
)
_HANDED_OUT = """
[[service]]
key = "signin"
kind = "sign_in"
name = "报到"
name_en = "Check-in"
slip = true

[[service]]
key = "bag"
kind = "material"
name = "资料袋"
name_en = "Conference bag"
stock = 180
needs = ["signin"]
entitled = ["delegate", "guest", "observer", "press"]

[[service]]
key = "gift"
kind = "material"
name = "纪念品"
name_en = "Souvenir T-shirt"
stock = 120
needs = ["signin"]
entitled = ["delegate", "guest"]
question = [{key = "size", text = "尺码", choices = ["S", "M", "L", "XL"], required = true}]
"""
_IN_THE_HALL = '["delegate", "guest", "observer", "press", "staff"]'
_SESSIONS = (   # day, key, name, English, from, to
    (0, "d1-am", "开幕式", "Opening", time(9), time(12)),
    (0, "d1-pm", "大会报告", "Keynotes", time(14), time(17, 30)),
    (1, "d2-am", "专题论坛", "Forum", time(9), time(12)),
    (1, "d2-pm", "分组讨论", "Workshops", time(14), time(17, 30)),
    (2, "d3-am", "闭幕式", "Closing", time(9), time(12)),
    (2, "d3-pm", "参观考察", "Excursion", time(14), time(17, 30)),
)
_MEALS = (      # key, name, English, from, to, who (None: all), coupon
    ("breakfast", "早餐", "Breakfast", time(7), time(9), None, False),
    ("lunch", "午餐", "Lunch", time(11, 30), time(13, 30), None, True),
    ("dinner", "晚餐", "Dinner", time(17, 30), time(19, 30), '["delegate", "guest", "observer", "staff"]', True),
)
_PLACES = """
[[station]]
key = "kiosk-1"
name = "自助报到机"
name_en = "Self check-in"
mode = "kiosk"
services = ["signin"]
printer = "front"

[[station]]
key = "desk-1"
name = "报到台1"
name_en = "Registration 1"
mode = "desk"
services = ["signin", "bag", "gift"]
printer = "front"
offline = true

[[station]]
key = "desk-2"
name = "报到台2"
name_en = "Registration 2"
mode = "desk"
services = ["signin", "bag", "gift"]
printer = "rear"
offline = true

[[station]]
key = "gate-hall"
name = "会场入口"
name_en = "Hall entrance"
mode = "gate"
services = [{sessions}]
offline = true

[[station]]
key = "gate-dining"
name = "餐厅入口"
name_en = "Dining room"
mode = "gate"
services = [{meals}]
printer = "rear"
offline = true

[[station]]
key = "board"
name = "大屏"
name_en = "Big screen"
mode = "board"

[[printer]]
key = "front"
name = "前台打印机"
name_en = "Front printer"
url = "virtual://"
backup = "rear"

[[printer]]
key = "rear"
name = "后台打印机"
name_en = "Rear printer"
url = "virtual://"
"""
Slot = tuple[datetime, datetime]
Session = tuple[str, str, str, datetime, datetime]
Meal = tuple[str, str, str, str | None, bool, datetime, datetime]


def demo_plan(first_day: date, now: datetime) -> str:
    """The demo conference, three days from `first_day`. Whatever the hour of `now` (local, or with a zone), one meal
    is open and one session runs, and both go on for an hour: where the programme has none, a tea break or a salon is
    put around it. Sign-in and materials are always open."""
    if now.tzinfo is not None:
        now = now.astimezone(ZoneInfo(DEMO_ZONE)).replace(tzinfo=None)
    sessions: list[Session] = [(key, name, english, *_on(first_day, day, begins, ends))
                for day, key, name, english, begins, ends in _SESSIONS]
    if not any(_runs(session[-2:], now) for session in sessions):
        sessions.append(("salon", "学术沙龙", "Salon", *_around(now)))
    meals: list[Meal] = [(f"d{day + 1}-{key}", f"{_day_name(first_day, day)}{name}", f"{english}, day {day + 1}", who, coupon,
              *_on(first_day, day, begins, ends))
             for day in range(3) for key, name, english, begins, ends, who, coupon in _MEALS]
    tea = _on(now.date(), 0, time(15, 30), time(16, 30))
    if not any(_runs(slot, now) for slot in (tea, *(meal[-2:] for meal in meals))):
        tea = _around(now)
    meals.append(("tea", "茶歇", "Tea break", None, False, *tea))
    return "".join([
        _DEMO.format(starts=first_day, ends=first_day + timedelta(days=2)), *(_category(*row) for row in _CATEGORIES), _HANDED_OUT,
        *(_session(*session) for session in sessions), *(_meal(*meal) for meal in meals),
        _PLACES.format(sessions=_keys(sessions), meals=_keys(meals))])


def _on(first_day: date, day: int, begins: time, ends: time) -> Slot:
    there = first_day + timedelta(days=day)
    return datetime.combine(there, begins), datetime.combine(there, ends)


def _runs(slot: Slot, now: datetime) -> bool:
    return slot[0] <= now <= slot[1] - _KEEPS_GOING


def _around(now: datetime) -> Slot:
    """From the last full half hour but one, for four hours."""
    begins = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0) - timedelta(minutes=30)
    return begins, begins + timedelta(hours=4)


def _day_name(first_day: date, day: int) -> str:
    there = first_day + timedelta(days=day)
    return f"{there.month}月{there.day}日"


def _keys(rows: Sequence[Session | Meal]) -> str:
    return ", ".join(f'"{row[0]}"' for row in rows)


def _category(key: str, name: str, english: str, colour: str, hint: str) -> str:
    lines = ["[[category]]", f'key = "{key}"', f'name = "{name}"', f'name_en = "{english}"', f'colour = "{colour}"']
    return "\n" + "\n".join(lines + ([f'hint = "{hint}"'] if hint else [])) + "\n"


def _session(key: str, name: str, english: str, begins: datetime, ends: datetime) -> str:
    return (f'\n[[service]]\nkey = "{key}"\nkind = "session"\nname = "{name}"\nname_en = "{english}"\n'
            f"starts = {begins.isoformat()}\nends = {ends.isoformat()}\nentitled = {_IN_THE_HALL}\n"
            "late_after_minutes = 10\n")


def _meal(key: str, name: str, english: str, who: str | None, coupon: bool, opens: datetime, closes: datetime) -> str:
    return (f'\n[[service]]\nkey = "{key}"\nkind = "meal"\nname = "{name}"\nname_en = "{english}"\n'
            f"opens = {opens.isoformat()}\ncloses = {closes.isoformat()}\ntolerance_minutes = 10\n"
            + (f"entitled = {who}\n" if who else "") + ("coupon = true\n" if coupon else ""))
