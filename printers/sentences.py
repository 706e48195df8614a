"""What the print queue says of printers and slips, in both languages: it is kept in the database for every reader."""
from __future__ import annotations

from printers import slip
from printers.status import Problem

AWAY = (Problem.UNREACHABLE, Problem.BUSY, Problem.SILENT, Problem.OFFLINE)


def words(problem: Problem, detail: str = "") -> str:
    """A problem in both languages; a wrong setting with the system's own words, since they say which."""
    more = f" ({detail})" if problem is Problem.UNUSABLE and detail else ""
    return f"{problem.zh} · {problem.en}{more}"


def state_of(problem: Problem) -> str:
    """A printer's state (models/print_states.py TROUBLE) with a problem."""
    return "offline" if problem in AWAY else "blocked"


def asking(number: int) -> str:
    """What a person is asked of a job that nobody knows of."""
    said = slip.number_text(number)
    return f"第 {said} 号小票出来了吗？ · Did slip {said} come out?"
