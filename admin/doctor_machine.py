"""`doctor` looks at the laptop: its disk, its clock, and whether it will fall asleep."""
from __future__ import annotations

import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from admin.doctor import Check, State, said
from certificates import WRITTEN

GB = 1 << 30
LITTLE, TOO_LITTLE = 2 * GB, GB // 4        # free bytes; an event of 100,000 people with a day of backups takes less than 2 GB
SLOW, TOO_SLOW = 50.0, 500.0                # milliseconds until a write is on the disk; the writer waits for one a batch of scans
SYNCS = 9
LID = Path("/proc/acpi/button/lid")         # there where the kernel knows of a lid
SKEW = timedelta(minutes=2)
FAR = timedelta(days=45)
AWAKE = ("接电源时不休眠，合盖也不休眠：系统设置里改好，会议期间一直插着电源。"
         " Set the system never to sleep on mains power, nor when its lid closes, and keep it plugged in.")


def disk(data: Path) -> Check:
    """Free space where the event is."""
    return space(shutil.disk_usage(data).free)


def space(free: int) -> Check:
    """Whether so many free bytes will do."""
    state: State = "bad" if free < TOO_LITTLE else "warning" if free < LITTLE else "ok"
    return Check("disk", state, f"剩 {free / GB:.1f} GB。 {free / GB:.1f} GB are free.", "" if state == "ok" else
                 "清出空间：磁盘满了，扫码就记不下来。 Make room: on a full disk no scan is recorded.")


def disk_speed(data: Path) -> Check:
    """How long a small write takes until it is on the disk, in the event's own folder."""
    took = []
    with tempfile.TemporaryFile(dir=data, buffering=0) as file:
        for _ in range(SYNCS):
            began = time.perf_counter()
            file.write(bytes(4096))
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return speed(statistics.median(took))


def speed(milliseconds: float) -> Check:
    """Whether a disk that takes so long for a write will do."""
    state: State = "bad" if milliseconds > TOO_SLOW else "warning" if milliseconds > SLOW else "ok"
    return Check("disk_speed", state, f"写一次 {milliseconds:.0f} 毫秒。 A write takes {milliseconds:.0f} ms.", "" if state == "ok" else
                 "把数据文件夹放在电脑自己的固态硬盘上，不要放 U 盘或网盘。 Keep the data folder on the laptop's own SSD, not on a"
                 " stick or a network drive.")


def newest_file(folders: Iterable[Path]) -> datetime | None:
    """The latest moment that a file here was written."""
    times = [path.stat().st_mtime for folder in folders if folder.is_dir() for path in folder.iterdir() if path.is_file()]
    return datetime.fromtimestamp(max(times)).astimezone() if times else None


def clock(now: datetime, last_scan: datetime | None, last_file: datetime | None, days: tuple[date, date] | None) -> Check:
    """Whether the clock agrees with what was written before, and with the days of the event."""
    do = "打开系统的自动对时，或手工改对日期和时间，再启动服务。 Set date and time right, then start the server."
    shown = f"{now:%Y-%m-%d %H:%M}"
    last = max((one for one in (last_scan, last_file) if one), default=None)
    if now < WRITTEN:
        return Check("clock", "bad", f"电脑的日期是 {shown}，肯定不对。 The laptop's date cannot be right.", do)
    if last and now < last - SKEW:
        return Check("clock", "bad", f"电脑的时间 {shown} 比最后一次记录（{last.astimezone(now.tzinfo):%Y-%m-%d %H:%M}）早。"
                     " The clock is behind what was recorded last.", do)
    if days and not days[0] - FAR <= now.date() <= days[1] + FAR:
        return Check("clock", "warning", f"电脑的日期是 {shown}，会议是 {days[0]} 到 {days[1]}。"
                     " The laptop's date is far from the event's days.", "看看日期对不对。 See whether the date is right.")
    return Check("clock", "ok", f"{shown}，和记录相符。 It agrees with what was recorded.")


def time_zone(now: datetime, zone: ZoneInfo) -> Check:
    """Whether the laptop shows the same time of day as the event's wall clock."""
    own, event = now.utcoffset(), now.astimezone(zone).utcoffset()
    if own == event:
        return Check("time_zone", "ok", f"和会议一样（{zone.key}）。 The same as the event's.")
    return Check("time_zone", "warning", f"电脑的时区和会议（{zone.key}）不同；程序按会议的时区算，备份的文件名按电脑的。"
                 " The laptop's zone is not the event's; everything but the names of backups follows the event's.",
                 f"把电脑的时区改成 {zone.key}。 Set the laptop to that zone.")


