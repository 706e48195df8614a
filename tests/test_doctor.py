"""`doctor`: each finding made real where a test can (files, clocks, printers, servers), else read from what systems write."""
from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

import certificates
from admin import doctor, doctor_event, doctor_machine, doctor_network
from admin.doctor import Check
from doors import Doors
from kiosk.pairing import SERVED_AT
from models import backup_folder
from models.database import database_path, now
from models.event import Event, Printer
from models.people import Attendee
from models.runtime import Runtime
from printers import virtual
from printers.faulty import FaultyPrinter, Mode
from printers.status import Problem
from printers.worker import paper_folder
from tests.command_line import run
from tests.conftest import LiveServer, Tablet

NOW = datetime(2026, 12, 5, 9, tzinfo=UTC)
HOME = ip_address("192.168.1.20")
Write = Callable[[Callable[..., object]], object]


def found(said: dict[str, object], name: str) -> dict[str, str]:
    checks = said["checks"]
    assert isinstance(checks, list)
    return next(one for one in checks if one["name"] == name)


# --- the command ---

def test_every_check_says_a_word_a_state_and_a_sentence_in_both_languages(data: Path, runtime: Runtime) -> None:
    said = run(data, "doctor")
    names = {one["name"] for one in said.payload["checks"]}
    assert names == {"database", "disk", "disk_speed", "addresses", "address_fixed", "certificate", "port", "firewall", "tablets",
                     "clock", "time_zone", "printer:front", "fonts", "backup", "sleep"}
    for one in said.payload["checks"]:
        assert set(one) == {"name", "state", "message", "do"} and one["state"] in ("ok", "warning", "bad")
        assert any("\u4e00" <= char <= "\u9fff" for char in one["message"])
        assert one["state"] == "ok" or one["do"], one
    assert "✓ 数据库 Database" in said.words and said.code == any(one["state"] == "bad" for one in said.payload["checks"])


def test_before_there_is_an_event_the_rest_is_looked_at(tmp_path: Path) -> None:
    said = run(tmp_path / "nothing", "doctor")
    assert said.code == 1 and "还没有会议" in found(said.payload, "event")["message"]
    assert {"clock", "sleep", "port"} <= {one["name"] for one in said.payload["checks"]}


def test_a_damaged_file_is_bad_and_stops_no_other_check(data: Path, runtime: Runtime) -> None:
    runtime.engine.dispose()
    with database_path(data).open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 40))
    said = run(data, "doctor")
    assert said.code == 1 and found(said.payload, "database")["state"] == "bad" and found(said.payload, "sleep")


def test_one_damaged_page_is_found_although_the_event_still_opens(data: Path, runtime: Runtime) -> None:
    with closing(sqlite3.connect(database_path(data))) as there:
        size = there.execute("PRAGMA page_size").fetchone()[0]
        page = there.execute("SELECT rootpage FROM sqlite_master WHERE name = 'print_job'").fetchone()[0]
    runtime.engine.dispose()
    with database_path(data).open("r+b") as file:
        file.seek(size * (page - 1))
        file.write(bytes(size))
    said = run(data, "doctor").payload
    assert (found(said, "database")["state"], found(said, "fonts")["state"]) == ("bad", "ok")
    assert "损坏" in found(said, "database")["message"]


def test_a_check_that_fails_itself_is_bad_and_the_next_goes_on() -> None:
    def breaks() -> Check:
        raise RuntimeError("no such thing")
    assert [one.state for one in doctor.looked("disk", breaks)] == ["bad"]


def test_nothing_is_printed_and_nothing_written(data: Path, runtime: Runtime, write: Write) -> None:
    with FaultyPrinter() as printer:
        write(lambda session: session.execute(update(Printer).values(url=printer.url)))
        before = rows(data)
        files = {path.name for path in data.iterdir()}
        assert found(run(data, "doctor").payload, "printer:front")["state"] == "ok"
        assert printer.received == 12 and printer.slips == [], "the four questions, and not a byte more"
        assert {path.name for path in data.iterdir()} <= files | {"huiwu.db-wal", "huiwu.db-shm"}
        assert rows(data) == before


