"""Delivery: whatever a printer does, a job ends in one outcome, and "printed" is said of slips that came out only."""
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image

from printers import escpos, slip, transports, virtual
from printers.emulator import Ability
from printers.faulty import FaultyPrinter, Mode
from printers.status import Problem

CODE = "S7K3M9Q2TXVZ4A8B1DEFG"
ID = "AB12"
CONTENT = slip.SlipContent(kind="slip", event="会议", title="报到", name="张三", code=CODE, number=1)
NONE, PARSED, COMPLETED = Ability.NONE, Ability.PARSED, Ability.COMPLETED


@pytest.fixture(scope="module")
def blob() -> bytes:
    """A slip of 80 mm paper: more than a small socket buffer holds."""
    return escpos.encode(slip.draw(CONTENT, 576))


def deliver(printer: FaultyPrinter, blob: bytes, ability: Ability | None = None, started=lambda: None,
            grace: float = 0.3) -> transports.Outcome:
    """Delivery with the waiting made short: the printer is in this process and answers at once or never."""
    transport = transports.open_transport(printer.url)
    transport.channel.speed = 10_000_000
    return transports.deliver(transport, blob, ID, started, ability, grace=grace, preflight=0.3)


OUTCOMES = [
    # fault, what is known of the printer, outcome, problem, what is learnt, slips that come out
    (Mode.WORKS, None, "printed", None, COMPLETED, 1),
    (Mode.WORKS, COMPLETED, "printed", None, COMPLETED, 1),
    (Mode.WORKS, PARSED, "printed", None, COMPLETED, 1),
    (Mode.WORKS, NONE, "printed", None, COMPLETED, 1),
    (Mode.ONLY_PARSED, None, "parsed", None, PARSED, 1),
    (Mode.ONLY_PARSED, PARSED, "parsed", None, PARSED, 1),
    (Mode.ONLY_PARSED, COMPLETED, "unknown", Problem.UNCONFIRMED, None, 1),
    (Mode.SAYS_NOTHING, None, "sent", None, NONE, 1),
    (Mode.SAYS_NOTHING, NONE, "sent", None, NONE, 1),
    (Mode.SAYS_NOTHING, COMPLETED, "blocked", Problem.SILENT, None, 0),
    (Mode.NEVER_ACCEPTS, None, "unknown", None, None, 0),
    (Mode.NEVER_ACCEPTS, PARSED, "blocked", Problem.SILENT, None, 0),
    (Mode.NEVER_READS, None, "unknown", None, None, 0),
    (Mode.NEVER_READS, COMPLETED, "blocked", Problem.SILENT, None, 0),
    (Mode.NEVER_READS, NONE, "unknown", None, None, 0),
    (Mode.PAPER_OUT_BEFORE, None, "blocked", Problem.PAPER_OUT, None, 0),
    (Mode.PAPER_OUT_BEFORE, NONE, "blocked", Problem.PAPER_OUT, None, 0),
    (Mode.PAPER_OUT_DURING, None, "unknown", Problem.PAPER_OUT, None, 0),
    (Mode.PAPER_OUT_DURING, PARSED, "unknown", Problem.PAPER_OUT, None, 0),
    (Mode.COVER_OPEN, COMPLETED, "blocked", Problem.COVER_OPEN, None, 0),
    (Mode.STALE_STATUS, None, "printed", None, COMPLETED, 1),
    (Mode.SECOND_REFUSED, None, "printed", None, COMPLETED, 1),
    (Mode.WRONG_ID, None, "unknown", Problem.UNCONFIRMED, None, 1),
    (Mode.WRONG_ID, COMPLETED, "unknown", Problem.UNCONFIRMED, None, 1),
]


@pytest.mark.parametrize(("mode", "known", "state", "problem", "learnt", "came_out"), OUTCOMES)
def test_each_fault_has_exactly_one_outcome(blob, mode, known, state, problem, learnt, came_out):
    starts = []
    with FaultyPrinter(mode) as printer:
        outcome = deliver(printer, blob, known, lambda: starts.append(1))
        if came_out:
            assert printer.wait_for_slips(came_out)
        assert outcome.state == state
        assert problem in (None, outcome.problem)
        assert outcome.ability is learnt
        assert len(printer.slips) == came_out
        assert len(starts) == outcome.bytes_left == (state != "blocked")


def test_a_printer_that_reads_slowly_gets_the_whole_slip(blob):
    with FaultyPrinter(Mode.READS_SLOWLY) as printer:
        assert deliver(printer, blob, grace=20).state == "printed"
        assert [code.text for code in zxingcpp.read_barcodes(printer.slips[0].convert("L"))] == [CODE]


