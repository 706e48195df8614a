"""The offline snapshot: who gets it, what is in it, that it is closed without the badge, and that deltas are exact."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from models import codes
from models.runtime import Runtime
from tests.conftest import Tablet
from tests.offline_copy import Held, held_by


def test_a_gate_learns_with_the_badge_in_hand_what_its_mode_may_see_and_no_more(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    _id, code = create_attendee("李四", organisation="某研究院", diet="清真", hint="坐轮椅", seat="A-12", table="3", room="1208",
                                phone="13800001234", vip=True)
    entry = held_by(gate).open(code)
    assert entry.pop("holder")
    assert entry == {"kind": "badge", "revoked": False, "state": "registered", "name": "李四", "org": "某研究院",
                     "category": "delegate", "category_name": "代表", "vip": True, "hints": ["坐轮椅"], "diet": "清真",
                     "table": "3", "entitled": ["lunch", "dinner", "s1", "s2"], "used": {}}


def test_nothing_of_a_person_can_be_read_without_the_code(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    (one, code), (_other, another) = create_attendee("欧阳保密", organisation="保密单位"), create_attendee("王五")
    said = gate.client.get("/api/v1/roster", headers={"Authorization": f"Bearer {gate.token}"}).text
    assert not [word for word in ("欧阳保密", "保密单位", "\\u6b27", code, another, "delegate", "registered") if word in said]
    held = held_by(gate)
    assert held.open(code)["name"] == "欧阳保密" and held.open(code)["holder"] not in ("", str(one))
    mine, theirs = sorted(held.entries)[:2]
    held.entries[mine], held.entries[theirs] = held.entries[theirs], held.entries[mine]
    with pytest.raises(InvalidTag):     # another badge opens no entry but its own
        held.open(code)


def test_only_a_gate_or_desk_with_offline_rights_gets_it(pair: Callable[[str], Tablet]) -> None:
    assert [pair(key).call("GET", "/api/v1/roster")[0] for key in ("gate-1", "gate-2", "desk-1", "kiosk-1", "board")] == [
        200, 403, 200, 403, 403]
    assert pair("gate-2").call("GET", "/api/v1/roster")[1]["error"] == "no_offline_rights"


def test_what_is_known_already_is_not_sent_again_and_a_use_sends_its_holder_only(
        gate: Tablet, create_attendee: Callable[..., tuple[int, str]]) -> None:
    (_one, code), (_other, another) = create_attendee(), create_attendee()
    held = held_by(gate)
    assert set(held.entries) == {codes.digest(code), codes.digest(another)}
    assert gate.call("GET", "/api/v1/roster", **{"If-None-Match": f'"{held.revision}"'})[0] == 304
    gate.scan(code, "lunch")
    assert gate.call("GET", "/api/v1/roster", **{"If-None-Match": f'"{held.revision}"'})[0] == 200
    said = held.fetch(gate)
    assert list(said["entries"]) == [codes.digest(code)] and said["since"]
    assert held.open(code)["used"]["lunch"]["uses"] == 1


def test_a_restarted_server_still_sends_only_what_changed(
        app: Any, gate: Tablet, create_attendee: Callable[..., tuple[int, str]], runtime: Runtime) -> None:
    (_one, code), _other = create_attendee(), create_attendee()
    held = held_by(gate)
    app.extensions.pop("huiwu.shelves")
    gate.scan(code, "lunch")
    assert list(held.fetch(gate)["entries"]) == [codes.digest(code)]
    assert Held(held.revision, held.salt, held.entries).open(code)["used"]["lunch"]["first"]["station_name"] == "餐厅入口"
