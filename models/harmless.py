"""Texts in spreadsheets that no program runs as a formula, and that come back through the import as they were.

Excel, WPS and LibreOffice take a cell of a csv that begins with = + - @, or with a tab or a line end before them, for a
formula (OWASP, CSV Injection); full-width signs count, since Chinese input methods type them. Such a text gets an
apostrophe before it, which the import takes off again. One that has apostrophes already gets one more, in an xlsx too:
else the import would take its own.
"""
from __future__ import annotations

import re
from typing import Any

FORMULA = r"[\s\ufeff\x00]*[=+\-@＝＋－＠﹦﹢﹣﹫\t\r]"
_STARTS = re.compile(f"'*{FORMULA}")
_QUOTED = re.compile(f"'+{FORMULA}")


def harmless(value: Any) -> Any:
    """A value for a cell of a csv."""
    return "'" + value if isinstance(value, str) and _STARTS.match(value) else value


def unmistaken(value: str) -> str:
    """A text for a text cell of an xlsx, which runs nothing: only an apostrophe of its own is kept from being taken off."""
    return "'" + value if _QUOTED.match(value) else value
