"""The desk: scan or search, a person's card, what they may receive. Looking up records nothing; recording goes through
the tablet's outbox and the device API, as at every other station."""
from __future__ import annotations

from typing import Any

from flask import Response, request
from flask_babel import gettext as _
from sqlalchemy import select

import guard
from guard import may
from kiosk import cards, lookup, paper, search
from kiosk.api import heard
from kiosk.room import device_id, handle, in_words, pages, part, whose, words_of
from models import codes, disclosures, reports
from models.database import now
from models.masks import mask_phone
from models.people import Attendee
from models.snapshot import Snapshot
from sessions import choose_language
from throttle import each_device, limiter

RECENT = 7
CODE_LIMIT, WORDS_LIMIT = 512, 120


@pages.post("/desk/find")
@limiter.limit("600/minute", key_func=each_device)
@may("desk")
def find() -> Response:
    """Who is this? By a code (badge, coupon or slip) or by words. Neither ever stands in an address."""
    heard()
    code = codes.clean(request.form.get("code", "")[:CODE_LIMIT])
    wanted = request.form.get("q", "")[:WORDS_LIMIT].strip()
    if not code and codes.is_code(codes.clean(wanted)):
        code = codes.clean(wanted)
    if not code:
        return _search(wanted)
    if code.startswith(codes.SLIP) and codes.is_code(code):
        return paper.by_code(code)
    return _by_code(code)


@pages.get("/desk/person")
@may("desk")
def person() -> Response:
    """The card of a search hit, by its handle."""
    return show(whose(request.args.get("who", "")), said=request.args.get("said", ""))


@pages.post("/desk/handle")
@may("desk")
def renew() -> Any:
    """A fresh handle for the person whose card is open: one for a scan lives two minutes."""
    attendee_id = whose(request.form.get("who", ""))
    if attendee_id is None:
        return {"error": "expired", "message": _("请重新查找")}, 404
    return {"attendee": handle(attendee_id)}


@pages.post("/desk/phone")
@may("desk")
def phone() -> Response:
    """The whole number, once somebody asked for it; who asked is kept."""
    attendee_id = whose(request.form.get("who", ""))
    with guard.runtime().reading() as session:
        number = session.scalar(select(Attendee.phone).where(Attendee.id == attendee_id))
    if number:
        actor, key = guard.actor(), guard.station().key
        guard.runtime().writer.do(lambda session: disclosures.note(session, "desk", actor, ["phone"],
                                                                   attendee_id=attendee_id, station=key))
    return part("kiosk/_phone.html", 404 if number is None else 200, phone=number or "")


