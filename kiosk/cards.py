"""What a desk shows of a person: the card, the services as tiles, what is due, what was done. Reads only."""
from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from flask_babel import gettext as _

from kiosk import handles
from kiosk.lookup import Sight, Tile, overall
from kiosk.room import words_of
from models import rules
from models.asks import PersonView
from models.database import now
from models.facts import Ask, Entry, Facts, Question, Service
from models.history import standing, uses_of
from models.masks import mask_phone
from models.snapshot import CategoryView, Snapshot, StationView
from models.undo import UNDO_WITHIN

PERSONAL = ("revoked", "cancelled", "pending", "replaced")   # said of the person once, not at every tile
PRESENCE = ("meal", "session")      # had by being there: never given along with other things by one tap
ICONS = {"sign_in": "badge-check", "material": "shopping-bag", "meal": "utensils", "session": "calendar-days"}
DONE_ROWS = 6


@dataclass(frozen=True, slots=True)
class DeskTile:
    """A service as the desk draws it: face is done, next, possible or later; `chain` is what one tap records."""

    key: str
    kind: str
    name: str
    face: str
    icon: str
    line: str
    chain: tuple[str, ...]
    questions: tuple[Question, ...]
    counted: bool               # a quantity may be given


@dataclass(frozen=True, slots=True)
class DoneRow:
    """Something this person received; `ours`: this station may still undo it without a lead."""

    id: str
    name: str
    when: str
    station: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A person at the desk."""

    who: str                    # an opaque handle of this tablet, never a code
    person: PersonView | None
    category: CategoryView | None
    phone: str
    trouble: str | None
    message: str
    hints: tuple[str, ...]
    tiles: list[DeskTile]
    due: list[DeskTile]
    done: list[DoneRow]
    by: str                     # how a scan names the person: code (as scanned) or attendee (by handle)


def card(sight: Sight, plan: Snapshot, station: StationView, device: int, message: str, by: str) -> Card:
    """The card of somebody who was looked up. `message` says what is wrong, if something is."""
    at, person, facts = now(), sight.found.person, sight.facts
    due = due_services(facts, at) if overall(sight) is None else []
    tiles = [_tile(tile, facts, due, plan, at) for tile in sight.tiles]
    if not due:
        tiles = _first_ready_is_next(tiles)
    hints = (facts.person.hint, facts.person.diet, facts.person.category_hint) if facts.person else ()
    return Card(
        handles.make(plan.event.secret, person.id, device, at) if person else "", person,
        plan.categories.get(person.category) if person else None, mask_phone(person.phone) if person else "",
        overall(sight), message, tuple(dict.fromkeys(hint for hint in hints if hint)), tiles,
        [tile for tile in tiles if tile.key in due], _done(facts, plan, station, at), by)


def due_services(facts: Facts, at: datetime) -> list[str]:
    """What one tap may give, in the station's order: each judged as if those before it were given already.

    What somebody has by being there (a meal, a session) is theirs to take, not the desk's to give along.
    """
    due: list[str] = []
    for key in facts.offered:
        service = facts.services.get(key)
        if service is None or service.kind in PRESENCE or uses_of(facts.history, key):
            continue
        if rules.judge(Ask(key, at), facts)[0] in (None, "answers_needed"):
            due.append(key)
            facts = facts.with_entry(Entry(seq=(1 << 60) + len(due), id="", service=key, at=at, station="", use_no=1))
    return due


def _tile(tile: Tile, facts: Facts, due: list[str], plan: Snapshot, at: datetime) -> DeskTile:
    service = plan.services[tile.service]
    is_open = tile.state in ("ready", "ask") or tile.service in due
    face = "done" if tile.state == "done" else "possible" if is_open else "later"
    if due and tile.service == due[0]:
        face = "next"
    return DeskTile(
        tile.service, tile.kind, _named(service), face,
        "check" if face == "done" else "clock" if face == "later" else ICONS.get(tile.kind, "badge-check"),
        _line(tile, is_open, plan, at), _chain(tile.service, due, facts), service.questions if is_open else (),
        is_open and tile.kind == "material")


def _chain(key: str, due: list[str], facts: Facts) -> tuple[str, ...]:
    """The service with what it needs first, if that is due here too."""
    needed = [before for before in facts.services[key].needs if before in due and key in due]
    chain = [one for before in needed for one in _chain(before, due, facts)]
    return (*dict.fromkeys(chain), key)


def _first_ready_is_next(tiles: list[DeskTile]) -> list[DeskTile]:
    first = next((tile.key for tile in tiles if tile.face == "possible"), None)
    return [replace(tile, face="next") if tile.key == first else tile for tile in tiles]


def _line(tile: Tile, is_open: bool, plan: Snapshot, at: datetime) -> str:
    """What stands under the tile's name: when it was done, what is left, or why not."""
    if tile.state == "done" and tile.used_at:
        words = {"sign_in": _("%(time)s 已报到"), "material": _("%(time)s 已领取"), "meal": _("%(time)s 已用餐"),
                 "session": _("%(time)s 已入场")}
        return words.get(tile.kind, "%(time)s") % {"time": clock(tile.used_at, plan, at)}
    if not is_open:
        return _("请组长处理") if tile.reason in PERSONAL else tile.message
    parts = []
    if tile.stock_left is not None:
        parts.append(_("剩 %(left)s 份", left=tile.stock_left))
    if tile.uses and tile.limit != 1:
        parts.append(_("已办 %(uses)s 次", uses=tile.uses))
    parts.append({"material": _("轻触发放"), "meal": _("轻触用餐"), "session": _("轻触入场")}.get(tile.kind, _("轻触办理")))
    return " · ".join(parts)


def _done(facts: Facts, plan: Snapshot, station: StationView, at: datetime) -> list[DoneRow]:
    rows = [row for row in standing(facts.history) if row.direction != "out"][-DONE_ROWS:]
    return [DoneRow(
        row.id, _named(plan.services[row.service]) if row.service in plan.services else row.service,
        clock(row.at, plan, at), plan.stations[row.station].name if row.station in plan.stations else row.station,
        row.station == station.key and at - row.at <= UNDO_WITHIN) for row in reversed(rows)]


def clock(moment: datetime, plan: Snapshot, at: datetime) -> str:
    """Hours and minutes in the event's zone, with the date when it is another day."""
    local, today = moment.astimezone(plan.event.zone), at.astimezone(plan.event.zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local:%m-%d %H:%M}"



def _named(service: Service) -> str:
    return words_of(service.name, service.name_en)