def rows(data: Path) -> list[str]:
    with closing(sqlite3.connect(database_path(data))) as there:
        return list(there.iterdump())


def test_a_command_of_the_systems_that_is_not_there_or_fails_says_nothing() -> None:
    assert doctor.said("huiwu-no-such-command") is None and doctor.said("false") is None
    assert doctor.said("echo", "中") == "中\n"


# --- the laptop ---

@pytest.mark.parametrize(("free", "state"), [(80 << 30, "ok"), (1 << 30, "warning"), (1 << 20, "bad")])
def test_a_disk_that_fills_up_is_said_before_it_is_full(free: int, state: str) -> None:
    assert doctor_machine.space(free).state == state


@pytest.mark.parametrize(("took", "state"), [(3, "ok"), (120, "warning"), (900, "bad")])
def test_a_disk_that_takes_long_is_named(took: float, state: str) -> None:
    assert doctor_machine.speed(took).state == state


def test_the_disk_is_tried_in_the_events_own_folder_and_nothing_stays_there(tmp_path: Path) -> None:
    assert doctor_machine.disk_speed(tmp_path).name == "disk_speed" and not list(tmp_path.iterdir())


DAYS = (date(2026, 12, 5), date(2026, 12, 7))


@pytest.mark.parametrize(("at", "scan", "file", "state"), [
    (NOW, NOW - timedelta(hours=1), NOW, "ok"), (NOW, None, None, "ok"),
    (NOW, NOW + timedelta(hours=2), None, "bad"), (NOW, None, NOW + timedelta(minutes=5), "bad"),
    (NOW, NOW + timedelta(seconds=30), None, "ok"), (datetime(1970, 1, 1, tzinfo=UTC), None, None, "bad"),
    (NOW + timedelta(days=300), None, None, "warning")])
def test_a_clock_that_is_behind_the_ledger_or_far_from_the_event_is_named(
        at: datetime, scan: datetime | None, file: datetime | None, state: str) -> None:
    assert doctor_machine.clock(at, scan, file, DAYS).state == state


def test_a_file_from_the_future_betrays_a_clock_that_was_put_back(data: Path, runtime: Runtime) -> None:
    later = now().timestamp() + 7200
    os.utime(database_path(data), (later, later))
    assert found(run(data, "doctor").payload, "clock")["state"] == "bad"


def test_a_laptop_in_another_zone_than_the_event_is_warned_of() -> None:
    assert doctor_machine.time_zone(NOW, ZoneInfo("Asia/Shanghai")).state == "warning"
    assert doctor_machine.time_zone(NOW.astimezone(ZoneInfo("Asia/Singapore")), ZoneInfo("Asia/Shanghai")).state == "ok"


POWERCFG = """电源方案 GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (平衡)
    当前交流电源设置索引: {mains}
    当前直流电源设置索引: 0x00000384
"""
PMSET = """Battery Power:
 sleep                1
 displaysleep         2
AC Power:
 displaysleep         10
 sleep                {minutes}
 womp                 1
"""


def test_each_system_says_in_its_own_way_whether_it_falls_asleep() -> None:
    assert doctor_machine.powercfg(POWERCFG.format(mains="0x00000708")) is True
    assert doctor_machine.powercfg(POWERCFG.format(mains="0x00000000")) is False
    assert doctor_machine.pmset(PMSET.format(minutes=10)) is True and doctor_machine.pmset(PMSET.format(minutes=0)) is False
    assert doctor_machine.gsettings("'suspend'\n", "uint32 1800\n") is True
    assert doctor_machine.gsettings("'nothing'\n", "uint32 1800") is False and doctor_machine.gsettings("'suspend'", "0") is False
    assert doctor_machine.logind("[Login]\n#IdleAction=suspend\n#HandleLidSwitch=suspend\n") == (False, True)
    assert doctor_machine.logind("IdleAction=suspend\nHandleLidSwitch=ignore\n") == (True, False)
    assert doctor_machine.logind("HandleLidSwitch=ignore\nHandleLidSwitchExternalPower=suspend\n") == (False, True)
    assert doctor_machine.inhibited("caffeine 1000 me 77 caffeine handle-lid-switch:sleep fair block\n")
    assert not doctor_machine.inhibited("UPower 0 root 900 upowerd sleep Pause delay\n")


