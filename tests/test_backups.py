"""Automatic backups: what age keeps, what a full or missing stick does, and that nothing but a whole backup has a name."""
from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from admin import standby
from models import backup_folder, backups
from models.audit import audit
from models.backup_choice import newest
from models.backup_folder import Place, choose, guide, make, mark, place
from models.backup_keeper import ANYHOW, INTERVAL, LOOK, PATIENCE, Keeper
from models.backups import Backup, kept, listed, make_room, name, parsed, thin
from models.care import CareRefused, look_into
from models.chain_end import hangs_together
from models.disclosures import Disclosure
from models.event import Event, touch
from models.reports import alerts
from models.runtime import Runtime
from tests.conftest import Tablet, scan
from tests.test_care import as_event

EVENT, OTHER = "0a1b2c3d", "ffffffff"
T = datetime(2026, 12, 5, 12)
PAPERS = {"url": "https://192.168.1.20:8443"}


def series(end: datetime, minutes: int, first: int = 1) -> list[Backup]:
    """One a minute, up to `end`."""
    return [Backup(Path(name(EVENT, first + n, at)), EVENT, first + n, at, 1)
            for n, at in enumerate(end - timedelta(minutes=minutes - 1 - n) for n in range(minutes))]


def gaps(stay: set[Path], since: datetime, until: datetime) -> set[timedelta]:
    times = sorted(one.at for path in stay if (one := parsed(path)) and since <= one.at <= until)
    return {later - earlier for earlier, later in pairwise(times)}


# --- by age ---

def test_every_minute_of_the_last_hour_every_ten_of_the_day_and_every_hour_before_are_kept() -> None:
    stay = kept(series(T, 3 * 24 * 60 + 1), T)
    hour, day = T - timedelta(hours=1), T - timedelta(days=1)
    assert gaps(stay, hour, T) == {timedelta(minutes=1)}
    assert gaps(stay, day, hour) == {timedelta(minutes=10)}
    assert gaps(stay, T - timedelta(days=3), day) == {timedelta(hours=1)}
    assert len(stay) < 61 + 140 + 49


def test_what_was_thinned_each_minute_is_what_thinning_once_leaves() -> None:
    everything, left = series(T, 30 * 60), list[Backup]()
    for one in everything:
        left = [*left, one]
        stay = kept(left, one.at)
        left = [each for each in left if each.path in stay]
    assert {each.path for each in left} == kept(everything, T)


@pytest.mark.parametrize("jump", [timedelta(hours=-2), timedelta(days=-1), timedelta(days=1), timedelta(days=-20_000)])
def test_a_clock_that_jumps_throws_neither_the_newest_away_nor_everything(jump: timedelta) -> None:
    before = series(T, 180)
    after = series(T + jump + timedelta(minutes=30), 30, first=181)
    stay = kept([*before, *after], after[-1].at)
    assert {one.path for one in after} <= stay
    assert len(stay - {one.path for one in after}) >= 3
    assert kept(reversed([*before, *after]), after[-1].at) == stay


def test_whatever_the_names_say_the_newest_three_by_number_stay() -> None:
    throw = random.Random(5)
    for _ in range(50):
        some = [Backup(Path(name(EVENT, n, at)), EVENT, n, at, 1) for n in range(1, 40)
                for at in [T + timedelta(minutes=throw.randint(-100_000, 100_000))]]
        for level in range(3):
            assert {one.path for one in some[-3:]} <= kept(some, T, level)


def fill(folder: Path, event: str, minutes: int, content: bytes = b"x") -> list[Path]:
    folder.mkdir(exist_ok=True)
    files = [folder / name(event, n + 1, T - timedelta(minutes=minutes - n)) for n in range(minutes)]
    for file in files:
        file.write_bytes(content)
    return files


def test_thinning_leaves_other_events_and_files_of_others_alone(tmp_path: Path) -> None:
    fill(tmp_path, EVENT, 300)
    others = fill(tmp_path, OTHER, 300)
    strangers = [tmp_path / text for text in ("huiwu-20261205-120000.db", "家庭照片.db", f"huiwu-{EVENT}-000001-20261205-120000.db.bak",
                                              f"huiwu-{EVENT}-laptop.json", f"huiwu-{EVENT}-000001-99999999-999999.db")]
    for file in strangers:
        file.write_text("mine")
    thin(tmp_path, EVENT, T)
    assert len(listed(tmp_path, EVENT)) < 100
    assert all(file.exists() for file in (*others, *strangers))


