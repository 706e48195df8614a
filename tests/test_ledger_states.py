"""Behaviour 37: after any sequence of scans, undos, forces and replays, every way of counting agrees.

A small model in plain Python counts beside the product; tallies, live counts (moved along and rebuilt), ledger rows
and stock must say the same after every step.
"""
from __future__ import annotations

import json
import shutil
import tempfile
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from sqlalchemy import select

from app import create_app, create_tables
from models import codes, reports
from models.asks import Answer, Caller, ScanRequest, UndoRequest
from models.audit import audit
from models.chain import COLUMNS, START, link
from models.counts import rebuild
from models.database import now
from models.exports import export
from models.people import Attendee, Badge
from models.runtime import Runtime
from models.scans import Scan, StockMove
from tests.conftest import Tablet, fill, scan

DESK, GATE = "desk-1", "gate-1"
PLACE = {"signin": DESK, "bag": DESK, "lunch": GATE, "s1": GATE, "s2": GATE}


class LedgerStates(RuleBasedStateMachine):
    """Random walks over one small event."""

    scans = Bundle("scans")

    @initialize()
    def open_event(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        create_tables(self.folder)
        self.app = create_app({"DATA": self.folder})
        self.runtime: Runtime = self.app.extensions["huiwu"]
        self.runtime.writer.do(fill)
        self.codes = [self.runtime.writer.do(lambda s, n=n: self._person(s, n)) for n in range(3)]
        self.uses: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))   # service -> code -> uses
        self.refused: dict[str, int] = defaultdict(int)
        self.clock = now() - timedelta(minutes=50)
        self.recorded = 0

    @staticmethod
    def _person(session: Any, number: int) -> str:
        person = Attendee(name=f"人{number}", number=f"N{number}", category_key="delegate" if number else "press")
        session.add(person)
        session.flush()
        code = codes.new(codes.BADGE)
        session.add(Badge(code=code, attendee_id=person.id, issued_at=now()))
        return code

    def teardown(self) -> None:
        if hasattr(self, "runtime"):
            self._exports_agree()
            assert audit(self.runtime)[1] == []
            self.runtime.engine.dispose()
            shutil.rmtree(self.folder)

    def _exports_agree(self) -> None:
        counts, ledger = (self.folder / f"{kind}.json" for kind in ("counts", "ledger"))
        export(self.runtime, "counts", counts)
        export(self.runtime, "ledger", ledger)
        rows = json.loads(ledger.read_text(encoding="utf-8"))
        assert len(rows) == self.recorded
        undone = {row["voids"] for row in rows if row["voids"] and row["verdict"] == "accepted"}
        said = {row["key"]: row for row in json.loads(counts.read_text(encoding="utf-8")) if row["key"] in PLACE}
        for key in PLACE:
            uses = [row for row in rows if row["service"] == key and row["use_no"] and row["id"] not in undone]
            assert len(uses) == sum(self.uses[key].values())
            assert said[key]["uses"] == len(uses)
            assert said[key]["refused"] == self.refused[key]

    def _ask(self, who: int, service: str, direction: str, quantity: int, force: bool) -> ScanRequest:
        self.clock += timedelta(seconds=20)
        return ScanRequest(str(uuid.uuid4()), service, Caller(PLACE[service], granted=force), self.clock, self.clock,
                           code=self.codes[who], direction=direction, quantity=quantity, force=force,
                           note="为测试" if force else None)

    def _judge(self, requests: list[ScanRequest]) -> list[tuple[ScanRequest, Answer]]:
        answers = [o.result for o in self.runtime.ledger.record(requests)]
        pairs = []
        for request, answer in zip(requests, answers, strict=True):
            assert isinstance(answer, Answer)
            if not answer.replayed:
                self.recorded += 1
                if answer.verdict == "refused":
                    self.refused[request.service] += 1
                elif answer.direction != "out":
                    self.uses[request.service][request.code or ""] += 1
            pairs.append((request, answer))
        return pairs

    @rule(target=scans, who=st.integers(0, 2), service=st.sampled_from(sorted(PLACE)), quantity=st.integers(1, 2),
          direction=st.sampled_from(["in", "out", "auto"]), force=st.booleans())
    def scan_once(self, who: int, service: str, direction: str, quantity: int, force: bool) -> Any:
        return self._judge([self._ask(who, service, direction, quantity, force)])[0]

    @rule(asks=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(sorted(PLACE)), st.booleans()), min_size=2, max_size=5))
    def scan_a_batch(self, asks: list[tuple[int, str, bool]]) -> None:
        self._judge([self._ask(who, service, "in", 1, force) for who, service, force in asks])

    @rule(pair=scans)
    def send_again(self, pair: tuple[ScanRequest, Answer]) -> None:
        (_, again), = self._judge([pair[0]])
        assert again.replayed
        assert (again.verdict, again.reason, again.seq, again.said) == (
            pair[1].verdict, pair[1].reason, pair[1].seq, pair[1].said)

    @rule(pair=consumes(scans))
    def undo(self, pair: tuple[ScanRequest, Answer]) -> None:
        request, answer = pair
        undo = UndoRequest(str(uuid.uuid4()), request.id, Caller(request.caller.station, granted=True), now(), "误扫")
        result = self.runtime.ledger.record([undo])[0].result
        assert isinstance(result, Answer) == (answer.verdict == "accepted")
        if isinstance(result, Answer):
            self.recorded += 1
            if answer.direction != "out":
                self.uses[request.service][request.code or ""] -= 1

    @invariant()
    def every_way_of_counting_agrees(self) -> None:
        if not hasattr(self, "runtime"):
            return
        with self.runtime.connection() as connection:
            counts = reports.counts(self.runtime, connection)
            moved = self.runtime.ledger.counts.current(connection)
            fresh = rebuild(connection, self.runtime.ledger.memory, moved.mark)
            rows = list(connection.execute(select(Scan.__table__).order_by(Scan.seq)))
            stock = connection.execute(select(StockMove.quantity)).scalars().all()
        for key in PLACE:
            said = counts["services"][key]
            assert said["uses"] == sum(self.uses[key].values())
            assert said["people"] == sum(n > 0 for n in self.uses[key].values())
            assert said["refused"] == self.refused[key]
        assert counts["services"]["bag"]["stock_left"] == 2 + sum(stock)
        assert +moved.people == +fresh.people
        assert +moved.inside == +fresh.inside
        assert {k: v for k, v in moved.arrivals.items() if v} == {k: v for k, v in fresh.arrivals.items() if v}
        assert sum(counts["services"][k]["inside"] for k in ("s1", "s2")) == sum(g["inside"] for g in counts["categories"].values())
        assert len(rows) == self.recorded
        self._chain_holds(rows)

    @staticmethod
    def _chain_holds(rows: list[Any]) -> None:
        chain = START
        for row in rows:
            chain = link(chain, {column: getattr(row, column) for column in COLUMNS})
            assert chain == row.chain


LedgerStates.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None,
                                          suppress_health_check=list(HealthCheck))
TestLedgerStates = LedgerStates.TestCase


def test_law_2_of_eight_threads_at_one_badge_one_is_accepted_each_round(
        app: Any, desk: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime) -> None:
    """500 rounds; every thread has a client of its own and they start together."""
    rounds = [create_attendee(f"人{n}")[1] for n in range(500)]
    accepted: list[str] = []
    start = threading.Barrier(8)
    runtime.writer.start()

    def tablet() -> None:
        mine = Tablet(app.test_client(use_cookies=False), desk.key, desk.token)
        for code in rounds:
            start.wait()
            status, said = mine.call("POST", "/api/v1/scans", scan(code, "signin"))
            assert status == 200
            if said["results"][0]["verdict"] == "accepted":
                accepted.append(code)
    threads = [threading.Thread(target=tablet) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runtime.writer.stop()
    assert sorted(accepted) == sorted(rounds)
    with runtime.connection() as connection:
        verdicts = connection.execute(select(Scan.verdict)).scalars().all()
    assert (len(verdicts), verdicts.count("accepted")) == (4000, 500)
