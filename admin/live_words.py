"""The words of the live pages: said by the server at first paint, by static/js/lines.js for what comes later.

Placeholders are {name}. Each is one short line a coordinator can act on.
"""
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from admin.refusals import REASONS
from models.words import one_language

Line = dict[str, str]
ACTIONS = {"printer": "/admin/printers", "slip": "/admin/printers", "station": "/admin/stations", "stock": "/admin/plan",
           "conflict": "/admin/conflicts", "aside": "/admin/aside",
           "backup": "/admin/care", "backup_late": "/admin/care", "backup_here": "/admin/care"}


def words() -> dict[str, Any]:
    """Every word that arrives later, in the page's language."""
    return {
        "eta": _("按此速度 {time} 到齐"), "late": _("按此速度今天到不齐"), "quiet": _("人少，暂不估算"),
        "done": _("已到齐"), "nobody": _("名单还是空的"),
        "printer": _("{name} {message}"), "printer_queue": _("{n} 张小票等待"), "trouble": _("有故障"),
        "slip": _("{name} 有 {n} 张小票不知出来没有"), "station": _("{name} 离线"), "waiting": _("{n} 条待传"),
        "conflict": _("{n} 个冲突待处理"), "aside": _("{n} 条停用平板的扫码待处理"),
        "stock": _("{name} 只剩 {left}，还有 {n} 人没领"), "none_left": _("{name} 已发完，还有 {n} 人没领"),
        "backup_late": _("{n} 分钟没有备份了"), "backup_here": _("备份只在这台电脑上，电脑坏了就没有了：请插一个 U 盘"),
        "see": _("查看"), "answer": _("回答"), "calm": _("没有需要处理的事"),
        "online": _("在线"), "offline": _("离线"), "unpaired": _("还没有平板"), "pair": _("配对"), "tablets": _("{n} 台"),
        "idle": _("正常"), "working": _("正在打印"), "queue": _("{n} 张等待"),
        "now": _("刚才"), "seconds": _("{n} 秒前"), "minutes": _("{n} 分钟前"), "hours": _("{n} 小时前"),
        "days": _("{n} 天前"), "last": _("最后一次扫码 {ago}"), "none": _("还没有扫码"),
        "live": _("实时"), "lost": _("断开，正在重连"), "ended": _("已断开，请重新登录"),
        "undone": _("撤销"), "out": _("签退"), "bearer": _("不记名"), "stranger": _("未知证件"),
        "peak": _("最多的 5 分钟：{time}，{n} 人"), "at": _("{time} 起 5 分钟：{n} 人"), "chart": _("报到人数，每 5 分钟一柱"),
        "reasons": {code: str(word) for code, word in REASONS.items()},
    }


def ago(at: datetime, now: datetime, say: Mapping[str, str]) -> str:
    """How long ago, in one unit."""
    seconds = int((now - at).total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        if seconds >= max(length, 3):
            return say[unit].format(n=seconds // length)
    return say["now"]


def alert_lines(alerts: list[dict[str, Any]], say: Mapping[str, str], page: Mapping[str, Any]) -> list[Line]:
    """What asks for a person, each with the page where it is done; `page` has names in its language."""
    names = {"station": page["stations"], "stock": page["names"]}
    alerts = [{**one, "name": names.get(one["kind"], {}).get(one["key"], one["name"])} for one in alerts]
    return [{"key": f"{one['kind']}-{one['key']}", "text": _alert(one, say), "url": ACTIONS[one["kind"]],
             "action": say["answer" if one["kind"] == "slip" else "see"]} for one in alerts]


def _alert(one: dict[str, Any], say: Mapping[str, str]) -> str:
    name, n, kind = one["name"], one["waiting"], one["kind"]
    if kind.startswith("backup"):
        parts = [say[kind].format(n=n)] if kind in say else []
        return " · ".join([*parts, *filter(None, [one_language(one["message"])])])
    if kind == "printer":
        head = say["printer"].format(name=name, message=one_language(one["message"]) or say["trouble"])
        return f"{head} · {say['printer_queue'].format(n=n)}" if n else head
    if kind in ("conflict", "aside"):
        return say[kind].format(n=n)
    if kind == "station":
        return say["station"].format(name=name) + (f" · {say['waiting'].format(n=n)}" if n else "")
    if kind == "stock":
        return say["stock" if one["left"] else "none_left"].format(name=name, left=one["left"], n=n)
    return say["slip"].format(name=name, n=n)


def station_line(station: dict[str, Any], now: datetime, say: Mapping[str, str]) -> Line:
    """A station's health: {tone, text}."""
    if not station["devices"]:
        return {"tone": "", "text": say["unpaired"]}
    parts = [say["online" if station["online"] else "offline"]]
    if station["devices"] > 1:
        parts.append(say["tablets"].format(n=station["devices"]))
    if station["waiting"]:
        parts.append(say["waiting"].format(n=station["waiting"]))
    if station["last_seen"]:
        parts.append(ago(datetime.fromisoformat(station["last_seen"]), now, say))
    return {"tone": "ok" if station["online"] else "ask", "text": " · ".join(parts)}


def printer_line(printer: dict[str, Any], say: Mapping[str, str]) -> Line:
    """A printer's health: {tone, text}."""
    trouble = printer["state"] in ("blocked", "offline")
    text = (one_language(printer["message"]) or say["trouble"]) if trouble else say["working" if printer["sending"] else "idle"]
    waiting = printer["queued"] + printer["held"]
    parts = [text, *([say["queue"].format(n=waiting)] if waiting else [])]
    if printer["unknown"]:
        parts.append(f"? {printer['unknown']}")
    return {"tone": "ask" if trouble or printer["unknown"] else "ok", "text": " · ".join(parts)}
