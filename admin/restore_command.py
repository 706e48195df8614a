"""`restore`: a backup in the event's place, here or on another laptop, and what that laptop still needs."""
from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import click

import addresses
from admin import standby
from admin.standby import Papers
from console import Console, Failed, command
from migrations.running import upgrade
from models import backup_choice, backups, care, server_care
from models.backup_choice import Choice
from models.care import CareRefused, Copy
from models.database import now
from models.files import private_folder
from serving import HTTPS_PORT, holding

TRIES = 3


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--pin-stdin", is_flag=True, help="从标准输入读总负责的口令，让平板继续信任这台电脑"
              " reads a coordinator's passphrase from stdin, so that tablets go on trusting this laptop")
@command
def restore(console: Console, file: Path, pin_stdin: bool) -> None:
    """恢复备份（文件，或放备份的文件夹：用最新的一份好的）；现在的状态留在一个文件里 Puts a backup in place: a file, or the
    newest good one of a folder. The present state is kept aside.

    服务运行时不能恢复。在另一台电脑上：步骤见 docs/drill.md。 It refuses while a server holds the folder. On another
    laptop: docs/drill.md.

    例 Example: python app.py restore /media/usb
    """
    private_folder(console.data)
    with holding(console.data):
        try:
            choice = backup_choice.newest(file) if file.is_dir() else Choice(file, [])
            made, kept = _restored(console, choice.file)
        except CareRefused as refused:
            raise Failed(refused.error, str(refused)) from None
        papers = standby.read(choice.file.parent, _event(made)) or Papers()
        authority = _take_over(console, papers, pin_stdin)
    said = [f"已恢复 {choice.file}，到第 {made.head} 条记录。 Restored."]
    said += [f"  跳过了损坏的 {one.name}。 Damaged, skipped." for one in choice.skipped]
    said += [f"  原来的状态在 {kept}。 What was there before is kept in that file."] if kept else []
    console.done({"file": str(choice.file), "head": made.head, "epoch": made.epoch, "kept": kept and str(kept),
                  "skipped": [one.name for one in choice.skipped], "address": papers.url, "authority": authority},
                 "\n".join([*said, *_about_authority(authority), *_next(papers)]))


def _restored(console: Console, file: Path) -> tuple[Copy, Path | None]:
    if console.server is None:
        return care.restore(console.data, file, upgrade)
    with server_care.connected(console.server) as engine:
        return server_care.restore(console.data, file, engine, upgrade)


def _event(made: Copy) -> str:
    with closing(sqlite3.connect(made.file)) as there:
        return backups.event_of(there.execute("SELECT secret FROM event").fetchone()[0])


def _take_over(console: Console, papers: Papers, pin_stdin: bool) -> str:
    """Whether tablets will trust this laptop: "none" (there is nothing to take over), "here", "taken" or "locked"."""
    if not papers.sealed:
        return "none"
    if not standby.needs_passphrase(console.data, papers):
        return "here"
    for passphrase in _passphrases(console, pin_stdin):
        key = standby.unseal(papers, passphrase)
        if key is not None:
            standby.take_over(console.data, papers, key, now().astimezone())
            return "taken"
        console.say("口令不对。 That is not it.")
    return "locked"


def _passphrases(console: Console, pin_stdin: bool) -> Iterator[str]:
    """What the person types, until it is right or they go on without."""
    if pin_stdin:
        yield sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        console.say("\n输入总负责的口令，平板就继续信任这台电脑；不知道就直接按回车。"
                    "\nA coordinator's passphrase keeps the tablets trusting this laptop; Enter alone goes on without.")
        for _ in range(TRIES):
            said = click.prompt("口令 passphrase", default="", show_default=False, hide_input=True, err=True)
            if not said:
                return
            yield str(said)


def _about_authority(authority: str) -> list[str]:
    if authority == "locked":
        return ["  没有口令：平板会提示不安全，每台要在 /trust 重新装一次证书；serve 之前再运行一次 restore 可以补输。"
                " Without the passphrase each tablet warns and installs the new certificate at /trust. Until serve is run,"
                " restore may be run again to give it."]
    if authority == "taken":
        return ["  平板会继续信任这台电脑，不用重新装证书。 Tablets go on trusting this laptop."]
    return []


def _next(papers: Papers) -> list[str]:
    """What is still to be done: the address, then serve."""
    where = urlsplit(papers.url)
    port = where.port or HTTPS_PORT
    serve = "python app.py serve" + ("" if where.scheme != "http" else " --http") + (
        f" --port {port}" if where.port and port != HTTPS_PORT else "")
    return [*_address(where.hostname or ""), f"  接着运行 next:  {serve}"]


def _address(host: str) -> list[str]:
    try:
        wanted = ip_address(host)
    except ValueError:
        return []
    own = addresses.on_lan()
    if wanted.is_loopback or wanted in own:
        return []
    here = "、".join(str(one) for one in own if one.version == 4) or "没有网络 none"
    return [f"  平板找的地址是 {host}，这台电脑现在是 {here}：先把这台电脑的地址改成 {host}（docs/drill.md 第 4 步）。"
            f" Tablets look for {host}: give this laptop that address first (docs/drill.md, step 4)."]


COMMANDS = (restore,)