@pytest.mark.parametrize("text", ["", None, "ERROR: no such thing"])
def test_what_a_system_does_not_say_is_not_known_and_said_so(text: str | None) -> None:
    assert doctor_machine.powercfg(text) is None and doctor_machine.pmset(text) is None
    assert doctor_network.ip_leased(text, "192.168.1.20") is None
    assert doctor_network.powershell_leased(text, "192.168.1.20") is None and doctor_network.socketfilter(text) is None
    unknown = doctor_machine.awake(None, None)
    assert unknown.state == "warning" and "看不出" in unknown.message and unknown.do


@pytest.mark.parametrize(("idle", "lid", "state"), [(True, None, "bad"), (False, True, "warning"), (False, False, "ok")])
def test_a_laptop_that_sleeps_by_itself_is_bad_one_that_sleeps_when_closed_is_warned_of(idle: bool, lid: bool | None, state: str) -> None:
    assert doctor_machine.awake(idle, lid).state == state


# --- the network ---

@pytest.mark.parametrize(("own", "state"), [
    (["192.168.1.20"], "ok"), ([], "bad"), (["169.254.3.4"], "bad"), (["192.168.1.20", "10.0.0.5"], "warning"), (["8.8.4.4"], "warning")])
def test_no_network_several_and_a_public_one_are_told_apart(own: list[str], state: str) -> None:
    assert doctor_network.networks([ip_address(one) for one in own], "192.168.1.20").state == state


def test_an_address_that_is_only_lent_is_found_on_each_system() -> None:
    row = {"addr_info": [{"local": "192.168.1.20", "dynamic": True, "valid_life_time": 3000}, {"local": "10.0.0.5"}]}
    assert doctor_network.ip_leased(json.dumps([row]), "192.168.1.20") is True
    assert doctor_network.ip_leased(json.dumps([row]), "10.0.0.5") is False
    one = {"IPAddress": "192.168.1.20", "PrefixOrigin": 3}
    assert doctor_network.powershell_leased(json.dumps(one), "192.168.1.20") is True
    assert doctor_network.powershell_leased(json.dumps([one, {"IPAddress": "10.0.0.5", "PrefixOrigin": 1}]), "10.0.0.5") is False
    mac = ["DHCP Configuration\nIP address: 192.168.1.20\n", "Manual Configuration\nIP address: 10.0.0.5\n"]
    assert doctor_network.networksetup_leased(mac, "192.168.1.20") is True
    assert doctor_network.networksetup_leased(mac, "10.0.0.5") is False
    assert [doctor_network.stays("192.168.1.20", leased).state for leased in (True, None, False)] == ["warning", "warning", "ok"]


def test_a_port_that_another_program_has_is_bad_and_a_free_one_is_well() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert doctor_network.port(None, "127.0.0.1", taken, True).state == "bad"
    assert doctor_network.port(None, "127.0.0.1", taken, True).state == "ok"


def test_a_running_server_is_found_by_what_it_said_and_reached_at_its_address(
        data: Path, runtime: Runtime, live_server: LiveServer) -> None:
    (data / SERVED_AT).write_text(json.dumps({"url": live_server.url}))
    doors = doctor_network.served(data, live_server.url)
    assert doors is not None and live_server.url.endswith(f":{doors.port}")
    assert doctor_network.port(doors, "127.0.0.1", None, True).state == "ok"
    assert doctor_network.port(doors, "127.0.0.2", None, True).state == "bad", "it listens at 127.0.0.1 only"
    assert "够不着" in found(run(data, "doctor").payload, "port")["message"]


