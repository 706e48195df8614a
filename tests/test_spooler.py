"""The print queue with real printers that fail: each job ends in one state, and what came out is what is said."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from models import print_queue, print_states, reports
from models.scans import PrintJob
from printers import channels, virtual
from printers.faulty import FaultyPrinter, Mode
from printers.spooler import Spooler
from printers.status import Problem
from printers.worker import paper_folder
from tests.print_shop import MUTE, NARROW, QUICK, Shop, codes_of, signing_in

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def shop(runtime, monkeypatch):
    """The writer runs as in `serve`; the spooler is started by the test. The plan's printer is a narrow one."""
    monkeypatch.setattr(channels.TcpChannel, "speed", 10_000_000)      # these printers answer at once or never
    made = Shop(runtime)
    runtime.writer.start()
    made.printer(width=NARROW)
    yield made
    made.stop()
    runtime.writer.stop()


@pytest.fixture
def sign_in(desk, create_attendee):
    return signing_in(desk, create_attendee)


def test_a_scan_comes_out_as_slips_whose_codes_are_the_jobs(shop, desk, badge):
    with FaultyPrinter(width=576) as printer:
        shop.printer(url=printer.url, width=576)
        shop.start()
        answer = desk.scan(badge, "signin")
        shop.becomes("printed", "printed")
        assert codes_of(printer.slips) == [job.code for job in shop.jobs()]
        assert answer["print_jobs"] == [job.id for job in shop.jobs()]
    assert (shop.said().ability, shop.said().state) == ("completed", "idle")


FAULTS = [
    # fault, after, the job's state, slips that came out
    (Mode.WORKS, 400, "printed", 1),
    (Mode.ONLY_PARSED, 400, "parsed", 1),
    (Mode.SAYS_NOTHING, 400, "sent", 1),
    (Mode.READS_SLOWLY, 400, "printed", 1),
    (Mode.STALE_STATUS, 400, "printed", 1),
    (Mode.SECOND_REFUSED, 400, "printed", 1),
    (Mode.NEVER_ACCEPTS, 400, "unknown", 0),
    (Mode.NEVER_READS, 400, "unknown", 0),
    (Mode.RESETS, 60, "unknown", 0),
    (Mode.RESETS, 2000, "unknown", 0),
    (Mode.CLOSES_UNREAD, 2000, "unknown", 0),
    (Mode.PAPER_OUT_DURING, 100, "unknown", 0),
    (Mode.PAPER_CLEARED_LATER, 100, "unknown", 1),
    (Mode.WRONG_ID, 400, "unknown", 1),
    (Mode.PAPER_OUT_BEFORE, 400, "queued", 0),
    (Mode.COVER_OPEN, 400, "queued", 0),
]


