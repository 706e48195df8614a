"""The device API (api.md): the same road for outbox, clients and tests as for the pages."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, Response, current_app, g
from flask_babel import gettext as _

import guard
from guard import may
from kiosk import answers, handles, live, lookup, pairing, search, tried
from kiosk.requests import body, said, scan_request
from kiosk.shapes import (
    BATCH,
    BadShape,
    GrantIn,
    LookupIn,
    PairIn,
    SearchIn,
    VoidIn,
    decode,
)
from kiosk.station import station_facts, station_news
from models import reports
from models.asks import Caller, Outcome, Problem, ScanRequest, UndoRequest
from models.database import now
from models.masks import mask_name, mask_phone
from models.runtime import Runtime
from models.version import VERSION
from models.writer import NotRecorded
from sessions import choose_language, here
from throttle import each_device, limiter
from tries import TooOften

api = Blueprint("api", __name__)
RETRY_SECONDS = 1
SEARCHES = "300/minute;4000/hour"   # of one tablet: a desk asks at every letter, five people a minute


def say(payload: Any, status: int = 200, **headers: str) -> Response:
    """A JSON answer, encoded by msgspec."""
    return Response(msgspec.json.encode(payload), status, headers, content_type="application/json")


def refuse(status: int, error: str, message: str, **more: Any) -> Response:
    """The contract's error."""
    return say({"error": error, "message": message, **more}, status)


@api.errorhandler(BadShape)
def bad_shape(error: BadShape) -> Response:
    """400 with the field's name."""
    return refuse(400, "invalid", _("字段 %(field)s 不对：%(what)s", field=error.field or "-", what=error.message),
                  field=error.field)


@api.errorhandler(NotRecorded)
def not_recorded(_error: NotRecorded) -> Response:
    """503: nothing was written, trying again is safe."""
    answer = refuse(503, "not_recorded", _("未能记录，请重试"))
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    return answer


@api.get("/healthz")
@may("anyone")
def healthz() -> Response:
    """Whether the ledger can be written, and its head."""
    try:
        head = current_app.extensions["huiwu.pulse"].head()
    except NotRecorded:
        return refuse(503, "not_writable", _("账本无法写入，请检查磁盘"))
    return say({"status": "ok", "version": VERSION, "head": head})


@api.post("/api/v1/pair")
@may("anyone")
def pair() -> Response:
    """A pairing code becomes a token."""
    asked: PairIn = decode(body(), PairIn)
    try:
        token, key = tried.pair(asked.code, asked.name)
    except TooOften as often:
        said = refuse(429, "too_many", _("有人在乱试配对码，短码暂停使用。请会务组重新生成一个，新码更长"))
        said.headers["Retry-After"] = str(often.retry_after)
        return said
    except pairing.PairingRefused as refused:
        words = {"unknown": _("没有这个配对码，请核对"), "used": _("这个配对码已经用过，请重新生成"),
                 "expired": _("这个配对码已过期（10 分钟），请重新生成")}
        return refuse(404 if refused.reason == "unknown" else 410, refused.reason, words[refused.reason])
    plan = guard.runtime().plan(fresh=True)
    return say({"token": token, "station": station_facts(plan, plan.stations[key], now())["station"]}, 201)


@api.get("/api/v1/station")
@may("kiosk", "gate", "desk", "board")
def station() -> Response:
    """What this tablet is and what it may do."""
    heard()
    return say(station_news(guard.runtime(), guard.station()))


@api.post("/api/v1/scans")
@may("kiosk", "gate", "desk")
def scans() -> Response:
    """One scan or a list of up to 500, judged in the order sent."""
    runtime = guard.runtime()
    sent = decode(body(), Any)
    single = not isinstance(sent, list)
    if not single and not 1 <= len(sent) <= BATCH:
        raise BadShape("", f"a list has 1 to {BATCH} scans")
    taken = _read_scans(runtime, [sent] if single else sent)
    if single and isinstance(taken[0], BadShape):
        raise taken[0]
    requests = [item for item in taken if isinstance(item, ScanRequest)]
    outcomes = runtime.ledger.record(requests) if requests else []
    if single and isinstance(outcomes[0].result, Problem):
        return _problem(outcomes[0].result)
    return _results(runtime, taken, outcomes)


@api.post("/api/v1/scans/<uuid:scan_id>/void")
@may("kiosk", "gate", "desk")
def void(scan_id: Any) -> Response:
    """Undo, as a new row of the ledger."""
    asked: VoidIn = decode(body(), VoidIn)
    heard()
    undo = UndoRequest(str(asked.id), str(scan_id), _caller(), now(), said(asked.reason))
    outcome = guard.runtime().ledger.record([undo])[0]
    if isinstance(outcome.result, Problem):
        return _problem(outcome.result)
    return _results(guard.runtime(), [undo], [outcome])


@api.post("/api/v1/grant")
@may("kiosk", "gate", "desk")
def grant() -> Response:
    """A lead or coordinator stands beside the tablet: five minutes, this tablet only."""
    asked: GrantIn = decode(body(), GrantIn)
    person = tried.person_beside(asked.name, asked.pin)
    wrong = "wrong_pin", _("姓名或密码不对")
    if person is None:
        return refuse(403, *wrong)
    if person.role not in guard.GRANTERS:
        return refuse(403, "not_a_lead", _("只有组长或总负责可以授权"))
    device_id = g.device.id     # read here: the writer's thread has no request
    try:
        token, until = guard.runtime().writer.do(lambda session: pairing.grant(session, person, device_id))
    except pairing.PairingRefused:
        return refuse(403, *wrong)
    return say({"grant": token, "role": person.role, "expires_at": until.isoformat()}, 201)


