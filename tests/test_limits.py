"""Guessing: what is counted by whom, what ten thousand tries learn, and that nobody who guesses keeps others from working."""
from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from itsdangerous import URLSafeSerializer
from sqlalchemy.orm import Session

import guard
import pins
import throttle
import tries
from admin import people
from app import create_app
from doors import DOOR, LAN, LAPTOP
from kiosk import pairing, search, tried
from models import codes
from models.names import fold, search_keys
from models.people import Attendee
from models.runtime import Runtime
from models.snapshot import DeviceView
from sessions import STAFF_COOKIE
from tests.conftest import Tablet, at_once, post, sign_in
from tries import Budgets, Tries

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高"


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(data: Path, clock: Clock) -> Iterator[Flask]:
    """The application with its limits on, and their clock in the test's hand."""
    made = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})
    made.extensions["huiwu.tries"] = Budgets(clock=clock)
    yield made
    made.extensions["huiwu"].engine.dispose()


class Compared:
    """Counts the hasher's work and does without it: ten thousand real ones take a quarter of an hour."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, right: str = "2468"):
        self.hashes: list[str] = []
        self._right = right
        monkeypatch.setattr(pins, "_hasher", self)

    def verify(self, hashed: str, secret: str) -> bool:
        self.hashes.append(hashed)
        return secret == self._right


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch, create_staff: Callable[..., None]) -> Compared:
    """A lead and a coordinator, and the hasher's count."""
    create_staff("李组长", "lead")
    create_staff("陈总", "coordinator")
    return Compared(monkeypatch)


def moved(app: Flask, tablet: Tablet) -> Tablet:
    """The tablet, talking to this application."""
    return Tablet(app.test_client(use_cookies=False), tablet.key, tablet.token)


@contextmanager
def beside(app: Flask, device: int) -> Iterator[None]:
    """Within a request of a tablet: ten thousand of them through the whole server take a minute."""
    with app.test_request_context():
        g.device = DeviceView(device, "kiosk-1", "")
        yield


def at_laptop(app: Flask) -> FlaskClient:
    """A new browser of the laptop itself, at its own door."""
    browser = app.test_client()
    browser.environ_base |= {DOOR: LAPTOP, "REMOTE_ADDR": "127.0.0.1"}
    return browser


def grant(tablet: Tablet, pin: str, name: str = "李组长") -> int:
    return tablet.call("POST", "/api/v1/grant", {"name": name, "pin": pin})[0]


# --- the counting itself ---

def test_so_many_tries_in_so_many_seconds_and_several_rules_together(clock: Clock) -> None:
    counted = Tries((3, 60.0), (5, 3600.0), clock=clock)
    assert [counted.take("a") for _ in range(4)] == [0, 0, 0, 60]
    assert counted.take("b") == 0
    clock.at += 61
    assert [counted.take("a") for _ in range(3)] == [0, 0, 3600 - 61]
    counted.give("a")
    assert counted.take("a") == 0
    clock.at += 3600
    assert counted.take("a") == 0


def test_tries_made_all_at_once_are_no_more(clock: Clock) -> None:
    counted = Tries((10, 60.0), clock=clock)
    assert sorted(bool(wait) for wait in at_once(30, lambda _number: counted.take("a"))) == [False] * 10 + [True] * 20


def test_keys_that_nobody_tries_any_more_are_forgotten(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "KEYS", 100)
    counted = Tries((3, 60.0), clock=clock)
    for number in range(500):
        clock.at += 1
        counted.take(number)
    assert len(counted._made) <= 101


def test_a_try_that_one_budget_refuses_counts_in_none(clock: Clock) -> None:
    budgets, one, other = Budgets(clock=clock), Tries((5, 60.0), clock=clock), Tries((1, 60.0), clock=clock)
    for _ in range(3):
        try:
            with budgets.trying((one, ""), (other, "")):
                pass
        except tries.TooOften as often:
            assert often.retry_after == 60
    assert [one.take("") for _ in range(5)] == [0, 0, 0, 0, 60]


