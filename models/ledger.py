"""The ledger: the only writer of scans. Gather, decide, write, in one transaction for a batch.

`Ledger.batch` is what the writer runs. It judges the batch in the order given, folding each decision into the facts
of the next, and writes everything with one INSERT a table. After the commit `published` tells the counters.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, case, func, select, update
from sqlalchemy.engine import Connection

from models import chain, road_sql, rules
from models.asks import Answer, Found, Outcome, Problem, Request, ScanRequest, UndoRequest
from models.counts import Change, Counts
from models.event import Event
from models.facts import ACCEPTED, REFUSED, Ask, Entry
from models.gather import Gathered, gather
from models.kept import Kept
from models.scan_row import said_of, scan_row, undo_row
from models.scans import PrintJob, Scan
from models.slips import Births
from models.snapshot import Memory, Snapshot, StationView
from models.tallies import Tallies
from models.undo import judge_undo
from models.writer import Writer

CLOCKS_AGREE = timedelta(seconds=2)      # below this a tablet's offset is the network's delay
_LAST = select(func.coalesce(func.max(Scan.seq), 0)).scalar_subquery()
_HEAD = select(case((Event.head_floor < _LAST, _LAST), else_=Event.head_floor))


@dataclass(slots=True)
class Batch:
    """One transaction's work: facts as they fold forward, rows as they gather."""

    facts: Gathered
    births: Births
    tallies: Tallies
    chain: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    moves: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    answered: dict[str, tuple[str, Answer]] = field(default_factory=dict)   # scan id -> fingerprint, answer


class Ledger:
    """Judges and records. One per process; `writer` runs it and everything else that writes."""

    def __init__(self, engine: Engine):
        self.memory = Memory()
        self.counts = Counts(self.memory)
        self._kept = Kept()
        self.writer = Writer(engine, self.batch)
        self.writer.after_commit(self._published)
        self.writer.after_failure(self._forgotten)
        self._changes: tuple[list[Change], int, int] | None = None
        self._paper: list[Callable[[frozenset[str] | None], None]] = []
        self._printers: frozenset[str] | None = None        # whom the commit gives something to do; None: perhaps anyone

    def record(self, requests: Sequence[Request]) -> list[Outcome]:
        """Judges the requests in order and returns what came of each, once all of it is durable.

        Raises NotRecorded if the disk would not take it; then nothing was written.
        """
        return self.writer.record(list(requests))

    def head(self) -> int:
        """The last seq of the ledger, or where the trial's ended if nothing was recorded since."""
        with self.writer.engine.connect() as connection:
            return connection.execute(_HEAD).scalar_one()

    def batch(self, connection: Connection, requests: list[Request]) -> list[Outcome]:
        """One transaction's worth of requests, of any number of stations."""
        self._changes, self._printers = None, frozenset()
        try:
            return self._judge_all(connection, requests)
        except BaseException:
            self._kept.forget()         # half of the batch was folded into it already
            raise

    def _judge_all(self, connection: Connection, requests: list[Request]) -> list[Outcome]:
        facts = gather(connection, self.memory, requests, self._kept)
        before = facts.head
        work = Batch(facts, Births(connection, facts), Tallies(facts), facts.now.chain or chain.START)
        results = [judge_request(work, request) for request in requests]
        _write(connection, work)
        if work.rows:
            self._kept.move(facts.now, facts.head, work.chain)
        self._changes = work.changes, before, facts.head
        self._printers = frozenset(job["printer_key"] for job in work.births.jobs)
        return [Outcome(result, facts.head, facts.now.epoch) for result in results]

    def _published(self) -> None:
        if self._changes is not None:
            self.counts.apply(*self._changes)
            self._changes = None
        if self._printers is None or self._printers:
            for call in self._paper:
                call(self._printers)
        self._printers = None          # any other write may concern the printers: a plan, an answer, a reprint
        self.counts.stir()

    def _forgotten(self) -> None:
        """What was judged did not reach the disk: the next commit, of whatever, must not publish it."""
        self._changes, self._printers = None, None

    def on_paper(self, call: Callable[[frozenset[str] | None], None]) -> None:
        """Calls this after a commit that gives these printers something to do (None: perhaps any): it must not block."""
        self._paper.append(call)


