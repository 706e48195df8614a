"""`serve`: one granian worker that holds the data folder, its writer, spooler and live hub.

granian is the fastest host of Flask measured (design.md). The worker is a process of its own; what it needs to know
travels in the environment. We say "ready" only after our own /healthz has answered, over https as a tablet that trusts
our authority would ask.

HTTP/1.1 only: with HTTP/2 on offer, granian leaves a connection that says nothing open for ever (measured), and each
takes a place. Pages close their live stream while hidden, so six connections a browser are enough.
"""
from __future__ import annotations

import gc
import http.client
import json
import multiprocessing
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

import addresses
import looking
import nearby
from console import Console, Failed, command
from doors import SERVED_AT, Doors
from models import files

if TYPE_CHECKING:
    from certificates import Certificates

THREADS = 256            # above the number of live streams (kiosk/live.py)
CONNECTIONS = 4096       # granian's backpressure: one silent connection takes one place; 512 such stopped everything
FILES = 10_240          # that this process may have open; macOS allows no more without being asked for it
QUIET_MILLISECONDS = 20_000     # a connection that sends no whole header for so long is closed
READY_SECONDS = 30
NAME_SECONDS = 5.0       # within which our name is taken back from the network
LOOK_SECONDS = 5.0       # between two looks at our own addresses
HTTPS_PORT, HTTP_PORT = 8443, 8080
LOCK = "serve.lock"
port_option = click.option("--port", default=None, type=click.IntRange(0, 65534), show_default="8443，--http 时 8080",
                           help="端口，0 为任意空闲端口 the port that tablets use; 0 takes a free one")
http_option = click.option("--http", "plain", is_flag=True, help="只用普通 http，给扫码枪或前面的代理用："
                           "平板没有摄像头 plain http only, for wedge scanners or a proxy in front: no camera on tablets")


@click.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="监听的地址 the address to listen on")  # noqa: S104  a venue server is for its LAN
@port_option
@http_option
@command
def serve(console: Console, host: str, port: int | None, plain: bool) -> None:
    """启动服务 Serves the event to tablets and browsers: https with the event's own certificate (平板先打开 /trust
    安装证书), and on the next port plain http for this laptop's own browser.

    例 Example: python app.py serve --port 8443
    """
    run(console, host, port, plain)


def run(console: Console, host: str, port: int | None, plain: bool,
        also: Callable[[Doors], None] = lambda _doors: None) -> None:
    """Serves the console's data folder until stopped. `also` says more before it is ready."""
    multiprocessing.set_start_method(start_method(), force=True)
    if console.server is None:
        console.refuse_none()
    else:
        files.private_folder(console.data)
    with holding(console.data):
        code = looking.beside(console)
        doors = free_doors(host, (HTTP_PORT if plain else HTTPS_PORT) if port is None else port, plain)
        first = first_sign_in(code, doors)
        if console.as_json and first:
            console.say(first)
        also(doors)
        doors.to_worker()
        os.environ["HUIWU_DATA"] = str(console.data.resolve())
        greeting: str | None = first
        while serve_here(console, doors, greeting):
            console.say("\n  这台电脑的网络地址变了：证书已更新，服务重新开始。"
                        " This laptop's address has changed: new certificate, starting again.")
            greeting = None


def start_method() -> Literal["fork", "spawn"]:
    """How the worker is made. Forked it shares our pages, 20 MB, and is there sooner; but it would inherit our threads'
    locks and, where we have opened an event ourselves (the demo), SQLite's handles, and hang at random. Our threads start
    after it (`accompany`). On macOS the system's own libraries do not bear a fork."""
    return "fork" if sys.platform == "linux" and "sqlalchemy" not in sys.modules else "spawn"


def serve_here(console: Console, doors: Doors, greeting: str | None) -> bool:
    """Serves until stopped (False), or until this laptop has an address that its certificate does not name (True)."""
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings

    made = None
    own = [one for one in addresses.on_lan() if one.version == 4 or doors.host == "::"]
    if doors.is_https:
        import certificates  # and with it cryptography, 9 MB

        made = certificates.ready(console.data, own)
        for warning in made.warnings:
            console.say(f"  ⚠ {warning}")
    server = Granian(
        "worker:worker", address=doors.host, port=doors.port, interface=Interfaces.WSGI, workers=1, factory=True,
        blocking_threads=THREADS, backpressure=connections(), websockets=False, log_enabled=False,
        http=HTTPModes.http1, http1_settings=HTTP1Settings(header_read_timeout=QUIET_MILLISECONDS, max_buffer_size=65536),
        ssl_cert=made.server if made else None, ssl_key=made.key if made else None,
        workers_kill_timeout=10, working_dir=Path(__file__).resolve().parent)
    moved, ended = threading.Event(), threading.Event()
    told: list[tuple[Callable[..., None], tuple[Any, ...]]] = [(announce, (console, doors, made, greeting))]
    if made:
        told.append((watch, (server.signal_handler_interrupt, set(own), moved, ended)))
    company = threading.Thread(target=accompany, args=(server, told, doors, own, console.say, ended), daemon=True)
    company.start()
    gc.collect()
    gc.freeze()                     # what a collector never writes to, a forked worker goes on sharing
    try:
        server.serve()
    finally:
        ended.set()
        company.join(timeout=NAME_SECONDS)
    return moved.is_set()