@pytest.mark.parametrize("url", ["", None, "ftp://x:1", "http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_server_that_said_it_runs_and_does_not_is_no_server(data: Path, url: str | None) -> None:
    assert doctor_network.served(data, url) is None


def test_a_strangers_https_server_is_not_ours(data: Path, live_server: LiveServer) -> None:
    certificates.ready(data, [])
    assert doctor_network.served(data, live_server.url.replace("http:", "https:")) is None


UFW = "Status: active\n\nTo      Action  From\n8443:8444/tcp  ALLOW  Anywhere\n22/tcp  ALLOW  Anywhere\n"


def test_a_firewall_that_is_on_without_our_port_is_bad_and_one_that_is_off_is_well() -> None:
    assert doctor_network.opened(UFW, 8443) is True and doctor_network.opened(UFW, 8080) is False
    assert doctor_network.opened("22/tcp 8443/tcp\n", 8443) is True and doctor_network.opened(None, 8443) is None
    assert doctor_network.powershell_firewall(json.dumps([{"Enabled": 0}, {"Enabled": 1}])) is True
    assert doctor_network.powershell_firewall(json.dumps({"Enabled": False})) is False
    assert doctor_network.socketfilter("Firewall is enabled. (State = 1)") is True
    assert doctor_network.socketfilter("Firewall is disabled. (State = 0)") is False
    states = [doctor_network.lets_in(on, is_open, 8443, "http://x").state for on, is_open in (
        (True, False), (True, None), (None, None), (True, True), (False, None))]
    assert states == ["bad", "warning", "warning", "ok", "ok"]


NETSTAT = """  TCP    192.168.1.20:8443      192.168.1.31:50111     ESTABLISHED
  TCP    192.168.1.20:445       192.168.1.40:50111     ESTABLISHED
  TCP    192.168.1.20:8443      192.168.1.32:50111     TIME_WAIT
tcp4       0      0  192.168.1.20.8443      192.168.1.33.50111     ESTABLISHED
"""
PROC = """  sl  local_address rem_address   st tx_queue
   0: 1401A8C0:20FB 1F01A8C0:C3BF 01 00000000:00000000
   1: 1401A8C0:20FB 2001A8C0:C3BF 06 00000000:00000000
   2: 1401A8C0:0016 2101A8C0:C3BF 01 00000000:00000000
"""


@pytest.mark.skipif("sys.byteorder != 'little'")
def test_a_tablet_that_is_connected_proves_that_the_network_lets_it_through() -> None:
    assert doctor_network.netstat_peers(NETSTAT, 8443) == {"192.168.1.31", "192.168.1.33"}
    assert doctor_network.proc_peers(PROC, 8443) == {"192.168.1.31"}
    assert doctor_network.others(["::ffff:192.168.1.31", "192.168.1.20", "127.0.0.1"], [HOME]) == {"192.168.1.31"}


def test_the_systems_own_table_shows_who_is_connected_and_this_laptop_does_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", number)):
            peers = doctor_network.connected(number, "linux")
            alone = doctor_network.tablets(Doors("0.0.0.0", number, None), [], "http://x", "linux")
    assert peers == {"127.0.0.1"} and alone.state == "warning" and "隔离" in alone.do


# --- the event ---

def test_a_certificate_that_does_not_name_todays_address_or_has_run_out_is_said(tmp_path: Path) -> None:
    today = datetime.now(UTC)
    assert doctor_event.certificate(tmp_path, [HOME], today).state == "ok", "made at the first start"
    certificates.ready(tmp_path, [HOME])
    assert doctor_event.certificate(tmp_path, [HOME], today).state == "ok"
    assert "192.168.1.21" in doctor_event.certificate(tmp_path, [ip_address("192.168.1.21")], today).message
    soon = doctor_event.certificate(tmp_path, [HOME], today + certificates.LASTS - timedelta(days=5))
    late = doctor_event.certificate(tmp_path, [HOME], today + certificates.LASTS + timedelta(days=5))
    assert (soon.state, late.state) == ("warning", "bad")
    (tmp_path / certificates.AUTHORITY_FOLDER / certificates.SERVER).write_text("x")
    assert doctor_event.certificate(tmp_path, [HOME], today).state == "warning"


@pytest.mark.parametrize(("mode", "state", "word"), [
    (Mode.WORKS, "ok", "正常"), (Mode.PAPER_OUT_BEFORE, "bad", "缺纸"), (Mode.COVER_OPEN, "bad", "盖开"),
    (Mode.SAYS_NOTHING, "ok", "不回报")])
def test_each_printer_is_asked_how_it_is_and_prints_nothing(runtime: Runtime, write: Write, mode: Mode, state: str, word: str) -> None:
    with FaultyPrinter(mode) as printer:
        write(lambda session: session.execute(update(Printer).values(url=printer.url)))
        front = doctor_event.printers(runtime, False)[0]
        assert (front.name, front.state) == ("printer:front", state) and word in front.message
        assert printer.wait_until_left() and printer.slips == []


def test_a_printer_that_is_not_there_or_has_no_address_is_bad_and_low_paper_warns(runtime: Runtime, data: Path, write: Write) -> None:
    with FaultyPrinter() as printer:
        gone = printer.url
    for url, word in ((gone, "拒绝连接"), ("tcp://", "打印机地址不对")):
        write(lambda session, url=url: session.execute(update(Printer).values(url=url)))
        front = doctor_event.printers(runtime, False)[0]
        assert front.state == "bad" and word in front.message
    write(lambda session: session.execute(update(Printer).values(url="virtual://")))
    virtual.set_problem(paper_folder(data, "front"), Problem.NEAR_END)
    assert doctor_event.printers(runtime, False)[0].state == "warning"


def test_while_the_server_prints_its_word_counts_and_the_printer_is_left_alone(runtime: Runtime, write: Write) -> None:
    with FaultyPrinter() as printer:
        for state, message, wanted in (("printing", "", "ok"), ("blocked", "缺纸，请换纸卷 · Out of paper", "bad"),
                                       ("waiting", "第 7 号小票出来了吗？ · Did slip 7 come out?", "bad")):
            values = {"url": printer.url, "state": state, "message": message}
            write(lambda session, values=values: session.execute(update(Printer).values(**values)))
            assert doctor_event.printers(runtime, True)[0].state == wanted
        assert printer.connections == 0


def test_a_character_of_the_roster_that_no_font_has_is_named_with_its_person(
        runtime: Runtime, write: Write, create_attendee: Callable[..., tuple[int, str]]) -> None:
    create_attendee()
    with runtime.connection() as connection:
        assert doctor_event.glyphs(connection).state == "ok"
    write(lambda session: session.execute(update(Attendee).values(name="张\U00032000", number="A001")))
    with runtime.connection() as connection:
        said = doctor_event.glyphs(connection)
    assert said.state == "warning" and "U+32000" in said.message and "A001" in said.message and "张" not in said.message


def test_backups_on_the_same_disk_a_missing_stick_and_scans_that_are_in_none_are_said(
        runtime: Runtime, data: Path, tmp_path: Path, write: Write, desk: Tablet, badge: str) -> None:
    def look(**more: object) -> Check:
        with runtime.reading() as session:
            event = session.get_one(Event, 1)
            return doctor_event.backup(runtime, event, **{"last_scan": None, "is_served": True, "now": now(), **more})  # type: ignore[arg-type]
    assert look().state == "warning" and "同一块硬盘" in look().message
    later = now() + timedelta(hours=1)
    late = look(last_scan=later, now=later + timedelta(hours=1))
    assert late.state == "warning" and "不在备份里" in late.message, "a trial"
    write(lambda session: session.execute(update(Event).values(trial=False)))
    assert look(last_scan=later, now=later + timedelta(hours=1)).state == "bad"
    assert look(last_scan=now(), now=now()).state == "warning", "the minute's backup is still to come"
    stick = tmp_path / "stick"
    stick.mkdir()
    backup_folder.choose(runtime, stick, {}, "测试")
    assert "最近一份" in look().message
    stick.rename(tmp_path / "pulled out")
    assert look().state == "bad" and "插" in look().message


def test_a_file_that_others_may_read_is_warned_of(data: Path, runtime: Runtime) -> None:
    database_path(data).chmod(0o600)
    assert doctor_event.database(data).state == "ok"
    database_path(data).chmod(0o644)
    assert doctor_event.database(data).state == "warning"
