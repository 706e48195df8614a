"""The rules as a table of cases. No database, no web, no clock: the moment is passed in."""
from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models.attendance import attendance, stays
from models.facts import REASONS, Ask, Coupon, Entry, Facts, Person, Question, Service, Window
from models.history import inside, inside_since
from models.rules import _CHECKS, decide, judge, still_open
from models.undo import judge_undo

ZONE = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime:
    """"5 11:40" is the fifth of December, 11:40, in the event's zone."""
    day, clock = text.split()
    hour, minute = clock.split(":")[:2]
    return datetime(2026, 12, int(day), int(hour), int(minute), tzinfo=ZONE)


SERVICES = {s.key: s for s in (
    Service("signin", "sign_in", slip=True),
    Service("bag", "material", needs=("signin",), stock=3),
    Service("lunch", "meal", windows=(Window(at("5 11:30"), at("5 13:30")),), entitled=frozenset({"delegate"}),
            tolerance=timedelta(minutes=10), coupon=True),
    Service("dinner", "meal", windows=(Window(at("5 17:30"), at("5 19:30")),)),
    Service("tea", "meal", windows=(Window(at("5 10:00"), at("5 10:30")), Window(at("5 15:00"), at("5 15:30")))),
    Service("snack", "meal", limit=3),
    Service("daily", "meal", limit=1, per="day"),
    Service("closed", "meal", closed=True),
    Service("shirt", "material", questions=(Question("size", "尺码", ("M", "L"), True),)),
    Service("open", "session", limit=None, starts=at("5 09:00"), ends=at("5 11:30"), late_after=timedelta(minutes=10)),
    Service("forum", "session", limit=None, starts=at("5 10:00"), ends=at("5 12:00")),
    Service("evening", "session", limit=None, starts=at("5 19:00"), ends=at("5 20:00"), missing_out="none"),
    Service("once-in", "session", limit=None, reentry=False),
)}
DELEGATE = Person(1, category="delegate")
PRESS = Person(2, category="press")


def entry(seq: int, service: str, when: str, use_no: int | None = 1, direction: str | None = None,
          voids: int | None = None, coupon_id: int | None = None) -> Entry:
    return Entry(seq, f"id-{seq}", service, at(when), "desk-1", direction, use_no, 1, coupon_id, voids)


def facts(person: Person | None = DELEGATE, *history: Entry, **more: object) -> Facts:
    return replace(Facts(SERVICES, ZONE, person=person, history=tuple(history), stock={"bag": 3}), **more)  # type: ignore[arg-type]


