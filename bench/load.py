"""Closed-loop HTTP clients in one thread: each keeps one connection and sends its next request after the answer.

Plain sockets and epoll instead of a client library, so that on a small machine the load costs less than the server.
"""
from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass
class Run:
    """What a run measured: seconds it took, and each request's milliseconds."""

    seconds: float
    times: list[float]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def at(self, share: float) -> float:
        """The time, in ms, that this share of the requests stayed within."""
        ordered = sorted(self.times)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class _Client:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent = 0.0

    def send(self, request: bytes) -> None:
        self.sent = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status of a whole answer, None while it is under way."""
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError("the server hung up")
        self.buffer += received
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15:head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else None])
        if len(body) < length:
            return None
        self.buffer = b""
        return int(head[9:12])


def run(port: int | Sequence[int], clients: int, requests: Iterator[bytes], seconds: float) -> Run:
    """Drives so many clients for so long, or until the requests are all answered; they are sent in their order.
    Of several ports (the nodes of one event) each takes its share of the clients."""
    chooser = selectors.DefaultSelector()
    ports = [port] if isinstance(port, int) else port
    open_clients = [_Client(ports[at % len(ports)]) for at in range(clients)]
    for client in open_clients:
        chooser.register(client.socket, selectors.EVENT_READ, client)
    times: list[float] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()
    under_way = 0
    for client, first in zip(open_clients, requests, strict=False):
        client.send(first)
        under_way += 1
    while under_way:
        for key, _ in chooser.select():
            client = key.data
            status = client.receive()
            if status is None:
                continue
            times.append((time.perf_counter() - client.sent) * 1000)
            statuses[status] = statuses.get(status, 0) + 1
            following = next(requests, None) if time.perf_counter() - started < seconds else None
            if following is None:
                under_way -= 1
            else:
                client.send(following)
    took = time.perf_counter() - started
    for client in open_clients:
        client.socket.close()
    return Run(took, times, statuses)


def request(method: str, path: str, body: bytes = b"", token: str = "") -> bytes:
    """The bytes of a request as a tablet sends it."""
    head = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    if body:
        head.append("Content-Type: application/json")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body
