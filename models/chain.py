"""The chain of hashes through the ledger: SQLite does not notice a flipped byte in a value, this does."""
from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC
from operator import itemgetter
from typing import Any

import msgspec

START = "0" * 32
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder().decode
COLUMNS = ("seq", "id", "fingerprint", "service_key", "station_key", "device_id", "actor", "holder", "attendee_id",
           "badge_id", "coupon_id", "raw_code", "direction", "quantity", "verdict", "reason", "use_no", "forced",
           "overrode", "conflict", "note", "offline", "answers", "voids", "scanned_at", "uploaded_at", "answer")
_FLAGS = tuple(COLUMNS.index(name) for name in ("forced", "conflict", "offline"))
_TEXTS = tuple(COLUMNS.index(name) for name in ("answers", "answer"))
_MOMENTS = (COLUMNS.index("scanned_at"), COLUMNS.index("uploaded_at"))
_pick = itemgetter(*COLUMNS)


def link(before: str, row: Mapping[str, Any]) -> str:
    """The hash of a row (column name -> value as written) after the hash of the row before it; 32 hex digits."""
    values = list(_pick(row))
    for at in _MOMENTS:
        values[at] = values[at].astimezone(UTC).isoformat()
    return hashlib.sha256(before.encode() + _encode(values)).hexdigest()[:32]


def link_stored(before: str, values: Sequence[Any]) -> tuple[str, Any]:
    """The same of a row as SQLite gives it (COLUMNS in order), and its answer: a fifth of what it costs to make a row of
    the program's own values of it first. ValueError, TypeError or msgspec.MsgspecError: a value cannot be read."""
    found = list(values)
    for at in _MOMENTS:
        moment, _dot, fraction = found[at].replace(" ", "T").partition(".")
        found[at] = f"{moment}+00:00" if fraction in ("", "000000") else f"{moment}.{fraction}+00:00"
    for at in _FLAGS:
        found[at] = bool(found[at])
    for at in _TEXTS:
        if found[at] is not None:
            found[at] = _decode(found[at])
    return hashlib.sha256(before.encode() + _encode(found)).hexdigest()[:32], found[-1]
