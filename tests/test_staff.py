"""Staff: the one-time code, PINs, sign-ins and how they end."""
from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from admin import people
from admin.people import StaffRefused
from models import codes
from models.database import now
from models.devices import Device, Grant
from models.people import Staff, StaffSession
from models.runtime import Runtime

PASSPHRASE = "晴天里的八个汉字"


def names(runtime: Runtime) -> set[str]:
    with runtime.reading() as session:
        return set(session.scalars(select(Staff.name)))


def sessions(runtime: Runtime) -> int:
    with runtime.reading() as session:
        return len(session.scalars(select(StaffSession)).all())


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(StaffRefused) as caught:
        call()
    return caught.value.error


def test_the_one_time_code_makes_one_coordinator_and_signs_them_in(runtime: Runtime) -> None:
    code = people.setup_code(runtime)
    assert code is not None
    assert refusal(lambda: people.redeem_setup(runtime, "00000000" if code != "00000000" else "1", "王芳", PASSPHRASE)) \
        == "setup_used"
    token = people.redeem_setup(runtime, f"{code[:4]} {code[4:]}", "王芳", PASSPHRASE)
    with runtime.reading() as session:
        person = session.scalars(select(Staff)).one()
        assert (person.name, person.role) == ("王芳", "coordinator")
        assert session.scalars(select(StaffSession.token_hash)).one() == codes.digest(token)
    assert refusal(lambda: people.redeem_setup(runtime, code, "李强", PASSPHRASE)) == "setup_used"
    assert people.setup_code(runtime) is None


def test_two_who_use_the_one_time_code_at_once_make_one_coordinator(runtime: Runtime) -> None:
    code = people.setup_code(runtime) or ""
    start, outcomes = threading.Barrier(4), []

    def redeem(name: str) -> None:
        start.wait()
        try:
            outcomes.append(people.redeem_setup(runtime, code, name, PASSPHRASE))
        except StaffRefused as refused:
            outcomes.append(refused.error)
    threads = [threading.Thread(target=redeem, args=(f"人{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("setup_used") == 3
    assert len(names(runtime)) == 1


def test_a_newer_one_time_code_ends_the_older(runtime: Runtime) -> None:
    old, new = people.setup_code(runtime) or "", people.setup_code(runtime) or ""
    if old != new:
        assert refusal(lambda: people.redeem_setup(runtime, old, "王芳", PASSPHRASE)) == "setup_used"
    people.redeem_setup(runtime, new, "王芳", PASSPHRASE)


@pytest.mark.parametrize(("role", "secret", "error"), [
    ("staff", "123", "pin_short"), ("lead", "", "pin_short"), ("lead", "abcd", "pin_short"),
    ("coordinator", "1234567", "passphrase_short"), ("coordinator", " " * 9, "passphrase_short"),
    ("coordinator", "x" * 129, "too_long"), ("chief", "12345678", "no_role")])
def test_a_secret_that_is_too_short_is_refused_in_words(runtime: Runtime, role: str, secret: str, error: str) -> None:
    assert refusal(lambda: people.create(runtime, "王芳", role, secret)) == error
    assert names(runtime) == set()
    assert people.SENTENCES[error]


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb"])
def test_a_name_is_needed(runtime: Runtime, name: str) -> None:
    assert refusal(lambda: people.create(runtime, name, "staff", "2468")) == "no_name"


def test_a_name_is_given_once(runtime: Runtime) -> None:
    people.create(runtime, " 王芳 ", "staff", "2468")
    assert refusal(lambda: people.create(runtime, "王芳", "lead", "2468")) == "exists"


def test_signing_in_starts_a_session_that_signing_out_ends(runtime: Runtime) -> None:
    people.create(runtime, "王芳", "lead", "2468")
    token, role = people.sign_in(runtime, "王芳 ", "2468")
    assert (role, sessions(runtime)) == ("lead", 1)
    people.sign_out(runtime, "another")
    assert sessions(runtime) == 1
    people.sign_out(runtime, token)
    assert sessions(runtime) == 0


@pytest.mark.parametrize(("name", "pin"), [("王芳", "8642"), ("李强", "2468"), ("王芳", ""), ("", ""), ("王芳", "x" * 100_000)])
def test_a_wrong_name_or_pin_is_told_the_same(runtime: Runtime, name: str, pin: str) -> None:
    people.create(runtime, "王芳", "lead", "2468")
    assert refusal(lambda: people.sign_in(runtime, name, pin)) == "wrong"
    assert sessions(runtime) == 0


def test_a_reset_ends_what_the_old_pin_began(runtime: Runtime) -> None:
    people.create(runtime, "王芳", "lead", "2468")
    people.sign_in(runtime, "王芳", "2468")

    def stand_beside(session: Session) -> None:
        tablet = Device(station_key="desk-1", token_hash="x", paired_at=now())
        session.add(tablet)
        session.flush()
        session.add(Grant(token_hash="y", device_id=tablet.id, expires_at=now() + timedelta(minutes=5),
                          staff_id=session.scalars(select(Staff.id)).one()))
    runtime.writer.do(stand_beside)
    assert people.reset(runtime, "王芳", "8642") == "lead"
    with runtime.reading() as session:
        assert session.scalars(select(Grant)).all() == []
    assert sessions(runtime) == 0
    assert refusal(lambda: people.sign_in(runtime, "王芳", "2468")) == "wrong"
    people.sign_in(runtime, "王芳", "8642")
    assert refusal(lambda: people.reset(runtime, "李强", "2468")) == "unknown"


def test_somebody_disabled_is_out_at_once_and_back_after_a_reset(runtime: Runtime) -> None:
    people.create(runtime, "王芳", "staff", "2468")
    people.sign_in(runtime, "王芳", "2468")
    people.disable(runtime, "王芳")
    assert sessions(runtime) == 0
    assert refusal(lambda: people.sign_in(runtime, "王芳", "2468")) == "wrong"
    people.reset(runtime, "王芳", "2468")
    people.sign_in(runtime, "王芳", "2468")


def test_the_last_coordinator_stays(runtime: Runtime) -> None:
    people.create(runtime, "王芳", "coordinator", PASSPHRASE)
    assert refusal(lambda: people.disable(runtime, "王芳")) == "last_coordinator"
    people.create(runtime, "李强", "coordinator", PASSPHRASE)
    people.disable(runtime, "王芳")
    assert refusal(lambda: people.disable(runtime, "李强")) == "last_coordinator"


def test_sessions_that_are_over_are_swept_away(runtime: Runtime) -> None:
    people.create(runtime, "王芳", "staff", "2468")
    people.sign_in(runtime, "王芳", "2468")
    runtime.writer.do(lambda session: session.execute(
        update(StaffSession).values(expires_at=now() - timedelta(minutes=1))).close())
    people.sign_in(runtime, "王芳", "2468")
    assert sessions(runtime) == 1
