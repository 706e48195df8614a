"""A judged request as a row of the ledger, and what was answered in the form in which the ledger keeps it."""
from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from models.asks import Found, ScanRequest, UndoRequest
from models.facts import Decision, Entry, Service, Window
from models.snapshot import Snapshot

EMPTY: dict[str, Any] = {
    "device_id": None, "actor": "", "holder": None, "attendee_id": None, "badge_id": None, "coupon_id": None,
    "raw_code": None, "direction": None, "quantity": 1, "reason": None, "use_no": None, "forced": False,
    "overrode": None, "conflict": False, "note": None, "offline": False, "answers": None, "voids": None}


def scan_row(request: ScanRequest, service: Service, decision: Decision, found: Found, entry: Entry,
             said: dict[str, Any]) -> dict[str, Any]:
    """A scan's row, without the chain's hash. Of the answers those that the service asks for: a row is for ever, and
    whoever holds a tablet could fill the disk with others."""
    asked = {question.key for question in service.questions}
    answers = {key: given for key, given in request.answers.items() if key in asked}
    return {
        **EMPTY, "seq": entry.seq, "id": request.id, "fingerprint": request.fingerprint, "service_key": request.service,
        "station_key": request.caller.station, "device_id": request.caller.device_id, "actor": request.caller.actor,
        "holder": found.holder, "attendee_id": found.person.id if found.person else None, "badge_id": found.badge_id,
        "coupon_id": entry.coupon_id, "raw_code": request.code if found.holder is None else None,
        "direction": decision.direction, "quantity": request.quantity, "verdict": decision.verdict,
        "reason": decision.reason, "use_no": decision.use_no, "forced": decision.forced, "overrode": decision.overrode,
        "conflict": decision.conflict, "note": request.note, "offline": request.offline, "answers": answers or None,
        "scanned_at": request.at, "uploaded_at": request.uploaded_at, "answer": said}


def said_of(plan: Snapshot, decision: Decision, jobs: list[str]) -> dict[str, Any]:
    """What is answered, in the form in which the ledger keeps it. No names: a name is said as it is now."""
    first = decision.first
    stations, zone = plan.stations, plan.event.zone
    detail = {key: _plain(value, zone) for key, value in decision.detail.items() if key != "first"}
    return {
        "use": {"number": decision.uses, "limit": decision.limit},
        "first": first and {"id": first.id, "at": first.at.astimezone(zone).isoformat(), "station": first.station,
                            "station_name": stations[first.station].name if first.station in stations else "",
                            "station_name_en": stations[first.station].name_en if first.station in stations else ""},
        "hints": list(decision.hints), "notes": list(decision.notes), "open": list(decision.open), "detail": detail,
        "print_jobs": jobs,
    }


def _plain(value: Any, zone: ZoneInfo) -> Any:
    if isinstance(value, Window):
        return {"opens": value.opens.astimezone(zone).isoformat(), "closes": value.closes.astimezone(zone).isoformat()}
    return value


def undo_row(request: UndoRequest, undo: Entry, holder: int | None, verdict: str, against: str | None,
             said: dict[str, Any]) -> dict[str, Any]:
    """An undo's row (or the attempt's), without the chain's hash. A holder below zero is a coupon of nobody's."""
    return {
        **EMPTY, "seq": undo.seq, "id": request.id, "fingerprint": request.fingerprint, "service_key": undo.service,
        "station_key": request.caller.station, "device_id": request.caller.device_id, "actor": request.caller.actor,
        "holder": holder, "attendee_id": holder if holder and holder > 0 else None, "verdict": verdict, "reason": against,
        "note": request.note, "voids": undo.voids, "quantity": undo.quantity, "scanned_at": request.at,
        "uploaded_at": request.at, "answer": said}
