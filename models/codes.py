"""Codes: one type letter and 20 Crockford base32 characters, upper case (100 random bits).

Only `0-9A-Z` survives keyboard layouts and input methods; Crockford leaves out I, L, O, U.
"""
from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BADGE, COUPON, SLIP = "B", "C", "S"
LENGTH = 21
_RANDOM = LENGTH - 1
_LETTERS = (ALPHABET * 8).encode()                       # a random byte's letter: 8 bytes for each, so all are as likely
_CODE = re.compile(rf"[BCS][{ALPHABET}]{{20}}")
_PREFIX = re.compile(r"^\][A-Za-z][0-9A-Za-z]")          # AIM symbology identifier, ISO/IEC 15424
_ECI = re.compile(r"^\\[0-9]{6}")                        # ECI escape that wedge scanners put before the data


def new(letter: str) -> str:
    """A new secret code of a kind."""
    return many(letter, 1)[0]


def many(letter: str, count: int) -> list[str]:
    """So many new codes; the system is asked for randomness once, which for a roster is the larger part."""
    text = secrets.token_bytes(_RANDOM * count).translate(_LETTERS).decode()
    return [letter + text[at:at + _RANDOM] for at in range(0, len(text), _RANDOM)]


def clean(raw: str) -> str:
    """What a scanner sent, without symbology and ECI prefixes, control characters, blanks, and in upper case."""
    if is_code(raw):
        return raw          # as nearly every scan is
    text = unicodedata.normalize("NFKC", raw)
    text = "".join(c for c in text if c.isprintable()).strip()
    text = _ECI.sub("", _PREFIX.sub("", text))
    return text.replace(" ", "").upper()


def is_code(text: str) -> bool:
    """Whether a cleaned text has the form of one of our codes (it may still be unknown)."""
    return _CODE.fullmatch(text) is not None


def token() -> str:
    """A bearer token for a device, a session or a grant (256 bits)."""
    return secrets.token_urlsafe(32)


def digest(text: str) -> str:
    """How a token or a pairing code is stored: SHA-256, hex. They are random, so no slow hash is needed."""
    return hashlib.sha256(text.encode()).hexdigest()
