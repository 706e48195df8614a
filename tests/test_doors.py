"""The doors of the real server, and what strangers on the Wi-Fi try at them."""
from __future__ import annotations

import http.client
import re
import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from zeroconf import DNSIncoming, DNSOutgoing, DNSQuestion

from app import create_app
from nearby import Announcement
from sessions import STAFF_COOKIE, STATION_COOKIE
from tests.command_line import run
from tests.conftest import scan
from tests.served import TABLET_WAITS, Served, Visitor, serving

SILENT = 600        # 512 silent connections stopped an earlier version


@pytest.fixture
def served(data: Path) -> Iterator[Served]:
    """The real server over https, with the plain door beside it."""
    with serving(data) as made:
        yield made


def paired(served: Served, station: str) -> tuple[Visitor, str]:
    """A tablet, and its token."""
    tablet = Visitor(served.url, served.trusting())
    code = run(served.data, "pair", station).payload["code"]
    answer = tablet.post_json("/api/v1/pair", {"code": code, "name": "iPad"})
    assert answer.status == 201, answer.text
    return tablet, re.findall(r'"token":\s*"([^"]+)"', answer.text)[0]


def scanned(tablet: Visitor, token: str, code: str, service: str = "signin") -> int:
    return tablet.post_json("/api/v1/scans", scan(code, service), Authorization=f"Bearer {token}").status


# --- connections that say nothing, or say it slowly ---

def silent(served: Served, kind: str, tls: ssl.SSLContext, held: ExitStack) -> socket.socket:
    """One stranger's connection: `handshake` never finishes, `nothing` says nothing, `header` and `body` stop halfway."""
    link = held.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=TABLET_WAITS))
    if kind != "handshake":
        link = held.enter_context(tls.wrap_socket(link, server_hostname="localhost"))
    if kind == "header":
        link.sendall(b"POST /api/v1/scans HTTP/1.1\r\nHost: localhost\r\nX-Slow")
    if kind == "body":
        link.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                     b"Content-Length: 900\r\n\r\nname=a")
    return link


def test_six_hundred_silent_and_slow_connections_of_each_kind_stop_no_scan(served: Served, badge: str) -> None:
    tablet, token = paired(served, "desk-1")
    strange = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    strange.check_hostname, strange.verify_mode = False, ssl.CERT_NONE
    with ExitStack() as held:
        for kind in ("handshake", "nothing", "header", "body"):
            for _ in range(SILENT):
                silent(served, kind, strange, held)
            assert [scanned(tablet, token, badge) for _ in range(3)] == [200] * 3, kind
        assert Visitor(served.beside).get("/login").status == 200


def test_a_connection_that_says_nothing_or_half_a_header_is_closed(served: Served) -> None:
    strange = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    strange.check_hostname, strange.verify_mode = False, ssl.CERT_NONE
    strange.set_alpn_protocols(["h2", "http/1.1"])
    with ExitStack() as held:
        for link in [silent(served, kind, strange, held) for kind in ("handshake", "nothing", "header")]:
            link.settimeout(60)
            assert link.recv(1) == b""


def test_slow_requests_hold_up_neither_the_laptop_nor_anybody_at_the_plain_door(served: Served) -> None:
    door = Visitor(served.beside)
    with ExitStack() as held:
        for _ in range(120):     # more than it has threads
            link = held.enter_context(socket.create_connection(("127.0.0.1", door.where.port), timeout=30))
            link.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\nname=a")
        assert door.get("/login").status == 200


