"""The tablets that scan in the bench, and where: what ours and the references agree on. It loads nothing of ours."""
from __future__ import annotations

TABLETS = 64
SCREENS = 40            # beside them: a device has six live streams at most
SERVICES = ("signin", "bag", "gift", "lunch", "tea", "dinner", "supper", "s1")     # open now; the past ones have closed


def screen(number: int) -> str:
    """What the big screen of this number asks for its live stream with."""
    return f"bench-screen-{number}"


def token(tablet: int) -> str:
    """What the tablet of this number signs its requests with."""
    return f"bench-tablet-{tablet}"
