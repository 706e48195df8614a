"""The network between tablet and laptop fails around a request, and many come at once: each scan is recorded once."""
from __future__ import annotations

import json
import shutil
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from models.runtime import Runtime
from tests.conftest import scan
from tests.fault_site import (
    Ledger,
    Lost,
    Outbox,
    Server,
    all_at_once,
    everything_is_recorded,
    outboxes,
    people,
    serving,
)

STATIONS = 100
BACKLOG = 10        # scans that wait in each of their outboxes
STREAMS = 200
OF_ONE = 6          # streams that one tablet may hold


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "site" / "event"


def opened(data: Path, runtime: Runtime, folder: Path) -> None:
    """The event in a folder that this process holds open no more."""
    runtime.engine.dispose()
    shutil.copytree(data, folder)


def raw(tablet: Outbox, server: Server, body: bytes, length: int) -> socket.socket:
    """A request's bytes on a connection of their own, the answer not read."""
    where = urlsplit(server.url)
    link = socket.create_connection((where.hostname or "", where.port or 0), timeout=30)
    link.sendall(f"POST /api/v1/scans HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {tablet.token}\r\n"
                 f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode() + body)
    return link


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_request_lost_on_its_way_or_an_answer_lost_after_the_commit_is_one_scan(
        data: Path, runtime: Runtime, folder: Path, lost: str) -> None:
    badges, (tablet,) = people(runtime, 2), outboxes(runtime, 1)
    opened(data, runtime, folder)
    with serving(folder) as server:
        tablet.url = server.url
        tablet.put(*(scan(badge, "signin") for badge in badges))
        body = json.dumps(tablet.waiting).encode()
        with raw(tablet, server, body if lost == "answer" else body[:-20], len(body)) as link:
            if lost == "answer":
                assert link.recv(1)         # it was committed; the tablet's Wi-Fi goes before the rest is read
        assert len(Ledger(folder).rows) == (2 if lost == "answer" else 0)
        tablet.drain()
        assert [answer["replayed"] for answer in tablet.answers.values()] == [lost == "answer"] * 2
        tablet.hang_up()
    everything_is_recorded(folder, [tablet])


def test_a_hundred_stations_that_reconnect_at_once_all_hand_in_what_waited(
        data: Path, runtime: Runtime, folder: Path) -> None:
    badges, tablets = people(runtime, STATIONS * BACKLOG // 2), outboxes(runtime, STATIONS)
    opened(data, runtime, folder)
    with serving(folder) as server:
        for number, tablet in enumerate(tablets):
            tablet.url = server.url
            tablet.put(*(scan(badges[(number * BACKLOG + one) % len(badges)], "signin") for one in range(BACKLOG)))
        server.kill()
        for tablet in tablets:
            with pytest.raises(Lost):
                tablet.send()
        url = server.start()
        for tablet in tablets:
            tablet.url = url

        def reconnect(tablet: Outbox) -> None:
            tablet.check()
            tablet.drain()
            tablet.hang_up()
        all_at_once(tablets, reconnect)
    everything_is_recorded(folder, tablets)


def test_two_hundred_live_streams_that_never_read_hold_up_no_scan(data: Path, runtime: Runtime, folder: Path) -> None:
    badges, (desk,) = people(runtime, 60), outboxes(runtime, 1)
    boards = outboxes(runtime, STREAMS // OF_ONE + 1, "board")
    opened(data, runtime, folder)
    with serving(folder) as server, ExitStack() as held:
        where = urlsplit(server.url)
        for number in range(STREAMS):
            link = held.enter_context(socket.create_connection((where.hostname or "", where.port or 0), timeout=30))
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            link.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer "
                         f"{boards[number // OF_ONE].token}\r\n\r\n".encode())
            assert link.recv(12) == b"HTTP/1.1 200"
        desk.url = server.url
        for badge in badges:
            desk.put(scan(badge, "signin"))
            desk.drain()
        assert desk.ask("GET", "/api/v1/counts")[1]["services"]["signin"]["people"] == len(badges)
        desk.hang_up()
    everything_is_recorded(folder, [desk])
