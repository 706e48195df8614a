"""Who may undo a scan, and until when. Pure, as the rules are."""
from __future__ import annotations

from datetime import datetime, timedelta

from models.facts import Entry

UNDO_WITHIN = timedelta(minutes=15)   # at the station that scanned (behaviour 33)


def judge_undo(target: Entry, accepted: bool, undone: bool, *, same_station: bool, recorded_at: datetime, at: datetime,
               granted: bool) -> str | None:
    """The reason against undoing a scan, or None: not_undoable, already_undone, not_yours (behaviours 33-35).

    `recorded_at` and `at` are moments of the server's clock, so that a tablet's clock opens no door.
    """
    if not accepted or target.voids is not None:
        return "not_undoable"
    if undone:
        return "already_undone"
    if granted or (same_station and at - recorded_at <= UNDO_WITHIN):
        return None
    return "not_yours"
