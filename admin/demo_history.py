"""The demo's history, played through the ledger as tablets would have: arrivals, bags, sessions, meals, refusals.

The same seed gives the same story; only times move with the moment at which the demo is made.
"""
from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import badges, codes
from models.asks import Caller, Request, ScanRequest, UndoRequest
from models.database import now
from models.facts import OUT, Service
from models.people import Attendee, Badge
from models.runtime import Runtime
from models.scans import PrintJob

BATCH = 500
LEAD = "周组长"
ON_ITS_WAY = timedelta(milliseconds=300)      # from the tablet to the ledger
_SIZES = ("S", "M", "L", "XL")
_FIRST_DAY, _RECENTLY = 0.5, 0.86            # shares: arrived on the first day; those and the last hours' arrivals
_DOORS = {"kiosk-1": 45, "desk-1": 30, "desk-2": 25}


@dataclass(slots=True)
class Guest:
    """One attendee of the story."""

    category: str
    state: str
    code: str
    arrived: datetime | None = None
    old_code: str | None = None


class Story:
    """Collects what happened; `play` tells it to the ledger in the order of time."""

    def __init__(self, runtime: Runtime, moment: datetime, seed: int):
        self.runtime, self.moment = runtime, moment
        self.chance = random.Random(seed)
        self.plan = runtime.plan(fresh=True)
        self.guests = runtime.writer.do(_guests)
        self.told: list[Request] = []

    def scan(self, at: datetime, station: str, service: str, code: str, **more: Any) -> str | None:
        """A scan at a moment of the past; its id, or None where that lies ahead."""
        if at + ON_ITS_WAY >= self.moment:
            return None
        granted = bool(more.get("force"))
        scan_id = self._id()
        self.told.append(ScanRequest(
            scan_id, service, Caller(station, actor=LEAD if granted else station, granted=granted), at,
            at + ON_ITS_WAY, code, **more))
        return scan_id

    def undo(self, scan_id: str | None, at: datetime, station: str, note: str) -> None:
        """Takes back a scan that was told."""
        if scan_id is not None and at < self.moment:
            self.told.append(UndoRequest(self._id(), scan_id, Caller(station, actor=station), at, note))

    def play(self) -> int:
        """Records it; how many rows."""
        self.told.sort(key=lambda request: request.at)
        for start in range(0, len(self.told), BATCH):
            self.runtime.ledger.record(self.told[start:start + BATCH])
        self.runtime.writer.do(_all_printed)
        return len(self.told)

    def minutes(self, least: float, most: float) -> timedelta:
        """A stretch of time between two lengths."""
        return timedelta(minutes=self.chance.uniform(least, most))

    def _id(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))


def play(runtime: Runtime, moment: datetime | None = None, seed: int = 2026) -> int:
    """Plays the history of the demo up to a moment; how many rows of the ledger it told."""
    story = Story(runtime, moment or now(), seed)
    _arrivals(story)
    for service in story.plan.services.values():
        if service.kind == "session":
            _session(story, service)
        elif service.kind == "meal" and service.windows:
            _meal(story, service)
    _trouble(story)
    return story.play()


def _guests(session: Session) -> list[Guest]:
    """Everybody on the roster; two of them lost a badge."""
    query = (select(Attendee.id, Attendee.category_key, Attendee.state, Badge.code)
             .join(Badge, Badge.attendee_id == Attendee.id).where(Badge.revoked_at.is_(None)).order_by(Attendee.number))
    guests = []
    for index, row in enumerate(session.execute(query).all()):
        guest = Guest(row.category_key, row.state, row.code)
        if index in (30, 60):
            guest.old_code, guest.code = row.code, badges.reissue(session, row.id)
        guests.append(guest)
    return guests


def _arrivals(story: Story) -> None:
    """Two waves: the first morning, and the last hours, so that the chart of arrivals has something to show."""
    first_day = story.plan.event.starts.date()
    for guest in story.guests:
        share = story.chance.random()
        if guest.state != "registered" or share > _RECENTLY:
            continue
        minute = min(max(story.chance.gauss(70, 38), 0), 270)
        begins = datetime.combine(first_day, time(7, 30), story.plan.event.zone)
        back = timedelta(minutes=story.chance.triangular(3, 170, 60))
        guest.arrived = begins + timedelta(minutes=minute) if share < _FIRST_DAY else story.moment - back
        station = story.chance.choices(list(_DOORS), list(_DOORS.values()))[0]
        story.scan(guest.arrived, station, "signin", guest.code)
        _handed_out(story, guest, station)


