"""What comes back from a printer: status bytes as words, and its answers told apart by their fixed bits.

Source: Epson's ESC/POS command reference (DLE EOT, GS a, GS r, GS ( H). All answers come down one line, mixed:
    real-time status   one byte      b & 0x93 == 0x12     answers DLE EOT, at once, past the job
    automatic status   four bytes    first & 0x93 == 0x10, the others & 0x90 == 0   whenever something changes
    block              0x37 … NUL    0x37 0x22 + process id + NUL: printing of that job is completed
    paper sensor       one byte      b & 0x90 == 0        answers GS r 1, in order; each sensor's two bits are alike
What is none of them comes from something that is no printer of this kind, or from one that is broken: "noise".
"""
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Problem(Enum):
    """Why a printer does not print, or did not say that it has, in words a person can act on."""

    PAPER_OUT = ("缺纸，请换纸卷", "Out of paper: change the roll")
    COVER_OPEN = ("盖开，请合上盖子", "Cover open: close it")
    CUTTER = ("切刀卡住，请关机清理后再开", "Cutter jammed: switch off, clear it, switch on")
    ERROR = ("打印机故障，请关机再开", "Printer error: switch it off and on")
    OFFLINE = ("离线，请看打印机的按键和指示灯", "Offline: look at its buttons and lamps")
    UNREACHABLE = ("连不上，请看电源和网线", "Not reachable: check power and cable")
    BUSY = ("拒绝连接，可能正被别的电脑占用", "Refuses the connection: another computer may be using it")
    SILENT = ("没有回应，请关机再开", "No answer: switch it off and on")
    STALLED = ("停住了，请看有没有缺纸、开盖", "It has stopped: look for paper and cover")
    UNUSABLE = ("设置有误或缺少驱动", "Wrong setting, or a driver is missing")
    INTERRUPTED = ("发送中断，可能只印出一部分", "Cut off while sending: part of it may have come out")
    UNCONFIRMED = ("已发出，但打印机没有确认", "Sent, but the printer has not confirmed it")
    NEAR_END = ("纸将用完", "Paper is running low")

    @property
    def zh(self) -> str:
        """In Chinese."""
        return self.value[0]

    @property
    def en(self) -> str:
        """In English."""
        return self.value[1]

    @property
    def blocks(self) -> bool:
        """Whether nothing may be sent: paper that is running low only warns."""
        return self is not Problem.NEAR_END


@dataclass(frozen=True)
class Status:
    """The state of a printer before a job. `answered` is False when it said nothing, as many printers do."""

    problems: tuple[Problem, ...] = ()
    answered: bool = False
    detail: str = ""

    @property
    def blocking(self) -> Problem | None:
        """The first problem for which nothing may be sent."""
        return next((problem for problem in self.problems if problem.blocks), None)

    @property
    def near_end(self) -> bool:
        """Whether somebody should bring a roll."""
        return Problem.NEAR_END in self.problems


_BITS = {                                                # query of DLE EOT: (bit, what it says), worst first
    4: ((0x60, Problem.PAPER_OUT), (0x0C, Problem.NEAR_END)),
    2: ((0x04, Problem.COVER_OPEN), (0x20, Problem.PAPER_OUT), (0x40, Problem.ERROR)),
    3: ((0x08, Problem.CUTTER), (0x64, Problem.ERROR)),
    1: ((0x08, Problem.OFFLINE),),
}


BLOCK = 64                           # the longest block that anything we ask is answered with; a process id has four
_FLOW = (0x11, 0x13)                 # XON and XOFF of a serial line


def is_status(byte: int) -> bool:
    """Whether a byte is an answer to DLE EOT."""
    return byte & 0x93 == 0x12


def parse_status(answers: dict[int, int]) -> tuple[Problem, ...]:
    """Problems, worst first, from the answers to DLE EOT 1-4 (query -> byte); what was not answered says nothing."""
    found = dict.fromkeys(problem for query, bits in _BITS.items() if query in answers
                          for mask, problem in bits if answers[query] & mask)
    exact = [problem for problem in found if problem not in (Problem.ERROR, Problem.OFFLINE)]
    if any(problem.blocks for problem in exact):
        return tuple(exact)                              # "offline, error" beside "paper out" would only distract
    return tuple(found)


def parse_paper(byte: int) -> Problem | None:
    """What the answer to GS r 1 says about paper."""
    if byte & 0x0C:
        return Problem.PAPER_OUT
    return Problem.NEAR_END if byte & 0x03 else None


class Answer(NamedTuple):
    """One answer: kind "status", "automatic", "paper", "completed" or "noise", and its bytes (of "completed" its id)."""

    kind: str
    data: bytes


class Answers:
    """Cuts what arrives, in whatever portions and however much, into answers."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are whole now. What is kept for the next time is never longer than a block."""
        data, at, found = self._rest + data, 0, list[Answer]()
        while at < len(data):
            size = _size(data, at)
            if size is None:
                break
            answer = _answer(data[at:at + size])
            if answer and (answer.kind != "noise" or not found or found[-1].kind != "noise"):    # one of a storm is enough
                found.append(answer)
            at += size
        self._rest = data[at:]
        return found


def _size(data: bytes, at: int) -> int | None:
    """Length of the answer that begins there, or None while its end has not come."""
    first = data[at]
    if first == 0x37:
        end = data.find(b"\0", at, at + BLOCK)
        if end < 0:
            return None if len(data) - at < BLOCK else 1
        return end + 1 - at
    if first & 0x93 == 0x10:
        body = data[at + 1:at + 4]
        broken = next((n for n, byte in enumerate(body, 1) if byte & 0x90), None)
        return broken or (4 if len(body) == 3 else None)
    return 1


def _answer(data: bytes) -> Answer | None:
    first = data[0]
    if first in _FLOW:
        return None
    if first == 0x37 and data[-1:] == b"\0":
        return Answer("completed", data[2:-1]) if data[1] == 0x22 else None      # others answer what we never ask
    if len(data) == 1 and is_status(first):
        return Answer("status", data)
    if len(data) == 4 and first & 0x93 == 0x10:
        return Answer("automatic", data)
    return Answer("paper" if _is_paper(data) else "noise", data)


def _is_paper(data: bytes) -> bool:
    """One byte whose two sensors each say the same twice: by that most letters are none."""
    first = data[0]
    return len(data) == 1 and first & 0x90 == 0 and first & 0x03 in (0, 0x03) and first & 0x0C in (0, 0x0C)
