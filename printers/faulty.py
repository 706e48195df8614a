"""A network printer that fails on purpose: one fault a mode, to see what becomes of a job.

In a test: `with FaultyPrinter(Mode.RESETS, after=500) as printer: … printer.url … printer.slips`.
By hand:  `python -m printers.faulty --mode paper-out-during --port 9100 --folder /tmp/slips`.
It decodes what it received into pictures and counts cuts, so that what came out can be held against what was said.
"""
from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import click
from PIL import Image

from printers.emulator import Ability, Emulator


class Mode(StrEnum):
    """The faults (printing.md, "Testing without hardware"), and the three kinds of printer that work."""

    WORKS = "works"                              # answers GS ( H: completed
    ONLY_PARSED = "only-parsed"                  # answers GS r and DLE EOT
    SAYS_NOTHING = "says-nothing"                # prints, never answers
    NEVER_ACCEPTS = "never-accepts"              # the system takes the connection, the printer does not
    NEVER_READS = "never-reads"
    STOPS_READING = "stops-reading"              # after n bytes, and says nothing any more
    READS_SLOWLY = "reads-slowly"
    RESETS = "resets"                            # after n bytes
    CLOSES_UNREAD = "closes-unread"              # after n bytes, with the rest of the job unread
    PAPER_OUT_BEFORE = "paper-out-before"
    PAPER_OUT_DURING = "paper-out-during"        # after n rows
    PAPER_CLEARED_LATER = "paper-cleared-later"  # after n rows, and a new roll when the host has gone
    COVER_OPEN = "cover-open"
    STALE_STATUS = "stale-status"                # somebody switched automatic status on: it never stops
    SECOND_REFUSED = "second-refused"            # one connection at a time
    WRONG_ID = "wrong-id"                        # says that another job is completed


ABILITIES = {Mode.ONLY_PARSED: Ability.PARSED, Mode.SAYS_NOTHING: Ability.NONE}
AUTOMATIC = b"\x10\x00\x00\x0f"                  # automatic status: online, paper adequate
_RESET = struct.pack("ii", 1, 0)                 # SO_LINGER 0: close() resets the connection
_GLANCE = 0.05                                   # seconds between two looks whether it still does not read
_SMALL = 4096                                    # receive buffer of printers that hardly read


