"""The command that pairs tablets."""
from __future__ import annotations

import io

import click

from console import Console, Failed, command
from kiosk.pairing import NewCode, address, new_code, served_at

__all__ = ["COMMANDS", "pair", "pairing_url", "show"]


@click.command()
@click.argument("station")
@command
def pair(console: Console, station: str) -> None:
    """生成服务点的配对码 Makes a pairing code for a station, good once and for ten minutes.

    例 Example: python app.py pair desk-1
    """
    runtime = console.app().extensions["huiwu"]
    try:
        made = runtime.writer.do(lambda session: new_code(session, station))
    except KeyError:
        known = "、".join(runtime.plan().stations)
        raise Failed("no_station", f"没有服务点 {station}；现有：{known}。 No such station.") from None
    url = pairing_url(console, made)
    show(console, made, url)
    if not served_at(console.data):
        console.say("  服务还没有启动过，地址还不知道：先运行 serve，再扫二维码。"
                    " The server was never started, so the address is a guess: run serve first, then scan.")
    console.done({"station": station, "code": made.code, "expires_at": made.expires_at.isoformat(), "url": url})


def pairing_url(console: Console, made: NewCode) -> str:
    """What the pairing QR opens."""
    return address(console.data, made.code)


def show(console: Console, made: NewCode, url: str) -> None:
    """The code as text and QR on the terminal."""
    import qrcode

    picture = qrcode.QRCode(border=2)
    picture.add_data(url)
    drawn = io.StringIO()
    picture.print_ascii(out=drawn, invert=True)
    console.say(drawn.getvalue())
    console.say(f"  {made.station}   配对码 code: {made.code}   {url}\n  10 分钟内有效 good for ten minutes")


COMMANDS = (pair,)
