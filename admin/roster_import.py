"""A roster into the event: matched with who is there, shown before it is done, written so that scans never wait.

The file is read and checked whole before a row is written. New people are written in short chunks under an import
that is not finished, so nobody sees them; one small transaction at the end finishes it, and all of them are there at
once. An import that was cut off is swept away by the next one.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from admin.roster_apart import read_apart
from admin.roster_file import Refusal, RosterRow, Sheet, check
from models import codes, leases
from models.database import now
from models.event import touch
from models.names import fold, search_keys
from models.people import Attendee, Badge, Delegation, ImportRun, visible
from models.runtime import Runtime

CHUNK = 500            # rows in one transaction: a few milliseconds between scans
SHOWN = 200            # changes and new people shown in a dry run
Progress = Callable[[str, int, int], None]     # stage, done, total

_COLUMN = {"table": "table", "category": "category_key", "delegation": "delegation_id"}
_A: Any = Attendee.__table__


class ImportRunning(Exception):
    """Another import of this event is under way."""


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
    """What an import does, or would do."""

    sheet: Sheet
    new: list[RosterRow] = field(default_factory=list)
    changed: list[Difference] = field(default_factory=list)
    unchanged: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def payload(self) -> dict[str, Any]:
        """The contract's answer."""
        return {
            "new": len(self.new), "changed": len(self.changed), "unchanged": self.unchanged,
            "refused": [{"row": r.row, "error": r.error, "message": r.message} for r in self.refused],
            "columns": self.sheet.mapping, "ignored": self.sheet.ignored}


def import_file(runtime: Runtime, source: Path | str | bytes, name: str = "", sheet: str | None = None,
                mapping: Mapping[str, str] | None = None, *, skip_bad: bool = False, dry_run: bool = False,
                progress: Progress | None = None, actor: str = "") -> Verdict:
    """Reads, compares and (unless `dry_run`) writes a roster. With refused rows nothing is written unless `skip_bad`.

    Raises RosterError for a file that is no roster, ImportRunning beside another import.
    """
    say = progress or (lambda _stage, _done, _total: None)
    say("read", 0, 0)
    roster = read_apart(source, name, sheet, mapping)
    if dry_run:
        return judge(runtime, roster)
    with holding(runtime):               # judged under the lock: nobody else's import comes in between
        found = judge(runtime, roster)
        if (skip_bad or not found.refused) and (found.new or found.changed):
            write(runtime, found, name or Path(str(source)).name, actor, say)
        return found


def judge(runtime: Runtime, sheet: Sheet) -> Verdict:
    """Who of the file is new, changed, unchanged or refused; nothing is written."""
    good, refused = check(sheet.rows, list(runtime.plan(fresh=True).categories.values()))
    found, roster = Verdict(sheet, refused=list(refused)), Roster(runtime)
    taken: dict[int, int] = {}
    for row in good:
        known = roster.find(row.values)
        if isinstance(known, str):
            found.refused.append(Refusal(row.row, known))
        elif known is None:
            found.new.append(row)
        elif known.id in taken:
            found.refused.append(Refusal(row.row, "duplicate", {"first": taken[known.id]}))
        else:
            taken[known.id] = row.row
            difference = roster.compare(row, known)
            found.unchanged += difference is None
            found.changed += [difference] if difference else []
    found.refused.sort(key=lambda refusal: refusal.row)
    return found


class Roster:
    """Who is there already, by what the file may know them by."""

    def __init__(self, runtime: Runtime):
        self.delegations = runtime.plan().delegations
        self._number: dict[str, Any] = {}
        self._phone: dict[tuple[str, str], list[Any]] = {}
        self._unit: dict[tuple[str, str], list[Any]] = {}
        with runtime.connection() as connection:
            for row in connection.execute(select(_A).where(visible())):
                self._number[row.number] = row
                if row.phone:
                    self._phone.setdefault((row.phone, row.folded), []).append(row)
                self._unit.setdefault((row.folded, fold(row.organisation)), []).append(row)

    def find(self, values: Mapping[str, Any]) -> Any:
        """The person of these values (api.md: by number, else phone and name, else name and organisation).

        None for somebody new; the word "ambiguous" where two people fit.
        """
        if number := values.get("number"):
            return self._number.get(number)
        name = fold(values["name"])
        if phone := values.get("phone"):
            fits = self._phone.get((phone, name), [])
        else:
            fits = self._unit.get((name, fold(values.get("organisation", ""))), [])
        return "ambiguous" if len(fits) > 1 else fits[0] if fits else None

    def compare(self, row: RosterRow, person: Any) -> Difference | None:
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
        return getattr(person, {"table": "table_no"}.get(name, _COLUMN.get(name, name)))


