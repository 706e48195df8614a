"""Whatever happens between two fetches, a tablet that merges what changed holds what a new tablet would get."""
from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from app import create_app, create_tables
from kiosk import pairing
from models import badges, codes
from models.database import now
from models.event import Category, Entitlement, Station, touch
from models.people import Attendee, Badge, Coupon
from models.runtime import Runtime
from tests.conftest import Tablet, fill
from tests.offline_copy import Held, held_by

PEOPLE = st.integers(0, 2)


class Deltas(RuleBasedStateMachine):
    """Random walks over one small event; a gate and a desk fetch now and then, and once the server starts anew."""

    @initialize()
    def open_event(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        create_tables(self.folder)
        self.app = create_app({"DATA": self.folder, "RATELIMIT_ENABLED": False})
        self.runtime: Runtime = self.app.extensions["huiwu"]
        self.write(fill)
        self.ids: list[int] = [self.write(self._person) for _ in range(3)]
        self.tablets = {key: self._pair(key) for key in ("gate-1", "desk-1")}
        self.held = {key: Held() for key in self.tablets}
        self.scans: list[tuple[Tablet, str]] = []

    def write(self, do: Any) -> Any:
        return self.runtime.writer.do(do)

    @staticmethod
    def _person(session: Any) -> int:
        person = Attendee(name="甲", number=uuid.uuid4().hex, category_key="delegate")
        session.add(person)
        session.flush()
        badges.issue(session, person.id)
        return person.id

    def _pair(self, key: str) -> Tablet:
        client = self.app.test_client(use_cookies=False)
        code = self.write(lambda session: pairing.new_code(session, key)).code
        return Tablet(client, key, client.post("/api/v1/pair", json={"code": code, "name": ""}).get_json()["token"])

    def _code(self, person: int) -> str:
        with self.runtime.reading() as session:
            return session.scalars(select(Badge.code).where(Badge.attendee_id == self.ids[person])
                                   .order_by(Badge.id.desc())).first() or ""

    @rule(person=PEOPLE, what=st.sampled_from(["lunch", "s1", "s2", "signin", "bag"]), direction=st.sampled_from(["in", "out"]),
          offline=st.booleans())
    def scan(self, person: int, what: str, direction: str, offline: bool) -> None:
        tablet = self.tablets["desk-1" if what in ("signin", "bag") else "gate-1"]
        said = tablet.scan(self._code(person), what, direction=direction, offline=offline)
        self.scans.append((tablet, said["id"]))

    @rule(at=st.integers(0, 9))
    def undo(self, at: int) -> None:
        if self.scans:
            tablet, scan_id = self.scans[at % len(self.scans)]
            tablet.void(scan_id)

    @rule(person=PEOPLE)
    def spend_a_coupon(self, person: int) -> None:
        with self.runtime.reading() as session:
            code = session.scalars(select(Coupon.code).where(Coupon.attendee_id == self.ids[person])).first()
        if code:
            self.tablets["gate-1"].scan(code, "lunch")

    @rule(person=PEOPLE)
    def reissue(self, person: int) -> None:
        self.write(lambda session: badges.reissue(session, self.ids[person]))

    @rule(person=PEOPLE, state=st.sampled_from(["cancelled", "registered"]))
    def set_state(self, person: int, state: str) -> None:
        self.write(lambda session: badges.set_state(session, session.get_one(Attendee, self.ids[person]), state))

    @rule(person=PEOPLE, allowed=st.booleans(), limit=st.none() | st.integers(1, 3))
    def make_an_exception(self, person: int, allowed: bool, limit: int | None) -> None:
        def change(session: Any) -> None:
            session.merge(Entitlement(attendee_id=self.ids[person], service_key="lunch", allowed=allowed, limit=limit))
            touch(session, "roster")
        self.write(change)

    @rule()
    def somebody_walks_in(self) -> None:
        self.ids.append(self.write(self._person))

    @rule(person=PEOPLE)
    def a_badge_goes(self, person: int) -> None:
        """No page deletes one; a roster mended by hand does, and the tablet must not keep it."""
        def change(session: Any) -> None:
            for badge in session.scalars(select(Badge).where(Badge.attendee_id == self.ids[person])).all()[:-1]:
                session.delete(badge)
            touch(session, "roster")
        self.write(change)

    @rule(hint=st.sampled_from(["", "请引导"]))
    def change_the_plan(self, hint: str) -> None:
        def change(session: Any) -> None:
            session.get_one(Category, "delegate").hint = hint
            touch(session, "plan")
        self.write(change)

    @rule(short=st.booleans())
    def change_what_the_gate_gives(self, short: bool) -> None:
        def change(session: Any) -> None:
            session.get_one(Station, "gate-1").services = ["lunch", "s1", "s2"] + ([] if short else ["dinner"])
            touch(session, "plan")
        self.write(change)

    @rule()
    def a_tablet_is_paired(self) -> None:
        self._pair("gate-2")

    @rule()
    def nobody_s_coupon_is_made(self) -> None:
        def change(session: Any) -> None:
            session.add(Coupon(code=codes.new(codes.COUPON), service_key="lunch", issued_at=now()))
            touch(session, "roster")
        self.write(change)

    @rule(key=st.sampled_from(["gate-1", "desk-1"]))
    def fetch(self, key: str) -> None:
        self.held[key].fetch(self.tablets[key])

    @rule()
    def the_server_starts_anew(self) -> None:
        self.app.extensions.pop("huiwu.shelves", None)

    @invariant()
    def what_is_merged_is_what_is_new(self) -> None:
        if not hasattr(self, "held"):
            return
        shelves = self.app.extensions.get("huiwu.shelves")
        for key, held in self.held.items():
            merged = Held(held.revision, held.salt, dict(held.entries))
            merged.fetch(self.tablets[key])
            self.app.extensions.pop("huiwu.shelves", None)
            fresh = held_by(self.tablets[key])
            if shelves is not None:
                self.app.extensions["huiwu.shelves"] = shelves
            assert self._opened(merged) == self._opened(fresh), key

    def _opened(self, held: Held) -> dict[str, str]:
        with self.runtime.reading() as session:
            known = [*session.scalars(select(Badge.code)), *session.scalars(select(Coupon.code))]
        opened = {code: json.dumps(held.open(code)) for code in known if codes.digest(code) in held.entries}
        assert len(opened) == len(held.entries)
        return opened

    def teardown(self) -> None:
        if hasattr(self, "runtime"):
            self.runtime.engine.dispose()
            shutil.rmtree(self.folder)


TestDeltas = Deltas.TestCase
TestDeltas.settings = settings(max_examples=8, stateful_step_count=12, deadline=None,
                               suppress_health_check=list(HealthCheck))
