"""The plan on its way through the database: made once, changed with care, given out again."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

from models import event as tables
from models import plan_store, snapshot
from models.database import db, now
from models.devices import Device, PairingCode
from models.people import Attendee, Coupon
from models.plan_file import Plan, PlanError, of, read, to_raw
from models.plan_words import sentence
from models.scans import PrintJob, Scan, StockMove, Tally
from tests.plans import EXAMPLE, plans

PLAN = read(EXAMPLE)[0]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """An empty database on disk."""
    engine = create_engine(f"sqlite:///{tmp_path / 'huiwu.db'}")
    db.metadata.create_all(engine)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def there(session: Session) -> Session:
    """The same with the example's event."""
    plan_store.create(session, PLAN)
    session.commit()
    return session


def changed(old: str, new: str) -> Plan:
    assert old in EXAMPLE
    return read(EXAMPLE.replace(old, new))[0]


def without(table: str, key: str) -> Plan:
    """The example without one of its tables, and without what names it."""
    raw = to_raw(PLAN)
    raw[table] = [item for item in raw[table] if item["key"] != key]
    for item in [*raw["service"], *raw["station"], *raw["printer"]]:
        for name, value in list(item.items()):
            if isinstance(value, list):
                item[name] = [part for part in value if part != key]
            elif value == key and name != "key":
                del item[name]
    return of(raw)[0]


def scan(session: Session, **values) -> None:
    row = {"id": "s1", "fingerprint": "f", "service_key": "signin", "station_key": "desk-1", "verdict": "accepted",
           "scanned_at": now(), "uploaded_at": now(), "answer": {}, "chain": "c"}
    session.add(Scan(**{**row, **values}))
    session.commit()


def refusals(session: Session, plan: Plan) -> list[tuple[str, str]]:
    before = plan_store.export(session)
    with pytest.raises(PlanError) as refused:
        plan_store.update(session, plan)
    session.rollback()
    assert plan_store.export(session) == before
    return [(problem.where, problem.message) for problem in refused.value.problems]


# --- a new event ---

def test_a_new_event_counts_what_the_plan_brought(session):
    assert plan_store.create(session, PLAN) == {
        "event": "2026年全国学术年会", "categories": 2, "services": 4, "stations": 2, "printers": 2}
    event = session.scalars(select(tables.Event)).one()
    assert event.id == 1 and event.trial and len(event.epoch) == 32 and len(event.secret) >= 32
    assert (event.plan_revision, event.roster_revision, event.ledger_revision) == (1, 1, 1)
    assert session.scalar(select(func.count()).select_from(Tally)) == 4


def test_a_folder_with_an_event_takes_no_second_one(there):
    with pytest.raises(PlanError) as refused:
        plan_store.create(there, PLAN)
    assert str(refused.value) == sentence("exists", name="2026年全国学术年会")


def test_local_times_become_moments(there):
    lunch = there.get_one(tables.Service, "d1-lunch")
    assert lunch.windows == [["2026-12-05T03:30:00+00:00", "2026-12-05T05:30:00+00:00"]]
    assert there.get_one(tables.Service, "s1").starts == datetime(2026, 12, 5, 1, tzinfo=UTC)


def test_the_road_of_a_scan_reads_what_was_made(there):
    view = snapshot.read(there.connection())
    lunch, bag = view.services["d1-lunch"], view.services["bag"]
    assert list(view.services) == ["signin", "bag", "d1-lunch", "s1"]
    assert lunch.windows[0].opens == datetime(2026, 12, 5, 3, 30, tzinfo=UTC) and lunch.limit == 1
    assert lunch.entitled == {"delegate", "guest"} and view.services["signin"].entitled is None
    assert bag.questions[0].choices == ("M", "L") and bag.questions[0].required and bag.needs == ("signin",)
    assert view.stations["desk-1"].printer == "front" and view.categories["guest"].hint == "请引导至贵宾室"
    assert view.services["s1"].limit is None


# --- and out again ---

def test_an_exported_plan_reads_back_to_the_same(there):
    text = plan_store.export(there)
    assert read(text) == (PLAN, []) and plan_store.load(there) == PLAN


