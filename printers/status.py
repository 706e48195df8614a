"""What comes back from a printer: status bytes as words, and its answers told apart by their fixed bits.

Source: Epson's ESC/POS command reference (DLE EOT, GS a, GS r, GS ( H). All answers come down one line, mixed:
    real-time status   one byte      b & 0x93 == 0x12     answers DLE EOT, at once, past the job
    automatic status   four bytes    first & 0x93 == 0x10, the others & 0x90 == 0   whenever something changes
    block              0x37 … NUL    0x37 0x22 + process id + NUL: printing of that job is completed
    paper sensor       one byte      b & 0x90 == 0        answers GS r 1, in order
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
    """One answer: kind "status", "automatic", "paper" or "completed", and its bytes (a process id for the last)."""

    kind: str
    data: bytes


class Answers:
    """Cuts what arrives, in whatever portions, into answers. Bytes that are none of them are dropped."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are whole now."""
        self._rest += data
        found: list[Answer] = []
        while self._rest:
            size = self._size()
            if size is None:
                break
            answer = self._answer(self._rest[:size])
            self._rest = self._rest[size:]
            if answer is not None:
                found.append(answer)
        return found

    def _size(self) -> int | None:
        """Length of the first answer, or None while its end has not come."""
        first = self._rest[0]
        if first == 0x37:
            end = self._rest.find(b"\0")
            return end + 1 if end >= 0 else None
        if first & 0x93 == 0x10:
            body = self._rest[1:4]
            broken = next((n for n, byte in enumerate(body, 1) if byte & 0x90), None)
            return broken or (4 if len(body) == 3 else None)
        return 1

    @staticmethod
    def _answer(data: bytes) -> Answer | None:
        if data[0] == 0x37:
            return Answer("completed", data[2:-1]) if data[1:2] == b"\x22" else None
        if is_status(data[0]):
            return Answer("status", data)
        if data[0] & 0x93 == 0x10:
            return Answer("automatic", data) if len(data) == 4 else None
        return Answer("paper", data) if data[0] & 0x90 == 0 else None