def test_strangers_who_hold_every_place_with_half_forms_keep_the_laptop_from_nothing(served: Served, badge: str) -> None:
    tablet, token = paired(served, "desk-1")
    strange = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    strange.check_hostname, strange.verify_mode = False, ssl.CERT_NONE
    newcomer = Visitor(served.url, served.trusting())
    with ExitStack() as held:
        for n in range(2, 8):       # 127.0.0.2 and on: neighbours with addresses of their own
            for _ in range(8):
                link = socket.create_connection(("127.0.0.1", served.port), timeout=30, source_address=(f"127.0.0.{n}", 0))
                held.enter_context(tls := strange.wrap_socket(link, server_hostname="localhost"))
                tls.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                            b"Content-Length: 900\r\n\r\nname=a")
        while newcomer.send("/login", {"name": "a", "secret": "b"}).status != 503:      # each is read in its turn
            pass
        assert scanned(tablet, token, badge) == 200
        answer = Visitor(served.beside).send(
            "/setup", {"code": served.code, "name": "陈总", "secret": "long enough", "again": "long enough"})
        assert answer.status == 303


def test_a_live_stream_comes_through_the_plain_door_as_it_happens(served: Served, badge: str) -> None:
    tablet, token = paired(served, "desk-1")
    link = http.client.HTTPConnection("localhost", Visitor(served.beside).where.port, timeout=30)
    link.request("GET", "/api/v1/live", headers={"Authorization": f"Bearer {token}"})
    stream = link.getresponse()
    assert stream.status == 200 and stream.headers["Content-Type"].startswith("text/event-stream")
    seen = b""
    while b"event: alert" not in seen:      # the full state
        seen += stream.readline()
    assert scanned(tablet, token, badge) == 200
    while b'"uses": 1' not in seen and b'"uses":1' not in seen:
        seen += stream.readline()
    stream.close()
    link.close()


# --- whose request it is ---

def test_a_host_that_is_not_ours_is_refused_in_words_at_every_door(served: Served) -> None:
    for door in (Visitor(served.url, served.trusting()), Visitor(served.beside)):
        answer = door.ask("GET", "/login", Host="rebound.example")
        assert answer.status in (303, 400) and "rebound" not in answer.text
    answer = Visitor(served.url, served.trusting()).ask("GET", "/healthz", Host="rebound.example:8443")
    assert answer.status == 400 and "网址" in answer.text and not answer.cookies()


def test_the_plain_door_sends_whoever_comes_by_the_lans_name_to_trust(served: Served) -> None:
    stranger = Visitor(served.beside)
    for path in ("/login", "/admin/", "/api/v1/station", "/healthz", "/pair?code=123456"):
        answer = stranger.ask("GET", path, Host="huiwu.local", X_Forwarded_For="127.0.0.1", X_Forwarded_Host="localhost")
        assert (answer.status, answer.headers["Location"]) == (303, "/trust"), path
    assert stranger.ask("POST", "/login", b"name=a&secret=b", Host="huiwu.local").status == 403
    assert "huiwu.crt" in stranger.ask("GET", "/trust", Host="huiwu.local").text


def test_a_forged_forwarded_address_buys_no_new_tries(data: Path) -> None:
    """The limits would count each try as another address's."""
    client = create_app({"DATA": data, "RATELIMIT_ENABLED": True}).test_client()
    seen = [client.post("/api/v1/pair", json={"code": "000000", "name": "x"},
                        headers={"X-Forwarded-For": f"10.0.0.{n}", "Forwarded": f"for=10.0.0.{n}"}).status_code
            for n in range(60)]
    assert 429 in seen


