"""Pairing: a one-time code for a station becomes a token of a tablet. Grants: a lead beside the tablet."""
from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from doors import SERVED_AT
from models import codes
from models.database import now
from models.devices import Device, Grant, PairingCode
from models.event import Station, touch
from models.people import Staff
from pins import HOUSE, Gate, is_right

CODE_MINUTES = 10
SHORT, LONG = 6, 10          # digits of a code: while somebody guesses, only long ones are given out and taken
GRANT_MINUTES = 5


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


def new_code(session: Session, station: str, length: int = SHORT) -> NewCode:
    """Makes a code of six (or more) digits for a station, good once and for ten minutes. KeyError: no such station."""
    if session.get(Station, station) is None:
        raise KeyError(station)
    expires = now() + timedelta(minutes=CODE_MINUTES)
    while True:
        digits = f"{secrets.randbelow(10 ** length):0{length}d}"
        taken = select(PairingCode.id).where(PairingCode.code_hash == codes.digest(digits))
        if session.execute(taken).first() is None:
            break
    session.add(PairingCode(station_key=station, code_hash=codes.digest(digits), expires_at=expires))
    return NewCode(station, f"{digits[:3]} {digits[3:6]} {digits[6:]}".rstrip(), expires)


def digits_of(typed: str) -> str:
    """The digits of a code as somebody typed it."""
    return "".join(c for c in codes.clean(typed) if c.isdecimal())


def address(data: Path, code: str) -> str:
    """What the pairing QR opens; the address is the running server's, as it said itself in the data folder."""
    return f"{served_at(data) or 'https://localhost:8443'}/pair?code={code.replace(' ', '')}"


def served_at(data: Path) -> str:
    """Where the server said that tablets reach it; "" before it was started for the first time."""
    try:
        return str(json.loads((data / SERVED_AT).read_text())["url"])
    except (OSError, ValueError, KeyError):
        return ""


def find_code(session: Session, typed: str) -> PairingCode:
    """The code that somebody typed, if it is still good. PairingRefused."""
    row = session.execute(select(PairingCode).where(PairingCode.code_hash == codes.digest(digits_of(typed)))).scalar()
    if row is None:
        raise PairingRefused("unknown")
    if row.used_at is not None:
        raise PairingRefused("used")
    if row.expires_at < now():
        raise PairingRefused("expired")
    return row


def redeem(session: Session, typed: str, name: str) -> tuple[str, str]:
    """Turns a code into a tablet's token; returns (token, station key). Raises PairingRefused."""
    row = find_code(session, typed)
    row.used_at = now()
    token = codes.token()
    session.add(Device(station_key=row.station_key, name=name.strip(), token_hash=codes.digest(token),
                       paired_at=now(), last_seen=now()))
    touch(session, "plan")
    return token, row.station_key


def revoke(session: Session, device_id: int) -> None:
    """Ends a tablet's pairing, and what a lead let it do."""
    session.execute(update(Device).where(Device.id == device_id).values(revoked_at=now()))
    session.execute(delete(Grant).where(Grant.device_id == device_id))
    touch(session, "plan")


def check_secret(person: Staff | None, secret: str, gate: Gate = HOUSE) -> bool:
    """Whether the passphrase or PIN is this person's; as slow for an unknown name as for a known one. Busy."""
    return is_right(person.secret_hash if person else None, secret, gate)


def grant(session: Session, person: Staff, device_id: int) -> tuple[str, datetime]:
    """Five minutes in which this tablet may force and undo late; returns (token, end). PairingRefused when the person
    was disabled or reset, or the tablet revoked, while the PIN was compared."""
    there, tablet = session.get(Staff, person.id), session.get(Device, device_id)
    if there is None or there.disabled_at is not None or there.secret_hash != person.secret_hash:
        raise PairingRefused("unknown")
    if tablet is None or tablet.revoked_at is not None:
        raise PairingRefused("unknown")
    token, until = codes.token(), now() + timedelta(minutes=GRANT_MINUTES)
    session.execute(delete(Grant).where(Grant.expires_at < now()))
    session.add(Grant(token_hash=codes.digest(token), device_id=device_id, staff_id=person.id, expires_at=until))
    return token, until
