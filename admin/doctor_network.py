"""`doctor` looks at the network: this laptop's addresses, its ports and firewall, and whether tablets get through.

What only a tablet can see (a Wi-Fi that keeps its guests apart) is said to be tried with one.
"""
from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import addresses
import certificates
from addresses import Address
from admin.doctor import Check, said
from certificates import Certificates
from console import Failed
from doors import Doors
from serving import HTTP_PORT, HTTPS_PORT, answers, free_doors

FIXED = ("请路由器给这台电脑固定地址（DHCP 保留），或在系统设置里手工填这个地址。"
         " Have the router reserve it for this laptop, or set it by hand in the system's settings.")


def networks(own: Sequence[Address], chosen: str) -> Check:
    """Which networks this laptop is in. `chosen` is the address that tablets are given."""
    v4 = [one for one in own if one.version == 4]
    usable = [one for one in v4 if not one.is_link_local]
    shown = "、".join(map(str, v4))
    if not usable:
        return Check("addresses", "bad", f"没有接上网络（{shown or '没有地址 no address'}）。 Not on a network.",
                     "接上路由器的网线或 Wi-Fi。 Connect the cable or the Wi-Fi of the venue's router.")
    if len(v4) > 1:
        return Check("addresses", "warning", f"同时在几个网络里：{shown}；平板用 {chosen}。"
                     f" On several networks; tablets are given {chosen}.",
                     "关掉不用的网络（热点、虚拟网卡、第二块网卡），平板和电脑要在同一个网络。"
                     " Switch off those that are not needed: tablets must be on the same one.")
    if not addresses.is_private(usable[0]):
        return Check("addresses", "warning", f"{shown} 是公网地址，外面的人可能也够得着。 A public address: strangers may reach it too.",
                     "用自己的路由器。 Use a router of your own.")
    return Check("addresses", "ok", f"{shown}，一个网络。 One network.")


def fixed(address: str, platform: str = sys.platform) -> Check:
    """Whether the address that tablets are given stays."""
    if platform == "win32":
        leased = powershell_leased(said(
            "powershell", "-NoProfile", "-Command",
            "Get-NetIPAddress -AddressFamily IPv4 | Select-Object IPAddress,PrefixOrigin | ConvertTo-Json"), address)
    elif platform == "darwin":
        services = (said("networksetup", "-listallnetworkservices") or "").splitlines()[1:]
        leased = networksetup_leased([said("networksetup", "-getinfo", one) or "" for one in services], address)
    else:
        leased = ip_leased(said("ip", "-j", "-4", "address"), address)
    return stays(address, leased)


def stays(address: str, leased: bool | None) -> Check:
    """Whether an address that is lent by a router, or not, or nobody knows, will do."""
    if leased is None:
        return Check("address_fixed", "warning", f"看不出 {address} 会不会变。 Whether it may change cannot be seen from here.", FIXED)
    if leased:
        return Check("address_fixed", "warning", f"{address} 是路由器临时分的，重启后可能变，平板就找不到了。"
                     " It is lent by the router and may change: tablets would not find this laptop.", FIXED)
    return Check("address_fixed", "ok", f"{address} 是固定的。 It stays.")


def ip_leased(text: str | None, address: str) -> bool | None:
    """Linux (`ip -j address`): whether an address has a lease; None if it is not there."""
    try:
        rows: list[dict[str, Any]] = json.loads(text or "[]")
    except ValueError:
        return None
    found = [info for row in rows for info in row.get("addr_info", ()) if info.get("local") == address]
    return bool(found[0].get("dynamic")) if found else None


def powershell_leased(text: str | None, address: str) -> bool | None:
    """Windows (`Get-NetIPAddress`): PrefixOrigin 3 is DHCP, as a number or a name."""
    try:
        rows = json.loads(text or "[]")
    except ValueError:
        return None
    found = [row for row in (rows if isinstance(rows, list) else [rows]) if row.get("IPAddress") == address]
    return found[0].get("PrefixOrigin") in (3, "Dhcp") if found else None


