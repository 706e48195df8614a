"""Opaque handles of search hits: for that tablet only, two minutes from the search to the time of the scan."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

GOOD_FOR = timedelta(minutes=2)
AT_A_DESK = timedelta(hours=1)
CLOCK_SLACK = timedelta(seconds=5)   # a device's clock is corrected only to within the network's delay


def make(secret: str, attendee_id: int, device_id: int, at: datetime) -> str:
    """A handle for a hit shown on a tablet at a moment."""
    return _signer(secret).dumps([attendee_id, device_id, int(at.timestamp())])


def read(secret: str, handle: str, device_id: int, scanned_at: datetime, good_for: timedelta = GOOD_FOR) -> int | None:
    """The attendee behind a handle; None if it is another tablet's, forged, or older than two minutes at the scan.

    A desk's own forms may be filled in for longer (`AT_A_DESK`): they name the person, they record no scan.
    """
    try:
        attendee_id, device, made = _signer(secret).loads(handle)
    except (BadSignature, ValueError, TypeError):
        return None
    age = scanned_at - datetime.fromtimestamp(made, UTC)
    return attendee_id if device == device_id and -CLOCK_SLACK <= age <= good_for else None


def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt="search-hit")
