"""The demo conference (演示): 200 invented people, three days of which the first is over, a history to look at."""
from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.orm import Session

from admin import demo_history
from admin.founding import found
from admin.roster_import import import_file
from admin.samples import CATEGORIES, write_sample_roster
from admin.samples_demo import DEMO_ZONE
from admin.samples_plan import demo_plan
from console import Failed
from models import plan_file, plan_store
from models.database import database_path
from models.files import private_folder
from models.plan_types import Plan
from models.recount import rewrite_tallies
from models.runtime import Runtime

PEOPLE = 200
MARK = "demo.json"              # a folder with it may be made anew; a real event is never touched
ALWAYS_ON = ("tea", "salon")    # what the demo's plan puts around the present hour


def prepare(data: Path, moment: datetime, holding: Callable[[Path], AbstractContextManager[None]]) -> bool:
    """Makes the demo, or leaves one of today as it is; whether it was made. Failed beside a real event.

    `holding` refuses a folder that is being served: a demo of yesterday is thrown away, which must hurt nobody.
    """
    today = moment.astimezone(ZoneInfo(DEMO_ZONE)).date().isoformat()
    if database_path(data).exists():
        made_on = _made_on(data)
        if made_on is None:
            raise Failed("event_exists", f"{data} 里是真的会议，演示不会动它。换一个 --data 文件夹。"
                                         " That folder holds a real event; choose another --data folder.")
        if made_on == today:
            return False
    private_folder(data)
    with holding(data):
        _throw_away(data)
        (data / MARK).write_text(json.dumps({"made_on": today}))
        found(data, plan_of(moment), lambda runtime: _fill(runtime, moment))
    return True


def plan_of(moment: datetime) -> Plan:
    """The demo's plan for this moment: its first day was yesterday."""
    first_day = moment.astimezone(ZoneInfo(DEMO_ZONE)).date() - timedelta(days=1)
    return plan_file.read(demo_plan(first_day, moment))[0]


def freshen(runtime: Runtime, moment: datetime) -> None:
    """A demo of this morning goes on in the afternoon: a meal is open and a session runs at this moment again."""
    new = plan_of(moment)

    def change(session: Session) -> None:
        plan = plan_store.load(session)
        moved = {service.key: service for service in new.service if service.key in ALWAYS_ON}
        there = {service.key for service in plan.service}
        services = [moved.get(service.key, service) for service in plan.service]
        services += [service for key, service in moved.items() if key not in there]
        stations = [msgspec.structs.replace(station, services=list(dict.fromkeys(
            [*station.services, *wanted.services]))) for station, wanted in zip(plan.station, new.station, strict=True)]
        known = {service.key for service in services}
        stations = [msgspec.structs.replace(s, services=[key for key in s.services if key in known]) for s in stations]
        if plan_store.update(session, msgspec.structs.replace(plan, service=services, station=stations)):
            rewrite_tallies(session)
    runtime.writer.do(change)


def _fill(runtime: Runtime, moment: datetime) -> int:
    with tempfile.TemporaryDirectory() as folder:
        roster = write_sample_roster(Path(folder) / "名单.xlsx", PEOPLE, categories=[name for _, name, *_ in CATEGORIES])
        import_file(runtime, roster, roster.name, actor="demo")
    return demo_history.play(runtime, moment)


def _made_on(data: Path) -> str | None:
    try:
        return str(json.loads((data / MARK).read_text())["made_on"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _throw_away(data: Path) -> None:
    path = database_path(data)
    for file in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        file.unlink(missing_ok=True)