def test_a_full_stick_is_thinned_harder_before_anybody_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, EVENT, 300)
    others = fill(tmp_path, OTHER, 20)

    def free(folder: Path) -> Any:
        return shutil._ntuple_diskusage(1000, 0, 1000 - len(list(folder.iterdir())))
    monkeypatch.setattr(backups.shutil, "disk_usage", free)
    assert make_room(tmp_path, EVENT, 800, T)
    assert 175 <= len(listed(tmp_path, EVENT)) <= 180
    assert make_room(tmp_path, EVENT, 970, T)
    assert [one.number for one in listed(tmp_path, EVENT)][-3:] == [298, 299, 300]
    assert not make_room(tmp_path, EVENT, 999, T)
    assert [one.number for one in listed(tmp_path, EVENT)] == [298, 299, 300]
    assert all(file.exists() for file in others)


# --- one backup ---

@pytest.fixture
def where(data: Path, runtime: Runtime) -> Place:
    return place(data, None, "s" * 32)


def test_a_backup_between_scans_opens_hangs_together_and_audits(
        data: Path, tmp_path: Path, where: Place, gate: Tablet, badge: str) -> None:
    gate.batch([scan(badge, "s1", direction=way) for way in ("in", "out")] * 150)
    made = make(data, where, T)
    assert made.file.name == f"huiwu-{where.event}-000001-20261205-120000.db"
    assert hangs_together(made.file)
    copy = as_event(made.file, tmp_path / "copy")
    assert audit(copy) == (made.head, [])
    copy.engine.dispose()


def test_a_ledger_whose_end_was_changed_does_not_hang_together(data: Path, where: Place, gate: Tablet, badge: str) -> None:
    gate.batch([scan(badge, "s1", direction=way) for way in ("in", "out")] * 3)
    made = make(data, where, T)
    with closing(sqlite3.connect(made.file)) as there, there:
        there.execute("UPDATE scan SET quantity = 7 WHERE seq = (SELECT max(seq) FROM scan)")
    look_into(made.file)            # SQLite finds nothing wrong
    assert not hangs_together(made.file)


CUT = """
import os, signal, sys
from pathlib import Path
from datetime import datetime
from models import backup_folder
from models.backup_folder import make, place
seen = []
def step(done, total):
    seen.append(done)
    if sys.argv[2] == "copying":
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "checking":
    backup_folder.look_into = lambda file: os.kill(os.getpid(), signal.SIGKILL)
make(Path(sys.argv[1]), place(Path(sys.argv[1]), None, "s" * 32), datetime(2026, 12, 5, 12), step)
"""


@pytest.mark.parametrize("moment", ["copying", "checking"])
def test_a_backup_cut_off_by_kill_9_leaves_nothing_that_looks_like_one(
        data: Path, where: Place, desk: Tablet, badge: str, moment: str) -> None:
    desk.scan(badge, "signin")
    done = subprocess.run([sys.executable, "-c", CUT, str(data), moment], cwd=Path(__file__).parent.parent, check=False)
    assert done.returncode == -9
    assert list(where.folder.glob("*.part*")) or list(where.folder.glob(".*.part*"))
    assert listed(where.folder, where.event) == []
    with pytest.raises(CareRefused, match="没有备份"):
        newest(where.folder)
    backup_folder.sweep(where)
    assert list(where.folder.iterdir()) == []


def test_a_disk_that_fills_up_while_copying_leaves_nothing_and_says_so(
        data: Path, where: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: Path, target: Path, _step: Any = None) -> None:
        target.write_bytes(b"half")
        raise CareRefused("not_copied", "database or disk is full")
    monkeypatch.setattr(backup_folder, "copy_database", full)
    with pytest.raises(CareRefused, match="disk is full"):
        make(data, where, T)
    assert list(where.folder.iterdir()) == []


