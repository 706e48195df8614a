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
