"""What ins and outs add up to: stays, minutes, late, early, absent. Pure, as the rules are.

Pairs are made by the times of the scans, so an out that was uploaded before its in comes out right (behaviour 29).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.facts import IN, OUT, Entry, Service
from models.history import passages, standing


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay in a session. `closed_by`: out, moved (went into an overlapping session), ends, or none."""

    came: datetime
    left: datetime | None
    closed_by: str

    @property
    def length(self) -> timedelta:
        """How long it was; nothing where the rule does not count a forgotten out."""
        return self.left - self.came if self.left and self.left > self.came else timedelta(0)


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person at one session. `status`: present, late, early, late_early, absent, on_leave."""

    status: str
    stays: tuple[Stay, ...] = ()
    late: timedelta = timedelta(0)
    early: timedelta = timedelta(0)
    assumed_out: bool = False       # the out was forgotten and the session's rule closed the stay

    @property
    def length(self) -> timedelta:
        """Time inside, all stays together."""
        return sum((stay.length for stay in self.stays), timedelta(0))


def stays(session: Service, services: Mapping[str, Service], history: Iterable[Entry]) -> list[Stay]:
    """The stays of one holder in a session, by the times of the scans."""
    found: list[Stay] = []
    came: datetime | None = None
    for entry in passages(session, services, standing(history)):
        here = entry.service == session.key
        if came is None and here and entry.direction == IN:
            came = entry.at
        elif came is not None and (not here or entry.direction == OUT):
            found.append(Stay(came, entry.at, "out" if here else "moved"))
            came = None
    if came is not None:
        found.append(_left_open(session, came))
    return found


def attendance(session: Service, services: Mapping[str, Service], history: Iterable[Entry],
               on_leave: bool = False) -> Attendance:
    """Tells late, early leave, absent and on leave apart by the session's own minutes (behaviours 30, 32)."""
    found = stays(session, services, history)
    if not found:
        return Attendance("on_leave" if on_leave else "absent")
    assumed = found[-1].closed_by in ("ends", "none")
    late = _beyond(found[0].came, session.starts, session.late_after)
    early = timedelta(0)
    if session.ends and found[-1].closed_by in ("out", "moved") and found[-1].left:
        early = max(session.ends - found[-1].left, timedelta(0))
    words = [word for word, minutes in (("late", late), ("early", early)) if minutes]
    return Attendance("_".join(words) or "present", tuple(found), late, early, assumed)


def _left_open(session: Service, came: datetime) -> Stay:
    if session.missing_out == "ends" and session.ends:
        return Stay(came, max(session.ends, came), "ends")
    return Stay(came, None, "none")


def _beyond(came: datetime, starts: datetime | None, grace: timedelta) -> timedelta:
    if starts is None or came <= starts + grace:
        return timedelta(0)
    return came - starts
