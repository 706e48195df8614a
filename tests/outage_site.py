"""A real server on one port that dies and comes back, and browsers of its tablets."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.served import ROOT


class Venue:
    """`serve --http` at localhost (a secure context), always at the same port."""

    def __init__(self, data: Path):
        self.data, self.process = data, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"

    def start(self) -> None:
        """Returns once it answers."""
        with (self.data.parent / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py", "--data", str(self.data), "--json", "serve", "--host", "127.0.0.1",
                 "--port", str(self.port), "--http"], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True,
                start_new_session=True, env={**os.environ})
        assert self.process.stdout and self.process.stdout.readline()

    def kill(self) -> None:
        """As the power does."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate(timeout=30)
            self.process = None


def is_ready_for_an_outage(page: Page) -> None:
    """The worker has the pages, the tablet has its list."""
    page.wait_for_function("() => document.getElementById('copy')?.textContent.includes('码')", timeout=60_000)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
