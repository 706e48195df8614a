"""One entry of the offline snapshot: what a tablet of this mode may know of a holder, sealed under the holder's code.

Whoever has the badge in hand can read its entry and no other: the key comes from the code, a hundred random bits, and
the entry lies under the code's digest (api.md). A stolen tablet's copy is no list of names.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from typing import Any

import msgspec

from models import rules
from models.facts import Entry
from models.history import inside
from models.offline import Code, Holder
from models.snapshot import Snapshot, StationView

INFO = b"huiwu-roster"
_encode = msgspec.json.Encoder().encode


def salt_of(plan: Snapshot) -> bytes:
    """The salt of an epoch: 16 bytes, the same after a restart, so that what a tablet holds stays readable."""
    return hmac.digest(plan.event.secret.encode(), f"roster-salt {plan.event.epoch}".encode(), "sha256")[:16]


def address_of(code: str) -> str:
    """Where a code's entry lies: SHA-256, hex."""
    return hashlib.sha256(code.encode()).hexdigest()


def seal(code: str, salt: bytes, plain: bytes) -> str:
    """Nonce (12 bytes) and AES-256-GCM of an entry, base64; the key is HKDF-SHA256 of the code (RFC 5869, one block)."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = hmac.digest(hmac.digest(salt, code.encode(), "sha256"), INFO + b"\x01", "sha256")
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, plain, None)).decode()


def entries(holder: Holder, plan: Snapshot, station: StationView) -> list[tuple[Code, bytes]]:
    """A holder's codes with what is said of each, as JSON: the same bytes as long as nothing changed."""
    common = {"holder": _opaque(holder.id, plan), **_person(holder, plan, station.mode), **_did(holder, plan, station)}
    return [(code, _encode({"kind": "coupon" if code.coupon_id else "badge", "revoked": code.revoked, **common,
                            **_coupon(code, holder, plan)})) for code in holder.codes]


def _opaque(holder: int, plan: Snapshot) -> str:
    """The same for all codes of one holder, and nothing that the database knows."""
    made = hmac.digest(plan.event.secret.encode(), f"roster-holder {holder}".encode(), "sha256")
    return base64.urlsafe_b64encode(made[:12]).decode()


def _person(holder: Holder, plan: Snapshot, mode: str) -> dict[str, Any]:
    """A gate knows name, unit, category, diet, hints and table; a desk the seat, too (law 8). Never a phone or a room."""
    person, facts = holder.person, holder.facts.person
    if person is None or facts is None:
        return {"state": "registered"}
    category = plan.categories.get(person.category)
    said: dict[str, Any] = {
        "state": person.state, "name": person.name, "org": person.organisation, "category": person.category,
        "category_name": category.name if category else person.category, "vip": person.vip,
        "hints": list(dict.fromkeys(hint for hint in (facts.hint, facts.category_hint) if hint))}
    more = {"name_en": person.name_en, "diet": person.diet, "table": person.table,
            "seat": person.seat if mode == "desk" else ""}
    return said | {key: text for key, text in more.items() if text}


def _did(holder: Holder, plan: Snapshot, station: StationView) -> dict[str, Any]:
    """What the holder may have here, how often where that is an exception, and what is used of it and of what it needs."""
    facts, offered = holder.facts, [plan.services[key] for key in station.services if key in plan.services]
    exceptions = facts.person.exceptions if facts.person else {}
    entitled = [s.key for s in offered if facts.person and rules.is_entitled(s, facts)]
    limits = {s.key: limit for s in offered if (limit := exceptions.get(s.key, (True, None))[1]) is not None}
    watched = dict.fromkeys(key for s in offered for key in (s.key, *s.needs) if key in plan.services)
    within = inside(plan.services, facts.history) if facts.history else ()
    used = {key: _used(key, holder, plan, key in within) for key in watched if facts.uses.get(key)}
    return {"entitled": entitled, "used": used, **({"limits": limits} if limits else {})}


def _used(key: str, holder: Holder, plan: Snapshot, within: bool) -> dict[str, Any]:
    """`uses` count against the limit on the day of `last` (of a service with a limit a day, else all of them); `first`
    is the use that a refusal names."""
    uses = holder.facts.uses[key]
    last = max(uses, key=lambda entry: entry.at)
    counted = rules.counted_uses(plan.services[key], last.at, holder.facts)
    return {"uses": len(counted), "last": _at(last.at, plan), "inside": within, "first": _first(counted[0], plan)}


def _first(entry: Entry, plan: Snapshot) -> dict[str, str]:
    station = plan.stations.get(entry.station)
    return {"at": _at(entry.at, plan), "station": entry.station, "station_name": station.name if station else ""}


def _coupon(code: Code, holder: Holder, plan: Snapshot) -> dict[str, Any]:
    if code.coupon_id is None:
        return {}
    spent = next((e.at for e in holder.facts.uses.get(code.service, ()) if e.coupon_id == code.coupon_id), None)
    return {"service": code.service, **({"spent": _at(spent, plan)} if spent else {}),
            **({} if holder.person else {"entitled": [code.service]})}


def _at(moment: datetime, plan: Snapshot) -> str:
    return moment.astimezone(plan.event.zone).isoformat(timespec="milliseconds")