def sleep(platform: str = sys.platform) -> Check:
    """Whether the laptop will fall asleep by itself, or when somebody closes its lid."""
    if platform == "win32":
        idle = powercfg(said("powercfg", "/query", "SCHEME_CURRENT", "SUB_SLEEP", "STANDBYIDLE"))
        lid = powercfg(said("powercfg", "/query", "SCHEME_CURRENT", "SUB_BUTTONS", "LIDACTION"))
        return awake(idle, lid)
    if platform == "darwin":
        return awake(pmset(said("pmset", "-g", "custom")), None)
    power = "org.gnome.settings-daemon.plugins.power"
    desk = gsettings(said("gsettings", "get", power, "sleep-inactive-ac-type"),
                     said("gsettings", "get", power, "sleep-inactive-ac-timeout"))
    idle, lid = logind(said("systemd-analyze", "cat-config", "systemd/logind.conf"))
    held = inhibited(said("systemd-inhibit", "--list", "--no-pager"))
    lid = lid and LID.exists()
    known = [one for one in (desk, idle) if one is not None]
    return awake(False if held else (any(known) if known else None), False if held else lid)


def awake(idle: bool | None, lid: bool | None) -> Check:
    """Whether it sleeps after a while of nobody typing, and when the lid closes (None: not known)."""
    if idle:
        return Check("sleep", "bad", "接着电源没人动一会儿就会休眠，平板就断了。"
                     " It falls asleep after a while, and the tablets lose it.", AWAKE)
    if lid:
        return Check("sleep", "warning", "合上盖子就会休眠。 It falls asleep when its lid is closed.", AWAKE)
    if idle is None or lid is None:
        what = "会不会休眠" if idle is None else "合上盖子会不会休眠"
        return Check("sleep", "warning", f"看不出{what}。 Whether it {'falls asleep' if idle is None else 'sleeps with its lid closed'}"
                     " cannot be seen from here.", AWAKE)
    return Check("sleep", "ok", "接着电源不会休眠。 It stays awake on mains power.")


def powercfg(text: str | None) -> bool | None:
    """Windows: whether a setting is on with mains power. Its words are in the system's language; the last two numbers
    are the values for mains and battery."""
    values = re.findall(r"0x([0-9a-fA-F]{8})\b", text or "")
    return int(values[-2], 16) > 0 if len(values) >= 2 else None


def pmset(text: str | None) -> bool | None:
    """macOS: whether it sleeps on mains power (`sleep` is minutes, 0 never)."""
    mains = re.search(r"AC Power:(.*?)(?:\n\S|\Z)", text or "", re.DOTALL)
    minutes = re.search(r"^\s*sleep\s+(\d+)", mains[1], re.MULTILINE) if mains else None
    return int(minutes[1]) > 0 if minutes else None


def gsettings(kind: str | None, seconds: str | None) -> bool | None:
    """GNOME: whether it sleeps on mains power; 'nothing' or 0 seconds are never."""
    if not kind or not kind.strip():
        return None
    digits = re.findall(r"\d+", seconds or "")
    return kind.strip().strip("'") not in ("nothing", "blank") and (not digits or int(digits[-1]) > 0)


def logind(text: str | None) -> tuple[bool | None, bool | None]:
    """systemd: whether it sleeps when idle, and with its lid closed on mains power. The later line counts; what is
    commented out is the default: no action when idle, suspend for the lid."""
    if not text:
        return None, None
    found = dict(re.findall(r"^\s*(IdleAction|HandleLidSwitch|HandleLidSwitchExternalPower)\s*=\s*(\S+)", text, re.MULTILINE))
    asleep = ("suspend", "hibernate", "hybrid-sleep", "suspend-then-hibernate", "sleep", "poweroff", "halt")
    lid = found.get("HandleLidSwitchExternalPower") or found.get("HandleLidSwitch", "suspend")
    return found.get("IdleAction", "ignore") in asleep, lid in asleep


def inhibited(text: str | None) -> bool:
    """systemd: whether something holds sleep and lid off for as long as it runs."""
    return any("block" in row.split() and "sleep" in row and "handle-lid-switch" in row for row in (text or "").splitlines())
