"""Where this laptop can be reached: its addresses on the LAN, its names, and which of them a request may name.

A stranger's page can point a name of its own at this laptop (DNS rebinding) and would then share its cookies' origin:
a request whose Host header is none of our names or addresses is refused before anything else looks at it.
"""
from __future__ import annotations

import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

import ifaddr

if TYPE_CHECKING:
    from flask import Flask, Response

LOCAL_NAME = "huiwu.local"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104  compared, not bound
HOSTS = "HUIWU_HOSTS"           # names of an https proxy in front of `serve --http`, with commas between
HEADERS_KEPT = 64
FRESH = 5.0                     # seconds after which an unknown name makes us look at our addresses again
PRIVATE = tuple(map(ip_network, (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128")))
_HOST = re.compile(r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[^\s:@/\[\]]+))(?::[0-9]{1,5})?")
Address = IPv4Address | IPv6Address


def on_lan() -> list[Address]:
    """The addresses that other machines reach this one by, private IPv4 first. Link-local IPv6 is no address a
    browser can open (it needs a zone), so it is left out."""
    found = {_parse(one.ip) for adapter in ifaddr.get_adapters() for one in adapter.ips}
    usable = [one for one in found if not (one.is_loopback or one.is_multicast or one.is_unspecified
                                           or (one.version == 6 and one.is_link_local))]
    return sorted(usable, key=lambda one: (one.version, not is_private(one), one.is_link_local, int(one)))


def _parse(ip: str | tuple[str, int, int]) -> Address:
    return ip_address(ip if isinstance(ip, str) else ip[0])


def is_private(address: Address) -> bool:
    """Whether it lies in the ranges that our authority may speak for whatever the network."""
    return any(address in network for network in PRIVATE if network.version == address.version)


def is_loopback(host: str) -> bool:
    """Whether a host to listen on is reached from this machine only."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def for_tablets(host: str) -> str:
    """The address that tablets are given: the one that is listened on, or this laptop's own on the LAN."""
    if host not in EVERYWHERE:
        return f"[{host}]" if ":" in host else host
    addresses = [str(one) for one in on_lan() if one.version == 4]
    routed = _routed()
    if routed in addresses and is_private(ip_address(routed)):
        return routed
    return addresses[0] if addresses else "127.0.0.1"


def _routed() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))   # TEST-NET-1 (RFC 5737): nothing is sent, only a route is chosen
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def name_of(host: str) -> str:
    """The name or address in a Host header, without its port; nothing where it is neither alone nor with a port."""
    found = _HOST.fullmatch(host.lower())
    return found["v6"] or found["name"] if found else ""


def of_proxy(environ: dict[str, str] | os._Environ[str] = os.environ) -> frozenset[str]:
    """The names under which an https proxy in front is reached, as the person who runs it said."""
    return frozenset(name.strip().lower() for name in environ.get(HOSTS, "").split(",") if name.strip())


class OurNames:
    """What a Host header may say. `more` is what the command line or the configuration adds."""

    def __init__(self, more: Iterable[str] = (), look: Callable[[], Iterable[Address]] = on_lan):
        self._more = frozenset(name_of(name) or name.lower() for name in more if name)
        self._look = look
        self._lock = threading.Lock()
        self._known, self._looked = frozenset[str](), -FRESH
        self._passed: set[str] = set()

    def has(self, host: str) -> bool:
        """Whether a Host header names this laptop. An address that it was just given is found out within seconds."""
        if host in self._passed:        # each scan asks: one look-up
            return True
        found = self._finds(name_of(host))
        if found and len(self._passed) < HEADERS_KEPT:
            self._passed.add(host)
        return found

    def _finds(self, name: str) -> bool:
        if name in self._known:
            return True
        with self._lock:
            if time.monotonic() - self._looked >= FRESH:
                self._known, self._looked = self._all(), time.monotonic()
        return name in self._known

    def _all(self) -> frozenset[str]:
        own = socket.gethostname().lower()
        names = {LOCAL_NAME, *LOOPBACK, own, f"{own.partition('.')[0]}.local", *self._more}
        return frozenset(names | {str(address) for address in self._look()}) - {""}


def install(app: Flask) -> None:
    """Refuses requests that name another host, before any view is chosen. `HOSTS` of the configuration adds names."""
    from flask import Response, request

    names = OurNames([*app.config.get("HOSTS", ()), *of_proxy()])

    def ours() -> Response | None:
        if names.has(request.environ.get("HTTP_HOST", "")):
            return None
        return Response("这个网址不是这台会务电脑的，请用会务组给的网址打开。"
                        " This address is not the venue laptop's. Use the one that its coordinator gave you.\n",
                        400, mimetype="text/plain")
    app.before_request(ours)
