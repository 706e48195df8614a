"""From what the ledger says to what a tablet is sent: masks by the station's mode (law 8), words in two languages."""
from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from kiosk import words
from kiosk.shapes import AttendeeOut, ErrorItem, FirstOut, ResultOut, UseOut
from models.asks import Answer, Outcome, PersonView, Problem
from models.masks import mask_name
from models.snapshot import Snapshot


def attendee(person: PersonView | None, plan: Snapshot, mode: str) -> AttendeeOut | None:
    """A person with what a station of this mode may see: kiosk masked, gate without room, desk all."""
    if person is None:
        return None
    kiosk, desk = mode == "kiosk", mode == "desk"
    category = plan.categories.get(person.category)
    return AttendeeOut(
        name=mask_name(person.name) if kiosk else person.name,
        name_en=mask_name(person.name_en) if kiosk and person.name_en else person.name_en,
        org="" if kiosk else person.organisation,
        category=person.category, category_name=category.name if category else person.category, vip=person.vip,
        seat=person.seat if kiosk or desk else "", table=person.table, room=person.room if desk else "",
        diet="" if kiosk else person.diet, number=person.number if desk else "")


def result(answer: Answer, plan: Snapshot, mode: str, lang: str = "zh") -> ResultOut:
    """The contract's answer to one scan."""
    said = answer.said
    detail = said["detail"]
    more: dict[str, Any] = {"needs": detail.get("needs"), "coupon_for": detail.get("for")}
    if answer.voids is not None:
        more["voids"] = answer.voids
    hinted = [] if mode == "kiosk" else words.hints(answer, plan, lang)
    return ResultOut(
        id=answer.id, service=answer.service, verdict=answer.verdict, reason=answer.reason,  # type: ignore[arg-type]
        message=words.message(answer, plan, lang), message_en=words.message(answer, plan, "en"), seq=answer.seq,
        replayed=answer.replayed, direction=answer.direction, attendee=attendee(answer.person, plan, mode),
        use=UseOut(**said["use"]), first=FirstOut(**said["first"]) if said.get("first") else None, hints=hinted,
        open=list(said["open"]), print_jobs=list(said["print_jobs"]), detail=dict(detail),
        forced=answer.forced, overrode=answer.overrode, conflict=answer.conflict, **more)


def problem(found: Problem) -> ErrorItem:
    """The contract's error for an item that could not be judged."""
    texts = {
        "not_at_this_station": _("这个服务点不办理这个项目"), "grant_needed": _("需要组长授权"),
        "reason_needed": _("请写明原因"), "id_reused": _("这个扫码编号已用于别的内容"),
        "no_such_scan": _("没有这条扫码记录"), "already_undone": _("已经撤销过"),
        "not_undoable": _("这条记录不能撤销"), "not_yours": _("只能撤销本台 15 分钟内的扫码，其余请组长处理"),
        "revoked": _("这台设备已被停用，请重新配对"), "event_over": _("会议已结束"),
        "of_the_trial": _("这是试运行时的扫码，不算数"),
    }
    return ErrorItem(found.id, found.error, texts.get(found.error, found.error), found.detail.get("field"))


def outcome(found: Outcome, plan: Snapshot, mode: str, lang: str) -> ResultOut | ErrorItem:
    """Either of the two."""
    if isinstance(found.result, Problem):
        return problem(found.result)
    return result(found.result, plan, mode, lang)
