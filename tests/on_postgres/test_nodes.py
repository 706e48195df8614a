"""Two nodes of the real program on one PostgreSQL: the faults that a venue of several servers must survive."""
from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import Session

from models import print_queue, print_states, reports
from models.aside import Lease
from models.care import CareRefused
from models.counts import rebuild
from models.database import engine_options, now, server_url
from models.event import Printer, touch
from models.leases import HELD, Leases, alone, importing
from models.notices import Notices
from models.runtime import Runtime
from models.scans import PrintJob, Scan
from printers.faulty import FaultyPrinter
from printers.spooler import Spooler
from printers.worker import Timing, Worker
from tests.command_line import run
from tests.conftest import at_once, scan
from tests.fault_site import Load, Outbox, Server, all_at_once, outboxes, people
from tests.postgres import Postgres

PATIENCE = 60.0


@pytest.fixture
def nodes(data: Path, runtime: Runtime) -> Iterator[list[Server]]:
    """Two servers on the test's event, each with a folder of its own; killed at the end."""
    made = [Server(data.parent / f"node-{number}" / "own") for number in (1, 2)]
    for server in made:
        server.data.mkdir(parents=True)
    try:
        at_once(2, lambda number: made[number].start())
        yield made
    finally:
        for server in made:
            server.kill()


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What a condition gives, once it gives something."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to that"
        threading.Event().wait(0.05)
    return found


Spread = Callable[..., list[Outbox]]


@pytest.fixture
def spread(runtime: Runtime, nodes: list[Server]) -> Iterator[Spread]:
    """Makes so many tablets of one station, in turn at one node and the other."""
    made: list[Outbox] = []

    def make(count: int, station: str = "desk-1") -> list[Outbox]:
        tablets = outboxes(runtime, count, station)
        for number, tablet in enumerate(tablets):
            tablet.url = nodes[number % len(nodes)].url
        made.extend(tablets)
        return tablets
    yield make
    for tablet in made:
        tablet.hang_up()


def go_to(tablet: Outbox, node: Server) -> None:
    """As the proxy leads it, once its node is gone."""
    tablet.hang_up()
    tablet.url = node.url


def health(node: Server) -> int:
    """What /healthz says."""
    outbox = Outbox("", node.url)
    try:
        return outbox.ask("GET", "/healthz")[0]
    finally:
        outbox.hang_up()


def agrees(data: Path, runtime: Runtime, tablets: list[Outbox]) -> None:
    """Everything that was ever sent is recorded once, as it was acknowledged; the audit finds nothing."""
    assert [tablet.waiting for tablet in tablets if tablet.waiting] == []
    with runtime.connection() as connection:
        rows = {row.id: row for row in connection.execute(select(Scan.__table__))}
        ledger = [row.seq for row in connection.execute(select(Scan.seq).order_by(Scan.seq))]
    assert set(rows) == {key for tablet in tablets for key in tablet.kept}
    assert ledger == list(range(1, len(rows) + 1))
    for key, answer in ((key, answer) for tablet in tablets for key, answer in tablet.answers.items()):
        assert (rows[key].seq, rows[key].verdict, rows[key].reason) == (answer["seq"], answer["verdict"], answer["reason"])
    accepted = Counter(row.holder for row in rows.values() if row.verdict == "accepted" and row.service_key == "signin")
    assert set(accepted.values()) <= {1}
    assert run(data, "audit").payload == {"scans": len(rows), "differences": []}


def test_11_two_nodes_see_one_badge_in_the_same_moment_and_one_is_accepted(
        data: Path, nodes: list[Server], runtime: Runtime, spread: Spread) -> None:
    tablets = spread(4)
    for badge in people(runtime, 25):
        for tablet in tablets:
            tablet.put(scan(badge, "signin"))
        assert set(all_at_once(tablets, Outbox.send)) == {200}
        said = [tablet.answers[list(tablet.kept)[-1]] for tablet in tablets]
        assert sorted(answer["verdict"] for answer in said) == ["accepted", *["refused"] * 3]
        assert {answer["reason"] for answer in said if answer["verdict"] == "refused"} == {"used_up"}
    agrees(data, runtime, tablets)


