"""`serve`: one granian worker that holds the data folder, its writer, spooler and live hub.

granian is the fastest host of Flask measured (design.md). The worker is a process of its own; what it needs to know
travels in the environment. We say "ready" only after our own /healthz has answered.
"""
from __future__ import annotations

import atexit
import gc
import json
import multiprocessing
import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from console import Console, Failed, command
from kiosk.commands import SERVED_AT
from models.files import take_lock

THREADS = 256            # above the number of live streams (kiosk/live.py)
BACKPRESSURE = 512
READY_SECONDS = 30
LOCK = "serve.lock"


@click.command()
@click.option("--host", default="0.0.0.0", show_default=True, help="监听的地址 the address to listen on")  # noqa: S104  a venue server is for its LAN
@click.option("--port", default=8080, show_default=True, help="端口，0 为任意空闲端口 the port; 0 takes a free one")
@click.option("--http", "_http", is_flag=True, help="普通 http（目前唯一方式） plain http, so far the only door")
@command
def serve(console: Console, host: str, port: int, _http: bool) -> None:
    """启动服务 Serves the event to tablets and browsers.

    例 Example: python app.py serve --port 8080
    """
    run(console, host, port)


def run(console: Console, host: str, port: int, also: Callable[[Any, str], None] | None = None) -> None:
    """Serves the console's data folder until stopped. `also` says more (to app and url) before it is ready."""
    from granian import Granian
    from granian.constants import Interfaces

    # A forked worker would inherit this process's threads' locks and its SQLite handles, and hang at random.
    multiprocessing.set_start_method("spawn", force=True)
    app = console.app()
    with holding(console.data), reserved(host, port) as real_port:
        url = f"http://{address_of(host)}:{real_port}"
        first = first_sign_in(app, url)
        if console.as_json and first:
            console.say(first)
        if also:
            also(app, url)
        server = Granian(
            "serving:worker", address=host, port=real_port, interface=Interfaces.WSGI, workers=1, factory=True,
            blocking_threads=THREADS, backpressure=BACKPRESSURE, websockets=False, log_enabled=False,
            working_dir=Path(__file__).resolve().parent)
        os.environ["HUIWU_DATA"] = str(console.data.resolve())
        threading.Thread(target=announce, args=(console, host, real_port, url, first), daemon=True).start()
        server.serve()


def worker() -> Any:
    """The application inside granian's worker, with the threads that only a server has."""
    from app import create_app
    from printers.spooler import Spooler

    app = create_app({"DATA": os.environ["HUIWU_DATA"]})
    runtime, hub = app.extensions["huiwu"], app.extensions["huiwu.live"]
    with runtime.connection() as connection:
        runtime.ledger.counts.current(connection)
    runtime.writer.start()
    spooler = app.extensions["huiwu.spooler"] = Spooler(runtime, hub.ring)
    spooler.start()
    hub.start()

    def stop() -> None:
        hub.stop()
        spooler.stop()
        runtime.save_sightings()
        runtime.writer.stop()
    atexit.register(stop)
    # What has been loaded stays: the collector need not walk it again at every turn, which stops all threads for 50 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return app


def announce(console: Console, host: str, port: int, url: str, first: str) -> None:
    """Says that the server is ready, once it has answered; `first` is what the first coordinator needs to know."""
    local = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  the same machine is asked, whatever it listens on
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://{local}:{port}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    break
        except OSError:
            time.sleep(0.02)
    else:
        click.echo("服务没有响应 The server does not answer.", err=True)
        return
    (console.data / SERVED_AT).write_text(json.dumps({"url": url}))
    if console.as_json:
        click.echo(json.dumps({"ready": True, "url": url, "pid": os.getpid()}))
        sys.stdout.flush()
    else:
        console.say(f"\n  已就绪 Ready: {url}\n  在这台笔记本上，摄像头可用 on this laptop, with its camera: http://localhost:{port}")
        console.say(f"{first}\n  按 Ctrl+C 停止 stops it.\n" if first else "  按 Ctrl+C 停止 stops it.\n")


def first_sign_in(app: Any, url: str) -> str:
    """Without a coordinator, the one-time code that makes the first one in the browser; "" once there is one."""
    from admin.people import setup_code

    with app.app_context():
        code = setup_code(app.extensions["huiwu"])
    return f"  首次登录 First sign-in: {url}/setup\n  一次性代码 one-time code: {code}" if code else ""


@contextmanager
def holding(data: Path) -> Iterator[None]:
    """Holds the data folder: a second server, or a restore beside it, is refused. The system lets go at a crash."""
    try:
        lock = open(data / LOCK, "a+b")  # noqa: SIM115, PTH123  it stays open as long as we serve
    except OSError as error:
        raise Failed("no_permission", f"{data} 不能写入：请检查权限或磁盘。"
                                      " The data folder cannot be written.") from error
    with lock:
        if not take_lock(lock):
            raise Failed("in_use", f"{data} 已有服务在运行。 A server is running on this data folder already.")
        yield


@contextmanager
def reserved(host: str, port: int) -> Iterator[int]:
    """A port that nobody else has; 0 takes a free one. On Linux it stays reserved until granian shares it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(sys.platform != "win32"))
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failed("port_in_use", f"{host}:{port} 不能使用（{error.strerror}），换一个 --port。"
                                        " The port is in use; choose another with --port.") from error
        real = int(probe.getsockname()[1])
    yield real


def address_of(host: str) -> str:
    """The address that tablets use: the one given, or this laptop's own on the LAN."""
    if host not in ("0.0.0.0", "::"):  # noqa: S104  compared, not bound
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))   # TEST-NET-1 (RFC 5737): nothing is sent, only a route is chosen
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
