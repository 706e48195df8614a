"""The command line: `python app.py [--data DIR] [--json] <command>`. Each room brings its own commands.

`serve` is here; the others come with their modules, when one of them is asked for.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from console import Console
from models.version import VERSION
from serving import serve

DEFAULT_DATA = Path(__file__).resolve().parent / "instance"


# Modules with COMMANDS; those first whose commands are waited for.
ROOMS = ("admin.roster_commands", "admin.event_commands", "admin.demo_commands", "admin.staff_commands", "admin.badge_commands",
         "admin.export_commands", "admin.care_commands", "admin.restore_command", "admin.move_commands", "admin.doctor_commands",
         "admin.purge_commands", "kiosk.commands", "rehearsal.commands")


class Commands(click.Group):
    """All commands. A module is loaded when one of its commands may be meant: the whole program takes a second."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of a name, None if there is none."""
        if name in self.commands:
            return self.commands[name]
        return next((command for command in self._others() if command.name == name), None)

    def list_commands(self, context: click.Context) -> list[str]:
        """Every name, in order."""
        return sorted([*self.commands, *(str(command.name) for command in self._others())])

    def _others(self) -> Iterator[click.Command]:
        for room in ROOMS:
            yield from import_module(room).COMMANDS


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