@pytest.mark.parametrize("mode", [Mode.RESETS, Mode.CLOSES_UNREAD])
@pytest.mark.parametrize("after", [1, 3, 11, 12, 13, 500, 4095, 20_000, 40_000, -1, 0])
def test_a_connection_lost_after_any_number_of_bytes_never_counts_as_printed(blob, mode, after):
    """Twelve bytes are the pre-flight; the last two are the job's end, before and after its question."""
    after = after if after > 0 else 12 + len(blob) + (14 if after else -2)
    with FaultyPrinter(mode, after=after) as printer:
        outcome = deliver(printer, blob)
        assert printer.wait_until_left()
        assert len(printer.slips) <= 1
        if after < 12:
            assert (outcome.state, outcome.problem, printer.slips) == ("blocked", Problem.BUSY, [])
        elif outcome.state == "printed":                  # it answered, and only then went away
            assert len(printer.slips) == 1 and after > len(blob)
        else:
            assert outcome.state in ("unknown", "blocked")
            assert outcome.bytes_left or printer.slips == []


def test_a_slip_that_comes_out_with_the_new_roll_was_never_called_printed_and_comes_out_once(blob):
    with FaultyPrinter(Mode.PAPER_CLEARED_LATER) as printer:
        outcome = deliver(printer, blob, COMPLETED)
        assert (outcome.state, outcome.problem) == ("unknown", Problem.PAPER_OUT)
        assert printer.wait_for_slips(1) and printer.cuts == 1


def test_changing_the_roll_before_the_time_is_up_ends_as_printed(blob):
    with FaultyPrinter(Mode.PAPER_OUT_DURING) as printer:
        outcome = deliver_while(printer, blob, printer.new_roll)
        assert outcome.state == "printed" and len(printer.slips) == 1


def deliver_while(printer, blob, act) -> transports.Outcome:
    """Delivers in a thread, and acts once the printer has stopped in the middle."""
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(deliver, printer, blob, None, lambda: None, 10)
        assert printer.wait_for_received(12 + len(blob) + 14)
        act()
        return job.result()


def test_sending_begins_after_the_spooler_was_told_and_not_before(blob):
    with FaultyPrinter() as printer:
        seen = []
        deliver(printer, blob, None, lambda: seen.append(printer.received))
        assert seen == [12]                               # four questions of three bytes, none of the job


def test_when_the_spooler_cannot_commit_nothing_is_sent(blob):
    def fails():
        raise OSError("disk full")

    with FaultyPrinter() as printer:
        with pytest.raises(OSError, match="disk full"):
            deliver(printer, blob, None, fails)
        assert printer.wait_until_left()
        assert printer.received == 12 and printer.slips == []


def test_a_second_connection_is_refused_without_a_byte_and_succeeds_when_the_first_is_gone(blob):
    with FaultyPrinter(Mode.SECOND_REFUSED) as printer:
        first = transports.open_transport(printer.url)
        with first:
            assert first.preflight(time.monotonic() + 2).answered
            refused = deliver(printer, blob)
        assert (refused.state, refused.problem) == ("blocked", Problem.BUSY)
        assert printer.wait_until_left()
        assert deliver(printer, blob).state == "printed" and len(printer.slips) == 1


def test_jobs_one_after_the_other_come_out_once_each_with_their_own_code():
    codes = [f"S{n:020d}" for n in range(3)]
    with FaultyPrinter(width=384) as printer:
        for code in codes:
            job = escpos.encode(slip.draw(slip.SlipContent(kind="slip", event="会", title="报到", code=code), 384))
            assert deliver(printer, job, COMPLETED).state == "printed"
        read = [zxingcpp.read_barcodes(image.convert("L"))[0].text for image in printer.slips]
    assert read == codes and printer.connections == 3


def test_a_printer_that_is_switched_off_blocks_and_says_so(blob):
    with FaultyPrinter() as printer:
        url = printer.url
    outcome = transports.deliver(transports.open_transport(url), blob, ID, lambda: pytest.fail("sent"), preflight=1)
    assert outcome.state == "blocked" and outcome.problem in (Problem.BUSY, Problem.UNREACHABLE)


def test_paper_that_runs_low_warns_and_prints(tmp_path, blob):
    virtual.set_problem(tmp_path / "front", Problem.NEAR_END)
    outcome = _virtual(tmp_path, blob, "7")
    assert outcome.state == "printed" and outcome.near_end


def _virtual(folder: Path, blob: bytes, job: str) -> transports.Outcome:
    transport = transports.open_transport("virtual://", folder=folder, printer="front", job=job)
    return transports.deliver(transport, blob, ID, lambda: None)


def test_the_virtual_printer_keeps_a_readable_slip_and_confirms_it(tmp_path, blob):
    outcome = _virtual(tmp_path, blob, "42")
    assert (outcome.state, outcome.ability) == ("printed", COMPLETED)
    assert virtual.slips(tmp_path / "front") == [tmp_path / "front" / "42.png"]
    with Image.open(tmp_path / "front" / "42.png") as image:
        assert image.width == 576
        assert zxingcpp.read_barcodes(image.convert("L"))[0].text == CODE


