"""How the command line speaks: words and progress for people on stderr, one JSON object for scripts on stdout.

Exit 0 done, 1 refused or failed (`error` and `message` in the object), 2 wrong usage (api.md).
"""
from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import update_wrapper
from pathlib import Path
from typing import Any

import click

from models.files import DATABASE, database_path, private_folder


def steps(advance: Callable[[int], None]) -> Callable[[int, int], None]:
    """Progress told as (done, all), for a bar that wants the steps since the last call."""
    before = 0

    def tell(done: int, _all: int) -> None:
        nonlocal before
        advance(done - before)
        before = done
    return tell


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
    """One invocation: its data folder, its form of output. `holds`: whoever started it holds the folder for it.

    What opens an event is loaded when one is opened: the process that starts a server opens none.
    """

    def __init__(self, data: Path, as_json: bool, holds: bool = False):
        self.data, self.as_json, self.holds = data, as_json, holds
        self._apps: list[Any] = []

    def close(self) -> None:
        """Gives back the database's connections of every application that was opened."""
        while self._apps:
            self._apps.pop().extensions["huiwu"].engine.dispose()

    @property
    def server(self) -> str | None:
        """The PostgreSQL database that the event is in (DATABASE_URL); None: it is in the folder. Failed: no such url."""
        url = os.environ.get("DATABASE_URL") or None
        if url is None:
            return None
        from models.database import server_url

        try:
            server_url(url)
        except ValueError:
            raise Failed("database_url", "DATABASE_URL 要写成 postgresql://用户:密码@地址/库名，密码里的 @ 写成 %40。"
                                         " Write it as postgresql://user:password@host/name, an @ in the password %40.") from None
        return url

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
        """The application of this event, brought up to this version first. Failed if there is none, its file is damaged
        or a newer version's, or it cannot be upgraded now."""
        return self.in_folder() if self.server is None else self._on_server(self.server)

    def refuse_lost(self) -> None:
        """Failed if the folder held an event whose file is gone: a new one must not take its place."""
        if database_path(self.data).exists():
            return
        from models.care import lost

        if moved := max(self.data.glob("moved-*.db"), default=None):
            raise Failed("moved", f"这里的会议已经搬到数据库服务器（{moved.name} 是搬走前的样子）：请设好 DATABASE_URL，"
                                  "或用 move to-folder 搬回来。 The event was carried to a database server: set DATABASE_URL,"
                                  " or carry it back with `move to-folder`.")
        if trace := lost(self.data):
            raise Failed("missing", f"{database_path(self.data)} 不见了（{trace.name} 还在）：请用 restore 恢复备份，不要新建。"
                                    " The event's file is gone: restore a backup, do not make a new event here.")

    def refuse_none(self) -> None:
        """Failed if there is no event in the folder."""
        self.refuse_lost()
        if not database_path(self.data).exists():
            raise Failed("no_event", f"{self.data} 里还没有会议：先运行 init 或 demo。"
                                     f" No event here yet: run `init --plan PLAN.toml` or `demo` first.")

    def in_folder(self) -> Any:
        """The application of the event that is in the folder, whatever DATABASE_URL says. Failed as `app`."""
        from sqlalchemy.exc import DatabaseError

        from app import create_app

        self.refuse_none()
        try:
            self._bring_up()
            return self._opened(create_app({"DATA": self.data, "DATABASE_URL": None}))
        except DatabaseError as error:
            raise self._damaged(error.orig) from error
        except sqlite3.DatabaseError as error:
            raise self._damaged(error) from error

    def was_cut_off(self) -> bool:
        """Whether the event was not closed when it was served last: a log that was left tells. Ask before it is opened:
        whoever opens it and closes it again folds the log."""
        path = database_path(self.data)
        log = path.with_name(f"{DATABASE}-wal")
        return self.server is None and path.exists() and log.exists() and log.stat().st_size > 0

    def check_pages(self) -> None:
        """Failed if the event's pages do not hang together. Of a large event it takes a second, and a whole check three
        (design.md): that one is `audit`'s."""
        from models.care import CareRefused, look_into

        try:
            look_into(database_path(self.data))
        except CareRefused as refused:
            raise self._damaged("检查没有通过 SQLite's check failed") from refused

    def _opened(self, app: Any) -> Any:
        self._apps.append(app)
        with app.app_context():
            app.extensions["huiwu"].plan()      # whether the event can be read is said here
        return app

    def _on_server(self, url: str) -> Any:
        """The application of the event in a server's database; the folder holds what is this node's own."""
        from sqlalchemy.exc import DatabaseError

        from app import create_app
        from migrations import on_server
        from models import server_care
        from models.care import CareRefused

        try:
            private_folder(self.data)
            with server_care.connected(url) as engine:
                stands = on_server.standing(engine)
                if stands == "none":
                    raise Failed("no_event", "数据库里还没有会议：先运行 init，或用 move 把会议搬进去。"
                                             " No event in that database yet: run `init`, or carry one there with `move`.")
                if stands != "current":
                    on_server.bring_up(engine)
                    self.say("会议由旧版本的程序做成，已升级。 Upgraded from an older version.")
            return self._opened(create_app({"DATA": self.data, "DATABASE_URL": url}))
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from refused
        except DatabaseError as error:
            raise Failed("no_database", f"数据库没有回答（{error.orig}）。 The database does not answer.") from error

    def _bring_up(self) -> None:
        """An older version's event becomes one of this version; a server or another command beside it is not disturbed."""
        from migrations.running import bring_up, standing
        from models.care import CareRefused
        from serving import holding

        stands = standing(database_path(self.data))
        if stands == "newer":
            raise Failed("newer", f"{self.data} 里的会议是更新版本的程序做的，请用那个版本打开；文件没有改动。"
                                  f" The event was made by a newer version of the program: use that one. Nothing was changed.")
        if stands != "older":           # "none" is no event or a damaged one: said where it is opened
            return
        try:
            with nullcontext() if self.holds else holding(self.data):
                kept = bring_up(self.data)
        except CareRefused as refused:
            raise (self._damaged("检查没有通过 SQLite's check failed") if refused.error == "damaged" else
                   Failed(refused.error, str(refused))) from refused
        except Failed as failed:
            if failed.error != "in_use":
                raise
            raise Failed("in_use", f"{self.data} 里的会议是旧版本的程序做的，要先升级，但服务或另一个命令正在使用它："
                                   f"请停止它，再运行一次。 The event is an older version's and must be upgraded, but a server"
                                   f" or another command is using it: stop that, then run this again.") from failed
        if kept:
            self.say(f"会议由旧版本的程序做成，已升级；升级之前的文件是 {kept}。"
                     f" Upgraded from an older version; the file as it was is kept there.")

    def _damaged(self, reason: object) -> Failed:
        return Failed("damaged", f"{database_path(self.data)} 打不开（{reason}），请用 restore 恢复备份。"
                                 f" The event's file cannot be read; restore a backup.")


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
        except PermissionError as error:
            fail(console, Failed("no_permission", f"{error.filename} 不能写入：请检查权限。 Cannot be written."))
        except OSError as error:
            fail(console, Failed("os_error", f"{error.strerror}：{error.filename or ''}"))
        except Exception as error:
            from models.writer import NotRecorded

            if not isinstance(error, NotRecorded):
                raise
            fail(console, Failed("not_recorded", f"磁盘没有写入（{error}），请重试。 Not written, try again."))
        finally:
            console.close()
    return update_wrapper(run, function)


def fail(console: Console, failed: Failed) -> None:
    """Says what is wrong and ends with exit code 1."""
    click.echo(failed.message, err=True)
    if console.as_json:
        click.echo(json.dumps(failed.payload(), ensure_ascii=False))
    sys.exit(failed.exit_code)
