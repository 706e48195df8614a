"""A child of admin/apart.py that behaves as a parser does that was led astray: told how on its standard input."""
from __future__ import annotations

import ctypes
import sys

from admin import apart


def astray(told: bytes) -> tuple[bool, bytes]:
    kept = []
    if told == b"fault":
        ctypes.string_at(1)
    while told == b"spin":
        pass
    while told == b"memory":
        kept.append(bytearray(50_000_000))
    if told.startswith(b"mistake"):
        raise ValueError(told.decode())
    return told == b"good", b"said"


if __name__ == "__main__":
    sys.exit(apart.answer(astray))
