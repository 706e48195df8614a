"""Memory of the server's whole process group under load."""
from __future__ import annotations

from contextlib import nullcontext

from bench import meeting, venue
from bench.figures import Goal, Options, Row, missing
from bench.listen import streams
from bench.load import run
from bench.processes import IS_LINUX, memory_mb

CLIENTS = 16


def rows(options: Options) -> list[Row]:
    """PSS after a burst of scans: few people with every stream open, and many people."""
    small = _name(f"{options.people:,} people, {options.streams} streams"), Goal(150)
    large = _name(f"{options.many:,} people"), Goal(400)
    if not IS_LINUX:
        return [missing(name, "needs Linux", goal) for name, goal in (small, large)]
    return [_row(*small, options, options.people, options.streams), _row(*large, options, options.many, 0)]


def _name(what: str) -> str:
    return f"内存 memory, {what}"


def _row(name: str, goal: Goal, options: Options, people: int, watching: int) -> Row:
    with meeting.event(people, cache=options.cache) as place, venue.huiwu(place.folder) as ours, \
            (streams(ours.port, watching) if watching else nullcontext()):
        venue.checked(run(ours.port, CLIENTS, venue.scans(place.badges), options.seconds * 2))
        rss, pss = memory_mb(ours.group)
    return Row(name, pss, "MB", goal=goal, note=f"PSS of all processes, once; RSS {rss:.0f} MB")
