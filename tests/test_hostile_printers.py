"""Bytes that attack: from a printer to the spooler, and in names, hints and notes on their way to a printer (issue 6)."""
from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.runtime import Runtime
from printers import escpos, slip, transports
from printers.channels import KEPT, TcpChannel
from printers.emulator import Ability
from printers.lexer import Lexer
from printers.slip import SlipContent
from printers.status import BLOCK, Answer, Answers
from printers.transports import Transport, deliver
from tests.conftest import Tablet
from tests.print_shop import MUTE, NARROW, Shop

COMMANDS = ["\x1b@", "\x1bp\x00\x19\xfa", "\x1dV\x00", "\x10\x04\x01", "\x10\x14\x01\x00\x08", "\x1c&", "\x1dI1", "\x1b=\x00", "\x00",
            "\x18", "\x1b(A", "\x1d(H\x06\x000", "\x9b1m", "\x85", "\u2028", "\u202e", "\u2066", "\u200b", "\ufeff", "\udc1b", "\x7f"]
TEXT = st.lists(st.sampled_from([*COMMANDS, "张三", "Łódź", "名", " ", "¥"]), min_size=1, max_size=6).map("".join)


# --- what comes back ---

ANSWER = st.sampled_from([b"\x12", b"\x1a", b"\x00", b"\x0f", b"\x03", b"\x10\x00\x00\x0f", b"\x14\x00\x00\x0f", b"\x10", b"\x37",
                          b"\x37\x22", b"\x37\x22AB12\x00", b"\x37\x22AB1", b"\x37" * 70, b"H", b"\x11", b"\x13", b"\xff"])
STREAM = st.lists(ANSWER | st.binary(max_size=6), max_size=30).map(b"".join)


@given(STREAM, st.lists(st.integers(1, 9), max_size=40))
def test_answers_are_the_same_in_whatever_portions_they_come_and_little_is_kept(stream: bytes, portions: list[int]) -> None:
    def without_storms(found: list[Answer]) -> list[Answer]:
        return [one for before, one in zip([None, *found], found, strict=False)
                if one.kind != "noise" or before is None or before.kind != "noise"]
    answers, found, at = Answers(), list[Answer](), 0
    for portion in [*portions, *([5] * len(stream))]:
        found += answers.feed(stream[at:at + portion])
        assert len(answers._rest) < BLOCK
        at += portion
    assert without_storms(found) == Answers().feed(stream)


