"""Masks: what may be shown of a person where many can look on (forms.md, Conventions). Standard library only."""
from __future__ import annotations

import re
import unicodedata

STARS = "***"


def mask_name(name: str) -> str:
    """张* and 张*丰 (first and last of three and more); J*** Smith of a name in Latin letters.

    The length of what is hidden is not told. A single character is hidden whole.
    """
    words = name.split()
    if not words:
        return ""
    if any(unicodedata.category(letter) == "Lo" for letter in name):
        return _mask_han("".join(words))
    first = words[0][0] + STARS
    return first if len(words) == 1 else f"{first} {words[-1]}"


def _mask_han(name: str) -> str:
    if len(name) == 1:
        return "*"
    return name[0] + "*" + (name[-1] if len(name) > 2 else "")


def mask_phone(phone: str) -> str:
    """138****1234; a shorter number shows its last four digits only, one below eight digits nothing."""
    first = next((part for part in re.split(r"[/;,、，；]", phone) if part.strip()), "")
    digits = "".join(digit for digit in first if digit.isdecimal())
    if not digits:
        return ""
    if len(digits) < 8:
        return "****"
    return (digits[:3] if len(digits) > 10 else "") + "****" + digits[-4:]


def mask_id_number(number: str) -> str:
    """110***34: the region it was given in and the last two; of a short number nothing."""
    text = number.strip()
    if not text:
        return ""
    return f"{text[:3]}***{text[-2:]}" if len(text) > 8 else "***"


_MASKS = {"phone": mask_phone, "id_number": mask_id_number}
MASKED = tuple(_MASKS)      # the fields that nobody sees in full before asking


def masked(field: str, text: str) -> str:
    """A roster field's value as it may be shown before anybody asks for it in full."""
    mask = _MASKS.get(field)
    return mask(text) if mask else text
