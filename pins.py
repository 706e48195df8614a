"""PINs and passphrases: argon2, and how many are compared at a time.

Each comparison takes 64 MB and a tenth of a second of one core, on purpose (RFC 9106). Scans need the other core, so
one is under way for strangers at most and one for the people and tablets that we know; a few wait for their turn, and
whoever comes then is told to come again, so that no flood at the sign-in holds the server's threads or keeps a lead
at a tablet waiting.
"""
from __future__ import annotations

import secrets
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import ARGON2_VERSION
from werkzeug.exceptions import ServiceUnavailable

from models.cores import everywhere

LONGEST = 128               # characters of a secret that are looked at
RETRY_SECONDS = 3


class Busy(ServiceUnavailable):
    """Too many secrets wait to be compared already: 503, come again in a moment."""

    def __init__(self) -> None:
        super().__init__(retry_after=RETRY_SECONDS)


class Gate:
    """One at a time; so many may wait."""

    def __init__(self, waiting: int):
        self._places = threading.BoundedSemaphore(1 + waiting)
        self._turn = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for a turn; Busy at once where too many wait."""
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            with self._turn:
                yield
        finally:
            self._places.release()


STRANGERS = Gate(4)          # browsers that nobody knows
HOUSE = Gate(8)              # tablets, browsers that are known, people who are signed in
# One lane: with RFC 9106's four, a comparison would take both cores of a small laptop from the scans for its time.
_hasher = PasswordHasher(parallelism=1)


def _of_nobody() -> str:
    """A hash that no secret has, without the 64 MB and the tenth of a second that a real one takes at each start."""
    salt, digest = (b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (_hasher.salt_len, _hasher.hash_len))
    settings = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${settings}${salt}${digest}"


_NOBODY = _of_nobody()     # compared when the name is unknown, so that both take the same time


def hash_secret(secret: str, gate: Gate = HOUSE) -> str:
    """argon2 of a passphrase or PIN. Busy."""
    with gate.turn(), everywhere():
        return _hasher.hash(secret)


def is_right(hashed: str | None, secret: str, gate: Gate = HOUSE) -> bool:
    """Whether a passphrase or PIN is that of a hash; as slow for nobody's (None) as for somebody's. Busy."""
    try:
        with gate.turn(), everywhere():
            return _hasher.verify(hashed or _NOBODY, secret[:LONGEST]) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


def account(name: str, hashed: str | None) -> str:
    """Under which key tries of a name are counted: a new secret begins anew, so a reset lets a person in at once."""
    return f"{name.strip().casefold()[:80]}|{(hashed or '')[-12:]}"
