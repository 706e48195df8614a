"""Work on a stranger's file, in a process of its own with an end to its time and memory.

A file from outside may be made to hurt whoever opens it. The limits that are checked before know the ways that we
know; the others end here, whatever the parser does: the child is stopped, and the server and its scans never notice.
The child also keeps the interpreter's lock out of the work, and steps back for the scans.
"""
from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
MEMORY = 1_500_000_000               # bytes of address space; 100,000 people with 21 fields need a fifth of it
REFUSED = 3                          # exit codes of a child, beside 0
_HEAVY, _OUR_MISTAKE = 4, 5
_BACKGROUND = 5


class TooHeavy(Exception):
    """Time or memory came to their end."""


def ask(module: str, told: bytes, seconds: float) -> tuple[bool, bytes]:
    """What the module's child says of what it is told: whether it took it, and its answer. Raises TooHeavy."""
    try:
        # A module of ours; the limit is the only argument.
        child = subprocess.run([sys.executable, "-m", module, str(int(seconds) + 1)], input=told, cwd=ROOT, check=False,  # noqa: S603
                               capture_output=True, timeout=seconds,
                               creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0))
    except subprocess.TimeoutExpired as problem:
        raise TooHeavy from problem
    if child.returncode == _OUR_MISTAKE:
        raise RuntimeError(child.stderr.decode("utf-8", "replace"))
    if child.returncode not in (0, REFUSED):
        raise TooHeavy                   # stopped by the system: out of memory, or of its stack
    return child.returncode == 0, child.stdout


def answer(work: Callable[[bytes], tuple[bool, bytes]]) -> int:
    """The child's side: does the work on what comes on stdin; returns the exit code."""
    _limit(int(sys.argv[1]))
    try:
        taken, said = work(sys.stdin.buffer.read())
    except (MemoryError, RecursionError):
        return _HEAVY
    except Exception as mistake:         # where, but not with what: a message may hold names and phones
        sys.stderr.write(f"{type(mistake).__name__}\n{''.join(traceback.format_tb(mistake.__traceback__))}")
        return _OUR_MISTAKE
    sys.stdout.buffer.write(said)
    return 0 if taken else REFUSED


def _limit(seconds: int) -> None:
    """An end to memory and time that the system keeps, should nobody be there to stop us (POSIX)."""
    if sys.platform != "win32":
        import resource

        os.nice(_BACKGROUND)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
