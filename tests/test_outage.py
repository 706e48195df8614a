"""Outages, played with the real server killed and started again at its port, and tablets in real browsers.

The page's clock is the real one; an outage lasts as long as its scans take, but the one of a minute.
"""
from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from kiosk import pairing
from models.devices import Device
from models.purge import close
from models.scans import Scan
from tests.outage_site import Venue, is_ready_for_an_outage
from tests.station_browser import pair_page
from tests.test_browser_modules import wedge_types

OUTAGE_SECONDS = 60


@pytest.fixture
def venue(data: Path) -> Iterator[Venue]:
    made = Venue(data)
    try:
        made.start()
        yield made
    finally:
        made.kill()


@pytest.fixture
def tablet(system_chromium: Browser, venue: Venue, write: Any) -> Iterator[Any]:
    """Makes paired tablets, each a browser of its own; errors in their scripts fail the test."""
    contexts, errors = [], []

    def make(station: str, ready: bool = True) -> Page:
        context = system_chromium.new_context(viewport={"width": 1194, "height": 834}, locale="zh-CN")
        contexts.append(context)
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        pair_page(page, venue.url, write, station)
        if ready:
            is_ready_for_an_outage(page)
        return page
    yield make
    for context in contexts:
        context.close()
    assert errors == []


def rows(runtime: Any) -> list[Scan]:
    with runtime.reading() as session:
        found = list(session.scalars(select(Scan).order_by(Scan.seq)))
        session.expunge_all()
        return found


def scan(page: Page, code: str, verdict: str, reason: str = "", offline: bool = True) -> None:
    """A wedge scanner reads the badge; waits for the verdict that it gets."""
    page.evaluate("() => document.getElementById('verdict').click()")
    wedge_types(page, code, 0.003)
    mark = "[data-offline='1']" if offline else ":not([data-offline])"
    expect(page.locator(f"#verdict[data-verdict={verdict}][data-reason='{reason}']{mark}")).to_be_visible(timeout=40_000)


def waiting_is(page: Page, count: int) -> None:
    """Waits until so many scans stand on the tablet's shelf without an answer."""
    page.evaluate("""async (count) => {
      const open = indexedDB.open('huiwu');
      const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
      const end = Date.now() + 90000;
      for (let found = -1; found !== count; await new Promise((again) => setTimeout(again, 100))) {
        if (Date.now() > end) throw new Error(`${found} wait, not ${count}`);
        const ask = base.transaction('scans').objectStore('scans').index('acked').count(0);
        found = await new Promise((done) => { ask.onsuccess = () => done(ask.result); });
      }
      base.close();
    }""", count)


def test_a_gate_judges_by_itself_shows_who_it_is_and_sends_it_once(venue, tablet, runtime, create_attendee):
    _id, code = create_attendee("欧阳娜娜", organisation="第十二研究所", diet="清真")
    _id, press = create_attendee("王记者", category="press")
    page = tablet("gate-1")
    venue.kill()
    scan(page, code, "accepted")
    for said in ("离线核验", "欧阳娜娜", "第十二研究所", "清真"):
        expect(page.locator("#verdict")).to_contain_text(said)
    scan(page, code, "refused", "used_up")
    expect(page.locator("#verdict")).to_contain_text("餐厅入口")
    scan(page, press, "refused", "not_entitled")
    scan(page, "B" + "Z" * 20, "refused", "unknown")
    expect(page.locator("#link")).to_contain_text("4 条待上传")
    page.reload()
    expect(page.locator("#link")).to_contain_text("4 条待上传")
    venue.start()
    waiting_is(page, 0)
    assert [(one.verdict, one.reason, one.conflict, one.offline) for one in rows(runtime)] == [
        ("accepted", None, False, True), ("refused", "used_up", False, False), ("refused", "not_entitled", False, False),
        ("refused", "unknown", False, False)]


