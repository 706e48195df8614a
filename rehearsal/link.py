"""A tablet's connection: one kept-alive socket, and the two ways in which a network loses things.

Plain sockets instead of a client library: the load must cost less than the server, and a connection must be cut at an
exact place.
"""
from __future__ import annotations

import socket
from dataclasses import dataclass

SECONDS = 30.0          # what a tablet waits for an answer
HOST = "127.0.0.1"


class Lost(ConnectionError):
    """The connection ended before the whole answer had come: nobody knows whether the request was done."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: bytes


class Link:
    """A connection to one port, opened when it is needed."""

    def __init__(self, port: int, token: str):
        self.port, self.token = port, token
        self._socket: socket.socket | None = None

    def ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        """Sends and waits. Lost."""
        try:
            opened = self._open()
            opened.sendall(self._request(method, path, body))
            return self._receive(opened)
        except OSError as error:
            self.close()
            raise Lost(str(error)) from None

    def ask_and_leave(self, path: str, body: bytes, *, half: bool) -> None:
        """Sends all of a request (or `half` of it) and hangs up before the answer: always Lost."""
        whole = self._request("POST", path, body)
        try:
            self._open().sendall(whole[:len(whole) // 2] if half else whole)
        except OSError:
            pass
        self.close()
        raise Lost("on purpose")

    def begin(self, path: str) -> None:
        """Asks and reads nothing yet, or never. Lost."""
        try:
            self._open().sendall(self._request("GET", path, b""))
        except OSError as error:
            self.close()
            raise Lost(str(error)) from None

    def finish(self) -> Answer:
        """The answer to what was begun. Lost."""
        try:
            return self._receive(self._open())
        except OSError as error:
            self.close()
            raise Lost(str(error)) from None

    def close(self) -> None:
        """Hangs up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self.port), timeout=SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _request(self, method: str, path: str, body: bytes) -> bytes:
        head = (f"{method} {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        return head.encode() + body

    def _receive(self, opened: socket.socket) -> Answer:
        received, head, body = b"", b"", b""
        length = None
        while length is None or len(body) < length:
            more = opened.recv(65536)
            if not more:
                raise Lost("the server hung up")
            received += more
            head, found, body = received.partition(b"\r\n\r\n")
            if found and length is None:
                length = _length(head)
        if b"connection: close" in head.lower():
            self.close()
        return Answer(int(head[9:12]), body)


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise Lost("an answer without a length")
