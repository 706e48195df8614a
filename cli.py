"""The command line: `python app.py [--data DIR] [--json] <command>`. Each room brings its own commands."""
from __future__ import annotations

import os
from pathlib import Path

import click

from admin.commands import COMMANDS as ADMIN
from console import Console
from kiosk.commands import COMMANDS as KIOSK
from models.version import VERSION
from rehearsal.commands import COMMANDS as REHEARSAL
from serving import serve

DEFAULT_DATA = Path(__file__).resolve().parent / "instance"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), envvar="HUIWU_DATA", default=DEFAULT_DATA,
              show_default="instance/", help="数据文件夹 the data folder of one event")
@click.option("--json", "as_json", is_flag=True, help="最后一行输出一个 JSON 对象 one JSON object as last line")
@click.version_option(VERSION)
@click.pass_context
def cli(context: click.Context, data: Path, as_json: bool) -> None:
    """会务 Huiwu: 签到、资料、考勤、用餐，一码办完。 Check-in, materials, attendance and meals from one scan."""
    os.environ["HUIWU_DATA"] = str(data)
    context.obj = Console(data, as_json)


for command in (serve, *KIOSK, *ADMIN, *REHEARSAL):
    cli.add_command(command)