def test_ten_megabytes_of_garbage_are_read_in_one_pass() -> None:
    for piece in (b"\x37", b"\xff", b"\x00", b"\x10", b"HTTP/1.1 400 Bad Request\r\n"):
        answers = Answers()
        began = time.process_time()
        for _ in range(10_000_000 // 4096):
            answers.feed((piece * 4096)[:4096])
        assert time.process_time() - began < 60              # it was quadratic: minutes


@settings(max_examples=300, deadline=None)
@given(STREAM, STREAM, st.sampled_from([None, Ability.NONE, Ability.PARSED, Ability.COMPLETED]), st.booleans())
def test_no_bytes_but_the_job_s_own_id_ever_mean_printed(
        before: bytes, after: bytes, ability: Ability | None, gone: bool) -> None:
    process_id = "AB12"
    outcome = deliver(Transport(Said(before, after, gone)), b"slip", process_id, lambda: None, ability, grace=0.0, preflight=0.0)
    if b"\x37\x22AB12\x00" not in after:
        assert outcome.state != "printed"
    if outcome.state == "parsed":
        assert [one.kind for one in Answers().feed(after) if one.kind in ("paper", "noise", "completed")] == ["paper"]
    assert outcome.state in ("blocked", "printed", "parsed", "sent", "unknown")


class Said:
    """A way to a printer that has said `before` when it is asked, and says `after` when the job and its question came."""

    two_way, speed = True, 10_000_000

    def __init__(self, before: bytes, after: bytes, gone: bool):
        self._waiting, self._after, self._gone = before, after, gone

    def open(self, deadline: float) -> None:
        """It is there."""

    def write(self, data: bytes, deadline: float) -> None:
        if data.startswith(escpos.GS + b"(H"):
            self._waiting, self._after = self._waiting + self._after, b""

    def read(self, deadline: float) -> bytes:
        said, self._waiting = self._waiting, b""
        return said

    def finish(self, deadline: float) -> bool:
        return not self._gone

    def close(self) -> None:
        """It stays as it is."""


# --- a hostile printer on the network ---

def _floods(connection: socket.socket, stop: threading.Event, what: bytes, pause: float) -> None:
    """Talks without end, and takes whatever it is sent."""
    connection.setblocking(False)
    while not stop.is_set():
        try:
            connection.send(what)
        except BlockingIOError:
            pass
        try:
            if connection.recv(65536) == b"" and pause:
                return
        except BlockingIOError:
            stop.wait(0.001)
        stop.wait(pause)


def _speaks_once(connection: socket.socket, stop: threading.Event, what: bytes, _pause: float) -> None:
    """Says its piece at once, and ends when it has heard something."""
    connection.settimeout(0.05)
    connection.sendall(what)
    while not stop.is_set():
        try:
            connection.recv(100)
            return
        except TimeoutError:
            continue


HOSTILE: dict[str, tuple[Callable[..., None], bytes, float]] = {
    "endless status": (_floods, b"\x12" * 4096, 0.0), "endless zeros": (_floods, b"\x00" * 4096, 0.0),
    "endless automatic status": (_floods, b"\x10\x00\x00\x0f" * 1000, 0.0), "endless headers": (_floods, b"\x37" * 4096, 0.0),
    "endless wrong ids": (_floods, b"\x37\x22zzzz\x00" * 500, 0.0), "a web server": (_floods, b"HTTP/1.1 400 Bad Request\r\n\r\n", 0.01),
    "slow drip": (_floods, b"\x12", 0.02), "a drip of paper": (_floods, b"\x00", 0.02),
    "garbage and gone": (_speaks_once, bytes(range(256)) * 100, 0.0), "status and gone": (_speaks_once, b"\x12" * 8, 0.0),
    "nothing and gone": (_speaks_once, b"", 0.0)}


@contextmanager
def hostile(kind: str) -> Iterator[str]:
    """A printer that behaves so, on 127.0.0.1; its address."""
    behave, what, pause = HOSTILE[kind]
    stop, threads, listener = threading.Event(), list[threading.Thread](), socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)
    listener.settimeout(0.05)

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection, stop, what, pause)
            except OSError:
                return                                   # the host went away

    def accept() -> None:
        while not stop.is_set():
            try:
                connection = listener.accept()[0]
            except TimeoutError:
                continue
            threads.append(threading.Thread(target=serve, args=(connection,), daemon=True))
            threads[-1].start()
    first = threading.Thread(target=accept, daemon=True)
    first.start()
    yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    first.join()
    for thread in threads:
        thread.join()
    listener.close()


@pytest.mark.parametrize("ability", [None, Ability.PARSED, Ability.COMPLETED])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_printer_ends_in_an_outcome_and_never_in_a_printed_slip(
        kind: str, ability: Ability | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TcpChannel, "speed", 10_000_000)
    blob = escpos.encode(slip.draw(SlipContent(kind="slip", event="会", title="报到"), NARROW))
    done = list[transports.Outcome]()

    def work(url: str) -> None:
        done.append(deliver(transports.open_transport(url), blob, "AB12", lambda: None, ability, grace=0.4, preflight=0.4))
    with hostile(kind) as url:
        thread = threading.Thread(target=work, args=(url,), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), "the worker hangs"
    assert done[0].state in ("blocked", "unknown", "sent")


