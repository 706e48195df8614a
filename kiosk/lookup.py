"""Who is this, and what is open? The same rules as a scan, asked without recording."""
from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from kiosk import answers, words
from models import codes, rules
from models.asks import Answer, Caller, Found, ScanRequest
from models.database import now
from models.facts import Ask, Decision, Facts
from models.gather import gather
from models.history import uses_of
from models.runtime import Runtime
from models.scan_row import said_of
from models.snapshot import Snapshot, StationView


@dataclass(frozen=True, slots=True)
class Tile:
    """One service of the station for this person: done, next (ready), or not, with why."""

    service: str
    kind: str
    name: str
    name_en: str
    state: str                  # done | ready | ask (a question first) | no
    reason: str | None
    message: str
    used_at: datetime | None
    uses: int
    limit: int | None
    stock_left: int | None


@dataclass(frozen=True, slots=True)
class Sight:
    """A person as a desk sees them."""

    found: Found
    facts: Facts
    tiles: list[Tile]


def see(connection: Connection, runtime: Runtime, station: StationView, *, code: str | None = None,
        attendee_id: int | None = None, lang: str = "zh") -> Sight:
    """Looks a code or an attendee up and asks the rules of every service of the station."""
    at = now()
    ask = ScanRequest("-", "-", Caller(station.key), at, at, code=code, attendee_id=attendee_id)
    gathered = gather(connection, runtime.ledger.memory, [ask])
    found = gathered.who(ask)
    facts = gathered.facts(found, station)
    services = [key for key in station.services if key in gathered.plan.services]
    tiles = [_tile(gathered.plan, key, facts, at, lang) for key in services] if facts.known else []
    return Sight(found, facts, tiles)


def by_code(connection: Connection, runtime: Runtime, raw: str, station: StationView, lang: str) -> dict[str, Any]:
    """The answer of `POST /api/v1/lookup`."""
    plan = runtime.plan()
    sight = see(connection, runtime, station, code=codes.clean(raw), lang=lang)
    reason = overall(sight)
    said = {"use": {"number": 0, "limit": None}, "open": [], "print_jobs": [], "detail": {}}
    answer = Answer("-", 0, "-", "refused", reason, None, said, sight.found.person, at=now())
    person = answers.attendee(sight.found.person, plan, station.mode)
    return {
        "attendee": msgspec.to_builtins(person) if person else None, "reason": reason,
        "message": words.message(answer, plan, lang) if reason else "",
        "open": list(rules.still_open(now(), sight.facts)),
        "hints": [h for h in (sight.facts.person.hint, sight.facts.person.diet, sight.facts.person.category_hint) if h]
        if sight.facts.person else [],
        "services": [{**asdict(tile), "used_at": tile.used_at.isoformat() if tile.used_at else None}
                     for tile in sight.tiles],
    }


def overall(sight: Sight) -> str | None:
    """What is wrong with the badge or the person as such, whatever the service."""
    if not sight.facts.known:
        return "unknown"
    if sight.facts.revoked or (sight.facts.coupon and sight.facts.coupon.voided):
        return "revoked"
    state = sight.facts.person.state if sight.facts.person else "registered"
    return None if state == "registered" else state


def _tile(plan: Snapshot, key: str, facts: Facts, at: datetime, lang: str) -> Tile:
    service = plan.services[key]
    reason, detail = rules.judge(Ask(key, at), facts)
    uses = uses_of(facts.history, key)
    state = "done" if reason in ("used_up", "already_inside") else "ready" if reason is None else (
        "ask" if reason == "answers_needed" else "no")
    return Tile(key, service.kind, service.name, service.name_en, state, reason,
                _why(plan, key, Decision("refused", reason, detail=detail, first=detail.get("first")), at, lang)
                if reason else "", uses[0].at.astimezone(plan.event.zone) if uses else None, len(uses),
                rules.limit_of(service, facts), facts.stock.get(key))


def _why(plan: Snapshot, key: str, decision: Decision, at: datetime, lang: str) -> str:
    said = said_of(plan, decision, [])
    return words.message(Answer("-", 0, key, decision.verdict, decision.reason, None, said, at=at), plan, lang)
