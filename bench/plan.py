"""The plan that is measured, in which every rule has something to do, its people and its tablets."""
from __future__ import annotations

from datetime import date

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from bench import past
from bench.tablets import SCREENS, SERVICES, TABLETS, screen, token
from models import codes
from models.database import now
from models.devices import Device
from models.event import Category, Event, Printer, Service, Station
from models.people import Attendee, Badge

OFF = "tcp://127.0.0.1:9"             # a printer that is switched off: slips are born with scans, and wait
MEALS = ("lunch", "tea", "dinner", "supper")


def fill(session: Session, people: int) -> list[str]:
    """The plan and its people; returns their badge codes."""
    session.add(Event(id=1, name="测速", starts=date(2026, 1, 1), ends=date(2026, 1, 3), epoch="bench", secret="b" * 32))
    session.add_all([Category(key="delegate", name="代表"), Category(key="press", name="记者", hint="媒体席"),
                     Printer(key="front", url=OFF)])
    session.flush()
    session.add_all([*_services(people), *past.services(),
                     Station(key="desk", name="报到台", mode="desk", services=list(SERVICES), printer_key="front"),
                     Station(key="gate", name="餐厅入口", mode="gate", services=["lunch"]),
                     Station(key="board", name="大屏", mode="board", services=[])])
    session.flush()
    session.add_all(Device(station_key="desk", name=f"bench {n}", token_hash=codes.digest(token(n)), paired_at=now())
                    for n in range(TABLETS))
    session.add_all(Device(station_key="board", name=f"screen {n}", token_hash=codes.digest(screen(n)), paired_at=now())
                    for n in range(SCREENS))
    session.execute(insert(Attendee), [
        {"name": f"参会{n}", "number": f"N{n:06d}", "category_key": "delegate" if n % 9 else "press",
         "organisation": f"第{n % 40}研究所", "folded": f"参会{n}"} for n in range(people)])
    ids = session.execute(select(Attendee.id).order_by(Attendee.id)).scalars().all()
    made = [codes.new(codes.BADGE) for _ in ids]
    session.execute(insert(Badge), [{"code": code, "attendee_id": one, "issued_at": now()}
                                    for code, one in zip(made, ids, strict=True)])
    return made


def _services(people: int) -> list[Service]:
    meals = [Service(key=key, kind="meal", name=key, limit=1, entitled=["delegate"] if key == "lunch" else None,
                     position=3 + n) for n, key in enumerate(MEALS)]
    return [Service(key="signin", kind="sign_in", name="报到", limit=1, slip=True, position=0),
            Service(key="bag", kind="material", name="资料袋", limit=1, stock=people * 10, position=1),
            Service(key="gift", kind="material", name="纪念品", limit=1, position=2), *meals,
            Service(key="s1", kind="session", name="开幕式", position=7, starts=now(), ends=now())]
