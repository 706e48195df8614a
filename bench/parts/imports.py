"""A roster of 100,000 rows: by the command beside a bare read of the file, and in the server beside scans."""
from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import meeting, office, venue
from bench.figures import Goal, Options, Row, share
from bench.load import run
from bench.meeting import ROOT

HEAD = ("姓名", "单位", "职务", "手机号", "证件类别")
CLIENTS = 4
P99, WORST = Goal(25), Goal(100)
PIECE = 0.5                     # seconds of scans between two looks whether the import is done


def rows(options: Options) -> list[Row]:
    """The command on an xlsx and on a csv, each beside its bare read; then the page's import beside scans."""
    with tempfile.TemporaryDirectory() as scratch:
        # Not within the cache: it is emptied when the tables are others.
        shelf = options.cache.with_name(f"{options.cache.name}-rosters") if options.cache else Path(scratch)
        shelf.mkdir(parents=True, exist_ok=True)
        files = {"xlsx": shelf / f"roster-{options.many}.xlsx", "csv": shelf / f"roster-{options.many}.csv"}
        _write(files, options.many)
        made = [_beside_bare(file, options, kind) for kind, file in files.items()]
        return [*made, *_beside_scans(files["xlsx"], options)]


def people(count: int) -> Iterator[tuple[str, ...]]:
    """Invented rows."""
    for n in range(count):
        yield f"新人{n}", f"第{n % 400}研究所", "研究员", f"139{n:08d}", "代表"


def _write(files: dict[str, Path], count: int) -> None:
    if not files["csv"].exists():
        with files["csv"].open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out).writerows([HEAD, *people(count)])
    if not files["xlsx"].exists():
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet("名单")
        for row in (HEAD, *people(count)):
            sheet.append(row)
        unfinished = files["xlsx"].with_suffix(".part")
        book.save(unfinished)
        unfinished.rename(files["xlsx"])


def _beside_bare(file: Path, options: Options, kind: str) -> Row:
    with meeting.event(options.people, cache=options.cache) as place:
        bare = bare_read(file)
        started = time.perf_counter()
        subprocess.run([sys.executable, "app.py", "--data", place.folder, "import", file], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = time.perf_counter() - started
    return Row(f"导入 import {kind}, {options.many:,} rows", took, "s", None, bare, "bare read", took / bare,
               Goal(2 * bare + 3), "the whole command, once; the goal is 2 x the bare read + 3 s")


def bare_read(file: Path) -> float:
    """Seconds to read every cell and nothing else, with the libraries that the import reads with."""
    started = time.perf_counter()
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as source:
            sum(1 for _ in csv.reader(source))
    else:
        from python_calamine import CalamineWorkbook

        CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    return time.perf_counter() - started


def _beside_scans(file: Path, options: Options) -> list[Row]:
    with meeting.event(options.people, cache=options.cache) as place:
        meeting.change(place.folder, office.hire)
        with venue.huiwu(place.folder) as ours:
            requests = venue.scans(place.badges)
            calm = run(ours.port, CLIENTS, requests, options.seconds * 2).times
            times, took = _import_while_scanning(ours.port, file, requests)
    calm, times = sorted(calm), sorted(times)
    name = "导入时 wait beside an import"
    note = f"{CLIENTS} clients; {options.many:,} rows in the server, from upload to done {took:.1f} s, once"
    return [_row(f"{name}, p99", times, calm, 0.99, P99, note), _row(f"{name}, max", times, calm, 1.0, WORST, note)]


def _row(name: str, times: list[float], calm: list[float], part: float, goal: Goal, note: str) -> Row:
    value, before = share(times, part), share(calm, part)
    return Row(name, value, "ms", None, before, "no import", value / before, goal, note)


def _import_while_scanning(port: int, file: Path, requests: Iterator[bytes]) -> tuple[list[float], float]:
    done: list[float] = []

    def bring_in() -> None:
        browser = office.Office(port)
        started = time.perf_counter()
        browser.start(browser.upload(file))
        done.append(time.perf_counter() - started)
    beside = threading.Thread(target=bring_in, daemon=True)
    beside.start()
    times: list[float] = []
    while beside.is_alive():
        times += venue.checked(run(port, CLIENTS, requests, PIECE)).times
    if not done:
        raise SystemExit("the import beside the scans failed")
    return times, done[0]
