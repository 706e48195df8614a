"""What a registration desk does to the roster: a walk-in, a correction, a badge in place of a lost one.

Each function runs inside `writer.do`, in one short transaction. Folding and pinyin take time that the writer does not
have, so the caller brings them along.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import badges, print_queue
from models.database import now
from models.event import touch
from models.people import Attendee, Correction, visible
from models.snapshot import Snapshot, StationView

CORRECTABLE = ("name", "name_en", "organisation", "post", "category_key", "phone", "diet", "seat", "table", "room")
LOOKALIKES = 5


@dataclass(frozen=True, slots=True)
class NewPerson:
    """A walk-in. `folded` and `search_keys` are the name's, as searches compare it."""

    name: str
    category: str
    folded: str
    search_keys: str
    organisation: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Issued:
    """A badge that was just made, and the job that prints it (None: the station has no printer)."""

    attendee_id: int
    number: str
    job_id: str | None


def lookalikes(session: Session, folded: str, phone: str) -> list[Attendee]:
    """People on the roster who may be the walk-in: of the same name, or of the same phone."""
    same = [Attendee.folded == folded] if folded else []
    if phone:
        same.append(Attendee.phone == phone)
    if not same:
        return []
    found = session.scalars(select(Attendee).where(visible(), or_(*same)).order_by(Attendee.id).limit(LOOKALIKES))
    return list(found.unique())


def register(session: Session, person: NewPerson, plan: Snapshot, station: StationView, actor: str) -> Issued:
    """A walk-in with the next free number, a badge, and the badge's print job."""
    number = badges.free_number(session)
    attendee = Attendee(
        number=number, name=person.name, category_key=person.category, organisation=person.organisation,
        phone=person.phone, folded=person.folded, search_keys=person.search_keys)
    session.add(attendee)
    session.flush()
    note(session, attendee.id, "badge", "", "issued", actor, station.key)
    return _with_badge(session, attendee, badges.issue(session, attendee.id), plan, station, actor)


def replace_badge(session: Session, attendee_id: int, plan: Snapshot, station: StationView, actor: str) -> Issued:
    """A new badge; the old one is revoked at once."""
    attendee = session.get_one(Attendee, attendee_id)
    note(session, attendee_id, "badge", "", "reissued", actor, station.key)
    return _with_badge(session, attendee, badges.reissue(session, attendee_id), plan, station, actor)


def correct(session: Session, attendee_id: int, wanted: Mapping[str, Any], station: str | None, actor: str,
            search: tuple[str, str] | None = None, fields: Sequence[str] = CORRECTABLE) -> dict[str, list[Any]]:
    """Changes what is written of a person, and who changed it; returns field -> [before, after].

    `wanted` has some of `fields` (a desk's are CORRECTABLE); `search` the folded name and search keys where the name
    may be another one. `station` is None for the coordinator's page.
    """
    attendee = session.get_one(Attendee, attendee_id)
    changes = {field: [getattr(attendee, field), wanted[field]] for field in fields
               if field in wanted and getattr(attendee, field) != wanted[field]}
    if not changes:
        return {}
    for field, (_before, after) in changes.items():
        setattr(attendee, field, after)
    if search and {"name", "name_en"} & changes.keys():
        attendee.folded, attendee.search_keys = search
    session.add(Correction(attendee_id=attendee_id, at=now(), actor=actor, station_key=station, changes=changes))
    session.flush()
    touch(session, "roster")
    return changes


def note(session: Session, attendee_id: int, what: str, before: Any, after: Any, actor: str,
         station: str | None = None) -> None:
    """Keeps who did something else to a person: `what` is state, badge or rights."""
    if before != after:
        session.add(Correction(attendee_id=attendee_id, at=now(), actor=actor, station_key=station,
                               changes={what: [before, after]}))


def _with_badge(session: Session, attendee: Attendee, code: str, plan: Snapshot, station: StationView,
                actor: str) -> Issued:
    if station.printer is None:
        return Issued(attendee.id, attendee.number, None)
    job_id = print_queue.queue_badge(session, attendee.id, code, station.key, station.printer,
                                     badge_content(plan, attendee, station, now()), actor)
    return Issued(attendee.id, attendee.number, job_id)


def badge_content(plan: Snapshot, person: Attendee, station: StationView, at: datetime) -> dict[str, Any]:
    """What a badge from the slip printer says: for the pouch of a person whose card is not printed yet."""
    category = plan.categories.get(person.category_key)
    places = (("编号 No.", person.number), ("座位 Seat", person.seat), ("餐桌 Table", person.table))
    return {
        "kind": "badge", "event": plan.event.name, "event_en": plan.event.name_en, "title": "代表证", "title_en": "Badge",
        "name": person.name, "name_en": person.name_en, "organisation": person.organisation,
        "category": category.name if category else "", "lines": [[label, value] for label, value in places if value],
        "programme": [], "note": "试运行 TRIAL" if plan.event.trial else "", "valid": "",
        "at": at.astimezone(plan.event.zone).isoformat(timespec="seconds"), "station": station.name,
    }