def test_a_node_that_is_killed_under_load_loses_nothing_and_its_tablets_go_on_at_the_other(
        data: Path, nodes: list[Server], runtime: Runtime, spread: Spread) -> None:
    badges, tablets = people(runtime, 200), spread(6)
    for round_ in range(4):
        load = Load(tablets, badges, round_)
        load.wait(20)
        nodes[round_ % 2].kill()
        load.end()
        for tablet in tablets:
            go_to(tablet, nodes[(round_ + 1) % 2])
        all_at_once(tablets, Outbox.drain)
        nodes[round_ % 2].start()
        for number, tablet in enumerate(tablets):
            go_to(tablet, nodes[number % 2])
            assert not tablet.check()
    agrees(data, runtime, tablets)


def test_the_database_is_restarted_under_load_scans_get_503_and_come_back_by_themselves(
        data: Path, nodes: list[Server], runtime: Runtime, spread: Spread, postgres_server: Postgres) -> None:
    badges, tablets, spread_late = people(runtime, 200), spread(6), spread(2)
    load = Load(tablets, badges, 1)
    load.wait(30)
    postgres_server.stop()
    try:
        until(lambda: load.refused[503] >= 6)
        for node, late in zip(nodes, spread_late, strict=True):
            status, said, headers = late.ask("POST", "/api/v1/scans", scan(badges[0], "signin"))
            assert (status, said["error"], headers["Retry-After"]) == (503, "not_recorded", "1")
            assert health(node) == 503
    finally:
        postgres_server.start()
    until(lambda: [health(node) for node in nodes] == [200, 200])
    answered = sum(len(tablet.answers) for tablet in tablets)
    until(lambda: sum(len(tablet.answers) for tablet in tablets) > answered + 20)
    load.end()
    assert set(load.refused) <= {200, 503}
    all_at_once(tablets, Outbox.drain)
    agrees(data, runtime, tablets)


@contextmanager
def listening(url: str, token: str) -> Iterator[Callable[[str], Any]]:
    """A live stream; its value gives the data of the next event of a name."""
    where = urlsplit(url)
    with closing(http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE)) as link:
        link.request("GET", "/api/v1/live", headers={"Authorization": f"Bearer {token}"})
        came = link.getresponse()
        assert came.status == 200

        def next_of(name: str) -> Any:
            while line := came.readline().decode():
                if line == f"event: {name}\n":
                    came.readline()
                    return json.loads(came.readline().decode().removeprefix("data: "))
            raise AssertionError("the stream ended")
        yield next_of


def test_what_is_scanned_at_one_node_shows_live_at_the_other(nodes: list[Server], runtime: Runtime, spread: Spread,
                                                           postgres_server: Postgres) -> None:
    (desk,), (board,), badges = spread(1), spread(1, "board"), people(runtime, 3)

    def sign_in(badge: str, after: Callable[[str], Any], people: int) -> None:
        desk.put(scan(badge, "signin"))
        began = time.monotonic()
        desk.drain()
        while (counts := after("counts"))["services"]["signin"]["people"] < people:
            pass
        assert counts["categories"]["delegate"]["people"] == people
        assert time.monotonic() - began < PATIENCE / 10
    with listening(nodes[1].url, board.token) as after:
        after("counts")
        sign_in(badges[0], after, 1)
        sign_in(badges[1], after, 2)
        postgres_server.stop()
        postgres_server.start()
        until(lambda: health(nodes[0]) == 200)
        sign_in(badges[2], after, 3)


@pytest.fixture
def talking(runtime: Runtime) -> Iterator[tuple[Notices, threading.Event, threading.Event]]:
    """A node that tells, whether it heard something itself, and whether another one did."""
    own, other = threading.Event(), threading.Event()
    notices = [Notices(runtime.engine, "one", own.set), Notices(runtime.engine, "two", other.set)]
    for one in notices:
        one.start()
    assert own.wait(PATIENCE) and other.wait(PATIENCE), "each asks anew when it begins to listen"
    own.clear()
    other.clear()
    yield notices[0], own, other
    for one in notices:
        one.stop()


def test_a_node_hears_of_the_others_commits_and_not_of_its_own_also_after_its_connection_was_cut(
        talking: tuple[Notices, threading.Event, threading.Event], runtime: Runtime) -> None:
    told, own, other = talking
    told.tell()
    assert other.wait(PATIENCE)
    assert not own.is_set()
    with runtime.engine.begin() as connection:
        listeners = connection.execute(text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query ~ 'LISTEN|notify'"
                                            " AND pid <> pg_backend_pid()")).scalar()
    assert listeners == 2
    assert own.wait(PATIENCE), "it listens again, and asks what it missed"
    other.clear()
    until(lambda: (told.tell(), other.wait(0.2))[1])


