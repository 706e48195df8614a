"""The rules: is this scan accepted, and if not, why? Pure: no database, no web, no clock of its own.

`decide(ask, facts)` is the one place where a scan is judged. It walks `_CHECKS` in the order of api.md and the first
reason that applies is the answer; "why was this refused?" is answered by the function of that name below, and what the
person is told by kiosk/words.py.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from models.facts import ACCEPTED, AUTO, IN, OUT, REFUSED, Ask, Decision, Entry, Facts, Service, Window
from models.history import inside_since

DOUBLE_READ = timedelta(seconds=60)   # two reads of one badge at an auto door are one passage (behaviour 28)

Detail = dict[str, Any]
Check = Callable[[Service, Ask, Facts], Detail | None]


def decide(ask: Ask, facts: Facts) -> Decision:
    """Judges one scan. The decision carries everything that is written to the ledger and said to the person."""
    ask = settle_direction(ask, facts)
    reason, detail = judge(ask, facts)
    if reason is None:
        return _accept(ask, facts)
    if reason != "unknown" and ask.force:
        return replace(_accept(ask, facts), forced=True, overrode=reason)
    if reason == "used_up" and ask.offline:
        # The tablet has let the person through already: a use, for a person to settle, never dropped.
        return replace(_accept(ask, facts), reason=reason, conflict=True, first=detail.get("first"))
    return _refuse(reason, detail, ask, facts)


def judge(ask: Ask, facts: Facts) -> tuple[str | None, Detail]:
    """The first reason against a scan, with what the person needs to know about it; (None, {}) if there is none."""
    return _walk(_OF_THE_HOLDER if ask.direction == OUT else _CHECKS, facts.services[ask.service], ask, facts)


def _walk(checks: tuple[tuple[str, Check], ...], service: Service, ask: Ask, facts: Facts) -> tuple[str | None, Detail]:
    for reason, check in checks:
        if (detail := check(service, ask, facts)) is not None:
            return reason, detail
    return None, {}


def settle_direction(ask: Ask, facts: Facts) -> Ask:
    """Turns `auto` into in or out; a service that is no session knows no direction."""
    service = facts.services[ask.service]
    if service.kind != "session":
        return ask if ask.direction == IN else replace(ask, direction=IN)
    if ask.direction != AUTO:
        return ask
    entered = inside_since(service, facts.services, facts.history, ask.at)
    leaving = entered is not None and ask.at - entered.at >= DOUBLE_READ
    return replace(ask, direction=OUT if leaving else IN)


# --- the checks, one a reason: None lets the scan pass, a dict refuses it and says what to tell ---

def _unknown(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    return None if facts.known else {}


def _revoked(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    return {} if facts.revoked or (facts.coupon and facts.coupon.voided) else None


def _wrong_service(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    if facts.coupon and facts.coupon.service != service.key:
        return {"for": facts.coupon.service}
    return None


def _state(state: str) -> Check:
    def check(service: Service, ask: Ask, facts: Facts) -> Detail | None:
        return {} if facts.person and facts.person.state == state else None
    return check


def _service_closed(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    return {} if service.closed else None


def _too_early(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    nearest = _nearest_window(service, ask.at)
    return {"window": nearest} if nearest and ask.at < nearest.opens else None


def _too_late(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    nearest = _nearest_window(service, ask.at)
    return {"window": nearest} if nearest and ask.at > nearest.closes else None


def _not_entitled(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    return None if facts.person is None or is_entitled(service, facts) else {}


def _needs(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    if facts.person is None:
        return None
    for need in service.needs:
        if not facts.uses.get(need):
            return {"needs": need}
    return None


def _already_inside(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    if service.kind != "session":
        return None
    entered = inside_since(service, facts.services, facts.history, ask.at)
    return {"first": entered} if entered else None


def _used_up(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    if facts.coupon:
        spent = [e for e in facts.uses.get(service.key, ()) if e.coupon_id == facts.coupon.id]
        if spent:
            return {"first": spent[0]}
    counted = counted_uses(service, ask.at, facts)
    if service.kind == "session" and not service.reentry and counted:
        return {"first": counted[0]}
    limit = limit_of(service, facts)
    if limit is not None and len(counted) >= limit:
        return {"first": counted[0] if counted else None}
    return None


def _out_of_stock(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    left = facts.stock.get(service.key)
    return {"left": left} if left is not None and ask.quantity > left else None


def _answers_needed(service: Service, ask: Ask, facts: Facts) -> Detail | None:
    for question in service.questions:
        given = ask.answers.get(question.key)
        if question.required and given in (None, ""):
            return {"question": question.key}
        if given not in (None, "") and question.choices and given not in question.choices:
            return {"question": question.key}
    return None


_CHECKS: tuple[tuple[str, Check], ...] = (
    ("unknown", _unknown), ("revoked", _revoked), ("wrong_service", _wrong_service),
    ("cancelled", _state("cancelled")), ("replaced", _state("replaced")), ("pending", _state("pending")),
    ("service_closed", _service_closed), ("too_early", _too_early), ("too_late", _too_late),
    ("not_entitled", _not_entitled), ("needs", _needs), ("already_inside", _already_inside), ("used_up", _used_up),
    ("out_of_stock", _out_of_stock), ("answers_needed", _answers_needed),
)
_ANY = Service("", "")
# What is wrong with the badge or the person, up to pending; the others are about this service at this moment.
# Nobody is kept in a hall because its window has passed: an out is refused only for the first six.
_OF_THE_HOLDER = _CHECKS[:6]


# --- what counts against a limit ---

def counted_uses(service: Service, at: datetime, facts: Facts) -> Sequence[Entry]:
    """The uses that count against the limit at a moment: all of them, or those of the event's own day."""
    uses = facts.uses.get(service.key, ())
    if service.per != "day":
        return uses
    day = at.astimezone(facts.zone).date()
    return [e for e in uses if e.at.astimezone(facts.zone).date() == day]