SIGNED = entry(1, "signin", "5 08:50")
CASES = [
    # what, ask, facts, verdict, reason
    ("1 a valid badge", Ask("signin", at("5 09:00")), facts(), "accepted", None),
    ("2 the same badge twice", Ask("signin", at("5 09:00")), facts(DELEGATE, SIGNED), "refused", "used_up"),
    ("4 the third of three", Ask("snack", at("5 09:00")),
     facts(DELEGATE, entry(1, "snack", "5 08:00"), entry(2, "snack", "5 08:10", 2)), "accepted", None),
    ("4 the fourth of three", Ask("snack", at("5 09:00")),
     facts(DELEGATE, *(entry(n, "snack", "5 08:00", n) for n in (1, 2, 3))), "refused", "used_up"),
    ("5 used at another service", Ask("dinner", at("5 18:00")), facts(DELEGATE, SIGNED), "accepted", None),
    ("6 an unknown code", Ask("signin", at("5 09:00")), facts(None, known=False), "refused", "unknown"),
    ("6 force creates nobody", Ask("signin", at("5 09:00"), force=True), facts(None, known=False), "refused", "unknown"),
    ("15 cancelled", Ask("signin", at("5 09:00")), facts(Person(1, "cancelled", "delegate")), "refused", "cancelled"),
    ("16 pending", Ask("signin", at("5 09:00")), facts(Person(1, "pending", "delegate")), "refused", "pending"),
    ("replaced", Ask("signin", at("5 09:00")), facts(Person(1, "replaced", "delegate")), "refused", "replaced"),
    ("17 the old badge", Ask("signin", at("5 09:00")), facts(revoked=True), "refused", "revoked"),
    ("revoked goes before cancelled", Ask("signin", at("5 09:00")),
     facts(Person(1, "cancelled", "delegate"), revoked=True), "refused", "revoked"),
    ("18 forced over revoked", Ask("signin", at("5 09:00"), force=True), facts(revoked=True), "accepted", None),
    ("18 force where none was needed", Ask("signin", at("5 09:00"), force=True), facts(), "accepted", None),
    ("20 before the window", Ask("dinner", at("5 17:29")), facts(), "refused", "too_early"),
    ("20 after the window", Ask("dinner", at("5 19:31")), facts(), "refused", "too_late"),
    ("20 the window's first moment", Ask("dinner", at("5 17:30")), facts(), "accepted", None),
    ("20 the window's last moment", Ask("dinner", at("5 19:30")), facts(), "accepted", None),
    ("20 nine minutes early with ten of tolerance", Ask("lunch", at("5 11:21")), facts(), "accepted", None),
    ("20 eleven minutes early with ten of tolerance", Ask("lunch", at("5 11:19")), facts(), "refused", "too_early"),
    ("20 nine minutes late with ten of tolerance", Ask("lunch", at("5 13:39")), facts(), "accepted", None),
    ("20 eleven minutes late with ten of tolerance", Ask("lunch", at("5 13:41")), facts(), "refused", "too_late"),
    ("21 between two windows, the first nearer", Ask("tea", at("5 11:00")), facts(), "refused", "too_late"),
    ("21 between two windows, the second nearer", Ask("tea", at("5 14:50")), facts(), "refused", "too_early"),
    ("22 once a day, the same day", Ask("daily", at("5 23:59")), facts(DELEGATE, entry(1, "daily", "5 00:01")),
     "refused", "used_up"),
    ("22 once a day, after the event's midnight", Ask("daily", at("6 00:01")),
     facts(DELEGATE, entry(1, "daily", "5 23:59")), "accepted", None),
    ("23 another category", Ask("lunch", at("5 12:00")), facts(PRESS), "refused", "not_entitled"),
    ("23 an exception lets one in", Ask("lunch", at("5 12:00")),
     facts(replace(PRESS, exceptions={"lunch": (True, None)})), "accepted", None),
    ("23 an exception keeps one out", Ask("lunch", at("5 12:00")),
     facts(replace(DELEGATE, exceptions={"lunch": (False, None)})), "refused", "not_entitled"),
    ("an exception's own limit", Ask("lunch", at("5 12:00")),
     facts(replace(DELEGATE, exceptions={"lunch": (True, 2)}), entry(1, "lunch", "5 11:50")), "accepted", None),
    ("24 sign-in first", Ask("bag", at("5 09:00")), facts(), "refused", "needs"),
    ("24 after sign-in", Ask("bag", at("5 09:00")), facts(DELEGATE, SIGNED), "accepted", None),
    ("24 after an undone sign-in", Ask("bag", at("5 09:00")),
     facts(DELEGATE, SIGNED, entry(2, "signin", "5 08:55", None, voids=1)), "refused", "needs"),
    ("25 a coupon at its meal", Ask("lunch", at("5 12:00")), facts(None, coupon=Coupon(7, "lunch")), "accepted", None),
    ("25 a coupon at the wrong meal", Ask("dinner", at("5 18:00")), facts(None, coupon=Coupon(7, "lunch")),
     "refused", "wrong_service"),
    ("25 a coupon twice", Ask("lunch", at("5 12:10")),
     facts(None, entry(1, "lunch", "5 12:00", coupon_id=7), coupon=Coupon(7, "lunch")), "refused", "used_up"),
    ("25 a voided coupon", Ask("lunch", at("5 12:00")), facts(None, coupon=Coupon(7, "lunch", True)), "refused", "revoked"),
    ("25 the badge after its coupon", Ask("lunch", at("5 12:10")), facts(DELEGATE, entry(1, "lunch", "5 12:00", coupon_id=7)),
     "refused", "used_up"),
    ("26 in again after out", Ask("open", at("5 10:00")),
     facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in"), entry(2, "open", "5 09:30", None, "out")), "accepted", None),
    ("26 a session without re-entry", Ask("once-in", at("5 10:00")),
     facts(DELEGATE, entry(1, "once-in", "5 09:00", 1, "in"), entry(2, "once-in", "5 09:30", None, "out")),
     "refused", "used_up"),
    ("27 out without in", Ask("open", at("5 10:00"), "out"), facts(), "accepted", None),
    ("27 a second out", Ask("open", at("5 10:00"), "out"), facts(DELEGATE, entry(1, "open", "5 09:30", None, "out")),
     "accepted", None),
    ("28 in twice", Ask("open", at("5 09:10")), facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")),
     "refused", "already_inside"),
    ("28 auto within a minute", Ask("open", at("5 09:00") + timedelta(seconds=30), "auto"),
     facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")), "refused", "already_inside"),
    ("28 auto after a minute is an out", Ask("open", at("5 09:01"), "auto"),
     facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")), "accepted", None),
    ("29 an in that came late", Ask("open", at("5 10:00")), facts(DELEGATE, entry(1, "open", "5 10:05", None, "out")),
     "accepted", None),
    ("31 into an overlapping session", Ask("forum", at("5 10:30")), facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")),
     "accepted", None),
    ("an out is not kept in by a closed window", Ask("open", at("5 23:00"), "out"),
     facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")), "accepted", None),
    ("closed at once", Ask("closed", at("5 09:00")), facts(), "refused", "service_closed"),
    ("out of stock", Ask("bag", at("5 09:00"), quantity=4), facts(DELEGATE, SIGNED), "refused", "out_of_stock"),
    ("the last of the stock", Ask("bag", at("5 09:00"), quantity=3), facts(DELEGATE, SIGNED), "accepted", None),
    ("a question not answered", Ask("shirt", at("5 09:00")), facts(), "refused", "answers_needed"),
    ("a question answered wrongly", Ask("shirt", at("5 09:00"), answers={"size": "S"}), facts(), "refused", "answers_needed"),
    ("a question answered", Ask("shirt", at("5 09:00"), answers={"size": "M"}), facts(), "accepted", None),
    ("offline: one too many is a conflict", Ask("signin", at("5 09:00"), offline=True), facts(DELEGATE, SIGNED),
     "accepted", "used_up"),
    ("offline: other refusals stay", Ask("lunch", at("5 12:00"), offline=True), facts(PRESS), "refused", "not_entitled"),
]


@pytest.mark.parametrize(("ask", "known", "verdict", "reason"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_scan_is_judged(ask: Ask, known: Facts, verdict: str, reason: str | None) -> None:
    decision = decide(ask, known)
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert (decision.use_no is not None) == (decision.accepted and decision.direction != "out")


def test_every_reason_has_its_check_in_the_order_of_the_contract() -> None:
    assert tuple(reason for reason, _ in _CHECKS) == REASONS


def test_every_reason_is_met_by_a_case() -> None:
    assert {case[4] for case in CASES} - {None} == set(REASONS)


def test_a_use_number_is_never_given_twice_not_even_after_an_undo() -> None:
    decision = decide(Ask("signin", at("5 09:10")), facts(DELEGATE, SIGNED, entry(2, "signin", "5 09:00", None, voids=1)))
    assert (decision.use_no, decision.uses) == (2, 1)


def test_forcing_says_what_it_overrode_only_where_it_did() -> None:
    forced = decide(Ask("signin", at("5 09:00"), force=True), facts(revoked=True))
    needless = decide(Ask("signin", at("5 09:00"), force=True), facts())
    assert (forced.forced, forced.overrode, needless.forced, needless.overrode) == (True, "revoked", False, None)


def test_hints_are_the_persons_first_then_diet_at_a_meal_then_the_categorys() -> None:
    person = Person(1, category="delegate", hint="轮椅", category_hint="请引导至贵宾室", diet="清真")
    assert decide(Ask("lunch", at("5 12:00")), facts(person)).hints == ("轮椅", "清真", "请引导至贵宾室")
    assert decide(Ask("signin", at("5 12:00")), facts(person)).hints == ("轮椅", "请引导至贵宾室")


def test_what_is_open_is_asked_of_the_same_rules() -> None:
    offered = ("signin", "bag", "lunch", "dinner", "shirt")
    decision = decide(Ask("signin", at("5 12:00")), facts(DELEGATE, offered=offered))
    assert decision.open == ("bag", "lunch", "shirt")


OFFERED = tuple(SERVICES)
MOMENTS = tuple(at(f"5 {hour}") for hour in ("08:40", "09:30", "10:20", "11:25", "12:00", "13:35", "15:10", "18:00", "19:30"))


@pytest.mark.parametrize("person", [DELEGATE, PRESS, Person(3, state="pending"), Person(
    4, category="press", exceptions={"lunch": (True, 2), "tea": (False, None)})])
@pytest.mark.parametrize("history", [(), (SIGNED,), (SIGNED, entry(2, "bag", "5 08:51"), entry(3, "lunch", "5 11:40")), (
    SIGNED, entry(2, "open", "5 09:05", 1, "in"), entry(3, "once-in", "5 09:06", 1, "in")), (
    SIGNED, entry(2, "signin", "5 08:55", None, voids=1), entry(3, "daily", "4 12:00"))])
@pytest.mark.parametrize("left", [3, 0])
def test_what_stands_open_is_what_a_scan_of_each_service_would_be_answered(
        person: Person, history: tuple[Entry, ...], left: int) -> None:
    known = facts(person, *history, offered=OFFERED, stock={"bag": left})
    for moment in MOMENTS:
        asked = {key: judge(Ask(key, moment), known)[0] for key in OFFERED}
        assert still_open(moment, known) == tuple(
            key for key, reason in asked.items() if reason in (None, "answers_needed"))


def test_coupons_are_due_with_sign_in_for_meals_entitled_to_and_not_eaten() -> None:
    ask = Ask("signin", at("5 09:00"))
    assert decide(ask, facts(DELEGATE, prints=True)).coupons == ("lunch",)
    assert decide(ask, facts(PRESS, prints=True)).coupons == ()
    assert decide(ask, facts(DELEGATE, prints=False)).coupons == ()
    assert decide(ask, facts(DELEGATE, entry(1, "lunch", "5 08:00"), prints=True)).coupons == ()
    assert decide(Ask("signin", at("5 14:00")), facts(DELEGATE, prints=True)).coupons == ()


def test_out_without_in_is_remarked_and_a_move_names_where_from() -> None:
    assert decide(Ask("open", at("5 10:00"), "out"), facts()).notes == ("no_in",)
    moved = decide(Ask("forum", at("5 10:30")), facts(DELEGATE, entry(1, "open", "5 09:00", 1, "in")))
    assert moved.notes == ("moved:open",)


def test_31_going_into_an_overlapping_session_ends_the_stay_in_the_other() -> None:
    rows = [entry(1, "open", "5 09:00", 1, "in"), entry(2, "forum", "5 10:30", 1, "in")]
    assert inside(SERVICES, rows) == {"forum"}
    stay, = stays(SERVICES["open"], SERVICES, rows)
    assert (stay.left, stay.closed_by) == (at("5 10:30"), "moved")
    assert inside_since(SERVICES["open"], SERVICES, rows, at("5 10:00")) == rows[0]


def test_29_pairs_are_made_by_the_times_of_the_scans_not_their_arrival() -> None:
    rows = [entry(1, "open", "5 10:05", None, "out"), entry(2, "open", "5 10:00", 1, "in")]
    stay, = stays(SERVICES["open"], SERVICES, rows)
    assert stay.length == timedelta(minutes=5)


@pytest.mark.parametrize(("session", "left", "closed_by", "length"), [
    ("open", at("5 11:30"), "ends", timedelta(hours=2, minutes=30)), ("evening", None, "none", timedelta(0))])
def test_30_a_missing_out_is_closed_by_the_sessions_rule_and_marked(
        session: str, left: datetime | None, closed_by: str, length: timedelta) -> None:
    came = {"open": "5 09:00", "evening": "5 19:00"}[session]
    seen = attendance(SERVICES[session], SERVICES, [entry(1, session, came, 1, "in")])
    assert (seen.stays[0].left, seen.stays[0].closed_by, seen.length, seen.assumed_out) == (left, closed_by, length, True)


@pytest.mark.parametrize(("came", "left", "leave", "status"), [
    ("5 09:00", "5 11:30", False, "present"), ("5 09:10", "5 11:30", False, "present"), ("5 09:11", "5 11:30", False, "late"),
    ("5 09:00", "5 11:00", False, "early"), ("5 09:30", "5 11:00", False, "late_early"),
    (None, None, False, "absent"), (None, None, True, "on_leave")])
def test_32_late_early_absent_and_on_leave_are_told_apart(came: str | None, left: str | None, leave: bool,
                                                          status: str) -> None:
    rows = [entry(1, "open", came, 1, "in"), entry(2, "open", left or came, None, "out")] if came else []
    assert attendance(SERVICES["open"], SERVICES, rows, leave).status == status


@pytest.mark.parametrize(("undo", "reason"), [
    ({"same_station": True, "at": at("5 09:14")}, None), ({"same_station": True, "at": at("5 09:16")}, "not_yours"),
    ({"same_station": False, "at": at("5 09:01")}, "not_yours"), ({"granted": True, "at": at("5 19:00")}, None),
    ({"undone": True, "same_station": True, "at": at("5 09:01")}, "already_undone"),
    ({"accepted": False, "same_station": True, "at": at("5 09:01")}, "not_undoable")])
def test_33_34_35_who_may_undo_and_until_when(undo: dict[str, object], reason: str | None) -> None:
    given = {"accepted": True, "undone": False, "same_station": False, "granted": False, **undo}
    assert judge_undo(entry(1, "signin", "5 09:00"), recorded_at=at("5 09:00"), **given) == reason  # type: ignore[arg-type]