def test_whoever_wants_the_database_alone_waits_for_the_last_node(
        talking: tuple[Notices, threading.Event, threading.Event], runtime: Runtime) -> None:
    with pytest.raises(CareRefused) as refused, alone(runtime.engine):
        pass
    assert refused.value.error == "in_use"


def test_a_served_node_keeps_others_from_having_the_database_alone(data: Path, nodes: list[Server], tmp_path: Path) -> None:
    assert run(data, "backup", "--to", tmp_path / "all.db").code == 0
    for arguments in (("restore", tmp_path / "all.db"), ("move", "to-folder")):
        assert run(data, *arguments).payload["error"] == "in_use"
    for node in nodes:
        node.stop()
    assert run(data, "move", "to-folder").code == 0


@pytest.fixture
def second(data: Path, database_url: str) -> Iterator[Runtime]:
    """What another node keeps beside the same database."""
    made = Runtime(create_engine(server_url(database_url) or "", **engine_options(database_url)), data)
    yield made
    made.engine.dispose()


def test_a_tablet_that_went_over_to_another_node_was_seen_there_last(runtime: Runtime, second: Runtime, desk: Any) -> None:
    def last_seen(by: Runtime) -> Any:
        with by.connection() as connection:
            return reports.stations(by, by.plan(), connection)["desk-1"]["waiting"]
    (device,) = runtime.plan(fresh=True).device_ids
    runtime.sight(device, None, 7)
    runtime.save_sightings()
    second.sight(device, None, 3)
    second.save_sightings()
    runtime.save_sightings()
    assert (last_seen(runtime), last_seen(second)) == (3, 3)


def test_counts_catch_up_with_another_nodes_rows_and_are_what_the_ledger_says(
        runtime: Runtime, second: Runtime, desk: Any, gate: Any, create_attendee: Callable[..., Any]) -> None:
    badges = [create_attendee(f"人{number}", category)[1] for number, category in enumerate(("delegate", "press", "delegate"))]
    with second.connection() as connection:
        kept = second.ledger.counts.current(connection)

    def agree() -> None:
        with second.connection() as connection:
            found = second.ledger.counts.current(connection)
            fresh = rebuild(connection, second.ledger.memory, found.mark)
        assert found is kept, "moved along, not read anew"
        assert (found.head, +found.people, +found.inside, +found.arrivals) == (
            fresh.head, +fresh.people, +fresh.inside, +fresh.arrivals)
    first = desk.scan(badges[0], "signin")
    agree()
    for badge in badges[1:]:
        desk.scan(badge, "signin")
    gate.scan(badges[0], "s1", direction="in")
    gate.scan(badges[1], "s1", direction="in")
    agree()
    gate.scan(badges[0], "s2", direction="in")
    gate.scan(badges[1], "s1", direction="out")
    agree()
    assert desk.void(first["id"])[0] == 200
    gate.scan("B" + "0" * 20, "lunch")
    agree()


def test_a_tablet_at_one_node_is_online_on_the_others_dashboard(nodes: list[Server], runtime: Runtime, spread: Spread) -> None:
    (desk,), (board,) = spread(1), spread(1, "board")
    board.url = nodes[1].url

    def is_online() -> bool:
        assert desk.ask("GET", "/api/v1/station")[0] == 200
        status, said, _ = board.ask("GET", "/api/v1/counts")
        assert status == 200
        return bool(said["stations"]["desk-1"]["online"])
    until(is_online)


def jobs(runtime: Runtime) -> list[Any]:
    with runtime.connection() as connection:
        return list(connection.execute(select(PrintJob.number, PrintJob.state, PrintJob.attempts).order_by(PrintJob.number)))


def settled(runtime: Runtime, count: int) -> bool:
    """Whether so many slips have an outcome; of one that nobody knows, a person says that it came out."""
    with runtime.reading() as session:
        unknown = session.scalar(select(PrintJob.id).where(PrintJob.state == "unknown"))
    if unknown:
        runtime.writer.do(lambda session: print_queue.answer_unknown(session, unknown, True, "test"))
    return [job.state for job in jobs(runtime)] == ["printed"] * count


