"""From a tablet's JSON to a request of the ledger. Reads the request, nothing else."""
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from kiosk import handles
from kiosk.shapes import BadShape, ScanIn, convert, moment
from models import codes
from models.asks import Caller, ScanRequest
from sessions import here

T = TypeVar("T", str, str | None)
SMALL = 65_536      # bytes: a body up to here is within every limit (app.py's BODY_LIMIT, waitress's own)


def body() -> bytes:
    """The request's body, in one read where the server ends it by itself: each read lets go of the interpreter, and
    with many requests waiting for it that is a turn to wait for. Flask's own reading asks twice, to see the end."""
    asked = here()[1]
    environ = asked.environ
    length = environ.get("CONTENT_LENGTH", "")
    if "wsgi.input_terminated" not in environ or not length.isdecimal() or int(length) > SMALL:
        return asked.get_data()     # which knows how long a body may be
    read: bytes = environ["wsgi.input"].read()
    return read


def scan_request(item: Any, caller: Caller, secret: str, received: datetime, offset: timedelta) -> ScanRequest:
    """One scan of the body. BadShape names the field and the scan's id."""
    scan: ScanIn = convert(item, ScanIn)
    try:
        return _request(scan, caller, secret, received, offset)
    except BadShape as bad:
        bad.scan_id = str(scan.id)
        raise


def _request(scan: ScanIn, caller: Caller, secret: str, received: datetime, offset: timedelta) -> ScanRequest:
    sent = moment(scan.scanned_at)
    at = sent + offset if sent else received
    code, attendee_id = None, None
    if scan.attendee is not None and scan.code is None:
        attendee_id = handles.read(secret, scan.attendee, caller.device_id or 0, at)
        if attendee_id is None:
            raise BadShape("attendee", "the search is older than two minutes, search again")
    else:
        code = codes.clean(scan.code or "")
        if not code:
            raise BadShape("code", "empty")
    return ScanRequest(
        id=str(scan.id), service=scan.service, caller=caller, at=at, uploaded_at=received, code=code,
        attendee_id=attendee_id, sent_at=scan.scanned_at or "", direction=scan.direction, quantity=scan.quantity,
        offline=scan.offline, force=scan.force, note=said(scan.reason),
        answers={said(key): said(text) for key, text in scan.answers.items()} if scan.answers else scan.answers)


def said(text: T) -> T:
    """What a person typed without the character U+0000, which PostgreSQL stores nowhere: a scan that could never be
    recorded would stop an outbox."""
    return text.replace("\0", "") if text else text
