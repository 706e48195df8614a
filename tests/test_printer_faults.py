"""Every fault of printing.md on the whole road: scan, queue, printer, paper, and the person who looks at it.

For each: a job ends in exactly one state, the slips that came out are the jobs that are called printed, and no
request waits for a printer. Where nobody knows, the person does what the question says: off and on, look, answer.
"""
from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk import live
from models import print_queue, reports
from models.runtime import Runtime
from models.scans import PrintJob
from printers import channels, escpos, slip, transports
from printers.faulty import FaultyPrinter, Mode
from printers.slip import SlipContent
from printers.transports import Outcome
from printers.worker import Timing
from tests.conftest import Tablet
from tests.print_shop import MUTE, NARROW, QUICK, Shop, codes_of, signing_in

DONE = ("printed", "parsed", "sent")
KINDS = (Mode.WORKS, Mode.ONLY_PARSED, Mode.SAYS_NOTHING)
FAULTS = [(Mode.NEVER_ACCEPTS, 0), (Mode.NEVER_READS, 0), (Mode.STOPS_READING, 2000), (Mode.READS_SLOWLY, 0), (Mode.RESETS, 1),
          (Mode.RESETS, 2000), (Mode.CLOSES_UNREAD, 1), (Mode.CLOSES_UNREAD, 2000), (Mode.PAPER_OUT_BEFORE, 0),
          (Mode.PAPER_OUT_DURING, 100), (Mode.PAPER_CLEARED_LATER, 100), (Mode.COVER_OPEN, 0), (Mode.STALE_STATUS, 0),
          (Mode.SECOND_REFUSED, 0), (Mode.WRONG_ID, 0)]
SHORT = replace(MUTE, grace=0.5)