def _handed_out(story: Story, guest: Guest, station: str) -> None:
    """Bag and souvenir: at the desk in the same breath, after the kiosk a few minutes later."""
    assert guest.arrived is not None
    at_desk = station != "kiosk-1"
    later = story.minutes(0.2, 0.7) if at_desk else story.minutes(1, 8)
    desk = station if at_desk else "desk-1"
    if _entitled(story.plan.services["bag"], guest) and story.chance.random() < (0.92 if at_desk else 0.8):
        given = story.scan(guest.arrived + later, desk, "bag", guest.code)
        if story.chance.random() < 0.02:
            story.undo(given, guest.arrived + later + story.minutes(1, 4), desk, "误扫")
    if _entitled(story.plan.services["gift"], guest) and story.chance.random() < 0.5:
        story.scan(guest.arrived + later + story.minutes(0.2, 0.5), desk, "gift", guest.code,
                   answers={"size": story.chance.choice(_SIZES)})


def _session(story: Story, session: Service) -> None:
    """Most come a little before it starts, some late; most go at the end, some early, some forget to scan out."""
    assert session.starts and session.ends
    for guest in story.guests:
        came = session.starts + timedelta(minutes=story.chance.gauss(-4, 8))
        stays = story.chance.random() < 0.85
        early = story.chance.random() < 0.08
        leaves = session.ends + (story.minutes(-45, -10) if early else story.minutes(0, 8))
        if not _entitled(session, guest) or story.chance.random() > 0.75 or not _is_there(guest, came):
            continue
        story.scan(came, "gate-hall", session.key, guest.code)
        if stays:
            story.scan(max(leaves, came + story.minutes(2, 9)), "gate-hall", session.key, guest.code, direction=OUT)


def _meal(story: Story, meal: Service) -> None:
    """Who is there eats; a few try twice."""
    window = meal.windows[0]
    until = min(window.closes, story.moment)
    if until <= window.opens:
        return
    share = 0.45 if meal.key.endswith("breakfast") else 0.8
    length = (window.closes - window.opens) / timedelta(minutes=1)
    for guest in story.guests:
        comes = window.opens + timedelta(minutes=story.chance.triangular(0, length, length / 4))
        again = story.chance.random() < 0.02
        if story.chance.random() > share or not _is_there(guest, comes):
            continue
        if not _entitled(meal, guest) and story.chance.random() > 0.3:      # the others try it all the same
            continue
        story.scan(comes, "gate-dining", meal.key, guest.code)
        if again and comes + timedelta(minutes=12) < window.closes:
            story.scan(comes + story.minutes(3, 10), "gate-dining", meal.key, guest.code)


def _trouble(story: Story) -> None:
    """What goes wrong at every conference: strange codes, lost badges, people who cancelled, doors not open yet."""
    recently = story.moment - timedelta(minutes=95)
    for index in range(3):
        story.scan(recently + timedelta(minutes=27 * index), "desk-2", "signin", _strange_code(story.chance))
    for guest in story.guests:
        if guest.old_code:
            story.scan(recently + story.minutes(0, 40), "desk-1", "signin", guest.old_code)
    away = [guest for guest in story.guests if guest.state != "registered"]
    for guest in away[:4]:
        story.scan(recently + story.minutes(0, 80), "desk-1", "signin", guest.code)
    here = [guest for guest in story.guests if guest.arrived]
    ahead = [s for s in story.plan.services.values() if s.windows and s.windows[0].opens > story.moment]
    for guest in here[:2] if ahead else []:
        story.scan(recently + story.minutes(0, 80), "gate-dining", ahead[-1].key, guest.code)
    for guest in [one for one in here if not _entitled(story.plan.services["gift"], one)][:2]:
        story.scan(recently + story.minutes(0, 80), "desk-2", "gift", guest.code)
    story.scan(story.moment - timedelta(minutes=6), "desk-1", "bag", here[0].code, force=True, note="给同事代领一份")


def _entitled(service: Service, guest: Guest) -> bool:
    return service.entitled is None or guest.category in service.entitled


def _is_there(guest: Guest, at: datetime) -> bool:
    return guest.arrived is not None and guest.arrived < at


def _strange_code(chance: random.Random) -> str:
    return codes.BADGE + "".join(chance.choices(codes.ALPHABET, k=codes.LENGTH - 1))


def _all_printed(session: Session) -> None:
    """The slips of the past came out in the past: none waits for a printer now."""
    session.execute(update(PrintJob).where(PrintJob.state == "queued").values(
        state="printed", attempts=1, sent_to=PrintJob.printer_key, sending_at=PrintJob.created_at,
        done_at=PrintJob.created_at))
