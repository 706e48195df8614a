"""The doors of `serve`: https for tablets, and beside it a small plain-http one.

The plain door gives this laptop's own browser everything (localhost is a secure context: no warning, the camera works)
and the LAN only `/trust`. Whose request it is, the peer's address and the Host header say together: a page of a stranger
may name `localhost` or come through it, but not both. Signing in is asked here as anywhere: localhost may be a proxy.

waitress serves it, in granian's worker, because two granian servers in one process need private calls. It reads headers
and bodies before a thread is taken, so slow requests hold none up. The laptop has a socket and threads of its own:
whatever the LAN does to the open one, the coordinator's browser is answered.
"""
from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, cast

from addresses import EVERYWHERE, LOOPBACK, for_tablets, is_loopback, name_of

if TYPE_CHECKING:
    from flask import Flask

SERVED_AT = "served.json"   # in the data folder: where the running server said it can be reached
DOORS = "HUIWU_DOORS"       # how granian's worker, a process of its own, learns of them
DOOR = "huiwu.door"         # in the WSGI environment of a request at the plain door: LAPTOP or LAN
LAPTOP, LAN = "laptop", "lan"
LAPTOP_THREADS = 48         # above the streams that a few browsers hold, six each
LAN_THREADS = 4
LAN_BODY = 1024             # bytes: nothing is sent here
LAPTOP_BODY = 128 * 1024 * 1024     # bytes; the views say less, each its own
CONNECTIONS = 512           # of each socket
QUIET_SECONDS = 20          # a connection that sends nothing for so long is closed
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Doors:
    """What is listened on. `port` is the door that tablets use; `plain` the plain-http one beside it, None where
    plain http is all there is."""

    host: str
    port: int
    plain: int | None

    @property
    def is_https(self) -> bool:
        """Whether tablets come over https."""
        return self.plain is not None

    def url(self) -> str:
        """What tablets open."""
        return f"{'https' if self.is_https else 'http'}://{for_tablets(self.host)}:{self.port}"

    def at_laptop(self) -> str:
        """What this laptop's own browser opens, without a warning."""
        if self.is_https:
            return f"http://localhost:{self.plain}"
        return f"http://localhost:{self.port}" if self.host in EVERYWHERE or is_loopback(self.host) else self.url()

    def trust(self) -> str:
        """Where a tablet gets the certificate."""
        return f"http://{for_tablets(self.host)}:{self.plain}/trust"

    def to_worker(self) -> None:
        """Puts them where `from_environment` finds them, in this process and those it starts."""
        os.environ[DOORS] = json.dumps(asdict(self))


def from_environment() -> Doors:
    """The doors that `to_worker` put there."""
    return Doors(**json.loads(os.environ[DOORS]))


def open_plain(app: Flask, doors: Doors) -> Callable[[], None]:
    """Opens the plain door, if there is to be one; returns what closes it. OSError: the port is taken."""
    if doors.plain is None:
        return lambda: None
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)     # its depth is no news
    inside, servers = _knows_whose(cast(Wsgi, app.wsgi_app)), []
    if not is_loopback(doors.host):
        servers.append(_serve(inside, doors.host, doors.plain, LAN_THREADS, LAN_BODY))
    near = doors.host if is_loopback(doors.host) else "127.0.0.1"
    servers.append(_serve(inside, near, doors.plain, LAPTOP_THREADS, LAPTOP_BODY))

    def close() -> None:
        for server in servers:
            server.close()
    return close


def whose(environ: dict[str, Any]) -> str:
    """Whose request it is: the laptop's own browser's, or somebody's on the LAN."""
    try:
        near = ip_address(environ.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        near = False
    return LAPTOP if near and name_of(environ.get("HTTP_HOST", "")) in LOOPBACK else LAN


def _knows_whose(inside: Wsgi) -> Wsgi:
    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ[DOOR] = whose(environ)
        return inside(environ, start)
    return application


def _serve(application: Wsgi, host: str, port: int, threads: int, body: int) -> Any:
    from waitress import create_server

    server = create_server(
        application, sockets=[_socket(host, port)], map={}, threads=threads, ident=None, connection_limit=CONNECTIONS,
        channel_timeout=QUIET_SECONDS, cleanup_interval=5, max_request_body_size=body, asyncore_use_poll=True,
        send_bytes=1)       # a live stream's bytes go out at once
    threading.Thread(target=server.run, name=f"plain door {host}", daemon=True).start()
    return server


def _socket(host: str, port: int) -> socket.socket:
    """A socket for an address. The laptop's and the LAN's have one port: the system gives each the calls of the more
    particular address."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listening.bind((host, port))
    return listening