def networksetup_leased(texts: Iterable[str], address: str) -> bool | None:
    """macOS (`networksetup -getinfo`): the service that has the address says how it came by it."""
    for text in texts:
        if re.search(rf"^IP address: {re.escape(address)}$", text, re.MULTILINE):
            return text.startswith("DHCP")
    return None


def served(data: Path, url: str | None) -> Doors | None:
    """Where the server of this folder answers now; None if it does not. `url` is what it said when it started."""
    match = re.fullmatch(r"(https?)://(.+):(\d+)", url or "")
    if match is None:
        return None
    number, is_https = int(match[3]), match[1] == "https"
    folder = data / certificates.AUTHORITY_FOLDER
    made = Certificates(folder / certificates.AUTHORITY, folder / certificates.SERVER, folder / certificates.SERVER_KEY, False, ())
    for host in ("0.0.0.0", match[2]):  # noqa: S104  asked at 127.0.0.1
        doors = Doors(host, number, number + 1 if is_https else None)
        with suppress(Failed, OSError):     # somebody else's server, or ours without its papers
            if answers(doors, made if is_https else None):
                return doors
    return None


def port(doors: Doors | None, host: str, wanted: int | None, plain: bool) -> Check:
    """Whether the server answers at the address that tablets use; before it runs, whether its ports are free."""
    if doors is not None:
        if reaches(host, doors.port):
            return Check("port", "ok", f"服务在运行，平板用 {doors.url()}。 The server answers there.")
        return Check("port", "bad", f"服务在运行，但在 {host}:{doors.port} 够不着。 It runs, but is not reached at its own address.",
                     "启动时不要写 --host，或写 0.0.0.0。 Start it without --host.")
    number = wanted if wanted is not None else HTTP_PORT if plain else HTTPS_PORT
    shown = str(number) if plain else f"{number}、{number + 1}"
    try:
        free_doors("0.0.0.0", number, plain)  # noqa: S104  as `serve` would
    except Failed:
        return Check("port", "bad", f"端口 {shown} 已被别的程序占用。 Another program uses that port.",
                     f"关掉它，或用 serve --port {number + 1000}。 End it, or use another port.")
    return Check("port", "ok", f"服务没有运行，端口 {shown} 空着。 The server is not running; its ports are free.")


def reaches(host: str, number: int) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection((host, number), timeout=2).close()
    except OSError:
        return False
    return True


def firewall(number: int, url: str, platform: str = sys.platform) -> Check:
    """Whether a firewall of this laptop's own lets tablets in, as far as it can be seen without special rights."""
    if platform == "win32":
        on = powershell_firewall(said("powershell", "-NoProfile", "-Command",
                                      "Get-NetFirewallProfile | Select-Object Name,Enabled | ConvertTo-Json"))
        return lets_in(on, None, number, url)
    if platform == "darwin":
        return lets_in(socketfilter(said("/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")), None, number, url)
    if (said("firewall-cmd", "--state") or "").strip() == "running":
        return lets_in(True, opened(said("firewall-cmd", "--list-ports"), number), number, url)
    try:
        ufw = Path("/etc/ufw/ufw.conf").read_text()
    except OSError:
        ufw = ""
    if re.search(r"^\s*ENABLED\s*=\s*yes", ufw, re.MULTILINE | re.IGNORECASE):
        return lets_in(True, opened(said("ufw", "status"), number), number, url)
    rules = said("nft", "list", "ruleset")
    return lets_in(None if rules is None else "hook input" in rules, None, number, url)


def lets_in(is_on: bool | None, is_open: bool | None, number: int, url: str) -> Check:
    """What a firewall that is on (None: not known) and opens the port (None: not known) means for tablets."""
    if is_on is False or is_open:
        return Check("firewall", "ok", "没有挡住平板。 It does not stand in the way.")
    do = f"允许 TCP {number} 和 {number + 1} 进来；用平板打开 {url} 试一次。 Allow both ports in, then open that address on a tablet."
    if is_on and is_open is False:
        return Check("firewall", "bad", f"防火墙开着，没有放行端口 {number}。 The firewall is on and does not let the port in.", do)
    message = "防火墙开着，看不出放没放行。 The firewall is on; whether it lets us in cannot be seen." if is_on else (
        "看不出防火墙的设置。 The firewall's settings cannot be seen from here.")
    return Check("firewall", "warning", message, do)


