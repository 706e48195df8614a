"""`huiwu.local`: the laptop tells its network its name by multicast DNS, and that it serves https.

A convenience, never a condition: some Android tablets do not ask for `.local` names and some networks carry no
multicast, so what is printed and drawn as QR is the address. What fails here is said once and stops nothing.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from addresses import LOCAL_NAME, Address, is_loopback
from doors import Doors

KIND = "_https._tcp.local."
ASK_MILLISECONDS = 1200     # after which nobody has answered to our name


@contextmanager
def announced(doors: Doors, own: Iterable[Address], say: Callable[[str], None]) -> Iterator[None]:
    """While it lasts, `huiwu.local` means our LAN addresses, if tablets come over https and from the LAN."""
    addresses = [str(one) for one in own if one.version == 4]
    if not doors.is_https or not addresses or is_loopback(doors.host):
        yield
        return
    announcement = Announcement(doors.port, addresses, addresses, say)
    try:
        yield
    finally:
        announcement.end()


class Announcement:
    """Our name on the network, in the background: asking whether it is free and saying it take seconds."""

    def __init__(self, port: int, addresses: list[str], interfaces: list[str], say: Callable[[str], None],
                 name: str = LOCAL_NAME):
        """Announces these addresses under the name, on the interfaces that have the others."""
        self._name, self._port, self._addresses, self._interfaces, self._say = name, port, addresses, interfaces, say
        self._ended, self.settled = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="huiwu.local", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Takes the name back and says so to the network."""
        self._ended.set()
        self._thread.join(timeout=3)

    def _run(self) -> None:
        from zeroconf import Error, IPVersion, Zeroconf

        try:
            network = Zeroconf(interfaces=list(self._interfaces), ip_version=IPVersion.V4Only)
            try:
                self._register(network)
                self.settled.set()
                self._ended.wait()
            finally:
                network.close()
        except (OSError, Error, RuntimeError) as error:     # RuntimeError: what its event loop raises when it cannot start
            self._say(f"  ⚠ {self._name} 没有发布（{error or type(error).__name__}），平板请用地址。"
                      f" {self._name} is not announced; tablets use the address.")
        self.settled.set()

    def _register(self, network: object) -> None:
        from zeroconf import AddressResolverIPv4, ServiceInfo, Zeroconf

        assert isinstance(network, Zeroconf)
        other = AddressResolverIPv4(f"{self._name}.")
        if other.request(network, ASK_MILLISECONDS) and not set(other.parsed_addresses()) <= set(self._addresses):
            self._say(f"  ⚠ {self._name} 已经是 {other.parsed_addresses()[0]}，平板请用地址。"
                      f" Another machine is {self._name} already; tablets use the address.")
            return
        network.register_service(
            ServiceInfo(KIND, f"Huiwu.{KIND}", port=self._port, parsed_addresses=self._addresses,
                        server=f"{self._name}."), allow_name_change=True)
