"""What is played: an invented conference of two days, its plan, its roster, its stations and printers."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from admin.samples import CATEGORIES, people, write_sample_roster

ZONE = ZoneInfo("Asia/Shanghai")
FIRST_DAY = date(2030, 5, 18)       # all times of the plan and of the scans; windows are judged by them, not by today
SEED = 2030
STOCK_SHARE = 0.9                   # bags for nine in ten: the last ones must be refused, by every desk at once
COUPON_MEAL = "d1-lunch"
ADMITTED = ("delegate", "guest", "observer", "staff")     # to meals: the press eats elsewhere
MEALS = ("d1-lunch", "d1-dinner", "d2-lunch")
SINGLE = ("signin", "bag", *MEALS)
SESSIONS = ("d1-opening", "d2-talks")


@dataclass(frozen=True)
class Size:
    """How large the conference is; `stations` are those that scan, a board comes on top."""

    attendees: int
    stations: int
    printers: int


@dataclass(frozen=True)
class Station:
    """A station of the plan; `printer` is "" where nothing is printed."""

    key: str
    mode: str
    services: tuple[str, ...]
    printer: str = ""


@dataclass(frozen=True)
class Person:
    """Somebody on the roster, as far as a scan needs to know them. `state` is as the roster says it, "" registered."""

    number: str
    code: str
    category: str
    state: str


def at(day: int, clock: str) -> datetime:
    """A moment of the conference's `day` (1 is the first)."""
    hours, minutes = clock.split(":")
    opened = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, int(hours), int(minutes), tzinfo=ZONE)
    return opened + timedelta(days=day - 1)


def stations(size: Size) -> list[Station]:
    """Half of them sign in (every third a kiosk), half are gates; two sign-in stations share a printer."""
    signing = max(1, size.stations // 2)
    found = []
    for place in range(signing):
        printer = f"printer-{place % size.printers + 1}" if size.printers and place < 2 * size.printers else ""
        kiosk = place % 3 == 2
        found.append(Station(f"{'kiosk' if kiosk else 'desk'}-{place + 1}", "kiosk" if kiosk else "desk",
                             ("signin",) if kiosk else ("signin", "bag"), printer))
    for place in range(max(1, size.stations - signing)):
        found.append(Station(f"gate-{place + 1}", "gate", (*SESSIONS, *MEALS)))
    return found


def stock(size: Size) -> int:
    """How many bags there are."""
    return int(size.attendees * STOCK_SHARE * 0.94)       # six in a hundred are not registered and get none


def plan_text(size: Size, urls: Mapping[str, str]) -> str:
    """The plan as TOML; `urls` are the printers' addresses by key."""
    first, last = FIRST_DAY, FIRST_DAY + timedelta(days=1)
    parts = [f'[event]\nname = "演练会议"\nname_en = "Rehearsal"\ntimezone = "{ZONE.key}"\nstarts = {first}\nends = {last}\n']
    parts += [f'[[category]]\nkey = "{key}"\nname = "{name}"\nname_en = "{name_en}"\n' for key, name, name_en, _ in CATEGORIES]
    parts += _services(size)
    for station in [*stations(size), Station("board", "board", ())]:
        printer = f'printer = "{station.printer}"\n' if station.printer else ""
        offline = "offline = true\n" if station.mode in ("gate", "desk") else ""
        services = ", ".join(f'"{key}"' for key in station.services)
        parts.append(f'[[station]]\nkey = "{station.key}"\nname = "{station.key}"\nmode = "{station.mode}"\n'
                     f'services = [{services}]\n{printer}{offline}')
    keys = list(urls)
    for place, key in enumerate(keys):
        backup = f'backup = "{keys[place + 1]}"\n' if place % 2 == 0 and place + 1 < len(keys) else ""
        parts.append(f'[[printer]]\nkey = "{key}"\nname = "{key}"\nurl = "{urls[key]}"\n{backup}')
    return "\n".join(parts)


def _services(size: Size) -> list[str]:
    admitted = ", ".join(f'"{key}"' for key in ADMITTED)
    found = ['[[service]]\nkey = "signin"\nkind = "sign_in"\nname = "报到"\nslip = true\n',
             f'[[service]]\nkey = "bag"\nkind = "material"\nname = "资料袋"\nstock = {stock(size)}\nneeds = ["signin"]\n']
    for key, name, day, starts, ends in (("d1-opening", "开幕式", 1, "09:00", "11:00"), ("d2-talks", "报告", 2, "09:00", "11:30")):
        found.append(f'[[service]]\nkey = "{key}"\nkind = "session"\nname = "{name}"\n'
                     f'starts = {at(day, starts):%Y-%m-%dT%H:%M:%S}\nends = {at(day, ends):%Y-%m-%dT%H:%M:%S}\n')
    for key, name, day, opens, closes in (("d1-lunch", "午餐", 1, "11:30", "13:30"), ("d1-dinner", "晚餐", 1, "17:30", "19:30"),
                                          ("d2-lunch", "次日午餐", 2, "11:30", "13:30")):
        coupon = "coupon = true\n" if key == COUPON_MEAL else ""
        found.append(f'[[service]]\nkey = "{key}"\nkind = "meal"\nname = "{name}"\nentitled = [{admitted}]\n{coupon}'
                     f'opens = {at(day, opens):%Y-%m-%dT%H:%M:%S}\ncloses = {at(day, closes):%Y-%m-%dT%H:%M:%S}\n')
    return found


def barred(size: Size) -> set[tuple[str, str]]:
    """Who may not have what: (number, service). Whoever is not registered nothing, the press no meals."""
    keys = {name: key for key, name, _, _ in CATEGORIES}
    found = set()
    for one in people(size.attendees, SEED, _names()):
        if one["state"]:
            found |= {(one["number"], service) for service in (*SINGLE, *SESSIONS)}
        elif keys[one["category"]] not in ADMITTED:
            found |= {(one["number"], meal) for meal in MEALS}
    return found


def write_roster(path: Path, size: Size) -> Path:
    """The roster as a conference team would have it: xlsx, names of every kind."""
    return write_sample_roster(path, size.attendees, SEED, _names())


def _names() -> Sequence[str]:
    return tuple(name for _, name, _, _ in CATEGORIES)


def everybody(size: Size, codes: Mapping[str, str]) -> list[Person]:
    """The people of that roster who have a badge; `codes` by number, as `badges` gave them."""
    keys = {name: key for key, name, _, _ in CATEGORIES}
    return [Person(one["number"], codes[one["number"]], keys[one["category"]], one["state"])
            for one in people(size.attendees, SEED, _names()) if one["number"] in codes]