def is_entitled(service: Service, facts: Facts) -> bool:
    """Whether the person's category may have the service; an exception for the person goes before it."""
    person = facts.person
    return person is not None and may_have(service, person.category, person.exceptions)


def may_have(service: Service, category: str, exceptions: Mapping[str, tuple[bool, int | None]]) -> bool:
    """The same, of a category and somebody's exceptions."""
    if service.key in exceptions:
        return exceptions[service.key][0]
    return service.entitled is None or category in service.entitled


def limit_of(service: Service, facts: Facts) -> int | None:
    """How often the holder may use a service; None is without limit. A bearer coupon is good once."""
    if facts.person is None:
        return 1 if facts.coupon else service.limit
    exception = facts.person.exceptions.get(service.key)
    return exception[1] if exception and exception[1] is not None else service.limit


def _nearest_window(service: Service, at: datetime) -> Window | None:
    """None if a window is open (or there is none); else the window nearest to the moment, tolerance included."""
    if not service.windows:
        return None
    slack = service.tolerance
    for window in service.windows:
        if window.opens - slack <= at <= window.closes + slack:
            return None
    return min(service.windows, key=lambda window: max(window.opens - at, at - window.closes))


def is_open(service: Service, at: datetime) -> bool:
    """Whether a service may be given at a moment, as far as it alone is concerned."""
    return not service.closed and _nearest_window(service, at) is None


# --- what follows from a verdict ---