def test_two_tablets_through_a_minute_without_a_server_lose_nothing_and_the_double_is_settled_with_two_taps(
        venue, tablet, runtime, create_attendee, create_staff):
    codes = [create_attendee(f"代表{number}")[1] for number in range(9)]
    both = codes[0]
    one, two = tablet("gate-1"), tablet("gate-1")
    scan(one, codes[7], "accepted", offline=False)
    venue.kill()
    began = time.monotonic()
    for code in codes[:4]:
        scan(one, code, "accepted")
    one.reload()
    expect(one.locator("#link")).to_contain_text("4 条待上传")
    for page, mine in ((two, [both, *codes[4:7]]), (one, codes[8:])):
        for code in mine:
            scan(page, code, "accepted")
    scan(one, codes[1], "refused", "used_up")
    scan(one, codes[7], "refused", "used_up")
    time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
    venue.start()
    waiting_is(one, 0)
    waiting_is(two, 0)
    expect(one.locator("#link")).to_contain_text("已连接")
    found = rows(runtime)
    assert len(found) == len({row.id for row in found}) == 1 + 4 + 4 + 1 + 2
    assert [(row.verdict, row.reason) for row in found if row.conflict] == [("accepted", "used_up")]
    assert sum(row.verdict == "accepted" for row in found) == 1 + 4 + 4 + 1
    create_staff("陈总", "lead")
    lead = one.context.browser.new_page(locale="zh-CN")
    lead.goto(f"{venue.url}/login?next=/admin/conflicts")
    lead.fill("[name=name]", "陈总")
    lead.fill("[name=secret]", "2468")
    lead.click("button.primary")
    lead.goto(f"{venue.url}/admin/conflicts")
    lead.locator("main summary.danger").click()
    lead.locator("details[open] button.danger").click()
    expect(lead.locator("main")).to_contain_text("已撤销")
    lead.close()
    undone = [row for row in rows(runtime) if row.voids is not None]
    assert [row.voids for row in undone] == [next(row.seq for row in found if row.conflict)]


def test_a_desk_knows_the_badge_in_hand_without_the_server_also_after_a_reload(venue, tablet, runtime, create_attendee):
    _id, code = create_attendee("欧阳娜娜", organisation="第十二研究所", seat="A-12")
    page = tablet("desk-1")
    venue.kill()
    page.reload()
    wedge_types(page, code, 0.003)
    card = page.locator("#card[data-offline='1']")
    for said in ("离线核验", "欧阳娜娜", "第十二研究所", "A-12"):
        expect(card).to_contain_text(said)
    expect(card.locator(".tile[data-service=bag]")).to_be_disabled()
    card.locator(".tile[data-service=signin]").click()
    expect(page.locator("#verdict[data-verdict=accepted][data-offline='1']")).to_contain_text("离线核验")
    expect(card.locator(".tile.kept")).to_have_count(1)
    wedge_types(page, code, 0.003)
    expect(page.locator("#card .tile.next[data-service=bag]")).to_be_enabled()
    expect(page.locator("#card .tile.done[data-service=signin]")).to_be_disabled()
    page.click("#card .tile[data-service=bag]")
    expect(page.locator("#waiting")).to_have_text("2")
    wedge_types(page, "B" + "Z" * 20, 0.003)
    expect(page.locator("#verdict[data-reason=unknown][data-offline='1']")).to_be_visible()
    venue.start()
    waiting_is(page, 0)
    assert [(row.service_key, row.verdict, row.offline) for row in rows(runtime)] == [
        ("signin", "accepted", True), ("bag", "accepted", True)]


def test_a_kiosk_says_that_it_cannot_and_checks_nobody_in_later(venue, tablet, runtime, badge):
    page = tablet("kiosk-1", ready=False)
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    venue.kill()
    wedge_types(page, badge, 0.003)
    expect(page.locator("#verdict[data-verdict=waiting]")).to_contain_text("请到报到台")
    page.reload()
    expect(page.locator(".away")).to_be_visible()
    waiting_is(page, 0)
    venue.start()
    expect(page.locator(".away")).to_be_hidden(timeout=60_000)
    assert rows(runtime) == []


