"""`rehearse`: a whole conference against a scratch copy."""
from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path
from typing import NoReturn

import click

from console import Console, Failed, command
from rehearsal.databases import scratch_database
from rehearsal.link import Lost
from rehearsal.play import Rehearsal, Wish
from rehearsal.report import Outcome
from rehearsal.scene import Size
from rehearsal.venue import VenueError

REPORT = "rehearsal.txt"


@click.command()
@click.option("--attendees", type=click.IntRange(10, 50_000), default=500, show_default=True, help="参会人数 people")
@click.option("--stations", type=click.IntRange(2, 200), default=8, show_default=True, help="扫码的服务点 stations that scan")
@click.option("--printers", type=click.IntRange(0, 20), default=2, show_default=True, help="小票机 printers")
@click.option("--minutes", type=click.FloatRange(0, 600), default=0, show_default="越快越好 as fast as answered",
              help="把到场分散在几分钟里 spreads the arrivals over so many minutes")
@click.option("--faults", is_flag=True, help="断电、断网、打印机故障 kills, lost answers, printers that fail")
@click.option("--database", default="", metavar="URL", help="用这台 PostgreSQL 上的临时数据库 a scratch database on this PostgreSQL")
@click.option("--nodes", type=click.IntRange(1, 8), default=1, show_default=True,
              help="几个服务器共用数据库，要有 --database servers that share the database")
@click.option("--report", "target", type=click.Path(dir_okay=False, path_type=Path), help="报告存成文件 the report as a file")
@click.option("--keep", is_flag=True, help="留下演练文件夹 keeps the scratch folder")
@command
def rehearse(console: Console, attendees: int, stations: int, printers: int, minutes: float, faults: bool, database: str,
             nodes: int, target: Path | None, keep: bool) -> None:
    """演练：用虚构的人把整场会议跑一遍，再对账 Plays a whole conference of invented people against the real server.

    在临时文件夹里，不碰自己的会议 In a scratch folder: your event is never touched. 丢了或重了就是失败 It fails if anything
    was lost or doubled, and then keeps the folder.

    例 Example: python app.py rehearse --attendees 5000 --stations 40 --printers 4 --faults
    """
    if nodes > 1 and not database:
        raise click.UsageError("--nodes 要有 --database。 Several nodes need --database.")
    signal.signal(signal.SIGTERM, _interrupt)       # the servers beside end with us, however we are ended
    scratch = Path(tempfile.mkdtemp(prefix="huiwu-rehearsal-"))
    kept = True
    try:
        with scratch_database(database) as url:
            wish = Wish(Size(attendees, stations, printers), minutes, faults, nodes, url)
            outcome = _play(console, wish, scratch)
        kept = keep or not outcome.is_good
        _tell(console, outcome, scratch if kept else None, target)
    except KeyboardInterrupt:
        kept = keep
        raise
    except (VenueError, Lost) as error:
        raise Failed("rehearsal", f"演练没有做完：{error}。文件夹 {scratch} 留下了。 The rehearsal could not be finished; its"
                                  " folder is kept.", scratch=str(scratch)) from None
    finally:
        if not kept:
            shutil.rmtree(scratch, ignore_errors=True)


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _play(console: Console, wish: Wish, scratch: Path) -> Outcome:
    with console.progress("演练 rehearsal", wish.scans) as advance:
        return Rehearsal(wish, scratch, console.say, advance).play()


def _tell(console: Console, outcome: Outcome, kept: Path | None, target: Path | None) -> None:
    """The report on the terminal, in the folder if that is kept, and in a file if one was named. Failed if it failed."""
    outcome.scratch = str(kept) if kept else ""
    text = outcome.text()
    for file in (kept / REPORT if kept else None, target):
        if file is not None:
            file.write_text(text, encoding="utf-8")
    if outcome.is_good:
        console.done(outcome.payload(), text)
        return
    console.say(text)
    raise Failed("not_reconciled", "演练对不上账，见上面的报告。 The rehearsal does not reconcile: see the report.", **outcome.payload())


COMMANDS = (rehearse,)
