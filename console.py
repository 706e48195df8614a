"""How the command line speaks: words and progress for people on stderr, one JSON object for scripts on stdout.

Exit 0 done, 1 refused or failed (`error` and `message` in the object), 2 wrong usage (api.md).
"""
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click
from sqlalchemy.exc import DatabaseError

from models.database import database_path
from models.writer import NotRecorded


class Failed(click.ClickException):
    """A command that could not do what was asked: a stable word, and a sentence for a person."""

    exit_code = 1

    def __init__(self, error: str, message: str, **more: Any):
        super().__init__(message)
        self.error, self.more = error, more

    def payload(self) -> dict[str, Any]:
        """What scripts get."""
        return {**self.more, "error": self.error, "message": self.message}


class Console:
    """One invocation: its data folder, its form of output."""

    def __init__(self, data: Path, as_json: bool):
        self.data, self.as_json = data, as_json

    def say(self, text: str) -> None:
        """A line for a person."""
        click.echo(text, err=self.as_json)

    def done(self, payload: dict[str, Any], text: str = "") -> None:
        """The outcome: an object for scripts, a sentence for people."""
        if text:
            self.say(text)
        if self.as_json:
            click.echo(json.dumps(payload, ensure_ascii=False))
            sys.stdout.flush()

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A progress bar on stderr; the value is called with the steps done since the last call."""
        from rich.console import Console as Screen
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Screen(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda steps: bar.advance(task, steps)

    def app(self) -> Any:
        """The application of this event; Failed if there is none, or its file is damaged."""
        from app import create_app

        if not database_path(self.data).exists():
            raise Failed("no_event", f"{self.data} 里还没有会议：先运行 init 或 demo。"
                                     f" No event here yet: run `init --plan PLAN.toml` or `demo` first.")
        try:
            app = create_app({"DATA": self.data})
            with app.app_context():
                app.extensions["huiwu"].plan()
            return app
        except DatabaseError as error:
            raise Failed("damaged", f"{database_path(self.data)} 打不开（{error.orig}），请用 restore 恢复备份。"
                                    f" The event's file cannot be read; restore a backup.") from error


def command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a command with its console first; turns what can go wrong anywhere into one sentence."""
    @click.pass_context
    def run(context: click.Context, *args: Any, **options: Any) -> Any:
        console = context.find_object(Console)
        assert console is not None
        try:
            return context.invoke(function, console, *args, **options)
        except Failed as failed:
            fail(console, failed)
        except NotRecorded as error:
            fail(console, Failed("not_recorded", f"磁盘没有写入（{error}），请重试。 Not written, try again."))
        except PermissionError as error:
            fail(console, Failed("no_permission", f"{error.filename} 不能写入：请检查权限。 Cannot be written."))
        except OSError as error:
            fail(console, Failed("os_error", f"{error.strerror}：{error.filename or ''}"))
    return update_wrapper(run, function)


def fail(console: Console, failed: Failed) -> None:
    """Says what is wrong and ends with exit code 1."""
    click.echo(failed.message, err=True)
    if console.as_json:
        click.echo(json.dumps(failed.payload(), ensure_ascii=False))
    sys.exit(failed.exit_code)
