"""The shapes of the device API, one description each: decoding, checking and the OpenAPI document come from here."""
from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Text = Annotated[str, Meta(max_length=500)]
CodeText = Annotated[str, Meta(min_length=1, max_length=512, description="what the scanner read")]
BATCH = 500


class ScanIn(Struct):
    """One scan as a tablet sends it."""

    id: Annotated[uuid.UUID, Meta(description="the tablet's own, made before the scan is sent")]
    service: Annotated[str, Meta(min_length=1, max_length=64)]
    code: CodeText | None = None
    attendee: Annotated[str, Meta(max_length=512, description="a search hit's handle, in place of code")] | None = None
    direction: Literal["in", "out", "auto"] = "in"
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1
    scanned_at: Annotated[str, Meta(max_length=64, description="ISO 8601 with zone", extra_json_schema={
        "format": "date-time"})] | None = None
    offline: bool = False
    force: bool = False
    reason: Text | None = None
    answers: Annotated[dict[Annotated[str, Meta(max_length=64)], Text], Meta(max_length=20)] = {}


class VoidIn(Struct):
    """The undo of a scan."""

    id: uuid.UUID
    reason: Text | None = None


class PairIn(Struct):
    """A one-time pairing code, as shown in the admin pages."""

    code: Annotated[str, Meta(min_length=1, max_length=32)]
    name: Annotated[str, Meta(max_length=80)] = ""


class GrantIn(Struct):
    """A lead or coordinator at the tablet."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    pin: Annotated[str, Meta(min_length=1, max_length=200)]


class LookupIn(Struct):
    """Who is this, and what is open? Records nothing."""

    code: CodeText


class SearchIn(Struct):
    """Words to find a person by."""

    q: Annotated[str, Meta(max_length=120)]


class BadShape(ValueError):
    """A body that does not have the shape; `field` is where."""

    def __init__(self, field: str, message: str, scan_id: str | None = None):
        super().__init__(message)
        self.field, self.message, self.scan_id = field, message, scan_id


_WHERE = re.compile(r" - at `\$\.?([^`]*)`$")


def decode(body: bytes, shape: type[Any]) -> Any:
    """The body as a shape; BadShape names the field."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_shape(error) from None
    except RecursionError:
        raise BadShape("", "nested too deeply") from None


def convert(item: Any, shape: type[Any]) -> Any:
    """A decoded JSON value as a shape; BadShape names the field and, where it can be read, the scan's id."""
    try:
        return msgspec.convert(item, shape)
    except msgspec.ValidationError as error:
        bad = bad_shape(error)
        given = item.get("id") if isinstance(item, dict) else None
        bad.scan_id = given if isinstance(given, str) else None
        raise bad from None


def bad_shape(error: Exception) -> BadShape:
    """msgspec's words taken apart."""
    text = str(error)
    at = _WHERE.search(text)
    missing = re.search(r"missing required field `([^`]+)`", text)
    field = ".".join(part for part in ((at[1] if at else ""), (missing[1] if missing else "")) if part)
    return BadShape(field, _WHERE.sub("", text))


def moment(text: str | None) -> datetime | None:
    """An ISO time with zone; BadShape without one, or beyond what calendars hold."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadShape("scanned_at", f"not a time: {text[:40]}") from None
    if at.tzinfo is None:
        raise BadShape("scanned_at", "a time needs its zone")
    if not 1970 <= at.year <= 2200:
        raise BadShape("scanned_at", "no conference is held then")
    return at


class UseOut(Struct):
    """Uses that stand, and how many there may be (null: without limit)."""

    number: int
    limit: int | None


class FirstOut(Struct):
    """The earlier use that stands in the way."""

    id: str
    at: str
    station: str
    station_name: str
    station_name_en: str = ""


class AttendeeOut(Struct):
    """A person, with what this station may see."""

    name: str
    name_en: str
    org: str
    category: str
    category_name: str
    vip: bool
    seat: str
    table: str
    room: str
    diet: str
    number: str


class ResultOut(Struct, rename={"coupon_for": "for"}):
    """The answer to one scan or undo."""

    id: str
    service: str
    verdict: Literal["accepted", "refused"]
    reason: str | None
    message: str
    message_en: str
    seq: int
    replayed: bool
    direction: str | None
    attendee: AttendeeOut | None
    use: UseOut
    first: FirstOut | None
    hints: list[str]
    open: list[str]
    print_jobs: list[str]
    detail: dict[str, Any]
    forced: bool = False
    overrode: str | None = None
    conflict: bool = False
    voids: str | None = None
    needs: str | None = None          # the service that comes first
    coupon_for: str | None = None     # the meal that a coupon is for


class ErrorItem(Struct, omit_defaults=True):
    """An item of a list that could not be judged; it left no row."""

    id: str | None
    error: str
    message: str
    field: str | None = None


class ScansOut(Struct):
    """Answers in the order sent."""

    results: list[Any]   # ResultOut or ErrorItem: a union of the two needs a tag that the contract lacks
    head: int
    server_time: str
    epoch: str


class RosterOut(Struct):
    """The offline snapshot, or what changed in it; each entry is readable with its code only (kiosk/sealed.py)."""

    revision: str
    salt: Annotated[str, Meta(description="base64 of 16 bytes, of HKDF-SHA256(code, salt, huiwu-roster)")]
    epoch: str
    since: Annotated[str | None, Meta(description="the revision asked for; null: everything, in place of what is held")]
    removed: Annotated[list[str], Meta(description="digests that are gone")]
    entries: Annotated[dict[str, str], Meta(description="SHA-256 hex of the code: base64 of nonce and AES-256-GCM")]
