"""The event's printers and its print queue, with a way to wait for what a job becomes. For the tests of printing."""
from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import zxingcpp
from sqlalchemy import select

from models.event import Printer, touch
from models.runtime import Runtime
from models.scans import PrintJob
from printers.spooler import Spooler
from printers.worker import Timing
from tests.conftest import Tablet

QUICK = Timing(backoff=(0.05, 0.1), backup_after=0.3, idle_look=60, preflight=2, grace=10, leave=3)
MUTE = replace(QUICK, preflight=0.3, grace=0.3)       # for printers of which it is known that no answer comes
NARROW = 200                              # dots, the least that a QR takes: a slip of few bytes


class Shop:
    """Starts and stops the spooler; every commit is a reason to look again."""

    def __init__(self, runtime: Runtime, timing: Timing = QUICK):
        self.runtime, self.timing = runtime, timing
        self.rung = threading.Event()
        self._changed = threading.Condition()
        self._spooler: Spooler | None = None
        runtime.writer.after_commit(self._notify)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def start(self) -> None:
        self._spooler = Spooler(self.runtime, self.rung.set, self.timing)
        self._spooler.start()

    def stop(self) -> None:
        if self._spooler:
            self._spooler.stop()
            self._spooler = None

    def printer(self, key: str = "front", **values: Any) -> None:
        """Makes or changes a printer, as the plan would."""
        def write(session: Any) -> None:
            row = session.get(Printer, key) or Printer(key=key, url="virtual://", width=NARROW)
            session.add(row)
            for name, value in values.items():
                setattr(row, name, value)
            touch(session, "plan")
        self.runtime.writer.do(write)

    def said(self, key: str = "front") -> Printer:
        with self.runtime.reading() as session:
            return session.get_one(Printer, key)

    def jobs(self) -> list[PrintJob]:
        with self.runtime.reading() as session:
            return list(session.scalars(select(PrintJob).order_by(PrintJob.number)))

    def states(self) -> list[str]:
        return [job.state for job in self.jobs()]

    def wait(self, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Waits until something that was committed makes a condition true."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def becomes(self, *states: str) -> None:
        """The jobs, in their order, get these states."""
        assert self.wait(lambda: self.states() == list(states)), self.states()

    def do(self, work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return self.runtime.writer.do(lambda session: work(session, *arguments, **more))


def codes_of(slips: list[Any]) -> list[str]:
    """What the QRs of slips say."""
    return [zxingcpp.read_barcodes(image.convert("L"))[0].text for image in slips]


def signing_in(desk: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> Callable[[], str]:
    """A person signs in at the desk: one slip (the press has no coupon); its job."""
    def sign_in() -> str:
        answer = desk.scan(create_attendee(category="press")[1], "signin")
        assert answer["verdict"] == "accepted"
        job: str = answer["print_jobs"][0]
        return job
    return sign_in