def judge_request(work: Batch, request: Request) -> Answer | Problem:
    """One request of the batch: a repeat, a problem without a row, or a judgement with one."""
    repeat = _repeat(work, request)
    if repeat is not None:
        return repeat
    device = request.caller.device_id
    if device is not None and device not in work.facts.plan.device_ids:
        return Problem(request.id, "revoked", 401)
    if isinstance(request, UndoRequest):
        return _undo(work, request)
    if _of_the_trial(work.facts.plan, request):
        return Problem(request.id, "of_the_trial", 409)
    station = work.facts.plan.stations.get(request.caller.station)
    if station is None or request.service not in station.services or request.service not in work.facts.plan.services:
        return Problem(request.id, "not_at_this_station", 403)
    if request.force and not request.caller.granted:
        return Problem(request.id, "grant_needed", 403)
    if request.force and work.facts.plan.event.closed_at is not None:
        return Problem(request.id, "event_over", 403)       # nothing overrides that; what tablets hand in late is judged
    if request.force and not (request.note or "").strip():
        return Problem(request.id, "reason_needed", 400, {"field": "reason"})
    return _scan(work, request, station)


def _of_the_trial(plan: Snapshot, request: ScanRequest) -> bool:
    """A scan made before the event went live: a tablet hands it in late, or again after a restore. The trial's ledger
    was put aside, so its id is not known here any more; it must not use up what the person has yet to get."""
    live_at = plan.event.live_at
    return live_at is not None and request.at < live_at - CLOCKS_AGREE


def _repeat(work: Batch, request: Request) -> Answer | Problem | None:
    """Law 1: the same id always gets the same answer; the id is looked up before anything else."""
    if request.id in work.answered:
        fingerprint, answer = work.answered[request.id]
    elif (row := work.facts.known.get(request.id)) is not None:
        fingerprint, answer = row.fingerprint, _answer_again(work, row)
    else:
        return None
    if fingerprint != request.fingerprint:
        return Problem(request.id, "id_reused", 409)
    again = replace(answer, replayed=True)
    if again.voids is not None and again.verdict == REFUSED:
        return Problem(request.id, "not_yours", 403)
    return again


def _scan(work: Batch, request: ScanRequest, station: StationView) -> Answer:
    found = work.facts.who(request)
    facts = work.facts.facts(found, station)
    ask = Ask(request.service, request.at, request.direction, request.quantity, request.offline, request.force,
              request.answers)
    decision, service = rules.decide(ask, facts), work.facts.plan.services[request.service]
    work.facts.head += 1
    entry = Entry(work.facts.head, request.id, service.key, request.at, request.caller.station,
                  decision.direction, decision.use_no, request.quantity, found.coupon.id if found.coupon else None)
    jobs = work.births.of_scan(request, decision, found, station, entry)
    said = said_of(work.facts.plan, decision, jobs)
    row = scan_row(request, service, decision, found, entry, said)
    _keep(work, row)
    _fold(work, found, entry, decision.accepted, request)
    answer = Answer(request.id, entry.seq, request.service, decision.verdict, decision.reason, decision.direction,
                    said, found.person, False, decision.forced, decision.overrode, decision.conflict, None, request.at)
    work.answered[request.id] = (row["fingerprint"], answer)
    return answer


def _undo(work: Batch, request: UndoRequest) -> Answer | Problem:
    target = _target(work, request.target)
    if target is None:
        return Problem(request.id, "no_such_scan", 404)
    entry, holder, accepted, recorded_at = target
    history = work.facts.history.get(holder, []) if holder is not None else []
    against = judge_undo(
        entry, accepted, any(e.voids == entry.seq for e in history), granted=request.caller.granted,
        same_station=entry.station == request.caller.station, recorded_at=recorded_at, at=request.at)
    if against in ("not_undoable", "already_undone"):
        return Problem(request.id, against or "", 409)
    return _record_undo(work, request, entry, holder, against)


