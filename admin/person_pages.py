"""One person of the roster: what is known, the state, badges, exceptions, history; and what the coordinator changes.

Phone and ID number are masked until asked for. Codes stand in no page.
"""
from __future__ import annotations

import io
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug import Response

import guard
from admin import badge_data, person_view
from admin.badges import BadgeError, MissingCharacters, make_pdf
from admin.confirm import confirmed
from admin.field_words import FIELDS, STATES, label, value
from admin.refusals import reason
from admin.room import pages
from guard import may
from models import badges, disclosures, registration
from models.event import Entitlement, touch
from models.masks import MASKED, masked
from models.names import fold, search_keys
from models.people import STATES as STATE_KEYS
from models.people import Attendee

# field of the form -> longest text
LONGEST = {"name": 80, "name_en": 120, "organisation": 160, "post": 80, "phone": 60, "email": 120, "id_number": 40,
           "sex": 10, "nation": 20, "diet": 60, "hint": 200, "seat": 20, "table": 20, "room": 20, "arrival": 80,
           "remarks": 500}
EDITABLE = (*LONGEST, "category_key", "delegation_id", "vip")
SHOWN = ("organisation", "post", "delegation", "phone", "email", "id_number", "sex", "nation", "diet", "hint", "seat",
         "table", "room", "arrival", "remarks")


@pages.get("/admin/roster/<int:attendee_id>")
@may("coordinator")
def person(attendee_id: int) -> str:
    """The person's page."""
    return _page(attendee_id)


@pages.post("/admin/roster/<int:attendee_id>/whole")
@may("coordinator")
def whole_numbers(attendee_id: int) -> str:
    """The page with phone and ID number in full, now that somebody asked; who asked is kept."""
    _note("person", attendee_id)
    return _page(attendee_id, whole=True)


def _note(purpose: str, attendee_id: int) -> None:
    runtime, actor = guard.runtime(), guard.actor()
    with runtime.reading() as session:
        found = _there(session, attendee_id)
        shown = [name for name in MASKED if getattr(found, name)]
    if shown:
        runtime.writer.do(lambda session: disclosures.note(session, purpose, actor, shown, attendee_id=attendee_id))


def _page(attendee_id: int, whole: bool = False) -> str:
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.reading() as session:
        found = _there(session, attendee_id)
        facts = [(name, label(name), _fact(name, found, whole)) for name in SHOWN]
        return render_template(
            "admin/person.html", person=found, plan=plan, whole=whole, facts=[fact for fact in facts if fact[2]],
            states=STATES, state_keys=STATE_KEYS, badges=person_view.badges(session, attendee_id),
            rights=person_view.rights(plan, found), rows=person_view.history(session, plan, attendee_id),
            corrections=person_view.corrections(session, attendee_id), reason=reason, label=label,
            value=lambda name, raw: value(name, raw, plan), local=lambda at: at.astimezone(plan.event.zone),
            masked=bool(found.phone or found.id_number), missing=bool(request.args.get("missing")))


def _fact(name: str, found: Attendee, whole: bool) -> str:
    if name == "delegation":
        return found.delegation.name if found.delegation else ""
    text = str(getattr(found, name))
    return text if whole else masked(name, text)


def _there(session: Session, attendee_id: int) -> Attendee:
    return person_view.person_of(session, attendee_id) or abort(404)


@pages.get("/admin/roster/<int:attendee_id>/edit")
@may("coordinator")
def edit_person(attendee_id: int) -> str:
    """The form of the person's data. Phone and ID number are not in it: they stay unless others are typed."""
    return _form(attendee_id)


@pages.post("/admin/roster/<int:attendee_id>/edit/whole")
@may("coordinator")
def edit_whole(attendee_id: int) -> str:
    """The form with phone and ID number in full, with whatever was typed so far; who asked is kept."""
    _note("edit", attendee_id)
    return _form(attendee_id, given=_given() if "name" in request.form else None, whole=True)


def _form(attendee_id: int, error: str = "", given: dict[str, Any] | None = None, whole: bool = False) -> str:
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.reading() as session:
        found = _there(session, attendee_id)
    form = given or {name: "" if name in MASKED and not whole else getattr(found, name) for name in EDITABLE}
    if given and whole:
        form = {**given, **{name: given[name] or getattr(found, name) for name in MASKED}}
    hidden = {} if whole else {name: masked(name, getattr(found, name)) for name in MASKED}
    return render_template("admin/person_edit.html", person=found, form=form, fields=FIELDS, longest=LONGEST, plan=plan,
                           error=error, hidden=hidden, whole=whole, delegations=sorted(plan.delegations.items(), key=lambda pair: pair[1]))


