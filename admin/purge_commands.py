"""`close` and `purge`: the end of an event, and of the personal data in it."""
from __future__ import annotations

import sys
from datetime import datetime

import click
from sqlalchemy import select

from console import Console, Failed, command
from models import purge as purging
from models.care import CareRefused
from models.event import Event
from models.purge import Outcome
from models.runtime import Runtime
from serving import holding


@click.command("close")
@command
def close(console: Console) -> None:
    """结束会议：不再接受扫码 The event is over: no scan is accepted any more.

    例 Example: python app.py close
    """
    runtime = console.app().extensions["huiwu"]
    at: datetime = purging.close(runtime)
    name = runtime.plan(fresh=True).event.name
    console.done({"event": name, "closed_at": at.isoformat()}, f"{name} 已结束，不再接受扫码。 The event is closed.")


@click.command()
@click.option("--yes", is_flag=True, help="不再询问 does not ask first")
@command
def purge(console: Console, yes: bool) -> None:
    """清除个人信息，并搜索每个文件来证明 Removes personal data, and searches every file for what was there.

    统计数字、扫码记录和表格照常，人只剩编号。不能撤回；先停止服务，或用管理页面。
    Counts and forms work on, with people who are numbers. It cannot be undone; stop the server first.

    例 Example: python app.py purge
    """
    runtime = console.app().extensions["huiwu"]
    with holding(console.data):
        if sys.stdin.isatty() and not (yes or console.as_json):
            _ask(runtime)
        try:
            with console.progress("清除 purge") as advance:
                done: dict[str, int] = {}

                def told(stage: str, so_far: int, _all: int) -> None:
                    advance(so_far - done.get(stage, 0))
                    done[stage] = so_far
                outcome = purging.purge(runtime, step=told)
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from None
        finally:
            runtime.engine.dispose()
    _say(console, outcome)


def _ask(runtime: Runtime) -> None:
    with runtime.connection() as connection:
        name = connection.execute(select(Event.name)).scalar_one()
    typed = click.prompt(f"全部个人信息将被清除，不能撤回。请输入会议名称“{name}”确认 Type the event's name", err=True)
    if typed.strip() != name:
        raise Failed("not_confirmed", "名称不对，什么都没有改动。 Not the event's name; nothing was changed.")


def _say(console: Console, outcome: Outcome) -> None:
    for copy in outcome.elsewhere:
        console.say(f"  请另行删除当时写到别处的备份：{copy} A backup was written there; delete it yourself.")
    for file in outcome.findings.unsearched:
        console.say(f"  {file} 不能搜索内容，请自己看一看。 Its content cannot be searched; look at it yourself.")
    if not outcome.clean:
        for row in outcome.findings.rows():
            console.say(f"  {row['file']}: {row['kind']} × {row['values']}")
        raise Failed("found", "有文件里还有个人信息，见上。请删除这些文件，再运行一次。"
                              " Personal data is still in these files. Delete them and run it again.", **outcome.payload())
    console.done(outcome.payload(), f"{outcome.anonymised['attendee']} 人已匿名，{outcome.removed.total()} 项已删除；"
                                    f"在 {outcome.findings.files} 个文件里搜索了 {outcome.findings.searched} 个原来的值，一个也没有找到。"
                                    f" Purged; none of {outcome.findings.searched} former values is in any file.")


COMMANDS = (close, purge)
