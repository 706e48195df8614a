"""The chain of hashes through the ledger: SQLite does not notice a flipped byte in a value, this does."""
from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC
from operator import itemgetter
from typing import Any

import msgspec

START = "0" * 32
_encode = msgspec.json.Encoder(order="deterministic").encode
COLUMNS = ("seq", "id", "fingerprint", "service_key", "station_key", "device_id", "actor", "holder", "attendee_id",
           "badge_id", "coupon_id", "raw_code", "direction", "quantity", "verdict", "reason", "use_no", "forced",
           "overrode", "conflict", "note", "offline", "answers", "voids", "scanned_at", "uploaded_at", "answer")
_MOMENTS = (COLUMNS.index("scanned_at"), COLUMNS.index("uploaded_at"))
_pick = itemgetter(*COLUMNS)


def link(before: str, row: Mapping[str, Any]) -> str:
    """The hash of a row (column name -> value as written) after the hash of the row before it; 32 hex digits."""
    values = list(_pick(row))
    for at in _MOMENTS:
        values[at] = values[at].astimezone(UTC).isoformat()
    return hashlib.sha256(before.encode() + _encode(values)).hexdigest()[:32]
