"""How a job leaves: one call delivers it and says truthfully what is known of it afterwards.

`deliver` is the seam to the spooler. It runs in the printer's own thread, touches no database, and calls back right
before the first byte of the job, where the spooler commits `sending`. Its outcome is one of
    blocked   not a byte of the job left: it may be tried again, or taken by another printer
    printed   the printer said itself that this very job is completed
    parsed    the printer has read it to its end
    sent      taken by something that never answers
    unknown   bytes left and nobody knows what became of them: a person looks
"""
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from printers import escpos
from printers.channels import Channel, ChannelError, FileChannel, TcpChannel, left
from printers.emulator import Ability
from printers.status import Answer, Answers, Problem, Status, parse_paper, parse_status

PREFLIGHT = 2.0                                           # seconds, printing.md
GLANCE = 0.04                                             # seconds for one that never answered: it may have been mute once
_ANSWERS, _MANY = ("completed", "paper", "noise"), 3      # what counts after a job: one question has one answer
GRACE = 10.0                                              # seconds beyond size / speed
ASK_EVERY = 1.0                                           # seconds between two looks at a printer that prints
Told = Callable[[Problem | None], None]                   # what stops it at this moment, None when nothing does


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `ability` is what this attempt taught of the printer, None when nothing."""

    state: str                                            # blocked | printed | parsed | sent | unknown
    problem: Problem | None = None                        # of blocked and unknown
    detail: str = ""                                      # the system's own words
    ability: Ability | None = None
    near_end: bool = False

    @property
    def bytes_left(self) -> bool:
        """Whether any byte of the job may be on its way: then nothing repeats it by itself."""
        return self.state != "blocked"


class Transport:
    """One connection for one job. Use it as a context manager; it closes in the end."""

    def __init__(self, channel: Channel) -> None:
        """Over a channel that is not open yet."""
        self.channel = channel
        self._answers = Answers()
        self._own: Answer | None = None                   # what confirms the job, once that was asked for
        self._confirmed = False
        self._said: list[Answer] = []                     # of what may be about the job, the first few

    def __enter__(self) -> Transport:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes."""
        self.channel.close()

    def preflight(self, deadline: float, ability: Ability | None = None) -> Status:
        """Connects and asks for status; sends no byte of a job. A printer known to say nothing is hardly waited for."""
        try:
            self.channel.open(deadline)
            if not self.channel.two_way:
                return Status()
            answers = self._ask(time.monotonic() + GLANCE if ability is Ability.NONE else deadline)
        except ChannelError as error:
            problem = Problem.BUSY if error.problem is Problem.INTERRUPTED else error.problem
            return Status((problem,), detail=error.detail)
        if not answers and ability in (Ability.COMPLETED, Ability.PARSED):
            return Status((Problem.SILENT,))              # it answered before: something is wrong with it
        return Status(parse_status(answers), answered=bool(answers))

    def _ask(self, deadline: float) -> dict[int, int]:
        """DLE EOT 1, 4, 2, 3, each after the other's answer, since an answer does not say which it answers."""
        answers: dict[int, int] = {}
        for number in (1, 4, 2, 3):
            self.channel.write(escpos.query(number), deadline)
            answer = self._next("status", deadline)
            if answer is None:
                break
            answers[number] = answer.data[0]
        return answers

    def _next(self, kind: str, deadline: float) -> Answer | None:
        """The next answer of a kind, None when none came in time. Others are not lost, if they are about the job."""
        while True:
            found = [answer for answer in self._hear(deadline) if answer.kind == kind]
            if found:
                return found[0]
            if left(deadline) == 0:
                return None

    def _hear(self, deadline: float) -> list[Answer]:
        found = self._answers.feed(self.channel.read(deadline))
        self._confirmed = self._confirmed or self._own in found
        self._said = (self._said + [answer for answer in found if answer.kind in _ANSWERS])[:_MANY]     # more says nothing new
        return found

    def send(self, blob: bytes, process_id: str, deadline: float) -> None:
        """Hands over a job and, with a process id, the question after it. Once called, bytes may be on their way,
        whatever it raises. What the printer said before the question was asked is no answer to it.
        """
        self.channel.write(blob, deadline)
        if process_id:
            self._answers.feed(self.channel.read(time.monotonic()))
            self._own, self._said = Answer("completed", process_id.encode("ascii")), []
            self.channel.write(escpos.confirmation(process_id), deadline)

    def confirm(self, deadline: float, ability: Ability | None, told: Told | None = None,
                busy_until: float = 0.0) -> tuple[str, bool]:
        """Waits for the printer's word on this job: ("printed" | "parsed" | "", whether its paper sensor says "out").

        A printer that can say "completed" is not believed when it only says "parsed", and nobody is who says more than
        the one byte that was asked for: that is no printer, or not in its right mind. Meanwhile `told` hears once a
        second what stops it; one that is still `busy_until` then may be too busy to answer.
        """
        believes, look_at = ability is not Ability.COMPLETED, time.monotonic() + ASK_EVERY
        while True:
            self._hear(min(deadline, look_at) if told else deadline)
            if self._confirmed:
                return "printed", False
            if left(deadline) == 0:
                break
            if self._said and ability is Ability.PARSED:  # it will say no more, if it is what it was
                deadline, ability = min(deadline, time.monotonic() + GLANCE), None
            if told and left(look_at) == 0:
                self._tell(told, left(busy_until) > 0)
                look_at = time.monotonic() + ASK_EVERY
        sensor = self._said[0].data[0] if [answer.kind for answer in self._said] == ["paper"] else None
        paper_out = sensor is not None and parse_paper(sensor) is Problem.PAPER_OUT
        return ("parsed" if sensor is not None and believes and not paper_out else ""), paper_out

    def _tell(self, told: Told, is_busy: bool) -> None:
        answers = self._ask(time.monotonic() + ASK_EVERY)
        if answers:
            told(Status(parse_status(answers)).blocking)
        elif not is_busy:
            told(Problem.STALLED)

    def trouble(self) -> Problem | None:
        """What stops the printer now, if it still says (real time: proof of nothing else)."""
        return Status(parse_status(self._ask(time.monotonic() + 1.0))).blocking

    def finish(self, deadline: float) -> bool:
        """Ends the connection gently; whether the other side took everything."""
        return self.channel.finish(deadline)


