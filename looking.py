"""What `serve` asks of the event before it is served: whether it can be read, is of this version, has a coordinator.

It is asked in a process of its own, which ends: asking takes the whole program, 50 MB that the process which starts the
server would keep for as long as it serves.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from console import Console, Failed, command


@click.command()
@command
def look(console: Console) -> None:
    """Opens the event; says the one-time code that makes the first coordinator, null once there is one. Failed as
    `Console.app`."""
    from admin.people import setup_code

    app = opened(console)
    with app.app_context():
        console.done({"code": setup_code(app.extensions["huiwu"])})


def beside(console: Console) -> str | None:
    """What `look` says, in another process. Call it only while you hold the folder."""
    asked = [sys.executable, str(Path(__file__).resolve()), str(console.data)]
    done = subprocess.run(asked, capture_output=True, encoding="utf-8", check=False,  # noqa: S603  ourselves
                          env={**os.environ, "PYTHONUTF8": "1"})
    said = done.stdout.splitlines()
    if not said:                        # it did not end in words
        raise RuntimeError(done.stderr)
    answer = json.loads(said[-1])
    if done.returncode:
        raise Failed(answer.pop("error"), answer.pop("message"), **answer)
    if done.stderr:
        console.say(done.stderr.rstrip())
    return answer["code"]


def opened(console: Console) -> Any:
    """The application; after an unclean stop SQLite checks the event's pages meanwhile. Failed: they are damaged."""
    if not console.was_cut_off():
        return console.app()
    with ThreadPoolExecutor(max_workers=1) as other:
        check = other.submit(console.check_pages)
        app = console.app()
        check.result()
    return app


if __name__ == "__main__":
    look.main(args=[], obj=Console(Path(sys.argv[1]), as_json=True, holds=True))
