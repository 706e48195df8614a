"""`sample`, `init` and `service`: from an example to a new event, and closing a service at once."""
from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from admin.founding import found, found_on_server
from admin.roster_commands import run as import_roster
from admin.roster_commands import tell
from admin.samples import write_sample_roster
from admin.samples_plan import sample_plan
from console import Console, Failed, command
from models import plan_file
from models.care import CareRefused
from models.database import database_path, now
from models.event import Service, touch
from models.plan_types import Plan
from models.plan_words import PlanError
from models.runtime import Runtime

PLAN_NAME, ROSTER_NAME = "方案.toml", "名单.xlsx"
AHEAD = timedelta(days=7)       # the example meeting begins in a week
LARGEST_PLAN = 4 * 1024 * 1024


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@command
def sample(console: Console, folder: Path) -> None:
    """写出示例方案和示例名单 Writes an example plan and an example roster (invented people) to start from.

    例 Example: python app.py sample 我的会议
    """
    plan, roster = folder / PLAN_NAME, folder / ROSTER_NAME
    for file in (plan, roster):
        if file.exists():
            raise Failed("file_exists", f"{file} 已经存在，没有改动。 The file exists already; nothing was changed.")
    folder.mkdir(parents=True, exist_ok=True)
    plan.write_text(sample_plan((now() + AHEAD).astimezone().date()), encoding="utf-8")
    write_sample_roster(roster)
    console.done({"plan": str(plan), "roster": str(roster)},
                 f"方案 plan: {plan}\n名单 roster: {roster}\n改成自己的会议，然后 make it your own, then:\n"
                 f"  python app.py init --plan {plan} --roster {roster}")


@click.command()
@click.option("--plan", "plan_path", type=click.Path(dir_okay=False, path_type=Path), required=True,
              help="会务方案 the plan, a TOML file")
@click.option("--roster", type=click.Path(dir_okay=False, path_type=Path), help="名单 a roster to import at once")
@command
def init(console: Console, plan_path: Path, roster: Path | None) -> None:
    """按方案新建会议 Makes a new event from a plan; refuses to touch an existing one.

    例 Example: python app.py init --plan 方案.toml --roster 名单.xlsx
    """
    if console.server is None:
        refuse_existing(console.data)
        console.refuse_lost()
    plan, remarks = read_plan(plan_path)
    for remark in remarks:
        console.say(f"提醒 note: {remark}")
    try:
        made, taken = _found(console, plan, lambda runtime: _fill(console, runtime, roster))
    except FileExistsError:
        refuse_existing(console.data)
        raise
    except CareRefused as refused:
        raise Failed(refused.error, str(refused)) from None
    console.done({**made, "roster": taken},
                 f"已新建 {made['event']}：{made['services']} 个服务项目，{made['stations']} 个服务点。 Made."
                 f"\n接着 next: python app.py {_where(console.data)}serve")


def _found(console: Console, plan: Plan, fill: Callable[[Runtime], Any]) -> tuple[dict[str, Any], Any]:
    if console.server is None:
        return found(console.data, plan, fill)
    return found_on_server(console.server, console.data, plan, fill)


def _where(data: Path) -> str:
    """The option that names this event's folder again, when it is not the usual one."""
    usual = Path(__file__).resolve().parent.parent / "instance"
    return "" if data.resolve() == usual else f'--data "{data}" '


def _fill(console: Console, runtime: Runtime, roster: Path | None) -> dict[str, Any] | None:
    """The roster of a new event: a refused row refuses the whole of it, and the event is not made."""
    if roster is None:
        return None
    verdict = import_roster(console, runtime, roster, None, {}, False, False)
    tell(console, verdict, dry_run=bool(verdict.refused))
    if verdict.refused:
        raise Failed("rows_refused", f"名单有 {len(verdict.refused)} 行有问题，会议没有新建。 Rows of the roster were refused;"
                                     " the event was not made.", roster=verdict.payload())
    return verdict.payload()


def refuse_existing(data: Path) -> None:
    """Failed if the folder holds an event."""
    if database_path(data).exists():
        raise Failed("event_exists", f"{data} 里已经有会议，没有改动。换一个 --data 文件夹。"
                                     " There is an event already; choose another --data folder.")


def read_plan(path: Path) -> tuple[Plan, list[str]]:
    """The plan of a file. Failed with every mistake and its line."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_PLAN + 1)
        if len(content) > LARGEST_PLAN:
            raise Failed("plan", f"{path} 太大，不是会务方案。 Too large to be a plan.")
        return plan_file.read(content.decode("utf-8"))
    except FileNotFoundError:
        raise Failed("no_file", f"找不到方案文件 {path}。 There is no such plan file.") from None
    except UnicodeDecodeError:
        raise Failed("plan", f"{path} 不是 UTF-8 文本，请另存为 UTF-8。 The plan must be saved as UTF-8.") from None
    except PlanError as error:
        problems = [{"line": p.line, "where": p.where, "message": p.message} for p in error.problems]
        raise Failed("plan", f"方案有 {len(problems)} 处错误 mistakes in the plan:\n{error}", problems=problems) from None


@click.command()
@click.argument("key")
@click.argument("new_state", metavar="open|closed")
@command
def service(console: Console, key: str, new_state: str) -> None:
    """立即关闭或重新开放一个服务项目 Closes a service at once (`service_closed`), or opens it again.

    例 Example: python app.py service d1-lunch closed
    """
    if new_state not in ("open", "closed"):
        raise Failed("no_state", f"服务项目只能是 open 或 closed，不是 {new_state}。 Only open or closed.", service=key)

    def change(session: Session) -> str:
        there = session.get(Service, key)
        if there is None:
            raise LookupError(key)
        there.closed = new_state == "closed"
        session.flush()
        touch(session, "plan")
        return there.name
    runtime = console.app().extensions["huiwu"]
    try:
        name = runtime.writer.do(change)
    except LookupError:
        known = "、".join(runtime.plan().services)
        raise Failed("no_service", f"没有服务项目 {key}；现有：{known}。 No such service.", service=key) from None
    console.done({"service": key, "state": new_state}, f"{name} {key}: {new_state}")


COMMANDS = (sample, init, service)
