"""The plain door: the laptop's own browser gets everything, the LAN gets /trust."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from cryptography import x509
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageDraw

import certificates
from addresses import ip_address
from app import create_app
from doors import DOOR, LAN, LAPTOP, Doors, whose
from serving import words
from tests.test_routes import routes_of


@pytest.fixture
def venue(data: Path) -> Any:
    """The application as the worker makes it, with a certificate and two doors."""
    certificates.ready(data, [ip_address("192.168.1.20")])
    made = create_app({"DATA": data, "TESTING": True, "RATELIMIT_ENABLED": False, "HOSTS": ("192.168.1.20",),
                       "DOORS": Doors("192.168.1.20", 8443, 8444)})
    yield made
    made.extensions["huiwu"].engine.dispose()


@pytest.fixture
def stranger(venue: Flask) -> FlaskClient:
    """Somebody on the LAN at the plain door."""
    client = venue.test_client()
    client.environ_base |= {DOOR: LAN, "REMOTE_ADDR": "192.168.1.77", "HTTP_HOST": "192.168.1.20:8444"}
    return client


@pytest.mark.parametrize(("peer", "host", "expected"), [
    ("127.0.0.1", "localhost:8444", LAPTOP), ("127.0.0.1", "127.0.0.1:8444", LAPTOP), ("::1", "[::1]:8444", LAPTOP),
    ("192.168.1.77", "localhost:8444", LAN),        # says that it is the laptop, and is not
    ("127.0.0.1", "192.168.1.20:8444", LAN),        # comes through the laptop, for another name
    ("127.0.0.1", "evil.example", LAN), ("127.0.0.1", "", LAN), ("", "localhost", LAN), ("no address", "localhost", LAN)])
def test_peer_and_host_together_say_whose_request_it_is(peer: str, host: str, expected: str) -> None:
    assert whose({"REMOTE_ADDR": peer, "HTTP_HOST": host, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}) == expected


def test_every_route_but_trust_is_closed_to_the_lan_over_plain_http(venue: Flask, stranger: FlaskClient) -> None:
    for route in sorted(routes_of(venue)):
        method, rule = route.split(" ", 1)
        path = re.sub(r"<[^>]+>", "1", rule)
        answer = stranger.open(path, method=method)
        if path.startswith("/trust"):
            assert answer.status_code == 200
        elif method == "GET":
            assert (answer.status_code, answer.location) == (303, "/trust"), route
        else:
            assert answer.status_code == 403, route


def test_known_people_get_nothing_over_plain_http_either(stranger: FlaskClient, venue: Flask) -> None:
    """Whoever signed in over https must not be tempted to send that cookie in the clear."""
    assert stranger.get("/admin/", headers={"Authorization": "Bearer x"}).location == "/trust"
    assert stranger.post("/api/v1/scans", json=[], headers={"Authorization": "Bearer x"}).status_code == 403
    assert stranger.open("/nowhere").location == "/trust"


def test_the_page_loads_only_what_the_plain_door_gives_and_sets_no_cookie(stranger: FlaskClient) -> None:
    page = stranger.get("/trust")
    assert page.status_code == 200 and "Set-Cookie" not in page.headers
    files = {found.partition("#")[0] for found in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)}
    assert len(files) >= 5
    for file in files:
        answer = stranger.get(file)
        assert answer.status_code == 200, file
        answer.close()
    assert stranger.get("/static/js/outbox.js").location == "/trust"


def test_the_certificate_comes_as_systems_install_it_and_is_the_one_on_the_page(stranger: FlaskClient, data: Path) -> None:
    answer = stranger.get("/trust/huiwu.crt")
    assert answer.mimetype == "application/x-x509-ca-cert"
    given = x509.load_der_x509_certificate(answer.data)
    assert given == certificates.read_authority(data)
    pairs = re.findall(r"<span>([0-9A-F]{2})</span>", stranger.get("/trust").text)
    assert " ".join(pairs) == certificates.fingerprint(given) and len(pairs) == 32


def test_the_qr_leads_other_tablets_to_the_same_page(stranger: FlaskClient) -> None:
    text = stranger.get("/trust").text
    size, path = re.findall(r'viewBox="0 0 (\d+) \d+"', text)[0], re.findall(r'<path d="([^"]+)" fill="#000000"', text)[0]
    picture = Image.new("L", (int(size) * 8, int(size) * 8), 255)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path):
        ImageDraw.Draw(picture).rectangle((int(x) * 8, int(y) * 8, int(x) * 8 + 7, int(y) * 8 + 7), fill=0)
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == ["http://192.168.1.20:8444/trust"]


@pytest.mark.parametrize(("agent", "open_"), [
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "iPad"),
    ("Mozilla/5.0 (Linux; Android 14; SM-X200) AppleWebKit/537.36 Chrome/130 Safari/537.36", "Android"),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130 Safari/537.36", "Windows")])
def test_the_taps_of_this_device_stand_open(stranger: FlaskClient, agent: str, open_: str) -> None:
    text = stranger.get("/trust", headers={"User-Agent": agent}).text
    opened = re.findall(r'<details class="card" open>.*?<b>(.*?)</b>', text, re.DOTALL)
    assert len(opened) == 1 and opened[0].startswith(open_)


def test_the_laptop_gets_everything_and_still_signs_in(venue: Flask) -> None:
    laptop = venue.test_client()
    laptop.environ_base |= {DOOR: LAPTOP, "REMOTE_ADDR": "127.0.0.1"}
    assert laptop.get("/login").status_code == 200
    assert laptop.get("/admin/").location.startswith("/login")


def test_without_https_the_page_says_that_there_is_nothing_to_install(client: FlaskClient) -> None:
    assert "--http" in client.get("/trust").text
    assert client.get("/trust/huiwu.crt").location == "/trust"


def test_a_tablet_is_told_where_on_the_laptop_the_fingerprint_stands(stranger: FlaskClient, venue: Flask) -> None:
    tablet = stranger.get("/trust", headers={"Host": "192.168.1.20:8444"}).text
    assert "自己屏幕上" in tablet and "http://localhost:8444/trust" in tablet
    laptop = venue.test_client()
    laptop.environ_base |= {DOOR: LAPTOP, "REMOTE_ADDR": "127.0.0.1"}
    assert "自己屏幕上" not in laptop.get("/trust", headers={"Host": "localhost:8444"}).text


def test_the_check_opens_beside_the_page_and_says_what_a_warning_means(stranger: FlaskClient) -> None:
    text = stranger.get("/trust").text
    assert 'href="https://192.168.1.20:8443/trust" target="_blank" rel="noopener"' in text
    assert "出现警告，就是还没装好" in text and "A warning means: not installed yet" in text


def test_the_console_shows_the_fingerprint_that_tablets_must_show(data: Path) -> None:
    certificates.ready(data, [ip_address("192.168.1.20")])
    found = certificates.read_authority(data)
    assert found is not None
    said = words(Doors("192.168.1.20", 8443, 8444), "https://192.168.1.20:8443", None, certificates.fingerprint(found))
    assert certificates.fingerprint(found) in " ".join(said.split())
    assert "SHA-256" not in words(Doors("127.0.0.1", 8080, None), "http://127.0.0.1:8080", None)
