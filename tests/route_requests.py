"""A good request for each route: what stands in its address, and every field that its form takes.

Fields matter for the test of mass assignment: whatever a form does not name here is posted beside it, and must change
nothing. A route whose good request is turned down for a reason of its own says with which status.
"""
from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from admin import plan_forms, plan_saving
from models import plan_file, plan_store
from tests.conftest import scan
from tests.route_world import PAIRING_CODE, PASSPHRASE, PEOPLE, World
from tests.uploads import form

SERVICE = {"name": "资料袋", "name_en": "Bag", "who": "all", "entitled": "delegate", "needs": "signin", "tolerance_minutes": "0",
           "limit": "1", "per": "event", "slip": "", "coupon": "", "stock": "9", "starts": "", "ends": "", "opens": "",
           "closes": "", "late_after_minutes": "", "reentry": "", "missing_out": "", "q_key": "", "q_text": "",
           "q_choices": "", "q_required": "", "kind": "material", "after": "signin", "mode": "", "services": "", "url": ""}
PERSON = {"name": "欧阳审", "name_en": "", "organisation": "新单位", "post": "", "phone": "", "email": "", "id_number": "", "sex": "",
          "nation": "", "diet": "", "hint": "", "seat": "", "table": "5", "room": "", "arrival": "", "remarks": "",
          "category_key": "delegate", "delegation_id": "", "vip": "", "whole": ""}


@dataclass(frozen=True)
class Good:
    """`form` or `json` may be made when the world is there; `status` is what the view itself says to it."""

    form: dict[str, str] | Callable[[World], dict[str, str]] | None = None
    json: Callable[[World, str], Any] | None = None
    args: dict[str, str] | None = None
    query: str = ""
    status: int | None = None
    upload: tuple[str, str, bytes] | None = None


def _seen(table: str, key: str | None = None) -> Callable[[World], str]:
    def find(world: World) -> str:
        raw = plan_file.to_raw(plan_saving.load(world.runtime))
        return plan_forms.print_of(raw["event"] if key is None else plan_forms.find(raw, table, key))
    return find


def _service(world: World) -> dict[str, str]:
    return {**SERVICE, "seen": _seen("service", "bag")(world)}


def _event(world: World) -> dict[str, str]:
    return {"name": "新名", "name_en": "", "organiser": "", "venue": "", "timezone": "Asia/Shanghai", "starts": "2026-12-05",
            "ends": "2026-12-07", "seen": _seen("event")(world), "after": ""}


def _plan_text(world: World) -> dict[str, str]:
    with world.runtime.reading() as session:
        return {"text": plan_store.export(session).replace("测试会议", "改名会议"), "sure": "1",
                "seen": plan_forms.print_of(plan_file.to_raw(plan_store.load(session)))}


def _who(more: dict[str, str]) -> Callable[[World], dict[str, str]]:
    return lambda world: {"who": world.handle(), **more}


def _scan(world: World, who: str) -> Any:
    service = {"gate": "s1", "kiosk": "signin"}.get(who, "signin")
    return scan(world.ids["person code"], service, answers={}, direction="in", quantity=1, offline=False, force=False, reason=None,
                attendee=None)


_EDIT = {key: value for key, value in PERSON.items() if key not in ("id_number", "email", "sex", "nation", "hint", "arrival",
                                                                     "remarks", "vip", "whole", "category_key", "delegation_id")}
