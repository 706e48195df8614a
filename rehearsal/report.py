"""The outcome, as an object for scripts and as a page for the coordinator."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.reckoning import Finding
from rehearsal.scene import Size

WORDS = {"kills": "服务器被强行终止 server killed", "answers_lost": "回答丢失 answers lost", "requests_lost": "请求丢失 requests lost",
         "flaps": "断线 stations flapping", "reconnects": "同时重连 reconnecting at once",
         "unread_streams": "不读的实时画面 streams never read",
         "backups": "运行中备份 backups beside", "locks": "数据库被占用 database held", "printer_faults": "打印机故障 printer faults",
         "asked_yes": "问“出来了吗”，出来了 slips asked for: out", "asked_no": "问“出来了吗”，没出来 slips asked for: not out"}


@dataclass
class Outcome:
    """All that a rehearsal gives. `scratch` is "" once the scratch folder is gone."""

    size: Size
    found: Finding
    times: Sequence[float] = ()
    faults: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    scratch: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, nothing doubled, and everything agrees."""
        return not (self.found.lost or self.found.doubled or self.found.problems)

    def at(self, share: float) -> float:
        """The ms within which this share of the requests was answered."""
        ordered = sorted(self.times) or [0.0]
        return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 1)

    def payload(self) -> dict[str, Any]:
        """The object of api.md."""
        found = self.found
        return {"acknowledged": found.acknowledged, "recorded": found.recorded, "lost": found.lost, "doubled": found.doubled,
                "slips": found.slips, "p50_ms": self.at(0.5), "p99_ms": self.at(0.99), "max_ms": self.at(1.0),
                "faults": dict(self.faults), "conflicts": found.conflicts, "seconds": round(self.seconds, 1),
                "problems": found.problems, "scratch": self.scratch or None}

    def text(self) -> str:
        """For people: the verdict first."""
        found, size = self.found, self.size
        verdict = ("✓ 一条不丢，一条不重，账实相符。 Nothing lost, nothing doubled, everything agrees." if self.is_good else
                   f"✗ 丢失 {found.lost}，重复 {found.doubled}，问题 {len(found.problems)}。"
                   " Something is wrong: do not go live before it is understood.")
        lines = ["", f"  会务演练 Rehearsal: {size.attendees} 人 people, {size.stations} 个服务点 stations, "
                 f"{size.printers} 台打印机 printers, {self.seconds:.0f} s", f"  {verdict}", "",
                 f"  已确认 acknowledged      {found.acknowledged:>8}", f"  已记录 recorded          {found.recorded:>8}",
                 f"  丢失   lost              {found.lost:>8}", f"  重复   doubled           {found.doubled:>8}",
                 f"  离线多用，待处理 conflicts {found.conflicts:>6}", f"  小票   slips             {found.slips:>8}",
                 f"  等回答 waits: 一半 half ≤ {self.at(0.5)} ms, 99% ≤ {self.at(0.99)} ms, 最长 longest {self.at(1.0)} ms"]
        if self.faults:
            lines += ["", "  出过的故障 What went wrong on purpose"]
            lines += [f"    {WORDS.get(name, name)}: {times}" for name, times in self.faults.items()]
        if found.problems:
            lines += ["", "  问题 Problems", *(f"    {problem}" for problem in found.problems)]
        if self.scratch:
            lines += ["", f"  演练文件夹留下了 The scratch folder is kept: {self.scratch}"]
        return "\n".join([*lines, ""])
