"""What the writer remembers between two groups of scans is never older than the file."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

from models import badges, kept
from models.audit import audit
from models.event import touch
from models.people import Attendee
from models.runtime import Runtime
from models.scans import Scan, Tally
from tests.conftest import Tablet


def reads_of(runtime: Runtime, work: Callable[[], Any]) -> tuple[Any, str]:
    """What a piece of work gave, and the statements it ran."""
    said: list[str] = []

    def trace(connection: Any, *_more: Any) -> None:
        connection.set_trace_callback(said.append)
    event.listen(runtime.engine, "checkout", trace)
    try:
        return work(), "\n".join(said)
    finally:
        event.remove(runtime.engine, "checkout", trace)


def test_a_badge_seen_before_is_judged_without_reading_it_again(runtime: Runtime, desk: Tablet, badge: str) -> None:
    desk.scan(badge, "signin")
    again, statements = reads_of(runtime, lambda: desk.scan(badge, "signin"))
    assert again["reason"] == "used_up"
    assert "FROM badge" not in statements
    assert "FROM tally" not in statements


def test_a_row_that_somebody_else_wrote_is_seen_at_once(runtime: Runtime, desk: Tablet, badge: str, write: Any) -> None:
    first = desk.scan(badge, "signin")
    # As a restore or a database tool would: the row is gone, and with it the use.
    write(lambda session: session.execute(delete(Scan).where(Scan.id == first["id"])))
    write(lambda session: session.execute(update(Tally).values(uses=0, people=0)))
    assert desk.scan(badge, "signin")["verdict"] == "accepted"
    assert desk.counts()["services"]["signin"]["uses"] == 1


def test_a_changed_row_at_the_end_of_the_ledger_is_seen(runtime: Runtime, desk: Tablet, badge: str, write: Any) -> None:
    desk.scan(badge, "signin")
    write(lambda session: session.execute(update(Scan).values(chain="0" * 32)))
    _again, statements = reads_of(runtime, lambda: desk.scan(badge, "signin"))
    assert "FROM badge" in statements


def test_a_new_badge_or_a_corrected_person_is_what_the_next_scan_sees(
        runtime: Runtime, desk: Tablet, create_attendee: Any, write: Any) -> None:
    person, code = create_attendee("张三")
    desk.scan(code, "signin")

    def correct(session: Any) -> None:
        session.execute(update(Attendee).where(Attendee.id == person).values(name="张叁", state="cancelled"))
        touch(session, "roster")
    write(correct)
    said = desk.scan(code, "bag")
    assert (said["reason"], said["attendee"]["name"]) == ("cancelled", "张叁")
    new = write(lambda session: badges.reissue(session, person))
    assert desk.scan(code, "bag")["reason"] == "revoked"
    assert desk.scan(new, "bag")["reason"] == "cancelled"


def test_what_did_not_reach_the_disk_is_not_remembered(
        runtime: Runtime, desk: Tablet, badge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.scan(badge, "bag")
    refused: list[int] = []

    def fail(connection: Any) -> None:
        if not refused:
            refused.append(1)
            raise OSError("the disk is gone")
    event.listen(runtime.engine, "commit", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        desk.scan(badge, "signin")
    event.remove(runtime.engine, "commit", fail)
    assert desk.scan(badge, "signin")["verdict"] == "accepted"
    with runtime.reading() as session:
        assert len(session.execute(select(Scan)).all()) == 2
    assert audit(runtime) == (2, [])


def test_more_people_than_it_holds_are_judged_all_the_same(
        runtime: Runtime, desk: Tablet, create_attendee: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MANY", 2)
    crowd = [create_attendee(f"参会{n}")[1] for n in range(7)]
    assert [desk.scan(code, "signin")["verdict"] for code in crowd] == ["accepted"] * 7
    assert [desk.scan(code, "signin")["reason"] for code in crowd] == ["used_up"] * 7
    assert desk.counts()["services"]["signin"]["uses"] == 7