def write(runtime: Runtime, found: Verdict, file_name: str, actor: str, say: Progress) -> None:
    """Writes a judged roster in short chunks; all new people are seen at once at the end."""
    run_id = runtime.writer.do(lambda session: begin(session, file_name, actor))
    delegations = runtime.writer.do(lambda session: name_delegations(session, found))
    numbers = free_numbers(runtime, {row.values["number"] for row in found.new if row.values.get("number")})
    fallback = next(iter(runtime.plan().categories))
    total, done = len(found.new) + len(found.changed), 0
    for chunk in chunks(found.new):
        rows = [attendee_row(row.values, numbers, delegations, fallback, run_id) for row in chunk]
        runtime.writer.do(partial(insert_people, rows=rows))
        done += len(chunk)
        say("write", done, total)
    for changes in chunks(found.changed):
        values = [(change.attendee_id, column_values(change.values, delegations), change) for change in changes]
        runtime.writer.do(partial(change_people, changes=values))
        done += len(changes)
        say("write", done, total)
    payload = {k: v if isinstance(v, int) else len(v) for k, v in found.payload().items()}
    runtime.writer.do(lambda session: finish(session, run_id, payload))


def begin(session: Session, file_name: str, actor: str) -> int:
    """Opens an import; sweeps away what one that was cut off left behind (we hold the lock: nobody else is at it)."""
    dead = select(ImportRun.id).where(ImportRun.finished_at.is_(None))
    people = select(Attendee.id).where(Attendee.import_id.in_(dead))
    session.execute(delete(Badge).where(Badge.attendee_id.in_(people)))
    session.execute(delete(Attendee).where(Attendee.import_id.in_(dead)))
    session.execute(update(ImportRun).where(ImportRun.finished_at.is_(None))
                    .values(finished_at=now(), outcome={"cut_off": True}))
    run = ImportRun(file_name=file_name, started_at=now(), actor=actor)
    session.add(run)
    session.flush()
    touch(session, "roster")
    return run.id


def name_delegations(session: Session, found: Verdict) -> dict[str, int]:
    """The delegations that the file names, made where they are not there yet: name -> id."""
    wanted = dict.fromkeys(row.values["delegation"] for row in found.new if row.values.get("delegation"))
    wanted |= dict.fromkeys(d.values["delegation"] for d in found.changed if d.values.get("delegation"))
    there = {row.name: row.id for row in session.execute(select(Delegation.name, Delegation.id))}
    new = [{"name": name} for name in wanted if name not in there]
    if new:
        session.execute(insert(Delegation), new)
        there = {row.name: row.id for row in session.execute(select(Delegation.name, Delegation.id))}
    return there


def free_numbers(runtime: Runtime, given: set[str]) -> Iterator[str]:
    """Badge numbers for people without one: five digits, not given to anybody here or in the file."""
    with runtime.connection() as connection:
        taken = set(connection.execute(select(Attendee.number)).scalars()) | given
    candidate = 1
    while True:
        number = f"{candidate:05d}"
        candidate += 1
        if number not in taken:
            yield number


def attendee_row(values: Mapping[str, Any], numbers: Iterator[str], delegations: Mapping[str, int], fallback: str,
                 run_id: int) -> dict[str, Any]:
    """One new person's columns."""
    row: dict[str, Any] = {column.name: "" for column in _A.columns if column.name not in ("id", "vip", "delegation_id")}
    row |= {"vip": False, "delegation_id": None, "state": "registered", "category_key": fallback, "import_id": run_id}
    row |= {("table_no" if name == "table" else name): value
            for name, value in column_values(values, delegations).items()}
    row["number"] = row["number"] or next(numbers)
    return row


def column_values(values: Mapping[str, Any], delegations: Mapping[str, int]) -> dict[str, Any]:
    """Roster fields as an attendee's attributes; with a name come the keys it is found by."""
    found = {_COLUMN.get(name, name): value for name, value in values.items()}
    if "delegation_id" in found:
        found["delegation_id"] = delegations[values["delegation"]]
    if "name" in values:
        found["folded"] = fold(values["name"])
        found["search_keys"] = search_keys(values["name"], values.get("name_en", ""))
    return found


def insert_people(session: Session, rows: list[dict[str, Any]]) -> None:
    """A chunk of new people, each with a badge."""
    session.execute(insert(_A), rows)
    by_number = {row.number: row.id for row in session.execute(
        select(_A.c.number, _A.c.id).where(_A.c.number.in_([row["number"] for row in rows])))}
    session.execute(insert(Badge), [{"code": codes.new(codes.BADGE), "attendee_id": by_number[row["number"]],
                                     "issued_at": now()} for row in rows])


def change_people(session: Session, changes: Iterable[tuple[int, dict[str, Any], Difference]]) -> None:
    """A chunk of changes. A person who became registered keeps badge, state of use and history."""
    for attendee_id, values, change in changes:
        person = session.get(Attendee, attendee_id)
        if person is None:
            continue
        for name, value in values.items():
            setattr(person, name, value)
        if {"name", "name_en"} & change.values.keys():      # a file may bring one of the two
            person.search_keys = search_keys(person.name, person.name_en)
    touch(session, "roster")


def finish(session: Session, run_id: int, outcome: dict[str, int]) -> None:
    """The moment from which everyone new is there."""
    session.execute(update(ImportRun).where(ImportRun.id == run_id).values(finished_at=now(), outcome=outcome))
    touch(session, "roster")


def chunks(rows: list[Any]) -> Iterator[list[Any]]:
    """The rows by the chunk."""
    for start in range(0, len(rows), CHUNK):
        yield rows[start:start + CHUNK]


@contextmanager
def holding(runtime: Runtime) -> Iterator[None]:
    """One import at a time."""
    with leases.importing(runtime.engine, runtime.data) as held:
        if not held:
            raise ImportRunning
        yield