GOOD: dict[str, Good] = {
    "POST /admin/aside/<int:device>/accept": Good({}),
    "POST /admin/aside/<int:device>/drop": Good({}),
    "POST /admin/badges": Good({"whom": "numbers", "numbers": "N1", "form": "csv", "layout": "a4", "allow": "1", "category": "",
                                "delegation": ""}),
    "POST /admin/badges/<key>/drop": Good({}),
    "POST /admin/badges/logo": Good({"remove": "1"}),
    "POST /admin/care/audit": Good({}),
    "POST /admin/care/backup": Good({}),
    "POST /admin/care/close": Good({"sure": "1"}),
    "POST /admin/care/export": Good({"what": "roster", "ending": "csv"}),
    "POST /admin/care/files/<name>": Good({}),
    "POST /admin/care/folder": Good(lambda world: {"folder": str(world.runtime.data.parent)}),
    "POST /admin/care/golive": Good({"sure": "1"}),
    "POST /admin/care/purge": Good({"event": "别的会议"}, status=422),
    "POST /admin/conflicts/<uuid:scan_id>/again": Good({}),
    "POST /admin/conflicts/<uuid:scan_id>/stand": Good({}),
    "POST /admin/conflicts/<uuid:scan_id>/undo": Good({}),
    "POST /admin/disclosures": Good({"person": "", "who": "", "before": ""}),
    "POST /admin/import": Good({}, upload=("file", "list.csv", "姓名,编号\n新人,N9\n".encode())),
    "POST /admin/import/<key>/columns": Good({"sheet": "", "name_column": "", "field.0": "name"}),
    "POST /admin/import/<key>/drop": Good({}),
    "POST /admin/import/<key>/start": Good({"skip": "1"}),
    "POST /admin/ledger/<uuid:scan_id>/undo": Good(lambda world: {"reason": "误扫", "id": str(uuid.UUID(int=7))}),
    "POST /admin/ledger/person": Good({"q": "欧阳审"}),
    "POST /admin/plan/event": Good(_event),
    "POST /admin/plan/<table>/<key>": Good(_service),
    "POST /admin/plan/<table>/<key>/delete": Good({}, args={"key": "dinner"}),
    "POST /admin/plan/import": Good(_plan_text),
    "POST /admin/plan/new/<table>": Good({**SERVICE, "key": "new", "name": "新项目", "after": ""}),
    "POST /admin/plan/service/<key>/closed": Good({"closed": "1"}),
    "POST /admin/plan/service/<key>/stock": Good({"pieces": "5", "how": "more", "newest": "0"}),
    "POST /admin/print-jobs/<job_id>/<action>": Good({"out": "", "printer": "front"}),
    "POST /admin/printers/<key>/check": Good({}),
    "POST /admin/printers/<key>/problem": Good({"problem": ""}),
    "POST /admin/printers/<key>/test": Good({}),
    "POST /admin/roster": Good({"q": "欧阳", "category": "", "delegation": "", "state": "", "signed": "", "page": "", "phones": "1"}),
    "POST /admin/roster/<int:attendee_id>/badge.pdf": Good({"allow": "1"}),
    "POST /admin/roster/<int:attendee_id>/edit": Good(PERSON),
    "POST /admin/roster/<int:attendee_id>/edit/whole": Good(PERSON),
    "POST /admin/roster/<int:attendee_id>/reissue": Good({}),
    "POST /admin/roster/<int:attendee_id>/revoke": Good({}),
    "POST /admin/roster/<int:attendee_id>/rights": Good({"choice.bag": "yes", "limit.bag": "2"}),
    "POST /admin/roster/<int:attendee_id>/state": Good({"state": "pending"}),
    "POST /admin/roster/<int:attendee_id>/whole": Good({}),
    "POST /admin/staff": Good({"name": "新同事", "role": "staff", "secret": "24680"}),
    "POST /admin/staff/<int:staff_id>/disable": Good({}),
    "POST /admin/staff/<int:staff_id>/reset": Good({"secret": "97531"}),
    "POST /admin/stations/<key>/pair": Good({}),
    "POST /admin/stations/tablets/<int:device>/revoke": Good({}),
    "POST /confirm": Good({"passphrase": PASSPHRASE, "next": "/admin/care"}),
    "POST /desk/came-out": Good(lambda world: {"job": world.ids["unknown job"], "out": "no"}),
    "POST /desk/correct": Good(_who({**_EDIT, "category": "delegate"})),
    "POST /desk/find": Good(lambda world: {"code": world.ids["person code"], "q": ""}),
    "POST /desk/handle": Good(_who({})),
    "POST /desk/phone": Good(_who({})),
    "POST /desk/replace": Good(_who({})),
    "POST /desk/reprint": Good(lambda world: {"job": world.ids["job"]}),
    "POST /desk/walk-in": Good({"name": "新来的", "organisation": "某单位", "phone": "13700000000", "category": "delegate",
                                "sure": "1", "draft": ""}),
    "GET /desk/person": Good(query="?who={who}"),
    "GET /desk/jobs": Good(query="?who={who}"),
    "GET /desk/correct": Good(query="?who={who}"),
    "GET /desk/replace": Good(query="?who={who}"),
    "POST /language": Good({"lang": "en", "next": "/"}),
    "POST /login": Good({"name": PEOPLE["coordinator"], "secret": PASSPHRASE, "next": ""}),
    "POST /logout": Good({}),
    "POST /pair": Good({"code": PAIRING_CODE, "name": PEOPLE["lead"], "pin": PASSPHRASE}),
    "POST /setup": Good({"code": "0000", "name": "甲", "secret": PASSPHRASE, "again": PASSPHRASE}, status=403),
    "POST /station/leave": Good({"name": PEOPLE["lead"], "pin": PASSPHRASE}),
    "POST /api/v1/grant": Good(json=lambda world, who: {"name": PEOPLE["lead"], "pin": PASSPHRASE}),
    "POST /api/v1/lookup": Good(json=lambda world, who: {"code": world.ids["person code"]}),
    "POST /api/v1/pair": Good(json=lambda world, who: {"code": PAIRING_CODE, "name": "tablet"}),
    "POST /api/v1/scans": Good(json=_scan),
    "POST /api/v1/scans/<uuid:scan_id>/void": Good(json=lambda world, who: {"id": str(uuid.uuid4()), "reason": "误扫"}),
    "POST /api/v1/search": Good(json=lambda world, who: {"q": "欧阳审7777"}),
}
NO_BODY = Good()


