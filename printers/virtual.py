"""The virtual printer: a real driver whose paper is a folder of pictures that a person watches in the browser.

It is the emulator behind a channel, so its jobs take the same road as a network printer's: pre-flight, bytes, the
printer's own word. Slips are `<folder>/<job>.png`. `set_problem` takes its paper away and gives it back, also while
a server is running: the state is a file in the folder.
"""
from __future__ import annotations

from pathlib import Path

from PIL import Image

from models.files import FOLDER_MODE
from printers.channels import ChannelError, left
from printers.emulator import Emulator
from printers.status import Problem

STATE = "problem.txt"
SETTABLE = (Problem.PAPER_OUT, Problem.COVER_OPEN, Problem.NEAR_END, Problem.UNREACHABLE)


def set_problem(folder: Path, problem: Problem | None) -> None:
    """Makes the printer of a folder have a problem from the next job on, or none any more."""
    if problem is None:
        (folder / STATE).unlink(missing_ok=True)
    elif problem in SETTABLE:
        folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        (folder / STATE).write_text(problem.name, encoding="utf-8")
    else:
        raise ValueError(f"a virtual printer cannot have {problem.name}")


def problem_of(folder: Path) -> Problem | None:
    """The problem that a folder's printer was told to have."""
    try:
        return Problem[(folder / STATE).read_text(encoding="utf-8").strip()]
    except (FileNotFoundError, KeyError):
        return None


def slips(folder: Path) -> list[Path]:
    """The slips of a folder's printer, the newest first."""
    return sorted(folder.glob("*.png"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


class VirtualChannel:
    """The way to a printer that is a folder."""

    two_way = True
    speed = 1_000_000

    def __init__(self, folder: Path, job: str, width: int) -> None:
        """Slips go to `folder`, named after the job."""
        self.folder = folder
        self.job = job or "slip"
        self._printer = Emulator(width)
        self._answers = b""
        self._kept = 0

    def open(self, deadline: float) -> None:
        """Looks at the state that a person set."""
        problem = problem_of(self.folder)
        if problem is Problem.UNREACHABLE:
            raise ChannelError(problem, "told to be switched off")
        self._printer.paper_out = problem is Problem.PAPER_OUT
        self._printer.cover_open = problem is Problem.COVER_OPEN
        self._printer.near_end = problem is Problem.NEAR_END

    def write(self, data: bytes, deadline: float) -> None:
        """Prints; a slip is in the folder before the printer says that it is."""
        answers = self._printer.feed(data)
        for image in self._printer.slips[self._kept:]:
            self._keep(image)
        self._kept = len(self._printer.slips)
        self._answers += answers

    def _keep(self, image: Image.Image) -> None:
        """A second slip of the same job gets a name of its own: a doubled slip must be seen."""
        try:
            self.folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            copies = [self.folder / f"{self.job}.png", *(self.folder / f"{self.job}-{n}.png" for n in range(2, 100))]
            path = next(path for path in copies if not path.exists())
            part = path.with_suffix(".part")
            image.save(part, format="PNG")
            part.replace(path)
        except (OSError, StopIteration) as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def read(self, deadline: float) -> bytes:
        """What the printer has answered: it never answers later, so there is nothing to wait for."""
        data, self._answers = self._answers, b""
        if not data and left(deadline) > 0:
            raise ChannelError(Problem.UNCONFIRMED, "the virtual printer has no more to say")
        return data

    def finish(self, deadline: float) -> bool:
        """All of it is printed."""
        return True

    def close(self) -> None:
        """Nothing is held open."""