def test_a_forged_forwarded_scheme_makes_no_secure_cookie(client: FlaskClient) -> None:
    answer = client.get("/login", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"})
    assert "__Host-" not in answer.headers["Set-Cookie"]


# --- cookies ---

def test_each_door_has_its_own_cookies_and_https_ones_are_for_this_host_only(served: Served) -> None:
    over_https = Visitor(served.url, served.trusting())
    answer = over_https.send("/setup", {"code": served.code, "name": "陈总", "secret": "long enough", "again": "long enough"})
    assert answer.status == 303, answer.text
    staff = answer.cookies()[f"__Host-{STAFF_COOKIE}"]
    assert all(word in staff for word in ("Secure", "HttpOnly", "Path=/", "SameSite=Lax")) and "Domain" not in staff
    assert set(over_https.jar) >= {f"__Host-{STAFF_COOKIE}", "__Host-huiwu_session"}
    assert all(name.startswith("__Host-") for name in over_https.jar)
    assert over_https.get("/admin/").status == 200
    assert "Strict-Transport-Security" not in answer.headers
    planted = Visitor(served.url, served.trusting())     # what somebody on the Wi-Fi put there over http
    planted.jar[STAFF_COOKIE] = over_https.jar[f"__Host-{STAFF_COOKIE}"]
    assert planted.get("/admin/").headers["Location"].startswith("/login")
    leaked = Visitor(served.beside)
    leaked.jar[f"__Host-{STAFF_COOKIE}"] = over_https.jar[f"__Host-{STAFF_COOKIE}"]
    assert leaked.get("/admin/").headers["Location"].startswith("/login")


def test_behind_a_proxy_that_huiwu_hosts_names_cookies_are_secure(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIWU_HOSTS", "checkin.example.org")
    with serving(data, "--http") as served:
        proxied, direct = Visitor(served.url), Visitor(served.url)
        assert "__Host-huiwu_session" in proxied.ask("GET", "/login", Host="checkin.example.org").cookies()
        assert set(direct.get("/login").cookies()) == {"huiwu_session"}


def test_a_tablets_cookie_is_sent_with_no_request_that_another_site_began(client: FlaskClient, write: Any) -> None:
    from kiosk import pairing
    code = write(lambda session: pairing.new_code(session, "gate-1")).code
    token = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/pair").text)
    assert token
    answer = client.post("/pair", data={"code": code, "csrf_token": token[1]})
    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith(STATION_COOKIE))
    assert "SameSite=Strict" in cookie and "HttpOnly" in cookie


# --- starting ---

def test_a_taken_port_is_said_for_both_doors(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for wanted in (port, port - 1):
            said = run(data, "serve", "--host", "127.0.0.1", "--port", wanted)
            assert said.code == 1 and said.payload["error"] == "port_in_use" and str(port) in said.payload["message"]


def test_http_alone_is_one_door_that_gives_everything(data: Path) -> None:
    with serving(data, "--http") as served:
        assert served.url.startswith("http://127.0.0.1:") and not (data / "https").exists()
        assert Visitor(served.url).get("/login").status == 200


# --- huiwu.local ---

def ask_for(name: str) -> list[str]:
    """What multicast DNS on this machine answers to a question of one packet (RFC 6762, 6.7)."""
    question = DNSOutgoing(0)
    question.add_question(DNSQuestion(name, 1, 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(0.5)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            asked.sendto(question.packets()[0], ("127.0.0.1", 5353))
            try:
                answer = DNSIncoming(asked.recv(9000))
            except OSError:
                continue
            return [str(record) for record in answer.answers() if record.type == 1]
    return []


def test_the_name_is_announced() -> None:
    """Under a name of its own: a demo that somebody runs beside the tests is huiwu.local already."""
    said, name = list[str](), f"huiwu-{secrets.token_hex(4)}.local"
    announcement = Announcement(8443, ["127.0.0.1"], ["127.0.0.1"], said.append, name)
    try:
        assert announcement.settled.wait(15) and not said
        assert any(f"{name}." in answer and "127.0.0.1" in answer for answer in ask_for(f"{name}."))
    finally:
        announcement.end()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")     # zeroconf leaves its socket to the collector
def test_an_announcement_that_fails_is_a_warning_and_nothing_more() -> None:
    said: list[str] = []
    announcement = Announcement(8443, ["127.0.0.1"], ["203.0.113.9"], said.append)     # no interface of ours
    assert announcement.settled.wait(15)
    announcement.end()
    assert len(said) == 1 and "huiwu.local" in said[0]


