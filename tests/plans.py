"""A plan for tests, and plans that nobody thought of."""
from __future__ import annotations

import string
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from models.plan_types import Category, Event, Plan, Printer, Question, Service, Station, Window

EXAMPLE = """
[event]
name = "2026年全国学术年会"
name_en = "Annual Meeting 2026"
organiser = "主办单位"
venue = "国际会议中心"
timezone = "Asia/Shanghai"
starts = 2026-12-05
ends = 2026-12-07

[[category]]
key = "delegate"
name = "代表"
name_en = "Delegate"
colour = "#1f6feb"

[[category]]
key = "guest"
name = "嘉宾"
colour = "#8250df"
hint = "请引导至贵宾室"                # shown to staff at every scan

[[service]]
key = "signin"
kind = "sign_in"
name = "报到"

[[service]]
key = "bag"
kind = "material"
name = "资料袋"
stock = 480
needs = ["signin"]
question = [{key = "size", text = "尺码", choices = ["M", "L"], required = true}]

[[service]]
key = "d1-lunch"
kind = "meal"
name = "12月5日午餐"
opens = 2026-12-05T11:30:00
closes = 2026-12-05T13:30:00
entitled = ["delegate", "guest"]
tolerance_minutes = 10
limit = 1
per = "event"
slip = true
coupon = true

[[service]]
key = "s1"
kind = "session"
name = "开幕式"
starts = 2026-12-05T09:00:00
ends = 2026-12-05T11:30:00
late_after_minutes = 10
reentry = true
missing_out = "ends"

[[station]]
key = "desk-1"
name = "报到台1"
mode = "desk"
services = ["signin", "bag"]
printer = "front"
offline = true

[[station]]
key = "hall-1"
name = "会场与餐厅入口"
mode = "gate"
services = ["s1", "d1-lunch"]

[[printer]]
key = "front"
url = "tcp://192.168.1.50:9100"
width = 576
backup = "rear"

[[printer]]
key = "rear"
url = "virtual://"
"""


def line_of(text: str, wanted: str) -> int:
    """The number of the first line that begins so."""
    return next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith(wanted))


KEYS = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=40)
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
NAMES = TEXTS.filter(str.strip)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31))


@st.composite
def windows(draw):
    opens = draw(MOMENTS)
    return Window(opens=opens, closes=opens + draw(st.timedeltas(timedelta(seconds=1), timedelta(days=2))))


@st.composite
def services(draw, key, categories, earlier):
    kind = draw(st.sampled_from(["sign_in", "material", "session", "meal"]))
    session, hours = kind == "session", draw(st.none() | windows())
    questions = draw(st.lists(st.builds(Question, key=KEYS, text=NAMES, choices=st.lists(NAMES, max_size=2),
                                        required=st.booleans()), max_size=2, unique_by=lambda q: q.key))
    return Service(
        key=key, kind=kind, name=draw(NAMES), name_en=draw(TEXTS), windows=draw(st.lists(windows(), max_size=3)),
        entitled=draw(st.none() | st.lists(st.sampled_from(categories), max_size=2)),
        needs=draw(st.lists(st.sampled_from(earlier), max_size=2)) if earlier else [],
        tolerance_minutes=draw(st.integers(0, 1440)),
        limit=draw(st.integers(1, 9999) | st.none()) if session else draw(st.integers(1, 9999)),
        per=draw(st.sampled_from(["event", "day"])), slip=draw(st.booleans()),
        coupon=kind == "meal" and draw(st.booleans()),
        stock=draw(st.none() | st.integers(0, 1000)) if kind == "material" else None,
        starts=hours.opens if hours else None, ends=hours.closes if hours else None,
        late_after_minutes=draw(st.integers(0, 60)), reentry=draw(st.booleans()),
        missing_out=draw(st.sampled_from(["ends", "none"])), question=questions)


@st.composite
def plans(draw):
    unique = {"unique": True, "max_size": 3}
    categories = draw(st.lists(KEYS, min_size=1, **unique))
    printers, made = draw(st.lists(KEYS, **unique)), []
    for key in draw(st.lists(KEYS, **unique)):
        made.append(draw(services(key, categories, [service.key for service in made])))
    some = st.lists(st.sampled_from([service.key for service in made]), max_size=3) if made else st.just([])
    one = st.none() | st.sampled_from(printers) if printers else st.none()
    starts = draw(st.dates(date(2026, 1, 1), date(2026, 12, 31)))
    return Plan(
        event=Event(name=draw(NAMES), venue=draw(TEXTS), starts=starts, ends=starts + timedelta(days=draw(st.integers(0, 9))),
                    timezone=draw(st.sampled_from(["Asia/Shanghai", "Asia/Urumqi", "UTC", "Asia/Kathmandu"]))),
        category=[Category(key=key, name=draw(NAMES), hint=draw(TEXTS)) for key in categories],
        service=made,
        station=[Station(key=key, name=draw(NAMES), mode=draw(st.sampled_from(["gate", "desk"])), services=draw(some),
                         printer=draw(one), offline=draw(st.booleans())) for key in draw(st.lists(KEYS, **unique))],
        printer=[Printer(key=key, name=draw(TEXTS), url="virtual://", width=draw(st.sampled_from([200, 384, 576, 832])))
                 for key in printers])