def test_one_that_talks_while_it_takes_nothing_fills_no_memory() -> None:
    ours, theirs = socket.socketpair()
    channel = TcpChannel("127.0.0.1", 0)
    channel._socket = ours
    ours.setblocking(False)
    for _ in range(100):
        theirs.sendall(b"\x12" * 4096)
        channel._receive()
    assert len(channel._inbox) <= KEPT
    channel.close()
    theirs.close()


@pytest.mark.parametrize("kind", ["endless status", "endless zeros", "garbage and gone", "a web server"])
def test_the_spooler_outlives_a_hostile_printer_and_the_other_printer_prints(
        runtime: Runtime, desk: Tablet, create_attendee: Callable[..., tuple[int, str]], kind: str,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TcpChannel, "speed", 10_000_000)
    shop = Shop(runtime, replace(MUTE, backup_after=60))
    runtime.writer.start()
    try:
        with hostile(kind) as url:
            shop.printer(url=url)
            shop.printer("rear", url="virtual://rear")
            shop.start()
            assert desk.scan(create_attendee(category="press")[1], "signin")["verdict"] == "accepted"
            assert shop.wait(lambda: shop.said().state not in ("idle", "printing", "", None))
            assert "printed" not in shop.states()
            assert "parsed" not in shop.states()
            shop.do(_to_the_rear)
            assert desk.scan(create_attendee(category="press")[1], "signin")["verdict"] == "accepted"
            assert shop.wait(lambda: shop.states()[-1] == "printed"), shop.states()
    finally:
        shop.stop()
        runtime.writer.stop()


def _to_the_rear(session: Any) -> None:
    from models.event import Station, touch

    session.get_one(Station, "desk-1").printer_key = "rear"
    touch(session, "plan")


# --- what goes out ---

def content(text: str) -> SlipContent:
    """A slip that says the same everywhere."""
    return SlipContent(kind="slip", event=text, title=text, event_en=text, title_en=text, name=text, name_en=text,
                       organisation=text, category=text, lines=((text, text),), programme=(("09:00", text),), note=text, valid=text,
                       code=text, number=1, at=text, station=text)


def commands(blob: bytes) -> list[tuple[bytes, bytes]]:
    """The commands of a blob, without the texts; the pictures' data are left out."""
    lexer = Lexer()
    found = [(one.name, b"" if one.name in (b"\x1dv", b"\x1d(") else one.data) for one in lexer.feed(blob) if one.name]
    assert lexer.rest == b""
    return found


ALLOWED = {b"\x1b@", b"\x1da", b"\x1c&", b"\x1c.", b"\x1d!", b"\n", b"\x1ba", b"\x1d(", b"\x1dV", b"\x1bd", b"\x1bJ", b"\x1dv"}


@settings(max_examples=150, deadline=None)
@given(TEXT)
def test_no_text_of_a_slip_reaches_the_printer_s_own_characters_as_a_command(text: str) -> None:
    plain = commands(escpos.encode_text(content("张三"), 384))
    found = commands(escpos.encode_text(content(text), 384))
    assert {name for name, _ in found} <= ALLOWED
    for command in (b"\x1dV", b"\x1b@", b"\x1da"):
        assert [one for one in found if one[0] == command] == [one for one in plain if one[0] == command]


@settings(max_examples=40, deadline=None)
@given(TEXT)
def test_a_drawn_slip_is_pictures_and_one_cut_whatever_it_says(text: str) -> None:
    blob = escpos.encode(slip.draw(replace_code(content(text)), NARROW))
    found = commands(blob)
    assert {name for name, _ in found} <= {b"\x1b@", b"\x1da", b"\x1dv", b"\x1bd", b"\x1bJ", b"\x1dV", b"\n"}
    assert len([name for name, _ in found if name == b"\x1dV"]) == 1
    assert escpos.real_time_commands(blob) == []


def replace_code(made: SlipContent) -> SlipContent:
    """With a code that can be one: the codes are ours."""
    import msgspec

    return msgspec.structs.replace(made, code="S0123456789")
