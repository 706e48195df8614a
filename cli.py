"""The command line: `python app.py [--data DIR] [--json] <command>`. Each room brings its own commands.

`serve` is here; the others come with the whole program, when one of them is asked for.
"""
from __future__ import annotations

import os
from collections.abc import MutableMapping
from pathlib import Path

import click

from console import Console
from models.version import VERSION
from serving import serve

DEFAULT_DATA = Path(__file__).resolve().parent / "instance"


class Commands(click.Group):
    """All commands; the rooms are loaded for any but `serve`."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name, None if there is none."""
        return self.commands.get(name) or self._all().get(name)

    def list_commands(self, context: click.Context) -> list[str]:
        """Every name, in order."""
        return sorted(self._all())

    def _all(self) -> MutableMapping[str, click.Command]:
        from admin.commands import COMMANDS as ADMIN
        from kiosk.commands import COMMANDS as KIOSK
        from rehearsal.commands import COMMANDS as REHEARSAL

        for command in (*KIOSK, *ADMIN, *REHEARSAL):
            self.add_command(command)
        return self.commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), envvar="HUIWU_DATA", default=DEFAULT_DATA,
              show_default="instance/", help="数据文件夹 the data folder of one event")
@click.option("--json", "as_json", is_flag=True, help="最后一行输出一个 JSON 对象 one JSON object as last line")
@click.version_option(VERSION)
@click.pass_context
def cli(context: click.Context, data: Path, as_json: bool) -> None:
    """会务 Huiwu: 签到、资料、考勤、用餐，一码办完。 Check-in, materials, attendance and meals from one scan."""
    os.environ["HUIWU_DATA"] = str(data)
    context.obj = Console(data, as_json)


cli.add_command(serve)
