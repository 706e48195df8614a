"""How new people get into the database: few statements with many rows each, run on the driver itself.

In the server each statement is a turn to wait for the interpreter (models/road_statements.py). What the file has no
column for stands in the statement and not in each row: of 25 columns a roster brings eight.
"""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, cast

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from admin.roster_apart import Person
from models import codes, road_sql
from models.database import now
from models.people import Attendee
from models.road_statements import SPELLINGS

ROWS = 32                                    # of one statement at the most: it is prepared once
COLUMN = {"table": "table_no", "category": "category_key", "delegation": "delegation_id"}
_OURS = ("number", "delegation_id", "folded", "search_keys")         # of each row, before what the file says
_DEFAULTS = {"vip": False, "state": "registered"}
_IN_SQL = {"vip": "FALSE", "state": "'registered'"}
_BADGE = "({0}, (SELECT id FROM attendee WHERE number = {0}), {0})"


class Newcomers:
    """The new people of one import. `fields` are those that its file has columns for; `fallback` is the category of
    whoever has none there, `delegations` name -> id."""

    def __init__(self, run_id: int, fields: Collection[str], fallback: str, delegations: Mapping[str, int],
                 numbers: Iterator[str]):
        defaults = {name: _DEFAULTS.get(name, "") for name in ("name", *fields) if COLUMN.get(name, name) not in _OURS}
        defaults["category"] = fallback
        self._fields, self._defaults = tuple(defaults), tuple(defaults.values())
        self._delegations, self._numbers = delegations, numbers
        brought = [*_OURS, *(COLUMN.get(name, name) for name in defaults)]
        others = [column.name for column in Attendee.__table__.columns if column.name not in (*brought, "id", "import_id")]
        self._columns = ", ".join([*brought, "import_id", *others])
        self._row = ", ".join([*["{0}"] * len(brought), str(run_id), *(_IN_SQL.get(name, "''") for name in others)])

    def row(self, person: Person, keys: str) -> list[Any]:
        """A person's values, as `insert` takes them."""
        said = person.values.get
        delegation = said("delegation")
        return [said("number") or next(self._numbers), self._delegations[delegation] if delegation else None, person.name, keys,
                *map(said, self._fields, self._defaults)]

    def insert(self, session: Session, rows: list[list[Any]]) -> None:
        """Writes them, each with a badge."""
        # The writer's own connection: in a savepoint of the session's, SQLite would copy each page before it is changed.
        connection = cast(Connection, session.get_bind())
        driver: Any = connection.connection.driver_connection
        place, at = SPELLINGS[connection.dialect.name].place, road_sql.stored("issued_at", now())
        people, badges = f"({self._row})".format(place), _BADGE.format(place)
        for start in range(0, len(rows), ROWS):
            some = rows[start:start + ROWS]
            driver.execute(f"INSERT INTO attendee ({self._columns}) VALUES {', '.join([people] * len(some))}",  # noqa: S608
                           list(chain.from_iterable(some)))
            issued = zip(codes.many(codes.BADGE, len(some)), [row[0] for row in some], repeat(at))
            driver.execute(f"INSERT INTO badge (code, attendee_id, issued_at) VALUES {', '.join([badges] * len(some))}",  # noqa: S608
                           list(chain.from_iterable(issued)))