@pages.post("/admin/roster/<int:attendee_id>/edit")
@may("coordinator")
def correct_person(attendee_id: int) -> Any:
    """Keeps a correction with who made it."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    wanted, whole = _given(), bool(request.form.get("whole"))
    if not wanted["name"]:
        return _form(attendee_id, _("请填写姓名。"), wanted, whole), 422
    if wanted["category_key"] not in plan.categories:
        return _form(attendee_id, _("请选择证件种类。"), wanted, whole), 422
    if wanted["delegation_id"] is not None and wanted["delegation_id"] not in plan.delegations:
        abort(404)
    if not whole:           # an empty field that showed no number says nothing about it
        wanted = {name: text for name, text in wanted.items() if text or name not in MASKED}
    search, actor = (fold(wanted["name"]), search_keys(wanted["name"], wanted["name_en"])), guard.actor()

    def change(session: Session) -> dict[str, list[Any]]:
        _there(session, attendee_id)
        return registration.correct(session, attendee_id, wanted, None, actor, search, EDITABLE)
    changes = runtime.writer.do(change)
    flash(_("已更正 %(count)s 项。", count=len(changes)) if changes else _("没有改动。"), "ok" if changes else "")
    return _back(attendee_id)


def _given() -> dict[str, Any]:
    texts = {name: " ".join(request.form.get(name, "").split())[:longest] for name, longest in LONGEST.items()}
    delegation = request.form.get("delegation_id", "")
    return {**texts, "category_key": request.form.get("category_key", ""), "vip": bool(request.form.get("vip")),
            "delegation_id": int(delegation) if delegation.isdecimal() and len(delegation) < 9 else None}


@pages.post("/admin/roster/<int:attendee_id>/state")
@may("coordinator")
def person_state(attendee_id: int) -> Response:
    """Registered, pending or cancelled; scans go by it at once."""
    state = request.form.get("state", "")
    if state not in STATE_KEYS:
        abort(404)
    actor = guard.actor()

    def change(session: Session) -> None:
        found = _there(session, attendee_id)
        registration.note(session, attendee_id, "state", found.state, state, actor)
        badges.set_state(session, found, state)
    guard.runtime().writer.do(change)
    flash(_("状态已改为“%(state)s”，扫码立即按此判断。", state=STATES[state]), "ok")
    return _back(attendee_id)


@pages.post("/admin/roster/<int:attendee_id>/reissue")
@may("coordinator")
def reissue_badge(attendee_id: int) -> Response:
    """A new badge; the old one is revoked at once."""
    actor = guard.actor()

    def change(session: Session) -> None:
        badges.reissue(session, _there(session, attendee_id).id)
        registration.note(session, attendee_id, "badge", "", "reissued", actor)
    guard.runtime().writer.do(change)
    flash(_("已补发新证，旧证立即作废。请下载打印新证。"), "ok")
    return _back(attendee_id)


@pages.post("/admin/roster/<int:attendee_id>/revoke")
@may("coordinator")
def revoke_badge(attendee_id: int) -> Response:
    """The badge is no good any more, and there is none in its place."""
    actor = guard.actor()

    def change(session: Session) -> None:
        if badges.revoke(session, _there(session, attendee_id).id):
            registration.note(session, attendee_id, "badge", "", "revoked", actor)
    guard.runtime().writer.do(change)
    flash(_("代表证已作废。"), "ok")
    return _back(attendee_id)


@pages.post("/admin/roster/<int:attendee_id>/badge.pdf")
@may("coordinator")
@confirmed
def badge_pdf(attendee_id: int) -> Response:
    """The person's badge to print."""
    with guard.runtime().reading() as session:
        found = _there(session, attendee_id)
        number, cards = found.number, badge_data.cards(session, [found.number])
        sheet = badge_data.sheet(session)
    if not cards:
        flash(_("没有有效的代表证：先把状态改为“已报名”，或补发一张。"), "bad")
        return _back(attendee_id)
    actor = guard.actor()
    guard.runtime().writer.do(
        lambda session: disclosures.note(session, "badges", actor, ["code", "pdf"], attendee_id=attendee_id))
    try:
        made = make_pdf(cards, sheet, allow_missing=bool(request.form.get("allow")))
    except MissingCharacters as missing:
        flash(str(missing), "bad")
        return redirect(url_for("admin.person", attendee_id=attendee_id, missing=1), 303)
    except BadgeError as error:
        flash(str(error), "bad")
        return _back(attendee_id)
    return send_file(io.BytesIO(made), "application/pdf", as_attachment=True, download_name=f"badge-{number}.pdf")


@pages.post("/admin/roster/<int:attendee_id>/rights")
@may("coordinator")
def set_rights(attendee_id: int) -> Response:
    """Exceptions of this person from what the category may have."""
    runtime = guard.runtime()
    keys = list(runtime.plan(fresh=True).services)
    wanted, actor = {key: _exception(key) for key in keys}, guard.actor()

    def change(session: Session) -> None:
        _there(session, attendee_id)
        before = session.execute(select(Entitlement.service_key, Entitlement.allowed, Entitlement.limit).where(
            Entitlement.attendee_id == attendee_id, Entitlement.service_key.in_(keys)))
        after = [[key, allowed, limit] for key, (allowed, limit) in wanted.items() if allowed is not None]
        registration.note(session, attendee_id, "rights", sorted(map(list, before)), sorted(after), actor)
        session.execute(delete(Entitlement).where(Entitlement.attendee_id == attendee_id))
        session.add_all(Entitlement(attendee_id=attendee_id, service_key=key, allowed=allowed, limit=limit)
                        for key, (allowed, limit) in wanted.items() if allowed is not None)
        touch(session, "roster")
    runtime.writer.do(change)
    flash(_("资格已保存，扫码立即按此判断。"), "ok")
    return _back(attendee_id)


def _exception(key: str) -> tuple[bool | None, int | None]:
    choice, limit = request.form.get(f"choice.{key}", ""), request.form.get(f"limit.{key}", "").strip()
    allowed = {"yes": True, "no": False}.get(choice)
    counts = allowed and limit.isdecimal() and len(limit) < 3 and int(limit) > 0
    return allowed, int(limit) if counts else None


def _back(attendee_id: int) -> Response:
    return redirect(url_for("admin.person", attendee_id=attendee_id), 303)