def _accept(ask: Ask, facts: Facts) -> Decision:
    service = facts.services[ask.service]
    is_use = ask.direction != OUT
    taken = [e.use_no for e in facts.history if e.service == service.key and e.use_no is not None]
    notes: list[str] = []
    if service.kind == "session":
        if not is_use and inside_since(service, facts.services, facts.history, ask.at) is None:
            notes.append("no_in")
        notes += _moves(service, ask, facts)
    use_no = (max(taken, default=0) + 1) if is_use else None
    entry = Entry(seq=1 << 62, id="", service=service.key, at=ask.at, station="", use_no=use_no,
                  direction=ask.direction if service.kind == "session" else None,
                  coupon_id=facts.coupon.id if facts.coupon else None, quantity=ask.quantity)
    after = facts.with_entry(entry)
    return Decision(
        ACCEPTED, direction=entry.direction, use_no=use_no,
        uses=len(counted_uses(service, ask.at, after)), limit=limit_of(service, facts),
        hints=hints_for(service, facts), notes=tuple(notes),
        slip=service.slip and facts.prints and not ask.offline and is_use,
        coupons=due_coupons(ask, after) if facts.prints and not ask.offline else (),
        open=still_open(ask.at, after),
    )


def _refuse(reason: str, detail: Detail, ask: Ask, facts: Facts) -> Decision:
    service = facts.services[ask.service]
    return Decision(
        REFUSED, reason=reason, direction=ask.direction if service.kind == "session" else None,
        uses=len(counted_uses(service, ask.at, facts)), limit=limit_of(service, facts), first=detail.get("first"),
        detail=detail, hints=hints_for(service, facts), open=still_open(ask.at, facts),
    )


def _moves(service: Service, ask: Ask, facts: Facts) -> list[str]:
    """Coming in here ends the stay in a session that runs at the same time (behaviour 31)."""
    if ask.direction != IN:
        return []
    sessions = (s for s in facts.services.values() if s.kind == "session" and s.key != service.key)
    others = [s for s in sessions if s.overlaps(service)]
    return [f"moved:{s.key}" for s in others if inside_since(s, facts.services, facts.history, ask.at)]


def hints_for(service: Service, facts: Facts) -> tuple[str, ...]:
    """What the operator is told of the person: the person's own hint first, the diet at a meal, the category's."""
    person = facts.person
    if person is None:
        return ()
    diet = person.diet if service.kind == "meal" else ""
    return tuple(dict.fromkeys(h for h in (person.hint, diet, person.category_hint) if h))


def due_coupons(ask: Ask, facts: Facts) -> tuple[str, ...]:
    """The coupons printed with a sign-in: of every meal still to come, entitled to and not used."""
    if facts.services[ask.service].kind != "sign_in" or facts.person is None:
        return ()
    return tuple(s.key for s in facts.services.values()
                 if s.coupon and not s.closed and is_entitled(s, facts) and not _is_over(s, ask.at)
                 and not facts.uses.get(s.key))


def _is_over(service: Service, at: datetime) -> bool:
    """Whether the last window of a service lies behind."""
    return bool(service.windows) and all(at > window.closes + service.tolerance for window in service.windows)


def still_open(at: datetime, facts: Facts) -> tuple[str, ...]:
    """What the person may still receive at this station: asked of the same rules, so that the two never differ."""
    if not facts.known or facts.person is None:
        return ()
    if facts.coupon is not None:
        facts = replace(facts, coupon=None)
    ask = Ask(_ANY.key, at)     # one of each thing, of no service in particular: no check asks which
    if _walk(_OF_THE_HOLDER, _ANY, ask, facts)[0]:
        return ()       # what is wrong with the badge or the person is wrong at every service
    offered = [service for key in facts.offered if (service := facts.services.get(key)) is not None]
    return tuple(service.key for service in offered if _stands_open(service, ask, facts))


def _stands_open(service: Service, ask: Ask, facts: Facts) -> bool:
    """Whether no check from service_closed to out_of_stock refuses; the answers are asked for then. Written out, with the
    window looked at once: each scan asks it of every service of its station (a test compares it with `judge`)."""
    return (is_open(service, ask.at) and is_entitled(service, facts)
            and _needs(service, ask, facts) is None and _already_inside(service, ask, facts) is None
            and _used_up(service, ask, facts) is None and _out_of_stock(service, ask, facts) is None)
