"""Pairing: a one-time code for a station becomes a token of a tablet. Grants: a lead beside the tablet."""
from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import codes
from models.database import now
from models.devices import Device, Grant, PairingCode
from models.event import Station, touch
from models.people import Staff

CODE_MINUTES = 10
GRANT_MINUTES = 5
SERVED_AT = "served.json"    # in the data folder: where the running server said it can be reached
_hasher = PasswordHasher()
_AT_ONCE = threading.BoundedSemaphore(2)    # each takes 64 MB (RFC 9106): sixty guesses at once took 3.5 GB
_NOBODY = _hasher.hash("nobody")   # checked when the name is unknown, so that both take the same time


class PairingRefused(Exception):
    """`reason` is unknown, used or expired."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class NewCode:
    """A pairing code as shown to a person; only its hash is stored."""

    station: str
    code: str
    expires_at: datetime


def new_code(session: Session, station: str) -> NewCode:
    """Makes a code of six digits for a station, good once and for ten minutes. KeyError: no such station."""
    if session.get(Station, station) is None:
        raise KeyError(station)
    expires = now() + timedelta(minutes=CODE_MINUTES)
    while True:
        digits = f"{secrets.randbelow(1_000_000):06d}"
        taken = select(PairingCode.id).where(PairingCode.code_hash == codes.digest(digits))
        if session.execute(taken).first() is None:
            break
    session.add(PairingCode(station_key=station, code_hash=codes.digest(digits), expires_at=expires))
    return NewCode(station, f"{digits[:3]} {digits[3:]}", expires)


def address(data: Path, code: str) -> str:
    """What the pairing QR opens; the address is the running server's, as it said itself in the data folder."""
    try:
        base = json.loads((data / SERVED_AT).read_text())["url"]
    except (OSError, ValueError, KeyError):
        base = "http://127.0.0.1:8080"
    return f"{base}/pair?code={code.replace(' ', '')}"


def redeem(session: Session, typed: str, name: str) -> tuple[str, str]:
    """Turns a code into a tablet's token; returns (token, station key). Raises PairingRefused."""
    digits = "".join(c for c in codes.clean(typed) if c.isdigit())
    row = session.execute(select(PairingCode).where(PairingCode.code_hash == codes.digest(digits))).scalar()
    if row is None:
        raise PairingRefused("unknown")
    if row.used_at is not None:
        raise PairingRefused("used")
    if row.expires_at < now():
        raise PairingRefused("expired")
    row.used_at = now()
    token = codes.token()
    session.add(Device(station_key=row.station_key, name=name.strip(), token_hash=codes.digest(token),
                       paired_at=now(), last_seen=now()))
    touch(session, "plan")
    return token, row.station_key


def revoke(session: Session, device_id: int) -> None:
    """Ends a tablet's pairing."""
    session.execute(update(Device).where(Device.id == device_id).values(revoked_at=now()))
    touch(session, "plan")


def hash_secret(secret: str) -> str:
    """argon2 of a passphrase or PIN."""
    with _AT_ONCE:
        return _hasher.hash(secret)


def check_secret(person: Staff | None, secret: str) -> bool:
    """Whether the passphrase or PIN is this person's; as slow for an unknown name as for a known one."""
    try:
        with _AT_ONCE:
            return _hasher.verify(person.secret_hash if person else _NOBODY, secret) and person is not None
    except (VerificationError, InvalidHashError):
        return False


def grant(session: Session, person: Staff, device_id: int) -> tuple[str, datetime]:
    """Five minutes in which this tablet may force and undo late; returns (token, end)."""
    token, until = codes.token(), now() + timedelta(minutes=GRANT_MINUTES)
    session.add(Grant(token_hash=codes.digest(token), device_id=device_id, staff_id=person.id, expires_at=until))
    return token, until