# --- PINs ---

def test_ten_thousand_pins_typed_at_a_stolen_tablet_are_sixty_a_day_and_lock_no_other_tablet_out(
        limited: Flask, pair: Callable[[str], Tablet], compared: Compared, clock: Clock) -> None:
    stolen, other, known = (moved(limited, pair(key)) for key in ("kiosk-1", "desk-1", "gate-1"))
    assert grant(known, "2468") == 201
    before = len(compared.hashes)
    assert [grant(stolen, f"x{number}") for number in range(11)] == [403] * 10 + [429]
    with beside(limited, 1):
        for number in range(10_000):
            clock.at += 8.6
            with suppress(tries.TooOften):
                tried.person_beside("李组长", f"x{number:04d}")
    assert len(compared.hashes) - before == 60
    assert grant(stolen, "2468") == 429
    assert grant(other, "2468") == 201
    assert grant(known, "2468") == 201


def test_many_stolen_tablets_wear_a_lead_s_tries_out_but_not_where_the_lead_has_been(
        limited: Flask, pair: Callable[[str], Tablet], compared: Compared, clock: Clock) -> None:
    known = moved(limited, pair("gate-1"))
    assert grant(known, "2468") == 201
    for _ in range(12):
        thief = moved(limited, pair("kiosk-1"))
        for _ in range(3):
            clock.at += 61
            for number in range(10):
                grant(thief, f"x{number}")
    assert len(compared.hashes) <= 101
    assert grant(moved(limited, pair("desk-1")), "2468") == 429
    assert grant(known, "2468") == 201


def test_pins_typed_to_leave_a_kiosk_and_to_be_granted_are_counted_together(
        limited: Flask, pair: Callable[[str], Tablet], compared: Compared) -> None:
    tablet = moved(limited, pair("kiosk-1"))
    browser = limited.test_client()
    browser.set_cookie("huiwu_station", tablet.token)
    for number in range(5):
        assert grant(tablet, f"x{number}") == 403
    for path in ("/station/leave", "/pair") * 3:
        status = post(browser, path, "/station", code="123456", name="李组长", pin="x").status_code
    assert status == 429
    assert len(compared.hashes) == 10
    assert sign_in(browser, "李组长").status_code == 429        # at the same tablet it is the same thief