@pages.get("/desk/recent")
@may("desk")
def recent() -> Response:
    """What this desk did just now, today's numbers, and how its printer is."""
    heard()
    runtime, here = guard.runtime(), guard.station()
    plan = runtime.plan()
    midnight = now().astimezone(plan.event.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    with runtime.connection() as connection:
        rows = reports.last_scans(connection, plan, RECENT * 3, here.key)
        today = reports.by_station(connection, here.key, midnight)
        printer = reports.printers(connection).get(here.printer or "")
    if printer:
        printer["message"] = in_words(printer["message"])
    questions = paper.questions(here.printer, here.key, plan)
    return part("kiosk/_recent.html", rows=_rows(rows, plan), printer=printer, questions=questions, numbers=[
        (words_of(plan.services[key].name, plan.services[key].name_en), today.get(key, 0))
        for key in here.services if key in plan.services])


def show(attendee_id: int | None, said: str = "") -> Response:
    """A person's card; without one, what to do now."""
    if attendee_id is None:
        return part("kiosk/_hits.html", 404, hits=[], message=_("这次查找已过期，请重新查找"), wanted="")
    runtime, here = guard.runtime(), guard.station()
    with runtime.connection() as connection:
        sight = lookup.see(connection, runtime, here, attendee_id=attendee_id, lang=choose_language())
    return _card(sight, "attendee", said)


def _by_code(code: str) -> Response:
    runtime, here = guard.runtime(), guard.station()
    with runtime.connection() as connection:
        sight = lookup.see(connection, runtime, here, code=code, lang=choose_language())
        coupon = sight.facts.coupon
        if coupon is not None and sight.found.person is not None and not coupon.voided:
            # The card is about the person; the coupon itself is spent at its own service only.
            whole = lookup.see(connection, runtime, here, attendee_id=sight.found.person.id, lang=choose_language())
            return _card(whole, "attendee", "", coupon.service)
    return _card(sight, "code", "", coupon.service if coupon else None)


def _card(sight: lookup.Sight, by: str, said: str, coupon: str | None = None) -> Response:
    plan, here = guard.runtime().plan(), guard.station()
    reason = lookup.overall(sight)
    message = _trouble(reason) if reason else ""
    card = cards.card(sight, plan, here, device_id(), message, by)
    meal = plan.services.get(coupon) if coupon else None
    jobs = paper.jobs_of(card.person.id, plan) if card.person else []
    return part("kiosk/_person.html", 404 if reason == "unknown" else 200, card=card, jobs=jobs, said=_said(said),
                prints=here.printer is not None, coupon=words_of(meal.name, meal.name_en) if meal else "")


def _trouble(reason: str) -> str:
    """What is wrong, in the words of the desk itself: nobody is sent on to another one."""
    return {"unknown": _("查无此码，不是本次会议的证件"), "revoked": _("旧证，已作废；请用新证"),
            "cancelled": _("报名已取消"), "pending": _("报名待审核"), "replaced": _("已由他人替会")}.get(reason, reason)


def _search(wanted: str) -> Response:
    runtime = guard.runtime()
    plan = runtime.plan()
    with runtime.reading() as session:
        found = search.at_desk(session, wanted)
        hits = [_hit(one, plan) for one in found]
    if len(found) == 1:
        return show(found[0].id)
    message = "" if hits else (_("没有找到“%(words)s”", words=wanted) if wanted else "")
    return part("kiosk/_hits.html", hits=hits, message=message, wanted=wanted)


def _hit(one: Attendee, plan: Snapshot) -> dict[str, Any]:
    category = plan.categories[one.category_key]
    states = {"pending": _("待审核"), "cancelled": _("已取消"), "replaced": _("已替会")}
    return {"who": handle(one.id), "name": one.name, "name_en": one.name_en, "org": one.organisation,
            "number": one.number, "phone": mask_phone(one.phone), "state": states.get(one.state, ""),
            "category": words_of(category.name, category.name_en), "colour": category.colour}


def _rows(scans: list[dict[str, Any]], plan: Snapshot) -> list[dict[str, Any]]:
    """The lines of 刚刚: the name, what happened, when; what one person received in one go is one line."""
    rows: list[dict[str, Any]] = []
    for scan in scans:
        plain = scan["verdict"] == "accepted" and scan["voids"] is None
        service = plan.services.get(scan["service_key"])
        named = words_of(service.name, service.name_en) if service else scan["service"]
        what = _("撤销 %(service)s", service=named) if scan["voids"] is not None else named
        row = {"who": scan["attendee"], "name": scan["name"] or _("未知证件"), "what": [what], "plain": plain,
               "time": f"{scan['scanned_at']:%H:%M}", "refused": scan["verdict"] != "accepted"}
        last = rows[-1] if rows else None
        if plain and last and last["plain"] and (last["who"], last["time"]) == (row["who"], row["time"]):
            last["what"].insert(0, what)
        else:
            rows.append(row)
    return rows[:RECENT]


def _said(key: str) -> tuple[str, str]:
    """What was just done to this person, in words, with its tone; the address carries the key only."""
    done = {"registered": _("已登记"), "corrected": _("已更正"), "unchanged": _("没有改动"),
            "replaced": _("已换证，旧证已作废"), "reprinted": _("已补打"), "answered": _("已记下")}
    asks = {"registered_no_printer": _("已登记。本台没有打印机，代表证请另打"),
            "replaced_no_printer": _("已换证，旧证已作废。本台没有打印机，新证请另打"),
            "unanswered": _("请先回答：这张小票出来了吗？"), "undone": _("这一项已撤销，小票不能再打"),
            "voided": _("这张餐券已作废，不能再打"), "revoked": _("这个代表证已作废，不能再打"),
            "settled": _("这张小票已经处理过了")}
    return ("ok", done[key]) if key in done else ("ask", asks.get(key, ""))
