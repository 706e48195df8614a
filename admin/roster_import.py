"""A roster into the event: matched with who is there, shown before it is done, written so that scans never wait.

The file is read and checked whole, in a process of its own, before a row is written (admin/roster_write.py).
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import select

from admin import roster_write
from admin.roster_apart import Person, Reading, read_apart
from admin.roster_file import Refusal, Sheet
from admin.roster_insert import COLUMN
from models import leases
from models.names import fold
from models.people import Attendee, visible
from models.runtime import Runtime

SHOWN = 200            # changes and new people shown in a dry run
Progress = Callable[[str, int, int], None]     # stage, done, total

T = TypeVar("T")
_A: Any = Attendee.__table__


class ImportRunning(Exception):
    """Another import of this event is under way."""


class Pace(NamedTuple):
    """How an import goes on: so many people at a time (and in one transaction), and then so many seconds of rest."""

    people: int
    rest: float

    def slowly(self, pieces: Iterable[T]) -> Iterator[T]:
        """The pieces, with a rest after each."""
        for piece in pieces:
            yield piece
            time.sleep(self.rest)


ALONE = Pace(5000, 0.0)             # a command: few commits; beside a server it holds the database for some 50 ms
BESIDE_SCANS = Pace(200, 0.004)     # in the server: a scan gets the interpreter and the writer after a few milliseconds


@dataclass(frozen=True, slots=True)
class Difference:
    """A person already there whom the file changes: field -> (before, after), as words."""

    row: int
    attendee_id: int
    number: str
    name: str
    fields: dict[str, tuple[str, str]]
    values: dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """What an import does, or would do. `said` is what the refused rows say, by their row."""

    sheet: Sheet                    # without its rows
    count: int                      # of people in the file
    new: list[Person] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)
    said: dict[int, dict[str, Any]] = field(default_factory=dict)

    def payload(self) -> dict[str, Any]:
        """The contract's answer."""
        return {
            "new": len(self.new), "changed": len(self.changed), "unchanged": self.unchanged,
            "refused": [{"row": r.row, "error": r.error, "message": r.message} for r in self.refused],
            "columns": self.sheet.mapping, "ignored": self.sheet.ignored}

    def refuse(self, person: Person, error: str, **params: Any) -> None:
        """A person whom the roster does not let in."""
        self.refused.append(Refusal(person.row, error, params))
        self.said[person.row] = person.values


def import_file(runtime: Runtime, source: Path | str | bytes, name: str = "", sheet: str | None = None,
                mapping: Mapping[str, str] | None = None, *, skip_bad: bool = False, progress: Progress | None = None,
                actor: str = "", pace: Pace = ALONE) -> Verdict:
    """Reads, compares and writes a roster. With refused rows nothing is written unless `skip_bad`.

    Raises RosterError for a file that is no roster, ImportRunning beside another import.
    """
    say = progress or (lambda _stage, _done, _total: None)
    say("read", 0, 0)
    # Judged under the lock: nobody else's import comes in between.
    with _reading(runtime, source, name, sheet, mapping, pace) as reading, holding(runtime):
        found = _judge(runtime, reading, pace)
        if (skip_bad or not found.refused) and (found.new or found.changed):
            keys = pace.slowly(reading.search_keys())
            roster_write.write(runtime, found, keys, name or Path(str(source)).name, actor, say)
        return found


def look(runtime: Runtime, source: Path | str | bytes, name: str = "", sheet: str | None = None,
         mapping: Mapping[str, str] | None = None, pace: Pace = ALONE) -> Verdict:
    """What `import_file` would do; nothing is written. Raises RosterError."""
    with _reading(runtime, source, name, sheet, mapping, pace) as reading:
        return _judge(runtime, reading, pace)


def _reading(runtime: Runtime, source: Path | str | bytes, name: str, sheet: str | None,
             mapping: Mapping[str, str] | None, pace: Pace) -> AbstractContextManager[Reading]:
    return read_apart(source, name, sheet, mapping, runtime.plan(fresh=True).categories.values(), pace.people)


def _judge(runtime: Runtime, reading: Reading, pace: Pace) -> Verdict:
    """Who of the file is new, changed, unchanged or refused."""
    roster, taken = Roster(runtime, pace), dict[int, int]()     # while the child opens the file
    found = Verdict(*reading.opening())
    for people in pace.slowly(reading.people()):
        for person in people:
            known = roster.find(person)
            if known is None:
                found.new.append(person)
            elif isinstance(known, str):
                found.refuse(person, known)
            elif known.id in taken:
                found.refuse(person, "duplicate", first=taken[known.id])
            else:
                taken[known.id] = person.row
                difference = roster.compare(person, known)
                found.unchanged += difference is None
                found.changed += [difference] if difference else []
    refused, said = reading.closing()
    found.refused = sorted([*found.refused, *refused], key=lambda refusal: refusal.row)
    found.said |= said
    return found


class Roster:
    """Who is there already, by what the file may know them by."""

    def __init__(self, runtime: Runtime, pace: Pace):
        self.delegations = runtime.plan().delegations
        self._number: dict[str, Any] = {}
        self._phone: dict[tuple[str, str], list[Any]] = {}
        self._unit: dict[tuple[str, str], list[Any]] = {}
        with runtime.connection() as connection:
            for rows in pace.slowly(connection.execute(select(_A).where(visible())).partitions(pace.people)):
                for row in rows:
                    self._number[row.number] = row
                    if row.phone:
                        self._phone.setdefault((row.phone, row.folded), []).append(row)
                    self._unit.setdefault((row.folded, fold(row.organisation)), []).append(row)

    def find(self, person: Person) -> Any:
        """Who this is (api.md: by number, else phone and name, else name and organisation).

        None for somebody new; the word "ambiguous" where two people fit.
        """
        if number := person.values.get("number"):
            return self._number.get(number)
        if phone := person.values.get("phone"):
            fits = self._phone.get((phone, person.name), ())
        else:
            fits = self._unit.get((person.name, person.unit), ())
        return "ambiguous" if len(fits) > 1 else fits[0] if fits else None

    def compare(self, row: Person, person: Any) -> Difference | None:
        """What the row changes; an empty cell erases nothing."""
        fields: dict[str, tuple[str, str]] = {}
        for name, value in row.values.items():
            before = self._before(name, person)
            if value not in ("", None) and before != value:
                fields[name] = (str(before), str(value))
        if not fields:
            return None
        values = {name: row.values[name] for name in fields}
        return Difference(row.row, person.id, person.number, person.name, fields, values)

    def _before(self, name: str, person: Any) -> Any:
        if name == "delegation":
            return self.delegations.get(person.delegation_id, "")
        return getattr(person, COLUMN.get(name, name))


@contextmanager
def holding(runtime: Runtime) -> Iterator[None]:
    """One import at a time."""
    with leases.importing(runtime.engine, runtime.data) as held:
        if not held:
            raise ImportRunning
        yield