@given(plans())
@settings(max_examples=25, deadline=None)
def test_every_plan_comes_out_of_the_database_as_it_went_in(plan):
    engine = create_engine("sqlite://")
    db.metadata.create_all(engine)
    with Session(engine) as session:
        plan_store.create(session, plan)
        session.commit()
        assert read(plan_store.export(session))[0] == plan
        assert not plan_store.update(session, plan)
    engine.dispose()


BERLIN = EXAMPLE.replace("Asia/Shanghai", "Europe/Berlin").replace("2026-12-05", "2026-10-25").replace(
    "2026-12-07", "2026-10-27")


def test_summer_time_is_that_of_the_day(session):
    plan_store.create(session, read(BERLIN.replace("opens = 2026-10-25", "opens = 2026-10-24"))[0])
    # The clock went back in the night between: two hours from UTC before, one after.
    assert session.get_one(tables.Service, "d1-lunch").windows == [
        ["2026-10-24T09:30:00+00:00", "2026-10-25T12:30:00+00:00"]]


def test_an_hour_that_comes_twice_is_open_both_times(session):
    text = BERLIN.replace("T11:30:00\ncloses = 2026-10-25T13:30:00", "T02:15:00\ncloses = 2026-10-25T02:45:00")
    plan = read(text)[0]
    plan_store.create(session, plan)
    assert session.get_one(tables.Service, "d1-lunch").windows == [
        ["2026-10-25T00:15:00+00:00", "2026-10-25T01:45:00+00:00"]]
    assert plan_store.load(session) == plan


# --- another plan for the same event ---

def test_the_same_plan_again_changes_nothing(there):
    assert not plan_store.update(there, PLAN)
    assert there.scalar(select(tables.Event.plan_revision)) == 1


def test_an_edited_service_is_changed_under_a_new_revision(there):
    changes = plan_store.update(there, changed("closes = 2026-12-05T13:30:00", "closes = 2026-12-05T14:00:00"))
    there.commit()
    assert changes.changed == [("service", "d1-lunch")] and not (changes.added or changes.removed or changes.event)
    assert there.get_one(tables.Service, "d1-lunch").windows[0][1] == "2026-12-05T06:00:00+00:00"
    assert there.scalar(select(tables.Event.plan_revision)) == 2
    assert there.scalar(select(tables.Event.roster_revision)) == 1


def test_another_time_zone_moves_every_window(there):
    changes = plan_store.update(there, changed("Asia/Shanghai", "Asia/Urumqi"))
    assert changes.event and changes.changed == [("service", "d1-lunch"), ("service", "s1")]
    assert there.get_one(tables.Service, "d1-lunch").windows[0][0] == "2026-12-05T05:30:00+00:00"


def test_what_the_plan_does_not_say_stays(there):
    there.get_one(tables.Service, "d1-lunch").closed = True
    there.get_one(tables.Printer, "front").ability = "completed"
    epoch = there.scalar(select(tables.Event.epoch))
    plan_store.update(there, changed("2026年全国学术年会", "2026年年会"))
    assert there.get_one(tables.Service, "d1-lunch").closed
    assert there.get_one(tables.Printer, "front").ability == "completed"
    assert there.scalar(select(tables.Event.epoch)) == epoch


def test_a_printer_at_another_address_is_another_printer(there):
    there.get_one(tables.Printer, "front").ability = "completed"
    plan_store.update(there, changed("192.168.1.50", "192.168.1.51"))
    front = there.get_one(tables.Printer, "front")
    assert front.ability is None and front.url == "tcp://192.168.1.51:9100"


def test_a_new_order_is_kept(there):
    plan = msgspec.structs.replace(PLAN, service=PLAN.service[::-1])
    plan_store.update(there, plan)
    assert plan_store.load(there) == plan