def powershell_firewall(text: str | None) -> bool | None:
    """Windows: whether any profile is on (Enabled 1 or true)."""
    try:
        rows = json.loads(text or "")
    except ValueError:
        return None
    return any(row.get("Enabled") in (1, True) for row in (rows if isinstance(rows, list) else [rows]))


def socketfilter(text: str | None) -> bool | None:
    """macOS: State 0 is off."""
    found = re.search(r"State = (\d)", text or "")
    return found[1] != "0" if found else None


def opened(text: str | None, number: int) -> bool | None:
    """Whether a list of ports (ufw's rules, firewalld's ports) has this one, alone or in a range."""
    if text is None:
        return None
    ports = [(int(low), int(high or low)) for low, high in re.findall(r"\b(\d{1,5})(?:[-:](\d{1,5}))?/tcp", text)]
    return any(low <= number <= high for low, high in ports)


def tablets(doors: Doors | None, own: Iterable[Address], url: str, platform: str = sys.platform) -> Check:
    """Whether any tablet reaches us: then neither firewall nor Wi-Fi stands between."""
    do = (f"用一台平板打开 {url}。打不开：和电脑连同一个 Wi-Fi，不要用“访客网络”，路由器里关掉“AP 隔离／客户端隔离”。"
          " Open it on a tablet. If it does not open: the same Wi-Fi as the laptop, no guest network, client isolation off.")
    if doors is None:
        return Check("tablets", "warning", "服务没有运行，Wi-Fi 有没有把平板隔开还不知道。 Not known before the server runs.",
                     f"启动服务后，{do[0].lower()}{do[1:]}")
    peers = others(connected(doors.port, platform), own)
    if peers:
        return Check("tablets", "ok", f"{len(peers)} 台别的设备正连着，网络是通的。 Other devices are connected: {len(peers)}.")
    return Check("tablets", "warning", "现在没有别的设备连着。 No other device is connected now.", do)


def connected(number: int, platform: str) -> set[str]:
    """The other ends of connections to a port of ours."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    if platform.startswith("linux"):
        return {peer for table in tables if table.is_file() for peer in proc_peers(table.read_text(), number)}
    return netstat_peers(said("netstat", "-an") or "", number)


def others(peers: Iterable[str], own: Iterable[Address]) -> set[str]:
    """Those that are another machine."""
    ours = set(own)
    found = {ip_address(one) for one in peers}
    plain = {getattr(one, "ipv4_mapped", None) or one for one in found}
    return {str(one) for one in plain if not one.is_loopback and one not in ours}


def proc_peers(text: str, number: int) -> set[str]:
    """Linux (/proc/net/tcp): state 01 is established; addresses are words of four bytes in the machine's order."""
    found = set()
    for row in text.splitlines()[1:]:
        fields = row.split()
        if len(fields) > 3 and fields[3] == "01" and int(fields[1].rpartition(":")[2], 16) == number:
            raw = bytes.fromhex(fields[2].rpartition(":")[0])
            words = [raw[at:at + 4] for at in range(0, len(raw), 4)]
            found.add(str(ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))))
    return found


def netstat_peers(text: str, number: int) -> set[str]:
    """Windows and macOS (`netstat -an`): the last mark before a port is a colon or a dot."""
    rows = re.findall(r"^\s*tcp\S*\s+(?:\d+\s+\d+\s+)?\S+?[:.](\d+)\s+(\S+?)[:.](\d+)\s+ESTABLISHED", text,
                      re.MULTILINE | re.IGNORECASE)
    return {peer.strip("[]").partition("%")[0] for ours, peer, _theirs in rows if int(ours) == number}