def accompany(server: Any, threads: Iterable[tuple[Callable[..., None], tuple[Any, ...]]], doors: Doors,
              own: Iterable[addresses.Address], say: Callable[[str], None], ended: threading.Event) -> None:
    """Starts what goes on beside the server, and our name on the network, as soon as its worker is there."""
    while not server.wrks:
        if ended.is_set():
            return
        time.sleep(0.005)           # not a lock's wait: a worker that is forked now inherits nothing that is held
    multiprocessing.set_start_method("spawn", force=True)       # for any later one (SIGHUP): it would inherit our threads
    for work, given in threads:
        threading.Thread(target=work, args=given, daemon=True).start()
    with nearby.announced(doors, own, say):
        ended.wait()


def watch(stop: Callable[[], None], named: set[addresses.Address], moved: threading.Event, ended: threading.Event) -> None:
    """Looks at our addresses until `ended`; a new one is no address that the certificate names: `stop` the server."""
    families = {one.version for one in named} or {4}
    while not ended.wait(LOOK_SECONDS):
        if {one for one in addresses.on_lan() if one.version in families} - named:
            moved.set()
            stop()
            return


def connections() -> int:
    """How many connections are held at once: CONNECTIONS, or half of the files that the system lets us have. The other
    half is for handshakes under way, which granian does not count, and for our own files."""
    if sys.platform == "win32":
        return CONNECTIONS      # no such limit there
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FILES:
        soft = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))     # the worker inherits it
    return CONNECTIONS if soft == resource.RLIM_INFINITY else min(CONNECTIONS, max(64, soft // 2))


def announce(console: Console, doors: Doors, made: Certificates | None, greeting: str | None) -> None:
    """Says that the server is ready, once it has answered; `greeting` is what the first coordinator needs to know,
    None when it has been said before."""
    end = time.monotonic() + READY_SECONDS
    while not answers(doors, made):
        if time.monotonic() > end:
            click.echo("服务没有响应 The server does not answer.", err=True)
            return
        time.sleep(0.02)
    url = doors.url()
    (console.data / SERVED_AT).write_text(json.dumps({"url": url}))
    if console.as_json and greeting is not None:
        click.echo(json.dumps({"ready": True, "url": url, "pid": os.getpid()}))
        sys.stdout.flush()
    else:
        console.say(words(doors, url, greeting, _fingerprint(console.data) if made else ""))


def _fingerprint(data: Path) -> str:
    import certificates

    authority = certificates.read_authority(data)
    return certificates.fingerprint(authority) if authority else ""


def words(doors: Doors, url: str, greeting: str | None, pairs: str = "") -> str:
    """Where to go, for a person; and the fingerprint (its pairs) that a tablet must show of the certificate."""
    lines = [f"\n  已就绪 Ready\n  在这台笔记本上 on this laptop:  {doors.at_laptop()}", f"  平板 tablets:  {url}"]
    if doors.is_https:
        lines.append(f"  平板第一次用，先装证书 first, once for each tablet:  {doors.trust()}")
    if pairs:
        lines += ["  平板上的 SHA-256 指纹要和这里一样 the fingerprint that a tablet must show:", f"    {pairs[:47]}", f"    {pairs[48:]}"]
    return "\n".join([*lines, *([greeting] if greeting else []), "  按 Ctrl+C 停止 stops it.\n"])


def answers(doors: Doors, made: Certificates | None) -> bool:
    """Whether our own /healthz answers; over https checked against our authority, as `localhost`."""
    local = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(doors.host, doors.host)  # noqa: S104  compared, not bound
    try:
        with socket.create_connection((local, doors.port), timeout=2) as plain:
            link = http.client.HTTPConnection("localhost", doors.port, timeout=2)
            link.sock = made.context().wrap_socket(plain, server_hostname="localhost") if made else plain
            link.request("GET", "/healthz")
            with link.getresponse() as answer:
                return answer.status == 200
    except ssl.SSLCertVerificationError as error:
        raise Failed("certificate", f"自己的证书通不过检查（{error.verify_message}）。 Our own certificate does not verify.") from error
    except (OSError, http.client.HTTPException):
        return False


def first_sign_in(code: str | None, doors: Doors) -> str:
    """How the first coordinator signs in with the one-time code; "" without one."""
    return f"  首次登录 First sign-in: {doors.at_laptop()}/setup\n  一次性代码 one-time code: {code}" if code else ""


@contextmanager
def holding(data: Path) -> Iterator[None]:
    """Holds the data folder: a second server, or a restore beside it, is refused. The system lets go at a crash."""
    try:
        lock = open(data / LOCK, "a+b")  # noqa: SIM115, PTH123  it stays open as long as we serve
    except OSError as error:
        raise Failed("no_permission", f"{data} 不能写入：请检查权限或磁盘。"
                                      " The data folder cannot be written.") from error
    with lock:
        if not files.take_lock(lock):
            raise Failed("in_use", f"{data} 已有服务在运行。 A server is running on this data folder already.")
        yield


def free_doors(host: str, port: int, plain: bool) -> Doors:
    """The doors at ports that nobody listens on. Failed: one of them is taken."""
    with trying(host, port) as main:
        if plain:
            return Doors(host, main, None)
        with trying(host, port and port + 1) as beside:
            return Doors(host, main, beside)


@contextmanager
def trying(host: str, port: int) -> Iterator[int]:
    """A port that can be bound (0: a free one); it is free again afterwards."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.platform != "win32"))
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failed("port_in_use", f"{host}:{port} 不能使用（{error.strerror}），换一个 --port。"
                                        " The port is in use; choose another with --port.") from error
        yield int(probe.getsockname()[1])
