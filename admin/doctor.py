"""What `doctor` finds: one look at the laptop, its network and the event before the day, and during it.

Each check is a small function that returns a Check. It changes nothing, and one that fails itself is a finding too.
"""
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "bad"]
PATIENCE = 10                       # seconds for a command of the system's
LABELS = {
    "event": "会议 Event", "database": "数据库 Database", "disk": "磁盘空间 Disk space", "disk_speed": "磁盘速度 Disk speed",
    "clock": "时钟 Clock", "time_zone": "时区 Time zone", "sleep": "休眠 Sleep", "addresses": "网络 Network",
    "address_fixed": "地址 Address", "certificate": "证书 Certificate", "port": "端口 Port", "firewall": "防火墙 Firewall",
    "tablets": "平板 Tablets", "printer": "打印机 Printer", "fonts": "字体 Fonts", "backup": "备份 Backup",
}
MARKS = {"ok": "✓", "warning": "⚠", "bad": "✗"}


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `name` is stable, with what it is about after a colon (printer:front); `message` says what is so
    and `do` what to do about it, both for a person in Chinese and English; `do` is "" when there is nothing to do."""

    name: str
    state: State
    message: str
    do: str = ""


Found = Check | Iterable[Check]


def looked(name: str, look: Callable[[], Found]) -> Iterator[Check]:
    """What a check found; whatever it raises is a finding, and the others go on."""
    try:
        found = look()
        yield from [found] if isinstance(found, Check) else list(found)
    except Exception as error:        # the sentence for a person who can do nothing about our mistakes but report them
        yield Check(name, "bad", f"没有查成（{type(error).__name__}: {error}）。 This could not be looked at.",
                    "把这一行告诉维护的人。 Tell whoever maintains this program.")


def said(*command: str) -> str | None:
    """What a command of the system's writes; None where there is no such command, it fails or does not end."""
    plain = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True,  # noqa: S603  fixed words, no shell
                              stdin=subprocess.DEVNULL, env=plain)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def line(check: Check) -> str:
    """A finding for the terminal."""
    name, _, about = check.name.partition(":")
    label = f"{LABELS.get(name, name)}{f' {about}' if about else ''}"
    todo = f"\n    → {check.do}" if check.do else ""
    return f"{MARKS[check.state]} {label}: {check.message}{todo}"