@pytest.mark.parametrize(("mode", "after", "state", "came_out"), FAULTS, ids=[f"{f[0]}-{f[1]}" for f in FAULTS])
def test_every_fault_ends_in_one_state_and_what_came_out_is_what_is_called_printed(
        shop, sign_in, mode, after, state, came_out):
    shop.timing = {"printed": QUICK, "parsed": replace(MUTE, grace=2), "sent": replace(MUTE, grace=1)}.get(state, MUTE)
    with FaultyPrinter(mode, after=after, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        sign_in()
        if state == "queued":
            assert shop.wait(lambda: shop.said().state == "blocked")
        shop.becomes(state)
        assert printer.wait_for_slips(came_out)
        shop.stop()
        if state == "unknown":
            shop.do(print_queue.answer_unknown, shop.jobs()[0].id, came_out == 1, "陈总")
        printed = [job for job in shop.jobs() if job.state in ("printed", "parsed", "sent")]
        assert codes_of(printer.slips) == [job.code for job in printed]
        assert shop.said().turn == (state != "queued")


def test_no_request_waits_for_a_printer(shop, desk, sign_in):
    shop.timing = replace(MUTE, grace=3, leave=0)
    with FaultyPrinter(Mode.NEVER_READS, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        sign_in()
        shop.becomes("sending")
        sign_in()
        assert desk.counts()["printers"]["front"]["sending"] == 1
        assert shop.states() == ["sending", "queued"]
        shop.stop()
        assert shop.states() == ["unknown", "queued"]
    end_of("printer-front")


def end_of(name: str) -> None:
    """A worker that was left behind ends by itself, and changes nothing any more."""
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


CRASHING = """
import sys, threading
from app import create_app
from printers.spooler import Spooler
from printers.worker import Timing
runtime = create_app({"DATA": sys.argv[1]}).extensions["huiwu"]
runtime.writer.start()
Spooler(runtime, lambda: None, Timing(grace=60)).start()
threading.Event().wait()
"""


def test_a_process_killed_while_sending_leaves_an_unknown_job_that_is_not_printed_again(shop, data, sign_in):
    with FaultyPrinter(Mode.WRONG_ID, width=NARROW) as printer:      # prints, and confirms nothing
        shop.printer(url=printer.url)
        sign_in()
        with subprocess.Popen([sys.executable, "-c", CRASHING, str(data)], cwd=ROOT) as process:
            assert printer.wait_for_slips(1, timeout=30)
            os.kill(process.pid, signal.SIGKILL)
        assert printer.wait_until_left()
        assert shop.states() == ["sending"]
        seen = printer.connections
        shop.start()
        assert shop.states() == ["unknown"]
        assert shop.wait(lambda: shop.said().state == "waiting")
        shop.stop()
        assert (printer.connections, len(printer.slips)) == (seen, 1)
    assert "程序停了" in shop.jobs()[0].reason


def test_the_backup_takes_over_what_has_not_left_and_prints_it_once(shop, sign_in):
    with FaultyPrinter(Mode.PAPER_OUT_BEFORE, width=NARROW) as front, FaultyPrinter(width=NARROW) as rear:
        shop.printer("rear", url=rear.url)
        shop.printer(url=front.url, backup="rear")
        shop.start()
        sign_in()
        sign_in()
        shop.becomes("printed", "printed")
        assert codes_of(rear.slips) == [job.code for job in shop.jobs()] and front.slips == []
        assert {job.sent_to for job in shop.jobs()} == {"rear"}
        front.new_roll()
        assert shop.wait(lambda: shop.said().state == "idle"), "it is asked again although nothing waits for it"


def test_the_backup_takes_nothing_before_its_time(shop, sign_in):
    shop.timing = replace(QUICK, backup_after=60)
    with FaultyPrinter(Mode.PAPER_OUT_BEFORE, width=NARROW) as front, FaultyPrinter(width=NARROW) as rear:
        shop.printer("rear", url=rear.url)
        shop.printer(url=front.url, backup="rear")
        shop.start()
        sign_in()
        assert shop.wait(lambda: shop.said().state == "blocked")
        front.new_roll()
        shop.becomes("printed")
        assert (len(front.slips), len(rear.slips)) == (1, 0)


def test_jobs_do_not_fly_between_two_printers_that_are_both_blocked(shop, sign_in):
    with FaultyPrinter(Mode.COVER_OPEN, width=NARROW) as front, FaultyPrinter(Mode.COVER_OPEN, width=NARROW) as rear:
        shop.printer("rear", url=rear.url, backup="front")
        shop.printer(url=front.url, backup="rear")
        shop.start()
        assert shop.wait(lambda: shop.said("rear").state == "blocked" and shop.said().state == "blocked")
        sign_in()
        seen = front.connections
        assert shop.wait(lambda: front.connections > seen + 4)
        assert (shop.states(), shop.jobs()[0].printer_key) == (["queued"], "front")


def test_an_unknown_job_keeps_its_own_queue_waiting_and_no_other(shop, sign_in):
    shop.timing = replace(QUICK, grace=1)
    with FaultyPrinter(Mode.WRONG_ID, width=NARROW) as front, FaultyPrinter(width=NARROW) as rear:
        shop.printer(url=front.url, backup="rear")
        shop.printer("rear", url=rear.url)
        shop.start()
        first = sign_in()
        shop.becomes("unknown")
        sign_in()
        shop.do(print_queue.test_slip, "rear", "陈总")
        shop.becomes("unknown", "queued", "printed")
        assert shop.wait(lambda: "0001" in shop.said().message) and shop.said().state == "waiting"
        front.mode = Mode.WORKS
        assert shop.do(print_queue.answer_unknown, first, True, "陈总") == first
        shop.becomes("printed", "printed", "printed")
        assert len(front.slips) == 2


def test_a_slip_that_did_not_come_out_is_printed_as_a_marked_copy(shop, sign_in):
    with FaultyPrinter(Mode.RESETS, after=2000, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        job = sign_in()
        shop.becomes("unknown")
        shop.stop()
    with FaultyPrinter(width=NARROW) as printer:
        shop.printer(url=printer.url)
        copy = shop.do(print_queue.answer_unknown, job, False, "小王")
        shop.start()
        shop.becomes("cancelled", "printed")
        first, second = shop.jobs()
        assert (second.id, second.copy, second.code, second.actor) == (copy, 2, first.code, "小王")
        assert codes_of(printer.slips) == [first.code]


def test_a_printer_that_moves_or_is_added_while_running_is_used_at_once(shop, sign_in):
    with FaultyPrinter(width=NARROW) as old, FaultyPrinter(width=NARROW) as new:
        shop.printer(url=old.url)
        shop.start()
        sign_in()
        shop.becomes("printed")
        shop.printer(url=new.url)
        sign_in()
        shop.becomes("printed", "printed")
        assert (len(old.slips), len(new.slips)) == (1, 1)
        shop.printer("added", url=old.url)
        shop.do(print_queue.test_slip, "added", "陈总")
        shop.becomes("printed", "printed", "printed")
        assert len(old.slips) == 2


def test_an_address_that_is_none_is_said_and_nothing_is_lost(shop, sign_in):
    shop.printer(url="tcp://")
    shop.start()
    sign_in()
    assert shop.wait(lambda: shop.said().state == "blocked" and bool(shop.jobs()[0].reason))
    assert "打印机地址不对" in shop.said().message and shop.states() == ["queued"]


def test_trouble_is_seen_in_words_and_goes_when_somebody_saw_to_it(shop, data, sign_in, runtime):
    folder = paper_folder(data, "front")
    shop.timing = replace(QUICK, backoff=(60,))
    virtual.set_problem(folder, Problem.PAPER_OUT)
    shop.start()
    sign_in()
    assert shop.wait(lambda: "缺纸" in shop.jobs()[0].reason)
    assert shop.rung.wait(3), "the live hub is told"
    with runtime.connection() as connection:
        front = reports.printers(connection)["front"]
    assert (front["state"], front["queued"]) == ("blocked", 1) and front["message"].startswith("缺纸")
    virtual.set_problem(folder, None)
    shop.do(print_queue.look_again, "front")
    shop.becomes("printed")
    assert (shop.said().state, shop.said().message) == ("idle", "")


def test_scans_do_not_make_a_printer_in_trouble_look_all_the_time(shop, data, sign_in, monkeypatch):
    shop.timing = replace(QUICK, backoff=(60,))
    virtual.set_problem(paper_folder(data, "front"), Problem.PAPER_OUT)
    shop.start()
    sign_in()
    assert shop.wait(lambda: shop.said().state == "blocked")
    looks = []
    real = print_states.look
    monkeypatch.setattr(print_states, "look", lambda *told: looks.append(told) or real(*told))
    for _scan in range(50):
        shop.do(lambda session: None)     # any write but a scan may concern the printers
        time.sleep(0.01)
    assert len(looks) <= 3


def test_paper_that_runs_low_warns_and_prints(shop, data, sign_in):
    virtual.set_problem(paper_folder(data, "front"), Problem.NEAR_END)
    shop.start()
    sign_in()
    shop.becomes("printed")
    assert shop.said().state == "idle" and shop.said().message.startswith("纸将用完")


def test_a_job_that_cannot_be_drawn_waits_for_a_person_and_stops_no_other(shop, sign_in):
    broken = sign_in()
    shop.do(lambda session: session.execute(update(PrintJob).where(PrintJob.id == broken).values(content={"kind": 7})))
    sign_in()
    shop.start()
    shop.becomes("held", "printed")


def test_the_bytes_are_frozen_before_they_leave(shop, sign_in):
    shop.timing = MUTE
    import hashlib
    import zlib
    with FaultyPrinter(Mode.SAYS_NOTHING, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        sign_in()
        shop.becomes("sent")
        job = shop.jobs()[0]
        blob = zlib.decompress(job.blob)
        assert hashlib.sha256(blob).hexdigest() == job.sha256 and len(job.blob) < len(blob) / 3
        assert printer.received >= len(blob)


def test_a_job_cancelled_at_the_last_moment_is_not_sent(shop, sign_in):
    with FaultyPrinter(Mode.COVER_OPEN, width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        job = sign_in()
        assert shop.wait(lambda: shop.said().state == "blocked")
        shop.do(print_queue.cancel, job, "陈总")
        printer.new_roll()
        printer._emulator.cover_open = False
        assert shop.wait(lambda: shop.said().state == "idle")
        assert printer.slips == [] and shop.states() == ["cancelled"]


def test_an_idle_printer_that_can_answer_is_asked_before_anyone_waits(shop, data):
    shop.timing = replace(QUICK, idle_look=0.05)
    shop.printer(ability="completed")
    shop.start()
    assert shop.wait(lambda: shop.said().checked_at is not None)
    virtual.set_problem(paper_folder(data, "front"), Problem.COVER_OPEN)
    assert shop.wait(lambda: shop.said().state == "blocked")
    assert shop.said().message.startswith("盖开")


def test_many_scans_all_come_out_once(shop, sign_in):
    with FaultyPrinter(width=NARROW) as printer:
        shop.printer(url=printer.url)
        shop.start()
        ids = [sign_in() for _ in range(15)]
        shop.becomes(*["printed"] * 15)
        assert [job.id for job in shop.jobs()] == ids
        assert codes_of(printer.slips) == [job.code for job in shop.jobs()]
        assert len({job.process_id for job in shop.jobs()}) == 15


def test_the_threads_end_with_the_spooler(shop):
    shop.start()
    assert shop.wait(lambda: shop.said().checked_at is not None)
    shop.stop()
    assert not [t for t in threading.enumerate() if t.name.startswith(("printer-", "spooler"))]
    assert shop.said().state == "idle"


def test_a_stopped_spooler_can_be_started_again(shop, sign_in):
    spooler = Spooler(shop.runtime, shop.rung.set, QUICK)
    for states in (["printed"], ["printed", "printed"]):
        spooler.start()
        sign_in()
        shop.becomes(*states)
        spooler.stop()