def test_nothing_that_a_tablet_keeps_names_anybody(venue, tablet, create_attendee):
    create_attendee("欧阳保密", organisation="保密单位", phone="13812341234")
    page = tablet("gate-1")
    kept = page.evaluate("""async () => {
      const said = [];
      for (const { name } of await indexedDB.databases()) {
        const open = indexedDB.open(name);
        const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
        for (const store of base.objectStoreNames) {
          const ask = base.transaction(store).objectStore(store).getAll();
          said.push(JSON.stringify(await new Promise((done) => { ask.onsuccess = () => done(ask.result); })));
        }
      }
      for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) said.push(request.url, await (await cache.match(request)).text());
      }
      return said.join(String.fromCharCode(10));
    }""")
    assert "/static/js/luminance.js" in kept and "/static/vendor/zxing_reader.wasm" in kept and "gate-1" in kept
    assert not [word for word in ("欧阳", "保密", "1381234") if word in kept]
    kept_pages = {line.removeprefix(venue.url) for line in kept.splitlines() if line.startswith(venue.url)}
    assert not [path for path in kept_pages if not path.startswith("/static/") and path != "/station"]


def test_a_closed_event_clears_the_tablet_once_nothing_waits(venue, tablet, runtime, badge):
    page = tablet("gate-1")
    scan(page, badge, "accepted", offline=False)
    close(runtime)
    page.reload()
    expect(page.locator(".over-note")).to_be_visible()
    assert page.evaluate("""async () => {
      const counts = [];
      for (const [name, store] of [["huiwu", "scans"], ["huiwu-roster", "entries"]]) {
        const open = indexedDB.open(name);
        const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
        const ask = base.transaction(store).objectStore(store).count();
        counts.push(await new Promise((done) => { ask.onsuccess = () => done(ask.result); }));
      }
      return counts;
    }""") == [0, 0]


def test_a_server_that_comes_and_goes_gets_every_scan_once_and_in_order(venue, tablet, runtime, create_attendee):
    codes = [create_attendee(f"代表{number}")[1] for number in range(6)]
    page = tablet("gate-1")
    for start in (0, 2, 4):
        venue.kill()
        for code in codes[start:start + 2]:
            scan(page, code, "accepted")
        venue.start()
    waiting_is(page, 0)
    sent = page.evaluate("""async () => {
      const open = indexedDB.open('huiwu');
      const base = await new Promise((done) => { open.onsuccess = () => done(open.result); });
      const ask = base.transaction('scans').objectStore('scans').getAll();
      return (await new Promise((done) => { ask.onsuccess = () => done(ask.result); })).map((row) => row.scan.id);
    }""")
    assert [row.id for row in rows(runtime)] == sent and len(sent) == 6


def test_a_tablet_whose_storage_was_cleared_fetches_its_list_and_scans_on(venue, tablet, runtime, badge):
    page = tablet("gate-1")
    page.evaluate("""async () => {
      for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
      for (const name of await caches.keys()) await caches.delete(name);
    }""")
    page.reload()
    is_ready_for_an_outage(page)
    venue.kill()
    scan(page, badge, "accepted")
    venue.start()
    waiting_is(page, 0)
    assert [row.offline for row in rows(runtime)] == [True]


def test_what_a_revoked_tablet_still_had_is_kept_aside_and_it_says_so(venue, tablet, runtime, write, badge):
    page = tablet("gate-1")
    venue.kill()
    scan(page, badge, "accepted")
    with runtime.reading() as session:
        [device] = session.scalars(select(Device.id)).all()
    write(lambda session: pairing.revoke(session, device))
    venue.start()
    waiting_is(page, 0)
    expect(page.locator("#toasts")).to_contain_text("已交")
    assert rows(runtime) == []
