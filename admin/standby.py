"""What a replacement laptop needs besides the event's file, as it lies beside the backups: the address that tablets know,
and the authority whose certificate they trust.

Without that authority each tablet would have to install another certificate while people wait. Its key could speak for the
laptop to every tablet, so it never lies on a stick as it is: it is sealed with each coordinator's passphrase, at the
moment that it was typed and found right (AES-256-GCM under argon2id, the cost of the passphrase's own hash, which is
in the backup beside it: the seal is no easier to guess). A passphrase that was changed, or a person who was disabled,
opens nothing on sticks written afterwards.
"""
from __future__ import annotations

import hashlib
import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from argon2.low_level import Type, hash_secret_raw
from sqlalchemy import select

from kiosk.pairing import served_at
from models.cores import everywhere
from models.files import AUTHORITY, AUTHORITY_FOLDER, AUTHORITY_KEY, FILE_MODE, private_folder, replacing, stamped
from models.people import Staff
from models.runtime import Runtime
from pins import HOUSE, LONGEST, Busy, Gate

log = logging.getLogger("huiwu.standby")
SEALED = "sealed"               # of https/: one file for each coordinator
LARGEST = 1 << 20               # bytes of the papers that are read: a seal takes less than 4,000
COST = {"time_cost": 3, "memory_cost": 65_536, "parallelism": 1}    # as pins.py compares by


class Sealed(msgspec.Struct):
    """An authority's key under one passphrase; `of` tells which (a digest of its hash), never whose."""

    of: str
    authority: str
    salt: bytes
    nonce: bytes
    key: bytes


class Papers(msgspec.Struct):
    """What lies beside the backups; all of it may be missing, then tablets install the new laptop's certificate."""

    url: str = ""
    authority: str = ""
    sealed: list[Sealed] = []


def seal(data: Path, secret_hash: str, passphrase: str, gate: Gate = HOUSE) -> None:
    """Seals the authority's key with a coordinator's passphrase that was just found right, once for each. Nothing that
    goes wrong here keeps anybody from signing in."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        authority = (data / AUTHORITY_FOLDER / AUTHORITY).read_text()
        of = _of(secret_hash)
        file = data / AUTHORITY_FOLDER / SEALED / f"{of}.json"
        if file.exists() and msgspec.json.decode(file.read_bytes(), type=Sealed).authority == authority:
            return
        salt, nonce = os.urandom(16), os.urandom(12)
        with gate.turn():
            under = _under(passphrase, salt)
        key = AESGCM(under).encrypt(nonce, (data / AUTHORITY_FOLDER / AUTHORITY_KEY).read_bytes(), authority.encode())
        private_folder(file.parent)
        with replacing(file, private=True) as beside:
            beside.write_bytes(msgspec.json.encode(Sealed(of, authority, salt, nonce, key)))
    except (FileNotFoundError, Busy):
        return                      # plain http: nothing to seal; or too many sign in at once: at the next time
    except (OSError, ValueError, msgspec.DecodeError) as error:
        log.warning("the authority was not sealed: %s", type(error).__name__)


def papers(runtime: Runtime) -> dict[str, Any]:
    """What goes beside the backups now: seals of today's coordinators only."""
    with runtime.connection() as connection:
        hashes = connection.execute(select(Staff.secret_hash).where(
            Staff.role == "coordinator", Staff.disabled_at.is_(None))).scalars().all()
    wanted = {_of(one) for one in hashes}
    authority, sealed = "", []
    try:
        authority = (runtime.data / AUTHORITY_FOLDER / AUTHORITY).read_text()
        for file in sorted((runtime.data / AUTHORITY_FOLDER / SEALED).glob("*.json")):
            one = msgspec.json.decode(file.read_bytes(), type=Sealed)
            if one.of in wanted and one.authority == authority:
                sealed.append(one)
            elif one.of not in wanted:
                file.unlink(missing_ok=True)
    except (OSError, ValueError, msgspec.DecodeError):
        pass                        # plain http, or before the first start: no authority to carry
    made: dict[str, Any] = msgspec.to_builtins(Papers(served_at(runtime.data), authority, sealed))
    return made


def read(folder: Path, event: str) -> Papers | None:
    """The papers beside an event's backups; None if there are none that can be read."""
    path = folder / f"huiwu-{event}-laptop.json"
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        return msgspec.json.decode(path.read_bytes(), type=Papers)
    except (OSError, ValueError, msgspec.DecodeError):
        return None


def needs_passphrase(data: Path, found: Papers) -> bool:
    """Whether the authority lies sealed there and is not this laptop's already."""
    return bool(found.sealed) and not _is_here(data, found)


def _is_here(data: Path, found: Papers) -> bool:
    try:
        return (data / AUTHORITY_FOLDER / AUTHORITY).read_text() == found.authority and (data / AUTHORITY_FOLDER / AUTHORITY_KEY).exists()
    except OSError:
        return False


def unseal(found: Papers, passphrase: str) -> bytes | None:
    """The authority's key, if the passphrase is one of those it was sealed with."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    for one in found.sealed:
        try:
            return AESGCM(_under(passphrase, one.salt)).decrypt(one.nonce, one.key, found.authority.encode())
        except InvalidTag:
            continue
    return None


def take_over(data: Path, found: Papers, key: bytes, at: datetime) -> None:
    """Makes the authority this laptop's; another one that was here stays in a folder beside. OSError."""
    here = data / AUTHORITY_FOLDER
    if here.exists():
        here.rename(stamped(data, f"{AUTHORITY_FOLDER}-before-restore", at, ""))
    private_folder(here)
    for name, content in ((AUTHORITY_KEY, key), (AUTHORITY, found.authority.encode())):
        with replacing(here / name, private=True) as beside:
            beside.touch(FILE_MODE)
            beside.write_bytes(content)


def _of(secret_hash: str) -> str:
    return hashlib.sha256(f"seal {secret_hash}".encode()).hexdigest()[:16]


def _under(passphrase: str, salt: bytes) -> bytes:
    with everywhere():
        return hash_secret_raw(passphrase[:LONGEST].encode(), salt, hash_len=32, type=Type.ID, **COST)