def test_new_things_come_in_and_unused_things_go(there):
    raw = to_raw(without("printer", "front"))
    raw["printer"].append({"key": "side", "url": "virtual://"})
    raw["service"] = [s for s in raw["service"] if s["key"] != "s1"]
    raw["service"].append({"key": "tea", "kind": "meal", "name": "茶歇"})
    raw["station"] = [{"key": "gate-9", "name": "新入口", "mode": "gate", "services": ["tea"], "printer": "side"}]
    plan = of(raw)[0]
    there.add(PairingCode(station_key="hall-1", code_hash="h", expires_at=now()))
    there.add(Device(station_key="hall-1", token_hash="t", paired_at=now(), revoked_at=now()))
    there.commit()
    changes = plan_store.update(there, plan)
    there.commit()
    assert changes.added == [("printer", "side"), ("service", "tea"), ("station", "gate-9")]
    assert set(changes.removed) == {("printer", "front"), ("service", "s1"), ("station", "desk-1"), ("station", "hall-1")}
    assert plan_store.load(there) == plan
    assert there.get(Tally, "tea") and not there.get(Tally, "s1")


# --- what is in use stays ---

def test_a_category_with_people_cannot_go(there):
    there.add(Attendee(number="1", name="张三", category_key="guest"))
    there.commit()
    plan = without("category", "guest")
    assert refusals(there, plan) == [("[[category]] guest", sentence("category_used", count=1))]


def use_in_ledger(session: Session) -> None:
    scan(session, service_key="s1")


def use_in_coupon(session: Session) -> None:
    session.add(Coupon(code="C1", service_key="s1", issued_at=now()))
    session.commit()


def use_in_roster(session: Session) -> None:
    session.add(Attendee(id=1, number="1", name="张三", category_key="guest"))
    session.flush()
    session.add(tables.Entitlement(attendee_id=1, service_key="s1", allowed=True))
    session.commit()


def use_in_stock(session: Session) -> None:
    session.add(StockMove(service_key="s1", quantity=5, at=now()))
    session.commit()


@pytest.mark.parametrize("use", [use_in_ledger, use_in_coupon, use_in_roster, use_in_stock])
def test_a_service_in_use_cannot_go(there, use):
    use(there)
    plan = without("service", "s1")
    assert refusals(there, plan) == [("[[service]] s1", sentence("service_used"))]


@pytest.mark.parametrize("use", [use_in_ledger, use_in_coupon])
def test_a_service_in_use_keeps_its_kind(there, use):
    plan = changed('kind = "session"', 'kind = "meal"')
    use(there)
    assert refusals(there, plan) == [("[[service]] s1 · kind", sentence("kind_used"))]


def test_a_service_not_in_use_may_become_another_kind(there):
    plan_store.update(there, changed('kind = "session"', 'kind = "meal"'))
    assert there.get_one(tables.Service, "s1").kind == "meal"


def test_a_station_with_tablets_or_scans_cannot_go(there):
    plan = without("station", "desk-1")
    there.add(Device(station_key="desk-1", token_hash="t", paired_at=now()))
    there.commit()
    assert refusals(there, plan) == [("[[station]] desk-1", sentence("station_paired", count=1))]
    scan(there)
    assert refusals(there, plan) == [("[[station]] desk-1", sentence("station_scanned"))]


def test_a_printer_with_open_slips_cannot_go_and_one_with_printed_slips_can(there):
    plan = without("printer", "front")
    job = PrintJob(id="j", origin="o", kind="slip", printer_key="front", content={}, state="unknown", created_at=now())
    there.add(job)
    there.commit()
    assert refusals(there, plan) == [("[[printer]] front", sentence("printer_busy", count=1))]
    job.state = "printed"
    there.commit()
    assert plan_store.update(there, plan).removed == [("printer", "front")]


def test_all_that_is_in_use_is_named_at_once(there):
    scan(there)
    there.add(Attendee(number="1", name="张三", category_key="guest"))
    there.commit()
    raw = to_raw(PLAN)
    raw["category"].pop()
    raw["service"] = [{"key": "tea", "kind": "meal", "name": "茶歇"}]
    raw["station"] = []
    assert [where for where, _ in refusals(there, of(raw)[0])] == [
        "[[category]] guest", "[[service]] signin", "[[station]] desk-1"]
