"""So many dashboards in a process of its own: streams that are open, read, and thrown away.

    python -m bench.listen PORT COUNT     says "open" when each has had its first state; at the end of its input it
                                          says how many pieces came since then
"""
from __future__ import annotations

import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import request
from bench.meeting import ROOT
from bench.tablets import SCREENS, screen

HEARD = b"event: "


def main(port: int, count: int) -> None:
    """Opens the streams and reads them until its input ends."""
    chooser = selectors.DefaultSelector()
    for number in range(count):
        link = socket.create_connection(("127.0.0.1", port))
        link.sendall(request("GET", "/api/v1/live", token=screen(number % SCREENS)))
        chooser.register(link, selectors.EVENT_READ)
    chooser.register(sys.stdin, selectors.EVENT_READ)
    waiting, pieces = {key.fileobj for key in chooser.get_map().values() if key.fileobj is not sys.stdin}, 0
    while True:
        for key, _ in chooser.select():
            if not isinstance(key.fileobj, socket.socket):
                print(pieces, flush=True)
                return
            received = key.fileobj.recv(65536)
            if not received or received.startswith(b"HTTP/1.1 503"):
                raise SystemExit("a stream was closed")
            if waiting:
                if HEARD in received:
                    waiting.discard(key.fileobj)
                    if not waiting:
                        print("open", flush=True)
            else:
                pieces += received.count(HEARD)


@contextmanager
def streams(port: int, count: int) -> Iterator[None]:
    """So many streams open, in a process beside."""
    beside = subprocess.Popen([sys.executable, "-m", "bench.listen", str(port), str(count)], cwd=ROOT, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert beside.stdout
    try:
        if beside.stdout.readline().strip() != "open":
            raise RuntimeError("the streams did not open")
        yield
    finally:
        beside.kill()
        beside.communicate()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
