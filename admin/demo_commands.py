"""`demo`: a ready conference to look at, served at once."""
from __future__ import annotations

import io
import os
import shutil
from itertools import zip_longest
from typing import Any
from unicodedata import east_asian_width

import click
from click.core import ParameterSource
from sqlalchemy.orm import Session

from admin import demo as demo_event
from console import Console, command
from doors import Doors
from kiosk.pairing import NewCode, new_code
from models.database import now
from serving import holding, http_option, port_option, run

FOLDER = "demo"
GAP = 2      # columns between two QRs, so that the eye does not take them for one


@click.command()
@port_option
@http_option
@command
def demo(console: Console, port: int | None, plain: bool) -> None:
    """演示会议：200 人、3 天、虚拟打印机 A ready conference (invented people), served with pairing codes.

    自己的数据文件夹 instance/demo，或 --data 指定的。 In its own data folder, or the one that --data names.

    例 Example: python app.py demo --port 8443
    """
    if click.get_current_context().find_root().get_parameter_source("data") is ParameterSource.DEFAULT:
        console.data = console.data / FOLDER
    os.environ.pop("DATABASE_URL", None)        # the demo is thrown away and made anew: only ever in its own folder
    console.say("正在准备演示会议… Preparing the demo conference…")
    moment = now()
    if not demo_event.prepare(console.data, moment, holding):
        demo_event.freshen(console.app().extensions["huiwu"], moment)
    run(console, "0.0.0.0", port, plain, lambda doors: show_stations(console, console.app(), doors))  # noqa: S104  tablets of the LAN


def show_stations(console: Console, app: Any, doors: Doors) -> None:
    """A pairing code for each station as text and QR, as many side by side as the terminal is wide."""
    runtime, url = app.extensions["huiwu"], doors.url()

    def make(session: Session) -> list[tuple[str, NewCode]]:
        return [(station.name, new_code(session, key)) for key, station in runtime.plan().stations.items()]
    drawn = [draw(name, made, url) for name, made in runtime.writer.do(make)]
    width = max(columns(line) for lines in drawn for line in lines) + GAP
    beside = max(1, shutil.get_terminal_size().columns // width)
    near = doors.at_laptop()
    console.say(f"\n  会务后台 admin: {near}/admin/    大屏 board: {near}/board")
    console.say("  配对：用平板扫二维码，10 分钟内有效。 Scan one with a tablet within ten minutes.\n"
                f"  之后 later: python app.py --data {console.data} pair {next(iter(runtime.plan().stations))}\n")
    for start in range(0, len(drawn), beside):
        for parts in zip_longest(*drawn[start:start + beside], fillvalue=""):
            console.say("".join(part + " " * (width - columns(part)) for part in parts).rstrip())


def columns(text: str) -> int:
    """The columns that a text takes on a terminal: two for a Chinese character."""
    return sum(1 + (east_asian_width(letter) in "WF") for letter in text)


def draw(name: str, made: NewCode, url: str) -> list[str]:
    """The lines of one station: its QR, then its key and code."""
    import qrcode

    picture: Any = qrcode.QRCode(border=2, error_correction=qrcode.ERROR_CORRECT_L)
    picture.add_data(f"{url}/pair?code={made.code.replace(' ', '')}")
    out = io.StringIO()
    picture.print_ascii(out=out, invert=True)
    return [*out.getvalue().rstrip("\n").split("\n"), f"  {made.station}  {made.code}", f"  {name}", ""]


COMMANDS = (demo,)
