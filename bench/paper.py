"""A printer in a process of its own that says when the first byte of each job came.

    python -m bench.paper PORT            "open", then a line a job: time.monotonic(), which processes share

Status questions before a job are no byte of it. It answers as the tests' printer does.
"""
from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from bench.meeting import ROOT

STATUS = b"\x10\x04"          # DLE EOT: asked before every job


def main(port: int) -> None:
    """Serves one connection after the other, as printers do."""
    from printers.emulator import Emulator

    printer = Emulator()
    with socket.create_server(("127.0.0.1", port)) as door:
        print("open", flush=True)
        while True:
            link, _ = door.accept()
            with link:
                told = False
                while received := link.recv(65536):
                    if not told and not received.startswith(STATUS):
                        told = True
                        print(time.monotonic(), flush=True)
                    answers = printer.feed(received)
                    printer.slips.clear()
                    if answers:
                        link.sendall(answers)


@contextmanager
def printer(port: int) -> Iterator[IO[str]]:
    """The lines of a printer beside."""
    beside = subprocess.Popen([sys.executable, "-m", "bench.paper", str(port)], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert beside.stdout
    try:
        if beside.stdout.readline().strip() != "open":
            raise RuntimeError("the printer did not start")
        yield beside.stdout
    finally:
        beside.kill()
        beside.communicate()


if __name__ == "__main__":
    main(int(sys.argv[1]))
