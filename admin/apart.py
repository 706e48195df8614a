"""Work on a stranger's file, in a process of its own with an end to its time and memory.

A file from outside may be made to hurt whoever opens it. The limits that are checked before know the ways that we
know; the others end here, whatever the parser does: the child is stopped, and the server and its scans never notice.
The child also keeps the interpreter's lock out of the work, and steps back for the scans.
"""
from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from subprocess import PIPE
from typing import IO

from models.cores import everywhere

ROOT = Path(__file__).parent.parent
MEMORY = 1_500_000_000               # bytes of address space; 100,000 people with 21 fields need a fifth of it
REFUSED = 3                          # exit codes of a child, beside 0
_HEAVY, _OUR_MISTAKE = 4, 5
_BACKGROUND = 5
_SIZE = 4                            # bytes that say how long a piece is
_FLAGS = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)


class TooHeavy(Exception):
    """Time or memory came to their end."""


def ask(module: str, told: bytes, seconds: float) -> tuple[bool, bytes]:
    """What the module's child says of what it is told: whether it took it, and its answer. Raises TooHeavy."""
    try:
        with everywhere():
            child = subprocess.run(_command(module, seconds), input=told, cwd=ROOT, check=False, capture_output=True,  # noqa: S603
                                   timeout=seconds, creationflags=_FLAGS)
    except subprocess.TimeoutExpired as problem:
        raise TooHeavy from problem
    _fail(child.returncode, child.stderr)
    return child.returncode == 0, child.stdout


@contextmanager
def hearing(module: str, told: bytes, seconds: float) -> Iterator[Iterator[bytes]]:
    """What the module's child says of what it is told, in its pieces (`tell`), while it is still at work on the next
    ones. They raise TooHeavy where time or memory came to their end. The child ends with the context."""
    with everywhere():
        begun = subprocess.Popen(_command(module, seconds), stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=ROOT,  # noqa: S603
                                 creationflags=_FLAGS)
    with begun as child:
        assert child.stdin is not None and child.stdout is not None
        end = threading.Timer(seconds, child.kill)
        end.daemon = True                # a server that stops does not wait for it
        pieces: SimpleQueue[bytes | None] = SimpleQueue()
        taking = threading.Thread(target=_take, args=(child.stdout, pieces), name="apart", daemon=True)
        try:
            end.start()
            taking.start()
            with suppress(OSError), child.stdin:         # it ended before it had heard everything: its exit code says why
                child.stdin.write(told)
            yield _pieces(child, pieces)
        finally:
            end.cancel()
            child.kill()
            taking.join()


def _take(said: IO[bytes], pieces: SimpleQueue[bytes | None]) -> None:
    """Takes the pieces as they come: a pipe holds little, and the child should wait for nobody."""
    while size := said.read(_SIZE):
        pieces.put(said.read(int.from_bytes(size, "big")))
    pieces.put(None)


def _pieces(child: subprocess.Popen[bytes], pieces: SimpleQueue[bytes | None]) -> Iterator[bytes]:
    while (piece := pieces.get()) is not None:
        yield piece
    assert child.stderr is not None
    _fail(child.wait(), child.stderr.read())


def _command(module: str, seconds: float) -> list[str]:
    return [sys.executable, "-m", module, str(int(seconds) + 1)]       # a module of ours; the limit is the only argument


def _fail(code: int, said: bytes) -> None:
    if code == _OUR_MISTAKE:
        raise RuntimeError(said.decode("utf-8", "replace"))
    if code not in (0, REFUSED):
        raise TooHeavy                   # stopped by us, or by the system: out of memory, or of its stack


def answer(work: Callable[[bytes], tuple[bool, bytes]]) -> int:
    """The child's side of `ask`: does the work on what comes on stdin; returns the exit code."""
    def run(told: bytes) -> int:
        taken, said = work(told)
        sys.stdout.buffer.write(said)
        return 0 if taken else REFUSED
    return _limited(run)


def tell(work: Callable[[bytes], Iterable[bytes]]) -> int:
    """The child's side of `hearing`: says each piece of the work on what comes on stdin; returns the exit code."""
    def run(told: bytes) -> int:
        for piece in work(told):
            sys.stdout.buffer.write(len(piece).to_bytes(_SIZE, "big") + piece)
            sys.stdout.buffer.flush()
        return 0
    return _limited(run)


def _limited(run: Callable[[bytes], int]) -> int:
    _limit(int(sys.argv[1]))
    gc.disable()                         # it lives for one file; rows would be looked through again and again for nothing
    try:
        return run(sys.stdin.buffer.read())
    except (MemoryError, RecursionError):
        return _HEAVY
    except Exception as mistake:         # where, but not with what: a message may hold names and phones
        sys.stderr.write(f"{type(mistake).__name__}\n{''.join(traceback.format_tb(mistake.__traceback__))}")
        return _OUR_MISTAKE


def _limit(seconds: int) -> None:
    """An end to memory and time that the system keeps, should nobody be there to stop us (POSIX)."""
    if sys.platform != "win32":
        import resource

        os.nice(_BACKGROUND)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
