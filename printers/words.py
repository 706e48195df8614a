"""What the printers' pages say: printers and jobs in words a person can act on, in the page's language."""
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from models.print_states import TROUBLE
from models.words import one_language
from printers.slip import number_text
from printers.transports import text_mode

PRINTER_STATES = {"idle": (_l("正常"), "ok"), "printing": (_l("正在打印"), "info"), "blocked": (_l("停住了"), "bad"),
                  "offline": (_l("连不上"), "bad"), "waiting": (_l("等你回答"), "ask")}
ABILITIES = {"completed": _l("打完会回报"), "parsed": _l("只回报收到"), "none": _l("不回报，只能算已发出"),
             None: _l("还不知道打完会不会回报")}
JOB_STATES = {"queued": (_l("等待"), ""), "sending": (_l("正在打印"), "info"), "unknown": (_l("出来了吗？"), "ask"),
              "held": (_l("已暂停"), "ask"), "printed": (_l("已打印"), "ok"), "parsed": (_l("打印机已收到"), "ok"),
              "sent": (_l("已发出"), "ok"), "cancelled": (_l("已取消"), "")}
REASONS = {"undone": _l("扫码已撤销"), "voided": _l("餐券已作废"), "revoked": _l("代表证已作废"),
           "not_out": _l("没出来，已补打"), "came_out": _l("有人看到出来了")}
KINDS = {"slip": _l("凭条"), "coupon": _l("餐券"), "badge": _l("临时代表证"), "test": _l("测试条")}
ACTIONS = {"queued": ("hold", "cancel", "move"), "held": ("release", "cancel", "move"), "unknown": ("answer",)}
PROBLEMS = {"PAPER_OUT": _l("缺纸"), "COVER_OPEN": _l("开盖"), "NEAR_END": _l("纸将用完"), "UNREACHABLE": _l("断电")}


@dataclass(frozen=True, slots=True)
class PrinterView:
    """One printer as a card. `trouble` asks for somebody to go there; `virtual` has paper to watch."""

    key: str
    name: str
    address: str
    virtual: bool
    words: Any
    tone: str
    message: str
    trouble: bool
    ability: Any
    width: str
    backup: str
    waiting: int
    done: int
    checked: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One print job as a line."""

    id: str
    number: str
    what: str
    kind: Any
    who: str
    unit: str
    copy: int
    state: str
    words: Any
    tone: str
    reason: str
    printer: str
    printer_key: str
    at: str
    age: str
    actor: str
    actions: tuple[str, ...]


def in_english() -> bool:
    """Whether this page is in English."""
    return str(get_locale() or "zh").startswith("en")


def named(row: Any) -> str:
    """A printer's name in the page's language."""
    return (in_english() and row.name_en) or row.name or str(row.key)


def printer_view(row: Any, counts: dict[str, Any], names: dict[str, str], now: datetime) -> PrinterView:
    """A printer's row and its numbers (models/reports.py) as a card."""
    said, tone = PRINTER_STATES.get(row.state, PRINTER_STATES["idle"])
    if row.checked_at is None and row.state == "idle":
        said, tone = _("还没联系过"), ""
    if row.message and tone == "ok":
        tone = "ask"                      # paper that runs low
    width = "80 mm" if row.width >= 512 else "58 mm"
    done = sum(counts.get(state, 0) for state in ("printed", "parsed", "sent"))
    return PrinterView(
        row.key, named(row), "" if row.url.startswith("virtual:") else row.url, row.url.startswith("virtual:"), said, tone,
        one_language(row.message), row.state in TROUBLE, ABILITIES.get(row.ability, ABILITIES[None]),
        f"{width} · {_('文字方式')}" if text_mode(row.url) else width, names.get(row.backup or "", ""),
        counts.get("queued", 0) + counts.get("held", 0), done, age(row.checked_at, now) if row.checked_at else "")


def job_view(row: Any, names: dict[str, str], zone: ZoneInfo, now: datetime) -> JobView:
    """A job's row (models/print_list.py) as a line."""
    said, tone = JOB_STATES[row.state]
    title = (in_english() and row.title_en) or row.title or ""
    reason = REASONS.get(row.reason) or one_language(row.reason)
    at = row.done_at or row.created_at
    return JobView(
        row.id, number_text(row.number), title, KINDS.get(row.kind, row.kind), row.name or "", row.organisation or "",
        row.copy, row.state, said, tone, str(reason), names.get(row.printer_key, row.printer_key), row.printer_key,
        f"{at.astimezone(zone):%H:%M}", age(row.created_at, now), row.actor,
        (*ACTIONS.get(row.state, ()), *(("reprint",) if row.state in ("printed", "parsed", "sent", "cancelled") else ())))


def age(since: datetime, now: datetime) -> str:
    """How long something has been waiting, in one unit."""
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 60:
        return _("%(n)s 秒", n=seconds)
    if seconds < 3600:
        return _("%(n)s 分钟", n=seconds // 60)
    if seconds < 86400:
        return _("%(n)s 小时", n=seconds // 3600)
    return _("%(n)s 天", n=seconds // 86400)
