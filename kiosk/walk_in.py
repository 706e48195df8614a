"""People at the registration desk whom the roster does not have right: walk-ins, corrections, lost badges."""
from __future__ import annotations

import unicodedata
from typing import Any

from flask import redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

import guard
from guard import may
from kiosk.room import handle, pages, part, whose, words_of
from models import registration
from models.masks import mask_phone
from models.names import fold, search_keys
from models.people import Attendee
from models.registration import NewPerson

LONGEST = {"name": 80, "name_en": 120, "organisation": 160, "post": 80, "phone": 40, "diet": 60, "seat": 20,
           "table": 20, "room": 20}


@pages.get("/desk/walk-in")
@may("desk")
def walk_in() -> Any:
    """An empty form."""
    return part("kiosk/_walk_in.html", form={}, categories=_categories(), alike=[], problem="")


@pages.post("/desk/walk-in")
@may("desk")
def register() -> Any:
    """Registers a walk-in; people of the same name or phone are shown first. A `draft` (the name that was searched for
    in vain) only fills the form."""
    form = _form("name", "organisation", "phone", "category")
    plan, here = guard.runtime().plan(), guard.station()
    if request.form.get("draft"):
        return part("kiosk/_walk_in.html", form=form, categories=_categories(), alike=[], problem="")
    if not form["name"] or form["category"] not in plan.categories:
        problem = _("请填写姓名") if not form["name"] else _("请选择证件种类")
        return part("kiosk/_walk_in.html", 422, form=form, categories=_categories(), alike=[], problem=problem)
    person = NewPerson(form["name"], form["category"], fold(form["name"]), search_keys(form["name"]),
                       form["organisation"], form["phone"])
    alike = [] if request.form.get("sure") else _lookalikes(person)
    if alike:
        return part("kiosk/_walk_in.html", 409, form=form, categories=_categories(), alike=alike, problem="")
    actor = guard.actor()
    made = guard.runtime().writer.do(lambda session: registration.register(session, person, plan, here, actor))
    said = "registered" if made.job_id else "registered_no_printer"
    return redirect(url_for("kiosk.person", who=handle(made.attendee_id), said=said), 303)


@pages.get("/desk/correct")
@may("desk")
def correcting() -> Any:
    """The form of a person's data. The phone is not in it: what stands there stays unless another one is typed."""
    found = _person(request.args.get("who", ""))
    if found is None:
        return _expired()
    return part("kiosk/_correct.html", person=found, form={**_data(found), "phone": ""}, who=handle(found.id), problem="",
                categories=_categories(), phone=mask_phone(found.phone))


@pages.post("/desk/correct")
@may("desk")
def correct() -> Any:
    """Writes the corrections, and who made them."""
    found = _person(request.form.get("who", ""))
    if found is None:
        return _expired()
    form = _form(*LONGEST, "category")
    if not form["name"] or form["category"] not in guard.runtime().plan().categories:
        return part("kiosk/_correct.html", 422, person=found, form=form, who=handle(found.id),
                    categories=_categories(), problem=_("姓名和证件种类不能空"), phone=mask_phone(found.phone))
    wanted = {**{field: form[field] for field in LONGEST}, "category_key": form["category"]}
    wanted["phone"] = wanted["phone"] or found.phone
    keys = (fold(form["name"]), search_keys(form["name"], form["name_en"]))
    attendee_id, key, actor = found.id, guard.station().key, guard.actor()
    changes = guard.runtime().writer.do(
        lambda session: registration.correct(session, attendee_id, wanted, key, actor, keys))
    said = "corrected" if changes else "unchanged"
    return redirect(url_for("kiosk.person", who=handle(attendee_id), said=said), 303)


@pages.get("/desk/replace")
@may("desk")
def replacing() -> Any:
    """Asks before the old badge is revoked."""
    found = _person(request.args.get("who", ""))
    if found is None:
        return _expired()
    return part("kiosk/_replace.html", person=found, who=handle(found.id), prints=guard.station().printer is not None)


@pages.post("/desk/replace")
@may("desk")
def replace() -> Any:
    """The old badge is revoked at once, the new one is printed."""
    attendee_id = whose(request.form.get("who", ""))
    if attendee_id is None:
        return _expired()
    plan, here, actor = guard.runtime().plan(), guard.station(), guard.actor()

    def change(session: Session) -> registration.Issued:
        return registration.replace_badge(session, attendee_id, plan, here, actor)
    made = guard.runtime().writer.do(change)
    said = "replaced" if made.job_id else "replaced_no_printer"
    return redirect(url_for("kiosk.person", who=handle(attendee_id), said=said), 303)


def _lookalikes(person: NewPerson) -> list[dict[str, str]]:
    with guard.runtime().reading() as session:
        return [{"who": handle(one.id), "name": one.name, "org": one.organisation, "number": one.number,
                 "phone": mask_phone(one.phone), "same": _("手机相同") if one.folded != person.folded else _("姓名相同")}
                for one in registration.lookalikes(session, person.folded, person.phone)]


def _person(who: str) -> Attendee | None:
    attendee_id = whose(who)
    with guard.runtime().reading() as session:
        found = session.get(Attendee, attendee_id) if attendee_id else None
        if found is not None:
            session.expunge(found)
        return found


def _data(person: Attendee) -> dict[str, str]:
    return {**{field: getattr(person, field) for field in LONGEST}, "category": person.category_key}


def _form(*fields: str) -> dict[str, str]:
    """What was typed: without control characters and outer blanks, at most as long as a roster's cell."""
    return {field: _clean(request.form.get(field, ""))[:LONGEST.get(field, 64)] for field in fields}


def _clean(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFC", text) if c.isprintable()).strip()


def _categories() -> list[dict[str, str]]:
    return [{"key": one.key, "name": words_of(one.name, one.name_en), "colour": one.colour}
            for one in guard.runtime().plan().categories.values()]


def _expired() -> Any:
    return part("kiosk/_hits.html", 404, hits=[], message=_("这次查找已过期，请重新查找"), wanted="")
