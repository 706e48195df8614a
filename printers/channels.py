"""Ways out to a printer: what each must do, network and device file. Bytes only; no meaning.

A channel is opened for one job and closed after it, since a printer serves one connection at a time. Deadlines are
times of `time.monotonic()`. What goes wrong is a ChannelError with a Problem that a person can act on.
"""
from __future__ import annotations

import os
import selectors
import socket
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from printers.status import Problem

PORTION = 4096
KEPT = 1 << 16                        # bytes of answers that wait to be read: one that talks without end fills no memory


class ChannelError(Exception):
    """A channel does not work, or not any more."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        """With the problem in words, and the system's own words beside it."""
        super().__init__(detail or problem.en)
        self.problem = problem
        self.detail = detail


class Channel(Protocol):
    """How bytes get to one printer and, where `two_way`, back."""

    two_way: bool
    speed: int                                            # bytes a second, at the slowest that is ordinary

    def open(self, deadline: float) -> None:
        """Connects; nothing is sent."""

    def write(self, data: bytes, deadline: float) -> None:
        """Hands all bytes over; raises ChannelError otherwise, when any part of them may be on its way."""

    def read(self, deadline: float) -> bytes:
        """What has come back; b"" when nothing came in time. Raises ChannelError when the other side is gone."""

    def finish(self, deadline: float) -> bool:
        """Says that no more will come; whether the other side took everything, as far as this way can know.

        What it still answers meanwhile is kept for `read`.
        """

    def close(self) -> None:
        """Ends it, whatever its state."""


def left(deadline: float) -> float:
    """Seconds until a deadline, never negative."""
    return max(0.0, deadline - time.monotonic())


def ready(handle: int | socket.socket, events: int, deadline: float) -> int:
    """Waits for a handle; the selectors events that hold, 0 when none did in time."""
    with selectors.DefaultSelector() as selector:         # select.select() fails above 1,024 open files
        selector.register(handle, events)
        found = selector.select(left(deadline))
    return found[0][1] if found else 0


class TcpChannel:
    """A network printer (raw port, 9100 by custom)."""

    two_way = True
    speed = 10_000                                        # raster of a slow printer: 140 rows of 72 bytes a second

    def __init__(self, host: str, port: int) -> None:
        """To a printer's address."""
        self.address = (host, port)
        self._socket: socket.socket | None = None
        self._inbox = b""

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ChannelError(Problem.UNREACHABLE, "not open")
        return self._socket

    def open(self, deadline: float) -> None:
        """Connects; a refusal and a silence are different problems."""
        try:
            self._socket = socket.create_connection(self.address, timeout=max(0.05, left(deadline)))
        except ConnectionError as error:                 # refused, or taken and dropped at once
            raise ChannelError(Problem.BUSY, str(error)) from error
        except OSError as error:
            raise ChannelError(Problem.UNREACHABLE, str(error)) from error
        self._socket.setblocking(False)
        with suppress(OSError):                          # gone already: the first read will say so
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(self, data: bytes, deadline: float) -> None:
        """Reads while it writes: a printer that talks all the time must not fill up and stop listening."""
        rest = memoryview(data)
        while rest:
            events = ready(self._open, selectors.EVENT_READ | selectors.EVENT_WRITE, deadline)
            if events & selectors.EVENT_READ and not self._receive():
                raise ChannelError(Problem.INTERRUPTED, "the printer closed the connection")
            if events & selectors.EVENT_WRITE:
                rest = rest[self._send(rest):]
            elif left(deadline) == 0:
                raise ChannelError(Problem.SILENT, "the printer takes no more bytes")

    def _send(self, data: memoryview) -> int:
        try:
            return self._open.send(data[:PORTION])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def _receive(self) -> bool:
        """Puts what has come into the inbox; False at the end of the stream."""
        try:
            data = self._open.recv(PORTION)
        except BlockingIOError:
            return True
        except OSError as error:
            raise ChannelError(Problem.INTERRUPTED, str(error)) from error
        self._inbox = (self._inbox + data)[-KEPT:]        # what it said last is what counts
        return bool(data)

    def read(self, deadline: float) -> bytes:
        """A closed connection is an error, never an answer."""
        if not self._inbox and self._readable(deadline) and not self._receive():
            raise ChannelError(Problem.INTERRUPTED, "the printer closed the connection")
        data, self._inbox = self._inbox, b""
        return data

    def _readable(self, deadline: float) -> bool:
        return bool(ready(self._open, selectors.EVENT_READ, deadline))

    def finish(self, deadline: float) -> bool:
        """Half-closes and reads to the end: status bytes left unread at close() would throw away the job's tail."""
        try:
            if self._readable(time.monotonic()) and not self._receive():
                return False                              # gone before we had finished
            self._open.shutdown(socket.SHUT_WR)
            while left(deadline) and self._readable(deadline):     # one that never stops talking is not waited for
                if not self._receive():
                    return True
        except (ChannelError, OSError):
            pass
        return False

    def close(self) -> None:
        """Closes the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class FileChannel:
    """A device file (/dev/usb/lp0) or a named pipe: it can only take, never answer. Nothing is ever created, and a file
    that keeps what is written is refused: an address typed into a page must not be a way to write into it."""

    two_way = False
    speed = 10_000

    def __init__(self, path: str) -> None:
        """To a path."""
        self.path = Path(path)
        self._file = -1

    def open(self, deadline: float) -> None:
        """Opens what is there, without waiting for a device that is not ready."""
        flags = os.O_WRONLY
        for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):          # each on the systems that know it
            flags |= getattr(os, name, 0)
        try:
            self._only_a_device(self.path.stat())        # before it is opened, too: to open a file may already do something
            self._file = os.open(self.path, flags)
            self._only_a_device(os.fstat(self._file))
        except OSError as error:
            raise ChannelError(Problem.UNREACHABLE, str(error)) from error

    def _only_a_device(self, found: os.stat_result) -> None:
        if not (stat.S_ISCHR(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
            raise ChannelError(Problem.UNUSABLE, f"不是打印机的设备文件 · no device file of a printer: {self.path}")

    def write(self, data: bytes, deadline: float) -> None:
        """Writes until the device has taken all."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._file, rest[:PORTION]):]
            except BlockingIOError:
                if not ready(self._file, selectors.EVENT_WRITE, deadline):
                    raise ChannelError(Problem.SILENT, f"{self.path} takes no more bytes") from None
            except OSError as error:
                raise ChannelError(Problem.INTERRUPTED, str(error)) from error

    def read(self, deadline: float) -> bytes:
        """Nothing ever comes back."""
        return b""

    def finish(self, deadline: float) -> bool:
        """The system has all of it."""
        return True

    def close(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
