"""What a person at a tablet is told, in Chinese and English: one sentence an answer.

The sentence is a function of the answer's stable parts, so a repeat of an old answer is told in today's words.
"""
from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel.support import NullTranslations, Translations

from models.asks import Answer
from models.facts import OUT, Service
from models.snapshot import Snapshot

Say = Callable[[str], str]
_FOLDER = Path(__file__).resolve().parent.parent / "translations"


@cache
def speaker(lang: str) -> Say:
    """Translates this room's words into a language ("zh" says them as they stand)."""
    found: NullTranslations = Translations.load(_FOLDER, [lang], domain="kiosk") if lang != "zh" else NullTranslations()
    return found.gettext


def service_name(service: Service | None, key: str, lang: str) -> str:
    """A service's name in a language; the Chinese one where it has no English."""
    if service is None:
        return key
    return (service.name_en or service.name) if lang == "en" else service.name


def message(answer: Answer, plan: Snapshot, lang: str) -> str:
    """The sentence for an answer."""
    _ = speaker(lang)
    service = plan.services.get(answer.service)
    name = service_name(service, answer.service, lang)
    if answer.voids is not None:
        return _("%(service)s 已撤销") % {"service": name} if answer.verdict == "accepted" else _not_yours(_)
    if answer.verdict == "accepted":
        return _accepted(_, answer, service, name)
    return _refused(_, answer, plan, service, lang)


def hints(answer: Answer, plan: Snapshot, lang: str) -> list[str]:
    """The operator's hints: those of the person and category, then remarks on what happened."""
    _ = speaker(lang)
    said = list(answer.said.get("hints", []))
    for note in answer.said.get("notes", []):
        if note == "no_in":
            said.append(_("没有入场记录"))
        elif note == "slip_printed":
            said.append(_("小票已打印，请收回"))
        elif note.startswith("moved:"):
            key = note.removeprefix("moved:")
            moved = service_name(plan.services.get(key), key, lang)
            said.append(_("已从%(service)s转来") % {"service": moved})
    return said


def _not_yours(_: Say) -> str:
    return _("只能撤销本台 15 分钟内的扫码，其余请组长处理")


def _accepted(_: Say, answer: Answer, service: Service | None, name: str) -> str:
    match service.kind if service else "":
        case "session":
            words = _("%(service)s 已签退") if answer.direction == OUT else _("%(service)s 已入场")
        case "sign_in":
            words = _("%(service)s 成功")
        case "material":
            words = _("%(service)s 已领取")
        case "meal":
            words = _("%(service)s 已核销")
        case _unknown:
            words = "%(service)s"
    return words % {"service": name}


def _refused(_: Say, answer: Answer, plan: Snapshot, service: Service | None, lang: str) -> str:
    detail: Any = answer.said.get("detail", {})
    name = service_name(service, answer.service, lang)
    if answer.reason in ("too_early", "too_late"):
        return _window(_, answer, name, plan)
    if answer.reason == "used_up":
        return _used(_, answer, plan, name, lang)
    if answer.reason == "already_inside":
        first = answer.said.get("first") or {}
        return _("已在场内，%(time)s 入场") % {"time": _clock(first.get("at"), answer, plan)}
    named = {"wrong_service": "for", "needs": "needs"}.get(answer.reason or "")
    other = service_name(plan.services.get(detail.get(named, "")), detail.get(named, ""), lang) if named else ""
    question = next((q.text for q in service.questions if q.key == detail.get("question")), "") if service else ""
    template = _sentence(_, answer.reason)
    return template % {"service": other, "name": name, "left": detail.get("left", 0), "question": question}


def _sentence(_: Say, reason: str | None) -> str:
    """A refusal's words with places for names. One is looked up and not all: each scan asks for two languages."""
    match reason:
        case "unknown":
            return _("查无此码，请到服务台")
        case "revoked":
            return _("此证已作废，请使用新证")
        case "wrong_service":
            return _("这是%(service)s的餐券")
        case "cancelled":
            return _("报名已取消，请到服务台")
        case "replaced":
            return _("已由他人替会，请到服务台")
        case "pending":
            return _("报名待审核，请到服务台")
        case "service_closed":
            return _("%(name)s 已停止")
        case "not_entitled":
            return _("证件种类不含%(name)s")
        case "needs":
            return _("请先办理%(service)s")
        case "out_of_stock":
            return _("%(name)s 已发完，剩 %(left)s 份")
        case "answers_needed":
            return _("请先选择：%(question)s")
    return "%(name)s"


def _window(_: Say, answer: Answer, name: str, plan: Snapshot) -> str:
    window = answer.said["detail"]["window"]
    if answer.reason == "too_early":
        return _("%(name)s %(time)s 开始") % {"name": name, "time": _clock(window["opens"], answer, plan)}
    return _("%(name)s %(time)s 已结束") % {"name": name, "time": _clock(window["closes"], answer, plan)}


def _used(_: Say, answer: Answer, plan: Snapshot, name: str, lang: str) -> str:
    first = answer.said.get("first")
    if not first:
        return _("%(name)s 次数已用完") % {"name": name}
    station = (lang == "en" and first.get("station_name_en")) or first["station_name"] or first["station"]
    return _("%(time)s 在%(station)s已用过") % {"time": _clock(first["at"], answer, plan), "station": station}


def _clock(text: str | None, answer: Answer, plan: Snapshot) -> str:
    """Hours and minutes in the event's zone, with the date only when it is another day than the scan's."""
    if not text:
        return ""
    zone = plan.event.zone
    at = datetime.fromisoformat(text).astimezone(zone)
    today = answer.at.astimezone(zone).date() if answer.at else at.date()
    return f"{at:%H:%M}" if at.date() == today else f"{at:%m-%d %H:%M}"