def test_25_two_nodes_print_at_one_printer_and_no_slip_comes_out_twice_also_when_its_owner_is_killed(
        nodes: list[Server], runtime: Runtime, spread: Spread) -> None:
    badges, tablets = people(runtime, 24), spread(2)

    def sign_in(some: list[str]) -> None:
        for number, badge in enumerate(some):
            tablets[number % 2].put(scan(badge, "signin"))
        all_at_once(tablets, Outbox.drain)
    with FaultyPrinter() as printer:
        def plan(session: Session) -> None:
            session.execute(update(Printer).values(url=printer.url, width=200))
            touch(session, "plan")
        runtime.writer.do(plan)
        sign_in(badges[:12])
        until(lambda: settled(runtime, 24))         # a slip and a lunch coupon each
        assert len(printer.slips) == 24
        with runtime.connection() as connection:
            owner = connection.execute(select(Lease.owner).where(Lease.key == "front")).scalar_one()
        (printing,) = [node for node in nodes if int(owner.split("-")[-2]) in node.workers()]
        sign_in(badges[12:])
        printing.kill()
        until(lambda: settled(runtime, 48), PATIENCE + HELD.total_seconds())
        assert {job.attempts for job in jobs(runtime)} == {1}, "no job was begun twice"
        assert 47 <= len(printer.slips) <= 48, "the one under way may lack"
        with runtime.connection() as connection:
            assert connection.execute(select(Lease.owner).where(Lease.key == "front")).scalar_one() != owner


class Clock:
    """Seconds of a node's own clock."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def leases(runtime: Runtime) -> Callable[[str], Any]:
    """Renews a node's leases of two printers; gives those that it took."""
    def renew(node: Leases) -> list[str]:
        taken: list[str] = []
        node.renew(runtime.writer.do, {"front", "back"}, lambda _session, key: taken.append(key))
        return taken
    return renew


def test_a_printer_has_one_owner_until_the_lease_has_run_out(runtime: Runtime, leases: Callable[[Leases], Any]) -> None:
    clock = Clock()
    first, second = Leases("first", clock), Leases("second", clock)
    assert (leases(first), leases(second)) == (["back", "front"], [])
    assert (first.owned(), second.owned()) == ({"front", "back"}, set())
    assert leases(first) == [], "renewed, not taken"
    clock.now = HELD.total_seconds() + 1
    assert first.owned() == set(), "not renewed: by its own clock it owns nothing any more"
    runtime.writer.do(lambda session: session.execute(update(Lease).where(Lease.key == "front").values(until=now())))
    assert leases(second) == ["front"]
    assert not runtime.writer.do(lambda session: first.holds(session, "front"))
    assert runtime.writer.do(lambda session: second.holds(session, "front"))
    runtime.writer.do(first.release)
    assert leases(second) == ["back"]


def test_no_job_is_begun_at_a_printer_that_another_node_took_meanwhile(runtime: Runtime, desk: Any, badge: str) -> None:
    spooler = Spooler(runtime, lambda: None)
    runtime.writer.do(lambda session: session.add(Lease(key="front", owner="another", until=now() + HELD)))
    assert desk.scan(badge, "signin")["verdict"] == "accepted"
    worker = Worker("front", runtime, lambda: None, Timing(), spooler._claim)
    with runtime.connection() as connection:
        found = print_states.look(connection, "front")
    assert found is not None and worker._print(found) == 0
    assert [(job.state, job.attempts) for job in jobs(runtime)] == [("queued", 0)] * 2


def test_what_a_lost_owner_was_sending_is_unknown_for_whoever_takes_over(runtime: Runtime, desk: Any, badge: str) -> None:
    desk.scan(badge, "signin")
    runtime.writer.do(lambda session: print_states.mark_sending(session, 1, "front", 1, b"", "", now()))
    spooler = Spooler(runtime, lambda: None)
    assert spooler._ours({"front"}) == {"front"}
    assert [job.state for job in jobs(runtime)] == ["unknown", "queued"]


def test_one_import_at_a_time_on_all_nodes(data: Path, runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("姓名\n赵六\n")
    with importing(runtime.engine, tmp_path) as held:
        assert held
        assert run(data, "import", tmp_path / "names.csv").payload["error"] == "import_running"
    assert run(data, "import", tmp_path / "names.csv").payload["new"] == 1


def test_a_node_does_not_start_where_there_is_no_event_and_says_what_to_do(
        tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres_server.fresh() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        said = run(tmp_path / "node", "serve", "--port", "0")
        assert (said.code, said.payload["error"]) == (1, "no_event")
        assert "move" in said.words