@pytest.mark.parametrize("problem", [Problem.PAPER_OUT, Problem.COVER_OPEN, Problem.UNREACHABLE])
def test_the_virtual_printer_can_be_told_to_have_a_problem_and_to_have_none(tmp_path, blob, problem):
    virtual.set_problem(tmp_path / "front", problem)
    outcome = _virtual(tmp_path, blob, "1")
    assert (outcome.state, outcome.problem, virtual.slips(tmp_path / "front")) == ("blocked", problem, [])
    virtual.set_problem(tmp_path / "front", None)
    assert _virtual(tmp_path, blob, "1").state == "printed"


def test_a_slip_printed_twice_is_seen_twice(tmp_path, blob):
    _virtual(tmp_path, blob, "1")
    _virtual(tmp_path, blob, "1")
    assert {path.name for path in virtual.slips(tmp_path / "front")} == {"1.png", "1-2.png"}


def test_a_device_file_takes_the_very_bytes_and_never_says_more_than_sent(tmp_path, blob):
    path = tmp_path / "打印 机"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    transport = transports.open_transport(path.as_uri())
    # Held open for writing: without a writer, reading a pipe ends at once.
    with ThreadPoolExecutor() as beside, os.fdopen(reader, "rb") as came, path.open("wb"):
        received = beside.submit(came.read, len(blob))
        assert transports.deliver(transport, blob, ID, lambda: None).state == "sent"
        assert received.result(10) == blob


@pytest.mark.parametrize("link", [False, True])
def test_a_file_that_keeps_what_is_written_is_refused_in_words_and_stays_as_it_is(tmp_path, blob, link):
    kept, path = tmp_path / "authorized_keys", tmp_path / "lp0"
    kept.write_bytes(b"as it was")
    path.symlink_to(kept)
    transport = transports.open_transport((path if link else kept).as_uri())
    outcome = transports.deliver(transport, blob, ID, lambda: pytest.fail("sent"))
    assert (outcome.state, outcome.problem) == ("blocked", Problem.UNUSABLE)
    assert "不是打印机的设备文件" in outcome.detail and kept.read_bytes() == b"as it was"


def test_a_file_that_is_not_there_is_not_made(tmp_path, blob):
    transport = transports.open_transport((tmp_path / "lp0").as_uri())
    outcome = transports.deliver(transport, blob, ID, lambda: pytest.fail("sent"))
    assert (outcome.state, outcome.problem) == ("blocked", Problem.UNREACHABLE) and not list(tmp_path.iterdir())


def test_a_device_file_that_is_not_there_blocks(tmp_path, blob):
    transport = transports.open_transport((tmp_path / "no" / "lp0").as_uri())
    outcome = transports.deliver(transport, blob, ID, lambda: pytest.fail("sent"))
    assert (outcome.state, outcome.problem) == ("blocked", Problem.UNREACHABLE)


@pytest.mark.parametrize(("url", "package"), [
    ("serial:///dev/ttyUSB0?baud=115200", "pyserial"), ("usb://04b8:0e15", "pyusb"), ("win32://POS 80", "pywin32")])
def test_a_printer_whose_library_is_missing_says_what_to_install(monkeypatch, blob, url, package):
    for module in ("serial", "usb", "usb.core", "win32print"):
        monkeypatch.setitem(sys.modules, module, None)
    outcome = transports.deliver(transports.open_transport(url), blob, ID, lambda: pytest.fail("sent"))
    assert (outcome.state, outcome.problem) == ("blocked", Problem.UNUSABLE)
    assert f"pip install {package}" in outcome.detail


@pytest.mark.parametrize("url", ["", "front", "http://x", "tcp://", "tcp://h:x", "tcp://h:99999", "usb://x", "file://"])
def test_an_address_that_is_none_is_refused_in_words(url):
    with pytest.raises(ValueError, match="打印机地址不对"):
        transports.open_transport(url)


def test_text_mode_is_what_a_person_chose_in_the_address():
    assert transports.text_mode("serial:///dev/ttyUSB0?baud=9600&mode=text")
    assert not transports.text_mode("tcp://192.168.1.50:9100")


def test_the_faulty_printer_runs_by_hand_and_keeps_its_slips(tmp_path, blob):
    command = [sys.executable, "-u", "-m", "printers.faulty", "--mode", "only-parsed", "--folder", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        url = process.stderr.readline().split()[0]
        outcome = transports.deliver(transports.open_transport(url), blob, ID, lambda: None, PARSED)
        kept = Path(process.stdout.readline().strip())
        process.terminate()
    assert outcome.state == "parsed"
    with Image.open(kept) as image:
        assert zxingcpp.read_barcodes(image.convert("L"))[0].text == CODE
