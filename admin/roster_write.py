"""Writes what was judged of a roster, in short transactions.

New people are written under an import that is not finished, so nobody sees them; one small transaction at the end
finishes it, and all of them are there at once. An import that was cut off is swept away by the next one.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from admin.roster_insert import COLUMN, Newcomers
from models.database import now
from models.event import touch
from models.names import fold, search_keys
from models.people import Attendee, Badge, Delegation, ImportRun
from models.runtime import Runtime

if TYPE_CHECKING:
    from admin.roster_import import Difference, Verdict

CHANGES = 200          # people changed in one transaction


def write(runtime: Runtime, found: Verdict, keys: Iterable[Mapping[int, str]], file_name: str, actor: str,
          say: Callable[[str, int, int], None]) -> None:
    """Writes a judged roster; all new people are seen at once at the end.

    `keys` are the search keys of everybody in the file by row, in pieces: whoever is new in one is a transaction.
    """
    do = runtime.writer.do
    run_id = do(lambda session: begin(session, file_name, actor))
    said = [*(person.values for person in found.new), *(change.values for change in found.changed)]
    named = dict.fromkeys(values["delegation"] for values in said if "delegation" in values)
    delegations = do(partial(name_delegations, wanted=named))
    numbers = free_numbers(runtime, {person.values["number"] for person in found.new if "number" in person.values})
    newcomers = Newcomers(run_id, set(found.sheet.mapping.values()), next(iter(runtime.plan().categories)), delegations, numbers)
    new, done, total = {person.row: person for person in found.new}, 0, len(found.new) + len(found.changed)
    for piece in keys:
        rows = [newcomers.row(new[row], text) for row, text in piece.items() if row in new]
        if rows:
            do(partial(newcomers.insert, rows=rows))
            done += len(rows)
            say("write", done, total)
    for start in range(0, len(found.changed), CHANGES):
        changes = found.changed[start:start + CHANGES]
        do(partial(change_people, changes=[(change, column_values(change.values, delegations)) for change in changes]))
        done += len(changes)
        say("write", done, total)
    payload = {k: v if isinstance(v, int) else len(v) for k, v in found.payload().items()}
    do(lambda session: finish(session, run_id, payload))


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


def name_delegations(session: Session, wanted: Iterable[str]) -> dict[str, int]:
    """The delegations that the file names, made where they are not there yet: name -> id."""
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


def column_values(values: Mapping[str, Any], delegations: Mapping[str, int]) -> dict[str, Any]:
    """Changed fields as columns; with a name comes how it is compared."""
    found = {COLUMN.get(name, name): value for name, value in values.items()}
    if "delegation_id" in found:
        found["delegation_id"] = delegations[values["delegation"]]
    if "name" in values:
        found["folded"] = fold(values["name"])
    return found


def change_people(session: Session, changes: Iterable[tuple[Difference, Mapping[str, Any]]]) -> None:
    """Changes of people, with their columns. A person who became registered keeps badge, state of use and history."""
    for change, values in changes:
        person = session.get(Attendee, change.attendee_id)
        if person is None:
            continue
        for column, value in values.items():
            setattr(person, "table" if column == "table_no" else column, value)
        if {"name", "name_en"} & change.values.keys():      # a file may bring one of the two
            person.search_keys = search_keys(person.name, person.name_en)
    touch(session, "roster")


def finish(session: Session, run_id: int, outcome: dict[str, int]) -> None:
    """The moment from which everyone new is there."""
    session.execute(update(ImportRun).where(ImportRun.id == run_id).values(finished_at=now(), outcome=outcome))
    touch(session, "roster")