@api.post("/api/v1/lookup")
@limiter.limit("600/minute", key_func=each_device)
@may("desk")
def look_up() -> Response:
    """Who this is and what is open; records nothing."""
    asked: LookupIn = decode(body(), LookupIn)
    heard()
    with guard.runtime().connection() as connection:
        return say(lookup.by_code(connection, guard.runtime(), asked.code, guard.station(), choose_language()))


@api.post("/api/v1/search")
@limiter.limit(SEARCHES, key_func=each_device)
@may("desk", "kiosk")
def find() -> Response:
    """People by name; a kiosk needs name and last four digits together."""
    asked: SearchIn = decode(body(), SearchIn)
    heard()
    kiosk = guard.station().mode == "kiosk"
    with guard.runtime().reading() as session:
        if kiosk:
            person = tried.at_kiosk(session, asked.q)
            found = [person] if person is not None else []
        else:
            found = search.at_desk(session, asked.q)
        secret = guard.runtime().plan().event.secret
        hits = [_hit(person, secret, kiosk) for person in found]
    message = "" if hits else (_("请到服务台，工作人员会帮您办理") if kiosk else _("没有找到，请换个写法或登记"))
    return say({"hits": hits, "message": message})


@api.get("/api/v1/counts")
@may("board", "desk", "coordinator")
def counts() -> Response:
    """The numbers of the dashboard."""
    heard()
    with guard.runtime().connection() as connection:
        return say(reports.counts(guard.runtime(), connection))


@api.get("/api/v1/live")
@may("board", "desk", "lead")
def stream() -> Response:
    """Server-Sent Events: counts, arrival, printer, station, alert."""
    device, sign_in, runtime = g.device, g.sign_in, guard.runtime()

    def is_wanted(admitted: live.Admitted) -> bool:
        by_tablet = device is not None and guard.is_open_to(stream, admitted.tablets.get(device.id))
        return by_tablet or guard.is_open_to(stream, admitted.sign_ins.get(sign_in))

    def seen() -> None:     # a big screen says nothing else: its open stream is its sign of life, a dashboard's too
        if device is not None:
            runtime.sight(device.id, None, None)
        if sign_in:
            runtime.asked[sign_in] = now()
    try:
        events = current_app.extensions["huiwu.live"].subscribe(is_wanted, seen, _asker())
    except live.Full:
        answer = refuse(503, "full", _("实时画面太多，请关掉一些"))
        answer.headers["Retry-After"] = "5"
        return answer
    # As it is: each layer that looks at the pieces runs 200 times for each of them.
    return Response(events, mimetype="text/event-stream", direct_passthrough=True,
                    headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


def _asker() -> live.Asker:
    """Whose share of the streams it is: a person's who may follow it by signing in, else the tablet's."""
    if g.staff is not None and guard.is_open_to(stream, g.staff.role):
        return live.Asker(f"staff-{g.staff.id}", live.OF_A_PERSON)
    return live.Asker(f"device-{g.device.id}", live.OF_A_TABLET, g.station.mode == "desk")


def heard() -> Any:
    """Notes that this tablet spoke, its clock and what waits in its outbox; returns its offset."""
    kept, asked = here()
    if kept.device is None:
        return None
    clock, waiting = guard.measured(asked.environ.get("HTTP_X_SENT_AT")), asked.environ.get("HTTP_X_WAITING", "")
    return guard.runtime().sight(kept.device.id, clock, _count(waiting))


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 9 else None


def _caller() -> Caller:
    kept = here()[0]
    return Caller(kept.station.key, kept.device.id, guard.actor(), guard.granted() is not None)


def _read_scans(runtime: Runtime, items: list[Any]) -> list[ScanRequest | BadShape]:
    offset, received, caller = heard(), now(), _caller()
    secret = runtime.plan().event.secret
    taken: list[ScanRequest | BadShape] = []
    for item in items:
        try:
            taken.append(scan_request(item, caller, secret, received, offset))
        except BadShape as bad:
            taken.append(bad)
    return taken


def _results(runtime: Runtime, taken: Sequence[Any], outcomes: Sequence[Outcome]) -> Response:
    plan, mode, lang = runtime.plan(), guard.station().mode, choose_language()
    head, epoch = (outcomes[-1].head, outcomes[-1].epoch) if outcomes else (runtime.ledger.head(), plan.event.epoch)
    judged = iter(outcomes)
    results = [_bad_item(item) if isinstance(item, BadShape) else answers.outcome(next(judged), plan, mode, lang)
               for item in taken]
    at = now().astimezone(plan.event.zone)
    return say({"results": results, "head": head, "server_time": at.isoformat(timespec="milliseconds"),
                "epoch": epoch})


def _bad_item(bad: BadShape) -> dict[str, Any]:
    message = _("字段 %(field)s 不对：%(what)s", field=bad.field or "-", what=bad.message)
    return {"id": bad.scan_id, "error": "invalid", "message": message, "field": bad.field}


def _problem(problem: Problem) -> Response:
    item = answers.problem(problem)
    more = {"field": item.field} if item.field else {}
    return refuse(problem.status, item.error, item.message, **more)


def _hit(person: Any, secret: str, kiosk: bool) -> dict[str, Any]:
    handle = handles.make(secret, person.id, g.device.id, now())
    return {"attendee": handle, "name": mask_name(person.name) if kiosk else person.name,
            "name_en": mask_name(person.name_en) if kiosk else person.name_en,
            "org": "" if kiosk else person.organisation, "category": person.category_key,
            "category_name": person.category.name, "phone": mask_phone(person.phone)}