def deliver(transport: Transport, blob: bytes, process_id: str, on_started: Callable[[], None],
            ability: Ability | str | None = None, *, grace: float = GRACE, preflight: float = PREFLIGHT,
            told: Told | None = None) -> Outcome:
    """Delivers a job's blob over a fresh transport and closes it.

    `ability` is what is known of the printer; None learns it, and then waits its full time for the better answer (a
    test slip should be sent so). `on_started` runs after the pre-flight and before the job's first byte; what it
    raises passes through, with nothing sent. `told` hears what stops the printer while it prints, and that it goes on.
    Nothing else is raised: every failure is an outcome.
    """
    ability = Ability(ability) if ability else None
    with transport:
        status = transport.preflight(time.monotonic() + preflight, ability)
        if status.blocking:
            return Outcome("blocked", status.blocking, status.detail, near_end=status.near_end)
        if status.answered and ability is Ability.NONE:
            ability = None                                # it does talk: learn it anew
        on_started()
        try:
            return _hand_over(transport, blob, process_id, ability, status, grace, told)
        except ChannelError as error:
            return Outcome("unknown", error.problem, error.detail, near_end=status.near_end)


def _hand_over(transport: Transport, blob: bytes, process_id: str, ability: Ability | None, status: Status,
               grace: float, told: Told | None) -> Outcome:
    asks = transport.channel.two_way and ability is not Ability.NONE
    printing = len(blob) / transport.channel.speed
    busy_until = time.monotonic() + printing
    transport.send(blob, process_id if asks else "", busy_until + grace)
    if asks:
        word, paper_out = transport.confirm(time.monotonic() + printing + grace, ability,
                                            told if status.answered else None, busy_until)
        trouble = Problem.PAPER_OUT if paper_out else None
        if status.answered and (not word or (word == "parsed" and ability is None)):
            trouble = transport.trouble() or trouble      # a parsed job may lie in a printer that stands still
        if word and not trouble:
            transport.finish(time.monotonic() + 1.0)
            learnt = Ability.COMPLETED if word == "printed" else Ability.PARSED
            return Outcome(word, ability=learnt, near_end=status.near_end)
        if status.answered or ability is not None or trouble:
            return Outcome("unknown", trouble or Problem.UNCONFIRMED, near_end=status.near_end)
    if transport.finish(time.monotonic() + printing + grace):
        return Outcome("sent", ability=Ability.NONE)
    return Outcome("unknown", Problem.UNCONFIRMED)


def open_transport(url: str, *, folder: Path | None = None, printer: str = "", job: str = "",
                   width: int = 576) -> Transport:
    """A transport for one job, by the printer's address. Nothing is opened or sent yet.

    tcp://HOST:PORT, file:///PATH, serial:///PORT?baud=N, usb://VENDOR:PRODUCT (hexadecimal), win32://QUEUE, and
    virtual://, which keeps its slips in `folder`/`printer`/`job`.png. Raises ValueError in words for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme == "virtual":
        from printers.virtual import VirtualChannel

        if folder is None:
            raise ValueError("a virtual printer needs a folder for its slips")
        return Transport(VirtualChannel(folder / (printer or parts.netloc or "virtual"), job, width))
    try:
        return Transport(_channel(parts))
    except ValueError as error:
        raise ValueError(f"打印机地址不对 · no such printer address: {url!r} (tcp://192.168.1.50:9100, usb://04b8:0e15, "
                         "serial:///dev/ttyUSB0?baud=115200, win32://NAME, file:///dev/usb/lp0, virtual://)") from error


def _channel(parts: SplitResult) -> Channel:
    if parts.scheme == "tcp" and parts.hostname:
        return TcpChannel(parts.hostname, parts.port or 9100)
    if parts.scheme == "file" and parts.path:
        return FileChannel(_path(parts))
    if parts.scheme in ("serial", "usb", "win32"):
        from printers import cables

        if parts.scheme == "serial":
            return cables.SerialChannel(_path(parts), int(text_option(parts, "baud") or 9600))
        if parts.scheme == "usb":
            vendor, _, product = parts.netloc.partition(":")
            return cables.UsbChannel(int(vendor, 16), int(product, 16))
        return cables.WindowsChannel(unquote(parts.netloc + parts.path))
    raise ValueError(parts.scheme)


def _path(parts: SplitResult) -> str:
    """A path of an address; file:///C:/… and serial:///COM3 lose the slash that Windows would not know."""
    path = unquote(parts.path)
    return path[1:] if path[2:3] == ":" or path[1:4].upper() == "COM" else path


def text_option(parts: SplitResult, name: str) -> str:
    """An option after the question mark of an address."""
    return parse_qs(parts.query).get(name, [""])[0]


def text_mode(url: str) -> bool:
    """Whether a person chose the printer's own characters for this printer (?mode=text) in place of pictures."""
    return text_option(urlsplit(url), "mode") == "text"
