"""What a revoked tablet's outbox still sends: it is answered 401, and kept aside for the coordinator (behaviour 43).

Only a token that was good here once keeps anything; of each such tablet so many scans and so many tries a minute.
"""
from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from flask import current_app, request
from sqlalchemy import select

import guard
from kiosk import handles
from kiosk.api import scans, void
from kiosk.requests import body, said
from kiosk.shapes import BATCH, BadShape, ScanIn, VoidIn, convert, decode, moment
from models import aside_rows, codes
from models.aside import KeptAside
from models.asks import Caller, ScanRequest, UndoRequest
from models.database import now
from models.devices import Device
from models.runtime import CLOCKS_AGREE, CLOCKS_EXIST
from models.writer import NotRecorded
from tries import MINUTE, Tries

OFTEN = 60                  # tries a minute of one tablet
LONGEST = 16 * 1024         # bytes of one scan: twenty answers of 500 letters fit in it

Item = tuple[str, dict[str, Any]]


def keep(token: str) -> dict[str, Any]:
    """Keeps what the request holds, if its token was a tablet's: {"kept": n} for the 401, or nothing for a stranger's."""
    runtime = guard.runtime()
    with runtime.reading() as session:
        device = session.execute(select(Device.id, Device.station_key).where(
            Device.token_hash == codes.digest(token), Device.revoked_at.is_not(None))).first()
    if device is None:
        return {}
    budget: Tries = current_app.extensions.setdefault("huiwu.aside", Tries((OFTEN, MINUTE)))
    if runtime.plan().event.closed_at is not None or budget.take(device.id):
        return {"kept": 0}
    items = _items()
    try:
        kept = runtime.writer.do(lambda session: aside_rows.keep(session, device.id, device.station_key, items)) if items else 0
    except NotRecorded:     # the disk is full: the tablet keeps them and comes again
        kept = 0
    return {"kept": kept}


scans.keeps_aside = void.keeps_aside = keep  # type: ignore[attr-defined]  # guard.py asks a view for it when it turns one away


def _items() -> list[Item]:
    """The request's scans, or its undo, each with the tablet's clock; what has not their shape is not kept."""
    try:
        sent = decode(body(), Any)
        if target := (request.view_args or {}).get("scan_id"):
            return [_undo(sent, str(target))]
    except BadShape:
        return []
    items = []
    for item in (sent if isinstance(sent, list) else [sent])[:BATCH]:
        try:
            items.append(_scan(item))
        except BadShape:
            continue
    return items


def _undo(body: Any, target: str) -> Item:
    asked: VoidIn = convert(body, VoidIn)
    return str(asked.id), {"void": target, "reason": asked.reason}


def _scan(item: Any) -> Item:
    scan: ScanIn = convert(item, ScanIn)
    moment(scan.scanned_at)
    if len(msgspec.json.encode(item)) > LONGEST:
        raise BadShape("", "too long")
    return str(scan.id), {"scan": msgspec.to_builtins(scan), "offset": _offset().total_seconds()}


def _offset() -> timedelta:
    """What to add to the tablet's clock, as it is measured of every other."""
    clock, at = guard.measured(request.headers.get("X-Sent-At")), now()
    if clock is None or abs(at - clock) >= CLOCKS_EXIST or abs(at - clock) <= CLOCKS_AGREE:
        return timedelta(0)
    return at - clock


def as_request(row: KeptAside, actor: str, secret: str, granted: bool) -> ScanRequest | UndoRequest | None:
    """A kept row as a request of the ledger, by the coordinator who takes it; None when its search hit is no good.
    `granted`: it is an undo that came in time and is only taken late (aside_rows.is_own_undo)."""
    caller, received = Caller(row.station_key, None, actor, granted), now()
    if "void" in row.body:
        return UndoRequest(row.scan_id, row.body["void"], caller, received, said(row.body["reason"]))
    scan: ScanIn = convert(row.body["scan"], ScanIn)
    sent = moment(scan.scanned_at)
    at = sent + timedelta(seconds=row.body["offset"]) if sent else row.received_at
    code, person = codes.clean(scan.code or ""), None
    if scan.attendee is not None and scan.code is None:
        person = handles.read(secret, scan.attendee, row.device_id, at)
    if person is None and not code:
        return None
    return ScanRequest(
        id=row.scan_id, service=scan.service, caller=caller, at=at, uploaded_at=received, code=None if person else code,
        attendee_id=person, sent_at=scan.scanned_at or "", direction=scan.direction, quantity=scan.quantity,
        offline=scan.offline, note=said(scan.reason),
        answers={said(key): said(text) for key, text in scan.answers.items()})