@pytest.mark.parametrize("what", ["pages", "a value"])
def test_a_stick_that_forgets_what_was_written_is_found_out(
        data: Path, where: Place, desk: Tablet, badge: str, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    desk.batch([scan(badge, "signin"), scan(badge, "bag")])
    real = backup_folder.copy_database

    def forgetful(source: Path, target: Path, step: Any = None) -> None:
        real(source, target, step)
        if what == "a value":
            with closing(sqlite3.connect(target)) as there, there:
                there.execute("UPDATE scan SET quantity = 7 WHERE seq = (SELECT max(seq) FROM scan)")
            return
        content = bytearray(target.read_bytes())
        content[4096:12288] = b"\x00" * 8192
        target.write_bytes(content)
    monkeypatch.setattr(backup_folder, "copy_database", forgetful)
    with pytest.raises(CareRefused) as refused:
        make(data, where, T)
    assert refused.value.error == "damaged"
    assert listed(where.folder, where.event) == []


# --- the keeper ---

class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


class Site:
    """A keeper that looks when it is told to, by a clock of its own."""

    def __init__(self, runtime: Runtime):
        self.runtime, self.clock, self.rung = runtime, Clock(), 0
        self.keeper = Keeper(runtime, self.ring, lambda: PAPERS, self.clock)

    def ring(self) -> None:
        self.rung += 1

    def look(self, seconds: float = 0.0) -> backups.Keeping:
        self.clock.at += seconds
        self.keeper.look()
        assert self.runtime.keeping
        return self.runtime.keeping

    def said(self, head: int = 0) -> list[str]:
        found: dict[str, Any] = defaultdict(dict, head=head)
        return [one["kind"] for one in alerts(found, self.runtime.keeping)]


@pytest.fixture
def site(runtime: Runtime) -> Site:
    return Site(runtime)


@pytest.fixture
def stick(tmp_path: Path, runtime: Runtime) -> Path:
    """A folder elsewhere that was chosen."""
    folder = tmp_path / "stick"
    folder.mkdir()
    choose(runtime, folder, PAPERS, "陈总")
    return folder


def test_a_backup_is_made_each_minute_in_which_something_changed(site: Site, desk: Tablet, badge: str) -> None:
    assert site.look().count == 0
    assert site.look(INTERVAL).count == 1
    assert site.look(INTERVAL).count == 1               # nothing changed
    desk.scan(badge, "signin")
    assert site.look(10).count == 2
    desk.scan(badge, "bag")
    assert site.look(INTERVAL / 2).count == 2           # not within the minute
    keeping = site.look(INTERVAL / 2)
    assert (keeping.count, keeping.head, keeping.trouble) == (3, 2, "")
    assert site.look(ANYHOW).count == 4                 # what no revision tells


def test_no_backup_is_made_while_the_event_is_purged(site: Site, runtime: Runtime) -> None:
    site.look()
    with runtime.copying:
        assert site.look(INTERVAL).count == 0
    assert site.look(LOOK).count == 1


def test_a_roster_that_changed_is_news(site: Site, runtime: Runtime) -> None:
    site.look()
    site.look(INTERVAL)
    runtime.writer.do(lambda session: touch(session, "roster"))
    assert site.look(INTERVAL).count == 2


def test_a_slow_stick_is_written_a_tenth_of_the_time(site: Site, stick: Path, monkeypatch: pytest.MonkeyPatch, desk: Tablet,
                                                     create_attendee: Callable[..., Any]) -> None:
    real = backup_folder.make

    def slow(*args: Any, **named: Any) -> Any:
        site.clock.at += 20
        return real(*args, **named)
    monkeypatch.setattr(backup_folder, "make", slow)
    site.look()
    first = site.look(INTERVAL)
    desk.scan(create_attendee()[1], "signin")
    assert site.look(170).at == first.at
    assert site.look(15).head == 1
    assert site.look().patience == 400


def test_a_stick_pulled_out_is_said_and_used_again_when_it_is_back(
        site: Site, stick: Path, tmp_path: Path, desk: Tablet, badge: str) -> None:
    site.look()
    assert site.look(INTERVAL).count == 2
    stick.rename(tmp_path / "drawer")
    keeping, rung = site.look(5), site.rung
    assert "不在" in keeping.trouble and "missing" in keeping.trouble
    assert site.said() == ["backup"]
    assert rung > 0
    desk.scan(badge, "signin")
    stick.mkdir()                                       # an empty mount point is not the stick
    assert "不是原来的" in site.look(INTERVAL).trouble
    assert list(stick.iterdir()) == []
    stick.rmdir()
    (tmp_path / "drawer").rename(stick)
    keeping = site.look(5)
    assert (keeping.trouble, keeping.head, keeping.count) == ("", 1, 3)


def test_a_full_stick_is_said_and_tried_again(site: Site, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.look()
    with monkeypatch.context() as full:
        full.setattr(backups, "make_room", lambda *_args: False)
        assert "满" in site.look(INTERVAL).trouble
        assert site.said() == ["backup"]
    assert site.look(INTERVAL).trouble == ""


def test_scans_without_a_backup_for_five_minutes_are_said_even_if_the_keeper_hangs(
        site: Site, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    site.look()
    site.look(INTERVAL)
    monkeypatch.setattr("models.reports.time.monotonic", lambda: site.clock.at + PATIENCE - 1)
    assert site.said(head=9) == []
    monkeypatch.setattr("models.reports.time.monotonic", lambda: site.clock.at + PATIENCE + 1)
    assert site.said(head=9) == ["backup_late"]
    assert site.said(head=0) == []                      # nothing was scanned since


def test_backups_on_the_laptop_itself_are_no_backups_once_it_counts(site: Site, runtime: Runtime, stick: Path) -> None:
    site.look()
    assert site.said() == []                            # in trial
    runtime.writer.do(lambda session: session.execute(update(Event).values(trial=False)))
    site.look(5)
    assert site.said() == ["backup_here"]               # the test's stick is on the same disk


def test_a_folder_that_was_chosen_is_kept_with_who_chose_it_for_the_purge(runtime: Runtime, stick: Path) -> None:
    with runtime.reading() as session:
        row = session.query(Disclosure).one()
        assert (row.purpose, row.actor, row.fields) == ("backup", "陈总", ["*", str(stick)])
        assert session.query(Event).one().backup_folder == str(stick)


@pytest.mark.parametrize("wanted", ["nowhere", "event/within"])
def test_a_folder_that_is_no_good_is_refused_and_nothing_changes(runtime: Runtime, tmp_path: Path, data: Path, wanted: str) -> None:
    (data / "within").mkdir()
    with pytest.raises(CareRefused):
        choose(runtime, tmp_path / wanted, PAPERS, "陈总")
    with runtime.reading() as session:
        assert session.query(Event).one().backup_folder is None


@pytest.mark.parametrize("wanted", ["/" + "a" * 300, str(backup_folder.SERVED), str(backup_folder.SERVED / "js")])
def test_a_folder_that_has_no_such_name_or_is_served_to_everybody_is_refused(data: Path, wanted: str) -> None:
    before = set(backup_folder.SERVED.iterdir())
    with pytest.raises(CareRefused):
        backup_folder.check(data, Path(wanted))
    assert set(backup_folder.SERVED.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no devices or pipes among a folder's files")
def test_a_stick_with_a_link_to_a_device_in_place_of_its_mark_is_written_all_the_same(tmp_path: Path) -> None:
    where = place(tmp_path, str(tmp_path), "s" * 32)
    os.mkfifo(mark(where))
    guide(where).symlink_to("/dev/zero")
    assert standby.read(tmp_path, where.event) is None
    backup_folder.write_papers(where, PAPERS)
    assert mark(where).is_file() and "192.168.1.20" in guide(where).read_text(encoding="utf-8-sig")
    assert not guide(where).is_symlink()


def test_the_stick_says_to_a_person_what_to_do_and_where_tablets_look(stick: Path, runtime: Runtime) -> None:
    where = place(runtime.data, str(stick), "s" * 32)
    assert "https://192.168.1.20:8443" in guide(where).read_text(encoding="utf-8-sig")
    assert mark(where).is_file()


def test_names_on_a_stick_are_names_that_fat_takes(stick: Path) -> None:
    for file in stick.iterdir():
        assert not set(file.name) & set('<>:"/\\|?*'), file.name
        assert file.name.isascii()


# --- which one is restored ---

@pytest.mark.parametrize("code", [
    "CREATE TRIGGER evil AFTER INSERT ON scan BEGIN UPDATE staff SET role = 'coordinator'; END",
    "CREATE VIEW more AS SELECT * FROM staff"])
def test_a_backup_that_somebody_wrote_code_into_is_neither_chosen_nor_restored(data: Path, where: Place, code: str) -> None:
    good, evil = (make(data, where, T + timedelta(minutes=n)).file for n in (0, 1))
    with closing(sqlite3.connect(evil)) as there, there:
        there.execute(code)
    assert newest(where.folder).file == good
    with pytest.raises(CareRefused) as refused:
        look_into(evil)
    assert refused.value.error == "damaged"


def test_the_newest_good_backup_of_a_folder_is_chosen_and_damaged_ones_are_named(
        data: Path, where: Place, desk: Tablet, create_attendee: Callable[..., Any]) -> None:
    made = []
    for n in range(4):
        desk.scan(create_attendee()[1], "signin")
        made.append(make(data, where, T - timedelta(hours=n)).file)     # the clock is set back each time
    assert newest(where.folder).file == made[3]
    made[3].write_bytes(b"SQLite format 3\x00" + b"\x00" * 4000)
    with closing(sqlite3.connect(made[2])) as there, there:
        there.execute("UPDATE scan SET quantity = 7 WHERE seq = (SELECT max(seq) FROM scan)")
    choice = newest(where.folder)
    assert choice.file == made[1]
    assert sorted(choice.skipped) == sorted(made[2:])


def test_a_folder_of_two_events_asks_which(data: Path, tmp_path: Path, where: Place, runtime: Runtime) -> None:
    make(data, where, T)
    runtime.writer.do(lambda session: session.execute(update(Event).values(secret="other" * 8, name="另一场")))
    make(data, where, T + timedelta(minutes=1))
    with pytest.raises(CareRefused, match=r"测试会议.*另一场") as refused:
        newest(where.folder)
    assert refused.value.error == "several_events"


def test_a_folder_of_damaged_backups_says_so(tmp_path: Path) -> None:
    fill(tmp_path, EVENT, 2)
    with pytest.raises(CareRefused) as refused:
        newest(tmp_path)
    assert refused.value.error == "damaged"