def _record_undo(work: Batch, request: UndoRequest, entry: Entry, holder: int | None,
                 against: str | None) -> Answer | Problem:
    """Writes the undo as a row that names the other, or the attempt of someone who may not (both rows stay)."""
    work.facts.head += 1
    verdict = REFUSED if against else ACCEPTED
    undo = Entry(work.facts.head, request.id, entry.service, request.at, request.caller.station, voids=entry.seq,
                 quantity=entry.quantity)
    printed = work.births.undo(entry.id) if not against else False
    said = {"use": {"number": 0, "limit": None}, "hints": [], "notes": ["slip_printed"] if printed else [], "open": [],
            "first": None, "detail": {}, "print_jobs": [], "voids": entry.id}
    person = work.facts.people.get(holder or 0)
    row = undo_row(request, undo, holder, verdict, against, said)
    _keep(work, row)
    if against:
        work.answered[request.id] = (request.fingerprint, Answer(
            request.id, undo.seq, entry.service, verdict, against, None, said, person, voids=entry.id))
        return Problem(request.id, against, 403)
    _fold(work, Found(holder, person), undo, True, request)
    answer = Answer(request.id, undo.seq, entry.service, verdict, None, None, said, person, voids=entry.id,
                    at=request.at)
    work.answered[request.id] = (request.fingerprint, answer)
    return answer


def _fold(work: Batch, found: Found, entry: Entry, accepted: bool, request: Request) -> None:
    """Carries a judged row into the facts of the next one, the tallies, the stock and the live counts."""
    holder = found.holder
    if not accepted:
        work.tallies.refused(entry.service)
        return
    if holder is None:
        return
    before = list(work.facts.history.get(holder, []))
    work.facts.history.setdefault(holder, []).append(entry)
    change = work.tallies.accepted(holder, found.person, before, entry)
    work.changes.append(change)
    if change.stock:
        work.moves.append({"service_key": entry.service, "quantity": change.stock, "scan_id": entry.id,
                           "at": request.at, "actor": request.caller.actor})


def _keep(work: Batch, row: dict[str, Any]) -> None:
    work.chain = row["chain"] = chain.link(work.chain, row)
    work.rows.append(row)


def _write(connection: Connection, work: Batch) -> None:
    if work.births.coupons:
        road_sql.insert(connection, "coupon", work.births.coupons)
    if work.rows:
        road_sql.insert(connection, "scan", work.rows)
    if work.births.jobs:
        road_sql.insert(connection, "print_job", work.births.jobs)
    if work.moves:
        road_sql.insert(connection, "stock_move", work.moves)
    if work.births.undone:
        connection.execute(update(PrintJob).where(PrintJob.scan_id.in_(work.births.undone), PrintJob.state.in_(("queued", "held")))
                           .values(state="cancelled", reason="undone"))
        connection.execute(work.births.void_coupons())
    work.tallies.write(connection)


def _target(work: Batch, scan_id: str) -> tuple[Entry, int | None, bool, datetime] | None:
    """The row to undo: its entry, holder, whether it was accepted, and when the server recorded it."""
    for row in work.rows:
        if row["id"] == scan_id:
            entry = Entry(row["seq"], row["id"], row["service_key"], row["scanned_at"], row["station_key"],
                          row["direction"], row["use_no"], row["quantity"], row["coupon_id"], row["voids"])
            return entry, row["holder"], row["verdict"] == ACCEPTED, row["uploaded_at"]
    known = work.facts.known.get(scan_id)
    if known is None:
        return None
    entry = Entry(known.seq, known.id, known.service_key, known.scanned_at, known.station_key, known.direction,
                  known.use_no, known.quantity, known.coupon_id, known.voids)
    return entry, known.holder, known.verdict == ACCEPTED, known.uploaded_at


def _answer_again(work: Batch, row: Any) -> Answer:
    person = work.facts.people.get(row.attendee_id) if row.attendee_id else None
    return Answer(row.id, row.seq, row.service_key, row.verdict, row.reason, row.direction, row.answer, person, True,
                  row.forced, row.overrode, row.conflict, row.answer.get("voids"), row.scanned_at)
