"""Running the statements of a scan's road (models/road_statements.py), and the little that turns stored values into ours.

They run on the driver's own cursor: SQLAlchemy's Core costs 60-80 us a statement here, and one group of scans makes
nine. A list travels as one parameter, so a batch of 500 is one statement as a batch of one is.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from models.facts import Entry
from models.road_statements import SPELLINGS, STATEMENTS

ROWS = 32      # of one INSERT at the most: so many statements stay prepared
_JSON = frozenset({"answers", "answer", "content"})
_MOMENTS = frozenset({"scanned_at", "uploaded_at", "created_at", "issued_at", "at"})


class Now(NamedTuple):
    """The event's revisions and the ledger's end, read at the start of a transaction."""

    plan_revision: int
    roster_revision: int
    epoch: str
    head_floor: int
    head: int | None
    chain: str | None


class KnownRow(NamedTuple):
    """A ledger row met again: a repeat, or what is to be undone."""

    seq: int
    id: str
    fingerprint: str
    service_key: str
    station_key: str
    holder: int | None
    attendee_id: int | None
    direction: str | None
    quantity: int
    verdict: str
    reason: str | None
    use_no: int | None
    forced: bool
    overrode: str | None
    conflict: bool
    coupon_id: int | None
    voids: int | None
    scanned_at: datetime
    uploaded_at: datetime
    answer: Mapping[str, Any]


def rows(connection: Connection, name: str, *lists: Iterable[Any]) -> list[Any]:
    """Runs the statement of a name (a field of Statements) on the connection's own driver; values in their order."""
    driver: Any = connection.connection.driver_connection
    dialect = connection.dialect.name
    listed = SPELLINGS[dialect].list
    text = driver.execute(getattr(STATEMENTS[dialect], name), [listed(one) for one in lists]).fetchone()[0]
    found: list[Any] = msgspec.json.decode(text)
    return found


def insert(connection: Connection, table: str, made: list[dict[str, Any]]) -> None:
    """Writes rows of the same columns, so many with one statement: each is a turn to wait for, as above."""
    columns = tuple(made[0])
    pick = itemgetter(*columns)
    special = [(at, column) for at, column in enumerate(columns) if column in _JSON or column in _MOMENTS]
    driver: Any = connection.connection.driver_connection
    place = SPELLINGS[connection.dialect.name].place
    for start in range(0, len(made), ROWS):
        values: list[Any] = []
        for row in made[start:start + ROWS]:
            picked = list(pick(row))
            for at, column in special:
                picked[at] = stored(column, picked[at])
            values += picked
        driver.execute(_insertion(table, columns, len(values) // len(columns), place), values)


@cache
def _insertion(table: str, columns: tuple[str, ...], count: int, place: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {_places(len(columns), count, place)}"


@cache
def _places(columns: int, count: int, place: str) -> str:
    return ", ".join([f"({', '.join([place] * columns)})"] * count)


def set_tallies(connection: Connection, tallies: list[list[Any]]) -> None:
    """Writes the tallies of services (key, then the tally's columns in order), with one statement."""
    driver: Any = connection.connection.driver_connection
    dialect = connection.dialect.name
    places = _places(len(tallies[0]), len(tallies), SPELLINGS[dialect].place)
    driver.execute(STATEMENTS[dialect].set_tallies.format(places), [value for tally in tallies for value in tally])


def stored(column: str, value: Any) -> Any:
    """A value as SQLAlchemy stores it (tests compare): a moment as UTC text, JSON columns as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ", "microseconds")[:-6]      # without +00:00
    if column in _JSON:
        return None if value is None else msgspec.json.encode(value).decode()
    return value


def moment(text: str) -> datetime:
    """A stored moment, aware."""
    return datetime.fromisoformat(text + "+00:00")


def entry(row: Sequence[Any]) -> Entry:
    """What somebody did (a row of `history`, or inside one of `by_code`), as the rules read it."""
    seq, scan_id, service, at, station, *rest = row
    return Entry(seq, scan_id, intern(service), moment(at), intern(station), *rest)     # a few words, kept by the thousand


def known_row(row: list[Any]) -> KnownRow:
    """A row of `look`'s with its values as ours."""
    values = [*row[:17], moment(row[17]), moment(row[18]), msgspec.json.decode(row[19])]
    found = KnownRow(*values)
    return found._replace(forced=bool(found.forced), conflict=bool(found.conflict))
