"""The print queue with real printers that fail: each job ends in one state, and what came out is what is said."""
from __future__ import annotations

import threading

import pytest
import zxingcpp
from sqlalchemy import select, update

from models import print_queue, print_states
from models.event import Printer, touch
from models.scans import PrintJob
from printers.faulty import FaultyPrinter, Mode
from printers.spooler import Spooler
from printers.worker import Timing

QUICK = Timing(backoff=(0.05, 0.1), backup_after=0.3, preflight=0.3, grace=0.3, leave=3.0)
NARROW = 192                    # dots: a slip of 6 KB keeps size / speed short


class Shop:
    """The event's printers and its queue, with a way to wait for what a job becomes."""

    def __init__(self, runtime, timing=QUICK):
        self.runtime, self.timing = runtime, timing
        self.changed = threading.Condition()
        self.spooler = None
        runtime.writer.after_commit(self.ring)

    def ring(self):
        with self.changed:
            self.changed.notify_all()

    def start(self):
        self.spooler = Spooler(self.runtime, self.ring, self.timing)
        self.spooler.start()

    def stop(self):
        if self.spooler:
            self.spooler.stop()
            self.spooler = None

    def printer(self, key="front", **values):
        """Makes or changes a printer, as the plan would."""
        def write(session):
            row = session.get(Printer, key) or Printer(key=key, url="virtual://", width=NARROW)
            session.add(row)
            for name, value in values.items():
                setattr(row, name, value)
            touch(session, "plan")
        self.runtime.writer.do(write)

    def said(self, key="front"):
        with self.runtime.reading() as session:
            return session.get(Printer, key)

    def jobs(self):
        with self.runtime.reading() as session:
            return session.scalars(select(PrintJob).order_by(PrintJob.number)).all()

    def states(self):
        return [job.state for job in self.jobs()]

    def wait(self, condition, seconds=8.0):
        """Waits until something committed makes a condition true."""
        with self.changed:
            return self.changed.wait_for(condition, seconds)

    def do(self, work, *arguments, **more):
        return self.runtime.writer.do(lambda session: work(session, *arguments, **more))


@pytest.fixture
def shop(runtime):
    """The writer runs as in `serve`; the spooler is started by the test."""
    made = Shop(runtime)
    runtime.writer.start()
    made.printer(width=NARROW)
    yield made
    made.stop()
    runtime.writer.stop()


def codes_of(slips):
    return [zxingcpp.read_barcodes(image.convert("L"))[0].text for image in slips]


def test_a_scan_comes_out_as_a_slip_whose_code_is_the_jobs(shop, desk, badge):
    with FaultyPrinter(width=576) as printer:
        shop.printer(url=printer.url, width=576)
        shop.start()
        answer = desk.scan(badge, "signin")
        assert shop.wait(lambda: shop.states() == ["printed", "printed"]), shop.states()
        assert codes_of(printer.slips) == [job.code for job in shop.jobs()]
        assert answer["print_jobs"] == [job.id for job in shop.jobs()]
    assert shop.said().ability == "completed"