def request_of(world: World, route: str, who: str, extras: dict[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    """The address of a route with what is really there, and the body of a good request; `extras` are fields beside it."""
    good = GOOD.get(route, NO_BODY)
    method, rule = route.split(" ", 1)
    path = re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda name: _value(world, rule, name[1], who, good), rule)
    path += good.query.format(who=world.handle()) if good.query else ""
    if method == "GET":
        return path, {}
    if good.json is not None:
        return path, {"json": {**(extras or {}), **good.json(world, who)}}
    own = good.form(world) if callable(good.form) else dict(good.form or {})
    fields = {**{key: value for key, value in (extras or {}).items() if key not in own}, **own}
    if good.upload:
        name, file, content = good.upload
        return path, form(name, file, content, **fields)
    return path, {"data": fields}


def _value(world: World, rule: str, name: str, who: str, good: Good) -> str:
    if name in (good.args or {}):
        return str((good.args or {})[name])
    if name == "key":
        kinds = (("/admin/badges/", "badges"), ("/admin/care/work/", "care"), ("/admin/import/", "import"))
        for start, kind in kinds:
            if rule.startswith(start):
                return _work(world, kind)
        return next(key for start, key in (("/admin/printers/", "front"), ("/admin/stations/", "desk-1"), ("/", "bag"))
                    if rule.startswith(start))
    mine = f"scan {who}"
    return str({
        "attendee_id": world.ids["person"], "staff_id": world.ids["staff staff"], "category": "delegate",
        "table": "service", "device": world.ids["device second desk"], "job_id": world.ids["job"], "action": "reprint",
        "name": world.ids["slip"] if "paper" in rule else world.ids["backup"], "of": "mark", "filename": "app.css",
        "scan_id": world.ids[mine if mine in world.ids else "scan desk"]}[name])


def _work(world: World, kind: str) -> str:
    """The key of a piece of work that the coordinator has begun in this application."""
    if kind not in world.extra:
        route = {"badges": "POST /admin/badges", "care": "POST /admin/care/export", "import": "POST /admin/import"}[kind]
        path, body = request_of(world, route, "coordinator")
        answer = world.call("coordinator", "POST", path, **body)
        world.extra[kind] = answer.location.rstrip("/").rsplit("/", 1)[1]
    return world.extra[kind]
