"""The statements of a scan's road, in the two ways that SQLite and PostgreSQL spell them.

Each answers with all its rows as one JSON text. The driver lets go of the interpreter at every row it fetches, and with
many requests waiting for it each of those is a turn to wait for: one row instead of forty a group.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a database says what they say differently."""

    rows: str                                   # many rows as one array
    row: str                                    # one row as an array
    nested: str                                 # an array inside another
    text: str                                   # an array as text
    json: str                                   # a column of JSON as text
    among: str                                  # in a list that is one parameter
    place: str                                  # a parameter
    list: Callable[[Iterable[Any]], Any]        # such a list as the driver takes it


SPELLINGS = {
    "sqlite": Spelling("json_group_array(json_array({}))", "json_array({})", "json(({}))", "{}", "{}",
                       "IN (SELECT value FROM json_each(?))", "?", lambda one: msgspec.json.encode(list(one)).decode()),
    "postgresql": Spelling("coalesce(json_agg(json_build_array({})), '[]')", "json_build_array({})", "({})", "({})::text",
                           "{}::text", "= ANY(%s)", "%s", list),
}
_PERSON = ("a.id, a.number, a.name, a.name_en, a.organisation, a.post, a.category_key, a.delegation_id, a.state, a.diet, "
           "a.hint, a.seat, a.table_no, a.room, a.vip, a.phone, a.import_id")
_KNOWN = ("seq, id, fingerprint, service_key, station_key, holder, attendee_id, direction, quantity, verdict, reason, "
          "use_no, forced, overrode, conflict, coupon_id, voids, scanned_at, uploaded_at, ")
_DID = "seq, id, service_key, scanned_at, station_key, direction, use_no, quantity, coupon_id, voids"
_UPDATE_TALLY = ("INSERT INTO tally (service_key, people, uses, refused, inside, stock_moved) VALUES {} "
                 "ON CONFLICT (service_key) DO UPDATE SET people = excluded.people, uses = excluded.uses, "
                 "refused = excluded.refused, inside = excluded.inside, stock_moved = excluded.stock_moved")


class Statements(NamedTuple):
    """One SELECT for each thing that gathering asks; `{}` of `set_tallies` are the rows' places."""

    look: str            # revisions, epoch, the ledger's end, and the rows of these scan ids
    by_code: str         # badges of these codes, whose they are and what those did
    coupons: str         # coupons of these codes
    people: str          # people of these ids
    history: str         # what these holders did
    held: str            # which services' coupons these people hold
    started: str         # of these scans, those whose slip has left for a printer
    moved: str           # the stock that these scans moved
    numbers: str         # the last print job's number and the last coupon's id, which the next ones follow
    tally: str
    set_tallies: str


def _spelled(say: Spelling) -> Statements:
    def whole(columns: str, rest: str) -> str:
        return f"SELECT {say.text.format(say.rows.format(columns))} {rest}"

    def inner(columns: str, rest: str) -> str:
        return say.nested.format(f"SELECT {say.rows.format(columns)} {rest}")

    known = inner(_KNOWN + say.json.format("answer"), f"FROM scan WHERE id {say.among}")
    look = say.row.format("plan_revision, roster_revision, epoch, head_floor, (SELECT max(seq) FROM scan), "
                          f"(SELECT chain FROM scan ORDER BY seq DESC LIMIT 1), {known}")
    did = inner(_DID, "FROM scan WHERE verdict = 'accepted' AND holder = a.id")
    return Statements(
        look=f"SELECT {say.text.format(look)} FROM event",
        by_code=whole(f"b.code, b.id, b.revoked_at, {did}, {_PERSON}",
                      f"FROM badge b JOIN attendee a ON a.id = b.attendee_id WHERE b.code {say.among}"),
        coupons=whole("id, code, service_key, attendee_id, voided_at", f"FROM coupon WHERE code {say.among}"),
        people=whole(_PERSON, f"FROM attendee a WHERE a.id {say.among}"),
        history=whole(f"holder, {_DID}", f"FROM (SELECT holder, {_DID} FROM scan WHERE verdict = 'accepted' "
                                         f"AND holder {say.among} ORDER BY seq) did"),
        held=whole("attendee_id, service_key", f"FROM coupon WHERE voided_at IS NULL AND attendee_id {say.among}"),
        started=whole("scan_id", "FROM print_job WHERE state NOT IN ('queued', 'held', 'cancelled') "
                                 f"AND scan_id {say.among}"),
        moved=whole("scan_id, quantity", f"FROM stock_move WHERE scan_id {say.among}"),
        numbers="SELECT " + say.text.format(say.row.format(
            "coalesce((SELECT max(number) FROM print_job), 0), coalesce((SELECT max(id) FROM coupon), 0)")),
        tally=whole("service_key, people, uses, refused, inside, stock_moved", "FROM tally"),
        set_tallies=_UPDATE_TALLY)


STATEMENTS = {name: _spelled(say) for name, say in SPELLINGS.items()}