@pytest.fixture
def shop(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The writer runs as in `serve`; these printers answer at once or never."""
    monkeypatch.setattr(channels.TcpChannel, "speed", 10_000_000)
    made = Shop(runtime, SHORT)
    runtime.writer.start()
    made.printer(width=NARROW)
    yield made
    made.stop()
    runtime.writer.stop()


@pytest.fixture
def sign_in(desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> Callable[[], str]:
    return signing_in(desk, create_attendee)


def test_every_fault_that_the_printer_can_do_is_tried_here() -> None:
    assert {mode for mode, _after in FAULTS} | set(KINDS) == set(Mode)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("fault", "after"), FAULTS, ids=[f"{fault}-{after}" for fault, after in FAULTS])
def test_a_printer_that_fails_between_good_slips_ends_with_as_many_slips_as_are_called_printed(
        shop: Shop, sign_in: Callable[[], str], kind: Mode, fault: Mode, after: int) -> None:
    with FaultyPrinter(kind, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        sign_in()
        assert shop.wait(lambda: is_over(shop)), shop.states()
        printer.change(fault, after)
        for _ in range(3):
            sign_in()
        assert shop.wait(lambda: is_quiet(shop)), (shop.states(), shop.said().state)
        see_to_it(shop, printer, kind)
        assert printer.wait_for_slips(4)
        shop.stop()
        check_paper(shop, printer)


def is_over(shop: Shop) -> bool:
    return all(state in (*DONE, "cancelled") for state in shop.states())


def is_quiet(shop: Shop) -> bool:
    """All is printed, or the printer wants a person."""
    said = shop.said()
    return is_over(shop) or ("sending" not in shop.states() and said.checked_at is not None
                             and said.state in ("blocked", "offline", "waiting"))


def see_to_it(shop: Shop, printer: FaultyPrinter, kind: Mode) -> None:
    """Somebody answers and repairs until all is printed."""
    for _ in range(8):
        asked = [job for job in shop.jobs() if job.state == "unknown"]
        if asked:
            printer.off_and_on()
            printer.change(kind)
            came_out = asked[0].code in codes_of(printer.slips)
            shop.do(print_queue.answer_unknown, asked[0].id, came_out, "小王")
        else:
            printer.change(kind)
            printer.new_roll()
            shop.do(print_queue.look_again, "front")
        assert shop.wait(lambda: is_quiet(shop)), shop.states()
        if is_over(shop):
            printer.new_roll()                            # a mute one took more than it had paper for
            return
    raise AssertionError(shop.states())


def check_paper(shop: Shop, printer: FaultyPrinter) -> None:
    """What lies there is what is said, each once; a job whose slip did not come out has a copy that did."""
    jobs = shop.jobs()
    printed = [str(job.code) for job in jobs if job.state in DONE]
    assert sorted(codes_of(printer.slips)) == sorted(printed)
    assert len(set(printed)) == len(printed) == len({job.code for job in jobs})
    assert {job.state for job in jobs} <= {*DONE, "cancelled"}
    assert all(job.reason == "not_out" for job in jobs if job.state == "cancelled")


def test_a_connection_cut_at_any_place_of_a_job_loses_and_doubles_no_slip(shop: Shop, sign_in: Callable[[], str]) -> None:
    with FaultyPrinter(width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        sign_in()
        assert shop.wait(lambda: is_over(shop))
        for after in (2, 11, 12, 13, 14, 40, *range(100, printer.received + 12, printer.received // 12), printer.received - 15,
                      printer.received - 1, printer.received):
            printer.change(Mode.RESETS, after)
            sign_in()
            assert shop.wait(lambda: is_quiet(shop)), (after, shop.states())
            see_to_it(shop, printer, Mode.WORKS)
        shop.stop()
        check_paper(shop, printer)


BLOB = escpos.encode(slip.draw(SlipContent(kind="slip", event="会", title="报到", code="S0123456789"), NARROW))


@settings(max_examples=40, deadline=None)
@given(after=st.integers(1, len(BLOB) + 40), mode=st.sampled_from([Mode.RESETS, Mode.CLOSES_UNREAD, Mode.STOPS_READING]),
       kind=st.sampled_from(KINDS))
def test_wherever_a_printer_goes_away_nothing_is_called_printed_that_did_not_come_out(after: int, mode: Mode, kind: Mode) -> None:
    with FaultyPrinter(kind, after=after, width=NARROW) as printer:
        printer.change(mode, after)
        outcome = deliver(printer.url)
        if mode is not Mode.STOPS_READING:
            assert printer.wait_until_left()
        out = len(printer.slips)
    assert outcome.state in ("blocked", "unknown", *DONE)
    if outcome.state in DONE:
        assert out == 1
    if outcome.state == "blocked":
        assert out == 0 and after <= 12, "after the four questions bytes of the job may have left"


def deliver(url: str) -> Outcome:
    transport = transports.open_transport(url)
    setattr(transport.channel, "speed", 10_000_000)      # noqa: B010 - a Channel's speed is read only to mypy
    return transports.deliver(transport, BLOB, "AB12", lambda: None, grace=0.2, preflight=0.1)


def test_another_computer_that_holds_the_printer_makes_us_wait_and_is_named(shop: Shop, sign_in: Callable[[], str]) -> None:
    with FaultyPrinter(Mode.SECOND_REFUSED, width=NARROW) as printer:
        shop.printer(url=printer.url)
        with socket.create_connection(("127.0.0.1", printer.port)) as rival:
            rival.sendall(escpos.query(1))
            assert rival.recv(1)                          # it has us, and nobody else
            shop.start()
            sign_in()
            assert shop.wait(lambda: shop.said().state == "offline"), shop.said().state
            assert shop.said().message.startswith("拒绝连接") and shop.states() == ["queued"]
        assert shop.wait(lambda: shop.states() == ["printed"])
        check_paper(shop, printer)


@pytest.mark.parametrize("kind", [Mode.WORKS, Mode.ONLY_PARSED])
def test_paper_that_ends_in_a_slip_is_said_while_it_hangs_there_and_a_new_roll_saves_it(
        shop: Shop, sign_in: Callable[[], str], kind: Mode, runtime: Runtime) -> None:
    shop.timing = replace(QUICK, grace=60)
    with FaultyPrinter(kind, width=NARROW) as printer:
        shop.printer(url=printer.url, ability="completed" if kind is Mode.WORKS else "parsed")
        printer.change(Mode.PAPER_OUT_DURING, 100)
        shop.start()
        sign_in()
        assert shop.wait(lambda: shop.said().state == "blocked")
        assert shop.states() == ["sending"] and shop.said().message.startswith("缺纸")
        with runtime.connection() as connection:
            front = reports.printers(connection)["front"]
        assert (front["state"], front["sending"]) == ("blocked", 1), "what the dashboard and the desk show"
        printer.new_roll()
        assert shop.wait(lambda: is_over(shop))
        assert (shop.said().state, shop.said().message) == ("idle", "")
        check_paper(shop, printer)


def test_trouble_is_asked_for_often_enough_to_be_on_every_screen_within_three_seconds() -> None:
    before_a_slip = Timing().preflight + live.QUIET
    while_it_prints = 2 * transports.ASK_EVERY + live.QUIET              # until it is asked, and until it has answered
    assert max(before_a_slip, while_it_prints) <= 3


def test_a_printer_that_stands_still_with_a_full_buffer_is_said_to_stand_still(shop: Shop, sign_in: Callable[[], str]) -> None:
    shop.timing = replace(QUICK, grace=4)
    with FaultyPrinter(width=NARROW) as printer:
        shop.printer(url=printer.url, ability="completed")
        printer.change(Mode.STOPS_READING, 2000)
        shop.start()
        sign_in()
        assert shop.wait(lambda: shop.said().message.startswith("停住了")), shop.said().message
        assert shop.states() == ["sending"] and shop.said().state == "blocked"
        assert shop.wait(lambda: shop.states() == ["unknown"])
        assert shop.said().state == "waiting"


def test_a_slip_whose_scan_was_undone_is_not_printed_by_a_no(
        shop: Shop, desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    answer = desk.scan(create_attendee(category="press")[1], "signin")
    job: str = answer["print_jobs"][0]
    shop.do(lambda session: setattr(print_queue.job_of(session, job), "state", "unknown"))
    desk.void(answer["id"])
    for _ in range(2):
        assert shop.do(print_queue.answer_unknown, job, False, "小王") == job
    found: PrintJob = shop.jobs()[0]
    assert (found.state, found.reason, len(shop.jobs())) == ("cancelled", "undone", 1)
