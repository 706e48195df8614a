"""`move`: carries an event from its folder to a PostgreSQL server, and back, whole."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from admin.event_commands import refuse_existing
from console import Console, Failed, command, steps
from models import server_care
from models.care import CareRefused
from models.database import server_url
from models.files import private_folder
from serving import holding

TO_SERVER, TO_FOLDER = "to-server", "to-folder"


@click.command()
@click.argument("where", type=click.Choice([TO_SERVER, TO_FOLDER]))
@click.option("--database", envvar="DATABASE_URL", metavar="URL", required=True,
              help="PostgreSQL 数据库，默认用环境变量 DATABASE_URL，密码写在那里不会留在命令记录里"
                   " the PostgreSQL database; better in DATABASE_URL, where a password stays out of the shell's history")
@command
def move(console: Console, where: str, database: str) -> None:
    """把会议从数据文件夹搬到 PostgreSQL（to-server），或搬回来（to-folder） Carries the event from its folder to a
    PostgreSQL server, or back: the same counts, codes and history.

    先停止服务。目标里已经有会议时不搬；原来的一份改名留着。 Stop serving first. A target that holds an event is
    refused, and what was moved stays aside under another name.

    例 Example: python app.py move to-server --database postgresql://huiwu@db/huiwu
    """
    try:
        server_url(database)
    except ValueError:
        raise Failed("database_url", "数据库地址要写成 postgresql://用户:密码@地址/库名，密码里的 @ 写成 %40。"
                                     " It must read postgresql://user:password@host/name, an @ in the password %40.") from None
    private_folder(console.data)
    if where == TO_SERVER:
        console.in_folder().extensions["huiwu"].engine.dispose()     # there, whole, with this version's tables
    with holding(console.data), _refusals(), server_care.connected(database) as engine, \
            console.progress("搬运 move") as advance:
        if where == TO_SERVER:
            rows, file = server_care.to_server(console.data, engine, steps(advance))
            aside = str(file)
        else:
            refuse_existing(console.data)
            rows, aside = server_care.to_folder(engine, console.data, steps(advance))
    total = sum(rows.values())
    console.done({"rows": total, "scans": rows["scan"], "aside": aside},
                 f"已搬好：{total} 行，其中扫码 {rows['scan']} 条，两边已核对。 Moved and compared.\n{_next(where, aside)}")


def _next(where: str, aside: str) -> str:
    if where == TO_SERVER:
        return (f"  原来的文件改名为 {aside}。 The file it came from has that name now.\n"
                "  接着在每个节点设好 DATABASE_URL，再运行 audit 和 serve。 Next: DATABASE_URL on every node, then audit, then serve.")
    return (f"  服务器上原来的表在模式 {aside} 里，用完由管理员删除（含个人信息）。 The server's tables lie in that schema,"
            " personal data included, until an administrator drops it.\n"
            "  接着去掉 DATABASE_URL，再运行 audit 和 serve。 Next: without DATABASE_URL, audit, then serve.")


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except CareRefused as refused:
        raise Failed(refused.error, str(refused)) from None


COMMANDS = (move,)
