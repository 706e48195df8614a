"""As hostile_child, but it goes astray between two pieces of what it says."""
from __future__ import annotations

import sys
from collections.abc import Iterator

from admin import apart
from tests.hostile_child import astray


def _pieces(told: bytes) -> Iterator[bytes]:
    yield b"one"
    yield astray(told)[1]


if __name__ == "__main__":
    sys.exit(apart.tell(_pieces))