def test_a_new_pin_begins_anew(limited: Flask, compared: Compared, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    thief, owner = limited.test_client(), limited.test_client()
    while sign_in(thief, "李组长", "x").status_code == 403:
        pass
    assert sign_in(owner, "李组长").status_code == 429
    monkeypatch.undo()
    people.reset(runtime, "李组长", "8642")
    assert sign_in(owner, "李组长", "8642").status_code == 303


# --- signing in ---

def test_passphrases_guessed_from_everywhere_leave_the_person_in_where_they_are_known(
        limited: Flask, compared: Compared, clock: Clock, pair: Callable[[str], Tablet]) -> None:
    own = limited.test_client()
    assert sign_in(own, "陈总").status_code == 303
    own.delete_cookie(STAFF_COOKIE)
    before = len(compared.hashes)
    for number in range(600):
        clock.at += 144                             # a day
        thief = limited.test_client()
        thief.environ_base["REMOTE_ADDR"] = f"192.0.2.{number % 250}"
        sign_in(thief, " 陈总 " if number % 2 else "陈总", f"x{number}")
    assert len(compared.hashes) - before <= 60
    assert sign_in(limited.test_client(), "陈总").status_code == 429
    assert sign_in(own, "陈总").status_code == 303
    tablet = limited.test_client()
    tablet.set_cookie("huiwu_station", pair("desk-1").token)
    assert sign_in(tablet, "陈总").status_code == 303


def test_one_pin_tried_with_many_names_is_counted_for_all_strangers_together(
        limited: Flask, compared: Compared, clock: Clock) -> None:
    own = limited.test_client()
    assert sign_in(own, "李组长").status_code == 303
    for number in range(100):
        clock.at += 0.01
        thief = limited.test_client()
        sign_in(thief, f"某{number}", "1234")
    assert len(compared.hashes) <= 31
    assert sign_in(own, "李组长").status_code == 303


def test_a_known_browser_s_cookie_opens_nothing_names_nobody_and_is_not_forged(
        limited: Flask, compared: Compared) -> None:
    own, thief = limited.test_client(), limited.test_client()
    sign_in(own, "李组长")
    cookie = own.get_cookie("huiwu_known")
    assert cookie and "李组长" not in cookie.decoded_value
    thief.set_cookie("huiwu_known", cookie.value)
    assert thief.get("/admin/stations").status_code == 303
    said = [sign_in(thief, "李组长", "x").status_code for _ in range(11)]
    assert said == [403] * 10 + [429]               # the copy has the browser's tries, and no more
    other = limited.test_client()
    while sign_in(other, "陈总", "x").status_code == 403:
        pass
    names = [codes.digest("陈总")[:16]]
    forged = URLSafeSerializer("guessed", salt="known-browser").dumps(["x", names])
    for worthless in (str(forged), cookie.value):   # another person's browser is no known one of this person
        other.set_cookie("huiwu_known", worthless)
        assert sign_in(other, "陈总").status_code == 429


def test_the_passphrase_asked_again_is_not_guessed_at_an_open_laptop(limited: Flask, compared: Compared) -> None:
    browser = limited.test_client()
    sign_in(browser, "陈总")
    said = [post(browser, "/confirm", "/admin/", next="", passphrase=f"x{n}").status_code for n in range(12)]
    assert said == [403] * 10 + [429] * 2


def test_the_one_time_code_of_the_first_coordinator_is_not_guessed(data: Path, limited: Flask, runtime: Runtime) -> None:
    code = people.setup_code(runtime)
    budget = limited.extensions["huiwu.tries"].founding
    said = [budget.take(LAN) for _ in range(101)]
    assert said[99] == 0 and said[100] > 0
    browser = limited.test_client()
    answer = post(browser, "/setup", code=code or "", name="陈总", secret="八个字以上的口令", again="八个字以上的口令")
    assert answer.status_code == 429
    laptop = at_laptop(limited)                     # it has a count of its own: the set-up goes on there
    answer = post(laptop, "/setup", code=code or "", name="陈总", secret="八个字以上的口令", again="八个字以上的口令")
    assert answer.status_code == 303


def test_the_one_time_code_is_guessed_a_hundred_times_at_the_laptop_too(limited: Flask, runtime: Runtime) -> None:
    people.setup_code(runtime)
    said = [limited.extensions["huiwu.tries"].founding.take(LAPTOP) for _ in range(101)]
    assert said[99] == 0 and said[100] > 0
    answer = post(at_laptop(limited), "/setup", code="00000000", name="陈总", secret="long enough", again="long enough")
    assert answer.status_code == 429


@pytest.mark.parametrize(("name", "secret"), [("陈总", "短"), ("", "long enough"), ("陈总", "长" * 129)])
def test_a_first_passphrase_or_name_that_does_not_fit_is_no_guess_at_the_code(
        limited: Flask, runtime: Runtime, name: str, secret: str) -> None:
    code, browser = people.setup_code(runtime), limited.test_client()
    assert {post(browser, "/setup", code="1", name=name, secret=secret, again=secret).status_code
            for _ in range(3)} == {403}
    assert not limited.extensions["huiwu.tries"].founding._made
    answer = post(browser, "/setup", code=code or "", name="陈总", secret="long enough", again="long enough")
    assert answer.status_code == 303


def test_passphrases_guessed_on_the_lan_leave_a_new_browser_at_the_laptop_in_and_there_are_ten_there(
        limited: Flask, compared: Compared) -> None:
    thief = limited.test_client()
    said = [sign_in(thief, "陈总", "x").status_code for _ in range(11)]
    assert said == [403] * 10 + [429]
    assert sign_in(at_laptop(limited), "陈总").status_code == 303
    said = [sign_in(at_laptop(limited), "陈总", "x").status_code for _ in range(11)]
    assert said == [403] * 10 + [429]


# --- the same time, whoever it is ---

def test_an_unknown_name_costs_the_same_work_as_a_known_one(
        app: Flask, pair: Callable[[str], Tablet], compared: Compared, runtime: Runtime) -> None:
    tablet, browser = pair("kiosk-1"), app.test_client()
    browser.set_cookie("huiwu_station", tablet.token)

    def work(do: Callable[[], Any]) -> int:
        compared.hashes.clear()
        do()
        assert all(one.startswith("$argon2id$") for one in compared.hashes)
        return len(compared.hashes)
    for name in ("李组长", "没这人", ""):
        assert work(partial(sign_in, app.test_client(), name, "x")) == 1
        assert work(partial(grant, tablet, "x", name or "空")) == 1
        assert work(partial(post, browser, "/station/leave", "/station", name=name, pin="x")) == 1
    unknown = {one.split("$")[3] for one in compared.hashes}
    compared.hashes.clear()
    sign_in(app.test_client(), "李组长", "x")
    assert {one.split("$")[3] for one in compared.hashes} == unknown       # with the same parameters


def test_tokens_are_looked_up_by_their_digest_and_never_compared(app: Flask, desk: Tablet, runtime: Runtime) -> None:
    for token in (desk.token[:-1], desk.token + "A", "", "%", desk.token.lower(), next(iter(runtime.plan(fresh=True).devices))):
        assert Tablet(desk.client, "desk-1", token).call("GET", "/api/v1/station")[0] == 401


# --- a flood at the sign-in ---

class Slow:
    """Stands where argon2 takes its time."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.most, self._now = threading.Semaphore(0), threading.Event(), 0, 0

    def verify(self, _hashed: str, _secret: str) -> bool:
        self._now += 1
        self.most = max(self.most, self._now)
        self.begun.release()
        self.go_on.wait(20)
        self._now -= 1
        return True


def test_one_stranger_s_secret_is_compared_at_a_time_four_wait_and_the_rest_come_again(
        limited: Flask, create_staff: Callable[..., None], monkeypatch: pytest.MonkeyPatch,
        pair: Callable[[str], Tablet]) -> None:
    create_staff("李组长", "lead")
    desk = moved(limited, pair("desk-1"))
    browsers = [limited.test_client() for _ in range(5)]
    pages = [re.search(r'name="csrf-token" content="([^"]+)"', browser.get("/login").text) for browser in browsers]
    slow = Slow()
    monkeypatch.setattr(pins, "_hasher", slow)

    def knock(number: int) -> int:
        page = pages[number]
        return browsers[number].post("/login", data={"csrf_token": page[1] if page else "", "name": f"某{number}",
                                                     "secret": "x"}).status_code
    with ThreadPoolExecutor(5) as pool:
        waiting = [pool.submit(knock, number) for number in range(5)]
        assert slow.begun.acquire(timeout=10)
        for _ in range(1000):                       # until all five have come
            if pins.STRANGERS._places._value == 0:
                break
            threading.Event().wait(0.01)
        late = limited.test_client()
        answer = sign_in(late, "又一位")
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]) > 0
        assert "过几秒再试" in answer.text
        assert slow.most == 1
        lead = threading.Thread(target=grant, args=(desk, "2468"))
        lead.start()                                # a tablet's turn is not behind theirs
        assert slow.begun.acquire(timeout=10) and slow.most == 2
        slow.go_on.set()
        lead.join(10)
        assert [one.result(10) for one in waiting] == [403] * 5


def test_strangers_who_hold_all_places_keep_nobody_from_signing_in_where_they_are_known(
        limited: Flask, compared: Compared, monkeypatch: pytest.MonkeyPatch) -> None:
    own = limited.test_client()
    assert sign_in(own, "陈总").status_code == 303
    own.delete_cookie(STAFF_COOKIE)
    full = throttle.Places()
    for number in range(throttle.STRANGERS):
        full.take(f"192.0.2.{number}")
    monkeypatch.setattr(guard, "places", full)
    assert sign_in(limited.test_client(), "陈总").status_code == 503
    assert sign_in(own, "陈总").status_code == 303


def test_who_was_told_to_come_again_has_not_used_a_try(clock: Clock) -> None:
    budgets = Budgets(clock=clock)
    for _ in range(50):
        with pytest.raises(pins.Busy), budgets.trying((budgets.account, "a")):
            raise pins.Busy
    assert budgets.account.take("a") == 0


def test_a_comparison_takes_one_core_and_64_megabytes() -> None:
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$", pins.hash_secret("2468"))


# --- pairing codes ---

def test_short_pairing_codes_are_guessed_a_hundred_times_and_a_long_one_still_pairs(
        limited: Flask, write: Callable[..., Any], clock: Clock, create_staff: Callable[..., None]) -> None:
    create_staff("陈总", "coordinator")
    coordinator = limited.test_client()
    sign_in(coordinator, "陈总")

    def send(code: str, address: str) -> int:
        return limited.test_client().post("/api/v1/pair", json={"code": code, "name": "x"},
                                          environ_base={"REMOTE_ADDR": address}).status_code
    short = write(lambda session: pairing.new_code(session, "desk-1")).code.replace(" ", "")
    wrong = [f"{number:06d}" for number in range(400) if f"{number:06d}" != short]
    said = [send(code, f"192.0.2.{number % 200}") for number, code in enumerate(wrong)]
    assert said.count(404) == 100 and set(said[100:]) == {429}
    assert send(short, "192.0.2.250") == 429        # or the guesser's right guess would be taken, too
    post(coordinator, "/admin/stations/desk-1/pair", "/admin/")
    page = coordinator.get("/admin/stations/desk-1/pair")
    code = re.search(r"(\d{3}) (\d{3}) (\d{4})", page.text)
    assert code and send(code[0].replace(" ", ""), "192.0.2.251") == 201
    clock.at += 601
    assert send(short, "192.0.2.250") == 201
    assert send("999999", "192.0.2.250") in (404, 410)


def test_right_pairing_codes_use_up_no_tries(limited: Flask, write: Callable[..., Any]) -> None:
    for _ in range(40):
        code = write(lambda session: pairing.new_code(session, "desk-1")).code
        assert limited.test_client().post("/api/v1/pair", json={"code": code, "name": "x"}).status_code == 201


def test_a_guessed_pairing_code_costs_the_writer_nothing(
        app: Flask, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    monkeypatch.setattr(runtime.writer, "_run", written.append)
    assert app.test_client().post("/api/v1/pair", json={"code": "123456", "name": "x"}).status_code == 404
    assert written == []


# --- a kiosk ---

@pytest.fixture
def roster(write: Callable[..., Any]) -> dict[str, str]:
    """Twenty people with the commonest surnames: name -> last four digits."""
    ends = {f"{surname}伟": f"{index * 487 % 10_000:04d}" for index, surname in enumerate(SURNAMES, 3)}

    def add(session: Session) -> None:
        for number, (name, end) in enumerate(ends.items()):
            session.add(Attendee(name=name, name_en=f"Wei {number}a", number=f"K{number}", category_key="delegate",
                                 phone=f"1380000{end}"))
    write(add)
    return ends


def asks(kiosk: Tablet, name: str, end: str) -> tuple[int, Any]:
    return kiosk.call("POST", "/api/v1/search", {"q": f"{name} {end}"})


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limit of requests a minute, so that only the one of misses is tried."""
    monkeypatch.setattr(guard.limiter, "enabled", False)


def test_all_ten_thousand_endings_of_a_name_find_nobody_at_one_kiosk_or_at_many(
        limited: Flask, pair: Callable[[str], Tablet], roster: dict[str, str], runtime: Runtime, unhurried: None) -> None:
    kiosks = [moved(limited, pair("kiosk-1")) for _ in range(4)]
    name, end = next(iter(roster.items()))
    assert [asks(kiosk, name, end)[1]["hits"] != [] for kiosk in kiosks] == [True] * 4
    found, answers = [], set()
    for number in range(10_000):
        guess = f"{(number + int(end) + 21) % 10_000:04d}"      # the right one is beyond chance: twenty tries a day
        if number > 9950 or number < 50:
            status, said = asks(kiosks[number % 4], name, guess)
            answers.add((status, str(said)))
            found += said["hits"]
        else:
            with beside(limited, number % 4 + 1), runtime.reading() as session:
                hit = tried.at_kiosk(session, f"{name} {guess}")
                found += [hit] if hit else []
    assert found == []
    assert len(answers) == 1                        # the right ending looked like every wrong one
    assert asks(kiosks[0], name, end)[1]["hits"] == []


def test_a_day_of_trying_learns_no_more_than_twenty_endings_of_a_name(
        limited: Flask, pair: Callable[[str], Tablet], roster: dict[str, str], clock: Clock, unhurried: None) -> None:
    kiosks = [moved(limited, pair("kiosk-1")) for _ in range(4)]
    name, right = "王伟", roster["王伟"]
    counted: Budgets = limited.extensions["huiwu.tries"]
    learnt = 0
    for number in range(200):
        clock.at += 430                             # a day in all
        before = len(counted.name._made.get(search.name_key(f"{name} 0000"), ()))
        asks(kiosks[number % 4], name, f"{(int(right) + 1 + number) % 10_000:04d}")
        learnt += len(counted.name._made[search.name_key(f"{name} 0000")]) > before
    assert learnt == 20


def test_common_surnames_with_one_ending_find_nobody_after_ten_misses(
        limited: Flask, pair: Callable[[str], Tablet], roster: dict[str, str], unhurried: None) -> None:
    kiosk, other = moved(limited, pair("kiosk-1")), moved(limited, pair("kiosk-1"))
    for given in "芳娜敏静丽强磊军洋勇":
        assert asks(kiosk, f"王{given}", "1234")[1]["hits"] == []
    answers = [asks(kiosk, name, end) for name, end in roster.items()]
    assert all(said["hits"] == [] for _status, said in answers)
    miss = asks(other, "王芳", "1234")
    assert all(answer == miss for answer in answers)     # who is on the roster looks like who is not
    name, end = list(roster.items())[-1]
    assert asks(other, name, end)[1]["hits"] != []      # one kiosk that is played with closes no other


def test_a_kiosk_finds_people_again_after_a_while(
        limited: Flask, pair: Callable[[str], Tablet], roster: dict[str, str], clock: Clock, unhurried: None) -> None:
    kiosk = moved(limited, pair("kiosk-1"))
    for number in range(12):
        asks(kiosk, f"没{number}", "1234")
    name, end = next(iter(roster.items()))
    assert asks(kiosk, name, end)[1]["hits"] == []
    clock.at += 601
    for _ in range(30):                             # and who is found uses up nothing
        assert asks(kiosk, name, end)[1]["hits"] != []


def test_all_ways_to_write_a_name_are_counted_as_one() -> None:
    for one, other in (("张三", "张 三"), ("John Smith", "Smith, John"), ("John Smith", "SMITH;john"),
                       ("John Smith", "J ohnSmith"), ("阿·买买提", "阿买买提"), ("O’Neil Ann", "ann o'neil")):
        assert search.name_key(f"{one} 1234") == search.name_key(f"{other} 9876")
    assert search.name_key("张三 1234") != search.name_key("李四 1234")


@pytest.fixture
def anna(write: Callable[..., Any]) -> None:
    """Somebody with two names, who can be found by 0018."""
    write(lambda session: session.add(Attendee(
        name="柯安娜", name_en="Anna Kovaleva", number="K77", category_key="delegate", phone="13800000018",
        folded=fold("柯安娜"), search_keys=search_keys("柯安娜", "Anna Kovaleva"))))


SPELLINGS = ("Anna {n} Kovaleva", "KOVALEVA, Anna {n}", "Ａｎｎａ Kovaleva·{n}", "Anna\u200b{n} Kovaleva",
             "Anna\u2060 {n} - Kovaleva\u200d", "Kovaleva٣{n} Anna", "{n}Kovaleva_Anna", "Anna\u0345 {n} Kovaleva",
             "Anna Kovaleva \u0301{n}")


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_digits_signs_and_order_give_a_name_no_more_tries(
        limited: Flask, pair: Callable[[str], Tablet], anna: None, unhurried: None, spelling: str) -> None:
    kiosks = [moved(limited, pair("kiosk-1")) for _ in range(2)]
    assert asks(kiosks[0], spelling.format(n="7"), "0018")[1]["hits"] != []       # it is her, so written
    limited.extensions["huiwu.tries"].kiosk = Tries((1000, 60.0))
    for number in range(5):
        assert asks(kiosks[number % 2], spelling.format(n=number), "1234")[1]["hits"] == []
    assert asks(kiosks[0], spelling.format(n="99"), "0018")[1]["hits"] == []
    assert search.name_key(f"{spelling.format(n='99')} 0018") == search.name_key("Anna Kovaleva 0018")


@pytest.mark.parametrize(("guessed", "then"), [("柯安娜", "Anna 7 Kovaleva"), ("Kovaleva Anna", "柯 安娜")])
def test_the_chinese_and_the_english_name_of_a_person_are_counted_together(
        limited: Flask, pair: Callable[[str], Tablet], anna: None, unhurried: None, guessed: str, then: str) -> None:
    kiosk, other = moved(limited, pair("kiosk-1")), moved(limited, pair("kiosk-1"))
    for name in (guessed, then):
        assert asks(kiosk, name, "0018")[1]["hits"] != []       # who is found has used nothing up
    for number in range(5):
        asks(kiosk, guessed, f"{number + 1000}")
    assert asks(other, then, "0018")[1]["hits"] == []


def test_tries_left_at_a_kiosk_do_not_tell_which_two_names_are_one_person_s(
        limited: Flask, pair: Callable[[str], Tablet], anna: None, unhurried: None) -> None:
    kiosks = [moved(limited, pair("kiosk-1")) for _ in range(2)]
    for kiosk, names in zip(kiosks, (("柯安娜", "Anna Kovaleva"), ("没有人", "No Body")), strict=True):
        for name in names:
            for number in range(5):
                asks(kiosk, name, f"{number + 1000}")
    made = limited.extensions["huiwu.tries"].kiosk._made
    assert [len(made[key]) for key in made] == [10, 10]


def test_a_desk_that_is_searched_by_a_machine_is_stopped(data: Path, pair: Callable[[str], Tablet]) -> None:
    app = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": True})
    desk, other = moved(app, pair("desk-1")), moved(app, pair("desk-1"))
    said = [desk.call("POST", "/api/v1/search", {"q": "没有"})[0] for _ in range(310)]
    assert said[0] == 200 and said[-1] == 429
    assert other.call("POST", "/api/v1/search", {"q": "没有"})[0] == 200
    app.extensions["huiwu"].engine.dispose()


def test_a_stranger_s_own_browser_is_not_known(client: FlaskClient) -> None:
    assert client.get("/login").status_code == 200
    assert client.get_cookie("huiwu_known") is None
