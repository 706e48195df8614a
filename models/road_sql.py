"""The statements of a scan's road, as text, and the little that turns stored values into ours and back.

They run on the driver's own cursor: SQLAlchemy's Core costs 60-80 us a statement here, and one group of scans makes
nine. A list travels as one JSON parameter, so a batch of 500 is one statement as a batch of one is.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from models.facts import Entry

ROWS = 32      # of one INSERT at the most: so many statements stay prepared
_LIST = "(SELECT value FROM json_each(?))"
_PERSON = ("a.id, a.number, a.name, a.name_en, a.organisation, a.post, a.category_key, a.delegation_id, a.state, a.diet, "
           "a.hint, a.seat, a.table_no, a.room, a.vip, a.phone, a.import_id")


def _whole(columns: str, rest: str) -> str:
    """A SELECT whose rows come as one JSON text. The driver lets go of the interpreter at every row it fetches, and
    with many requests waiting for it each of those is a turn to wait for: one row instead of forty a group."""
    return f"SELECT json_group_array(json_array({columns})) {rest}"


_KNOWN = ("seq, id, fingerprint, service_key, station_key, holder, attendee_id, direction, quantity, verdict, reason, "
          "use_no, forced, overrode, conflict, coupon_id, voids, scanned_at, uploaded_at, answer")
LOOK = ("SELECT json_array(plan_revision, roster_revision, epoch, head_floor, (SELECT max(seq) FROM scan), "
        "(SELECT chain FROM scan ORDER BY seq DESC LIMIT 1), "
        f"json(({_whole(_KNOWN, f'FROM scan WHERE id IN {_LIST}')}))) FROM event")
_DID = "seq, id, service_key, scanned_at, station_key, direction, use_no, quantity, coupon_id, voids"
_OF_ONE = _whole(_DID, "FROM scan WHERE verdict = 'accepted' AND holder = a.id")
BY_CODE = _whole(f"b.code, b.id, b.revoked_at, json(({_OF_ONE})), {_PERSON}",
                 f"FROM badge b JOIN attendee a ON a.id = b.attendee_id WHERE b.code IN {_LIST}")
COUPONS = _whole("id, code, service_key, attendee_id, voided_at", f"FROM coupon WHERE code IN {_LIST}")
PEOPLE = _whole(_PERSON, f"FROM attendee a WHERE a.id IN {_LIST}")
HISTORY = _whole(f"holder, {_DID}", f"FROM (SELECT holder, {_DID} FROM scan WHERE verdict = 'accepted' "
                 f"AND holder IN {_LIST} ORDER BY seq)")
HELD = _whole("attendee_id, service_key", f"FROM coupon WHERE voided_at IS NULL AND attendee_id IN {_LIST}")
STARTED = _whole("scan_id", f"FROM print_job WHERE state NOT IN ('queued', 'held', 'cancelled') AND scan_id IN {_LIST}")
MOVED = _whole("scan_id, quantity", f"FROM stock_move WHERE scan_id IN {_LIST}")
TALLY = _whole("service_key, people, uses, refused, inside, stock_moved", "FROM tally")
_UPDATE_TALLY = ("INSERT INTO tally (service_key, people, uses, refused, inside, stock_moved) VALUES {} "
                 "ON CONFLICT (service_key) DO UPDATE SET people = excluded.people, uses = excluded.uses, "
                 "refused = excluded.refused, inside = excluded.inside, stock_moved = excluded.stock_moved")

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


def rows(connection: Connection, sql: str, *lists: Iterable[Any]) -> list[Any]:
    """Runs one of the statements above on the connection's own driver, each list as JSON; values in their order."""
    driver: Any = connection.connection.driver_connection
    text = driver.execute(sql, [msgspec.json.encode(list(one)).decode() for one in lists]).fetchone()[0]
    found: list[Any] = msgspec.json.decode(text)
    return found


def insert(connection: Connection, table: str, made: list[dict[str, Any]]) -> None:
    """Writes rows of the same columns, so many with one statement: each is a turn to wait for, as above."""
    columns = tuple(made[0])
    pick = itemgetter(*columns)
    special = [(at, column) for at, column in enumerate(columns) if column in _JSON or column in _MOMENTS]
    driver: Any = connection.connection.driver_connection
    for start in range(0, len(made), ROWS):
        values: list[Any] = []
        for row in made[start:start + ROWS]:
            picked = list(pick(row))
            for at, column in special:
                picked[at] = stored(column, picked[at])
            values += picked
        driver.execute(_insertion(table, columns, len(values) // len(columns)), values)


@cache
def _insertion(table: str, columns: tuple[str, ...], count: int) -> str:
    places = ", ".join([f"({', '.join('?' * len(columns))})"] * count)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {places}"


def set_tallies(connection: Connection, tallies: list[list[Any]]) -> None:
    """Writes the tallies of services (key, then TALLY's columns in order), with one statement."""
    driver: Any = connection.connection.driver_connection
    places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(tallies))
    driver.execute(_UPDATE_TALLY.format(places), [value for tally in tallies for value in tally])


def stored(column: str, value: Any) -> Any:
    """A value as SQLAlchemy stores it on SQLite (tests compare): a moment as UTC text, JSON columns as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    if column in _JSON:
        return None if value is None else msgspec.json.encode(value).decode()
    return value


def moment(text: str) -> datetime:
    """A stored moment, aware."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def entry(row: Sequence[Any]) -> Entry:
    """What somebody did (a row of BY_CODE's or HISTORY's), as the rules read it."""
    seq, scan_id, service, at, *rest = row
    return Entry(seq, scan_id, service, moment(at), *rest)


def known_row(row: list[Any]) -> KnownRow:
    """A row of KNOWN with its values as ours."""
    values = [*row[:17], moment(row[17]), moment(row[18]), msgspec.json.decode(row[19])]
    found = KnownRow(*values)
    return found._replace(forced=bool(found.forced), conflict=bool(found.conflict))