class FaultyPrinter:
    """A printer on 127.0.0.1 with one fault. A context manager; its threads end with it."""

    def __init__(self, mode: Mode | str = Mode.WORKS, *, after: int = 400, width: int = 576, port: int = 0) -> None:
        """`after` counts received bytes (resets, closes-unread, stops-reading) or printed rows (paper out)."""
        self.mode = Mode(mode)
        self.after = after
        self.port = port
        self.received = 0
        self.connections = 0
        self._emulator = Emulator(width, ABILITIES.get(self.mode, Ability.COMPLETED))
        self._emulator.paper_out = self.mode is Mode.PAPER_OUT_BEFORE
        self._emulator.cover_open = self.mode is Mode.COVER_OPEN
        if self.mode in (Mode.PAPER_OUT_DURING, Mode.PAPER_CLEARED_LATER):
            self._emulator.rows_left = after
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket()

    def __enter__(self) -> FaultyPrinter:
        """Starts to listen."""
        if self.mode in (Mode.NEVER_READS, Mode.NEVER_ACCEPTS, Mode.READS_SLOWLY):
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(8)
        self._listener.settimeout(0.1)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        """Ends connections and threads."""
        self._stop.set()
        for thread in list(self._threads):
            thread.join()
        self._listener.close()

    @property
    def url(self) -> str:
        """Its address for `transports.open_transport`."""
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def slips(self) -> list[Image.Image]:
        """The slips that came out and were cut."""
        with self._changed:
            return list(self._emulator.slips)

    @property
    def cuts(self) -> int:
        """How often it cut."""
        with self._changed:
            return self._emulator.cuts

    def take_slips(self) -> list[Image.Image]:
        """The slips that came out since the last call: somebody tears them off, they are kept here no longer."""
        with self._changed:
            taken, self._emulator.slips = self._emulator.slips, []
            return taken

    def change(self, mode: Mode | str, after: int = 400) -> None:
        """From now on it fails like this; `after` counts from now. `works` ends a fault of its own making, but neither
        changes the roll nor forgets what it holds."""
        with self._changed:
            self.mode, self.after = Mode(mode), self.received + after
            if self.mode in (Mode.PAPER_OUT_DURING, Mode.PAPER_CLEARED_LATER):
                self._emulator.run_out_in(after)
            self._emulator.paper_out |= self.mode is Mode.PAPER_OUT_BEFORE
            self._emulator.cover_open |= self.mode is Mode.COVER_OPEN

    def off_and_on(self) -> None:
        """Somebody switches it off and on, with paper in it: connections end, and what it held is forgotten."""
        with self._changed:
            self._emulator = self._emulator.started_anew()
            for connection in self._open:
                _shut(connection)
            self._open.clear()                   # what lies in their buffers is read no more
            while self.mode is Mode.NEVER_ACCEPTS:
                try:
                    _reset(self._listener.accept()[0])
                except TimeoutError:
                    break
            self._changed.notify_all()

    def new_roll(self) -> None:
        """Somebody changes the roll and closes the cover: what waits inside is printed."""
        with self._changed:
            answers = self._emulator.new_roll()
            self._changed.notify_all()
            for connection in self._open:
                _answer(connection, answers)

    def wait_for_slips(self, count: int, timeout: float = 5.0) -> bool:
        """Waits until so many slips came out; False when they did not in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._emulator.slips) >= count, timeout)

    def wait_for_received(self, count: int, timeout: float = 5.0) -> bool:
        """Waits until so many bytes arrived."""
        with self._changed:
            return self._changed.wait_for(lambda: self.received >= count, timeout)

    def wait_until_left(self, timeout: float = 5.0) -> bool:
        """Waits until no host is connected."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open, timeout)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name=f"faulty-{self.mode}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            if self.mode is Mode.NEVER_ACCEPTS:
                self._stop.wait(_GLANCE)
                continue
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            with self._changed:
                self.connections += 1
                busy = bool(self._open) and self.mode is Mode.SECOND_REFUSED
                if not busy:
                    self._open.add(connection)
            if busy:
                _reset(connection)
            else:
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0.02)
        try:
            if self.mode is Mode.NEVER_READS:
                while self.mode is Mode.NEVER_READS and not self._stop.wait(_GLANCE):
                    pass
            else:
                self._talk(connection)
        except OSError:
            pass                                 # the host went away: as good an end as any
        finally:
            connection.close()
            with self._changed:
                self._open.discard(connection)
                self._changed.notify_all()
        if self.mode is Mode.PAPER_CLEARED_LATER and not self._emulator.online:
            self.new_roll()

    def _talk(self, connection: socket.socket) -> None:
        """Reads to the end of the stream, as the mode has it."""
        if self.mode is Mode.STALE_STATUS:
            connection.sendall(AUTOMATIC[1:])    # the tail of one that began before we were there
        while not self._stop.is_set():
            if self.mode is Mode.STALE_STATUS:
                _answer(connection, AUTOMATIC)
            if self.mode is Mode.STOPS_READING and self.received >= self.after:
                self._stop.wait(_GLANCE)
                continue
            try:
                data = connection.recv(self._portion())
            except TimeoutError:
                continue
            if not data or self._take(connection, data):
                return
            if self.mode is Mode.READS_SLOWLY:
                self._stop.wait(0.002)

    def _portion(self) -> int:
        if self.mode in (Mode.RESETS, Mode.CLOSES_UNREAD, Mode.STOPS_READING):
            return max(1, min(4096, self.after - self.received))
        return 256 if self.mode is Mode.READS_SLOWLY else 4096

    def _take(self, connection: socket.socket, data: bytes) -> bool:
        """Prints and answers; True when the connection ended by the fault."""
        with self._changed:
            if connection not in self._open:
                return True                      # switched off meanwhile
            self.received += len(data)
            answers = self._emulator.feed(data)
            self._changed.notify_all()
        if self.mode is Mode.WRONG_ID and answers[:2] == b"\x37\x22":
            answers = b"\x37\x22zzzz\x00"
        if self.received >= self.after and self.mode is Mode.RESETS:
            _reset(connection)
            return True
        _answer(connection, answers)
        return self.received >= self.after and self.mode is Mode.CLOSES_UNREAD


def _answer(connection: socket.socket, answers: bytes) -> None:
    """Says something to a host that may be gone or may not listen."""
    try:
        if answers:
            connection.sendall(answers)
    except OSError:
        pass


def _shut(connection: socket.socket) -> None:
    """Ends a connection that another thread reads: it finds the end of the stream."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    connection.close()


@click.command()
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default=Mode.WORKS.value, show_default=True)
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--after", type=int, default=400, show_default=True, help="Bytes or rows after which the fault begins.")
@click.option("--width", type=int, default=576, show_default=True, help="Dots: 576 for 80 mm, 384 for 58 mm.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("slips"), show_default=True)
def main(mode: str, port: int, after: int, width: int, folder: Path) -> None:
    """A printer on 127.0.0.1 that fails as told; its slips are kept as pictures. Enter changes the roll."""
    folder.mkdir(parents=True, exist_ok=True)
    with FaultyPrinter(mode, after=after, width=width, port=port) as printer:
        click.echo(f"{printer.url}  {mode}  -> {folder}", err=True)
        threading.Thread(target=_roll_on_enter, args=(printer,), daemon=True).start()
        try:
            _keep_slips(printer, folder)
        except KeyboardInterrupt:
            click.echo(f"{printer.connections} connections, {printer.cuts} cuts", err=True)


def _keep_slips(printer: FaultyPrinter, folder: Path) -> None:
    kept = 0
    while True:
        if printer.wait_for_slips(kept + 1, timeout=1.0):
            path = folder / f"{kept + 1:04d}.png"
            printer.slips[kept].save(path)
            click.echo(str(path))
            kept += 1


def _roll_on_enter(printer: FaultyPrinter) -> None:
    for _ in sys.stdin:
        printer.new_roll()


if __name__ == "__main__":
    main()
