"""名单: everybody on the roster, found by name, initials, unit, phone's end or number, and filtered. Words that were
searched for are personal data: they travel in the body of a POST and stand in no address."""
from __future__ import annotations

from collections.abc import Mapping

from flask import render_template, request

import guard
from admin import roster_view
from admin.field_words import STATES
from admin.room import pages
from admin.roster_view import Wanted
from guard import may
from models import disclosures
from models.masks import mask_phone
from models.people import STATES as STATE_KEYS


@pages.get("/admin/roster")
@may("coordinator")
def roster() -> str:
    """The roster; filters may stand in the address."""
    return _page(_wanted({**request.args, "q": ""}), "admin/roster.html")


@pages.post("/admin/roster")
@may("coordinator")
def find_people() -> str:
    """The people whom words and filters fit: the table alone for htmx, else the whole page."""
    fragment = request.headers.get("HX-Request") == "true"
    return _page(_wanted(request.form), "admin/_people.html" if fragment else "admin/roster.html")


def _wanted(values: Mapping[str, str]) -> Wanted:
    def number(name: str) -> int:
        text = values.get(name, "")
        return int(text) if text.isdecimal() and len(text) < 9 else 0
    return Wanted(values.get("q", "")[:80], values.get("category", ""), number("delegation"), values.get("state", ""),
                  values.get("signed", ""), number("page") or 1)


def _page(wanted: Wanted, template: str) -> str:
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        found = roster_view.look(connection, plan, wanted)
    whole = bool(request.form.get("phones"))
    if seen := [person.id for person in found.people if whole and person.phone]:
        actor = guard.actor()
        runtime.writer.do(lambda session: disclosures.note_each(session, "roster", actor, ["phone"], seen))
    return render_template(
        template, found=found, wanted=wanted, plan=plan, states=STATES, state_keys=STATE_KEYS, whole=whole,
        phone=(lambda text: text) if whole else mask_phone, local=lambda at: at.astimezone(plan.event.zone),
        size=roster_view.PAGE, delegations=sorted(plan.delegations.items(), key=lambda pair: pair[1]))
