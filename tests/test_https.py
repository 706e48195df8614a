"""The event's own certificate, judged by OpenSSL, and the real server speaking https with it."""
from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import shutil
import ssl
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from flask.testing import FlaskClient
from playwright.sync_api import Playwright

import certificates
import serving as server_module
from addresses import OurNames, is_private, name_of, on_lan
from models.care import backup
from tests.served import ROOT, Served, Visitor, serving

HOME, OFFICE, PUBLIC = ip_address("192.168.1.20"), ip_address("10.3.0.7"), ip_address("203.0.113.9")
CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NOW = datetime(2026, 12, 5, 8, tzinfo=UTC)


def server_of(made: certificates.Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(made.server.read_bytes())


def names_of(made: certificates.Certificates) -> set[str]:
    found = server_of(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))}


def verdict(made: certificates.Certificates, name: str, server: Path | None = None, at: datetime = NOW) -> str:
    """What a strict client says of the certificate when it asked for this name: "" is fine."""
    trusting = made.context()
    trusting.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
    serving_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving_side.load_cert_chain(server or made.server, made.key)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    host = serving_side.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (client, host):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


def test_what_the_authority_signed_is_good_for_each_of_our_names(tmp_path: Path) -> None:
    made = certificates.ready(tmp_path, [HOME, OFFICE])
    assert names_of(made) == {"huiwu.local", "localhost", "127.0.0.1", "::1", "192.168.1.20", "10.3.0.7"}
    assert [verdict(made, name) for name in sorted(names_of(made))] == [""] * 6
    assert "Hostname mismatch" in verdict(made, "example.org")
    assert "IP address mismatch" in verdict(made, "192.168.1.21")


def test_the_certificate_is_what_tablets_ask_for(tmp_path: Path) -> None:
    """iPadOS: serverAuth, at most 825 days, names as SAN (Apple HT210176)."""
    made = certificates.ready(tmp_path, [HOME], NOW)
    leaf, root = server_of(made), certificates.read_authority(tmp_path)
    assert root is not None
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=825)
    assert leaf.not_valid_before_utc == NOW - timedelta(days=1)
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [x509.OID_SERVER_AUTH]
    for kind in (x509.BasicConstraints, x509.KeyUsage, x509.NameConstraints):
        assert root.extensions.get_extension_for_class(kind).critical
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_stolen_authority_cannot_speak_for_another_site(tmp_path: Path) -> None:
    made = certificates.ready(tmp_path, [HOME])
    key = serialization.load_pem_private_key((tmp_path / "https" / "authority.key").read_bytes(), None)
    root, leaf = certificates.read_authority(tmp_path), server_of(made)
    assert root is not None
    for name, says in ((x509.DNSName("bank.example"), "bank.example"), (x509.IPAddress(PUBLIC), str(PUBLIC))):
        forged = (x509.CertificateBuilder().subject_name(leaf.subject).issuer_name(root.subject).public_key(leaf.public_key())
                  .serial_number(7).not_valid_before(leaf.not_valid_before_utc).not_valid_after(leaf.not_valid_after_utc))
        for extension in leaf.extensions:
            wanted = x509.SubjectAlternativeName([name]) if extension.oid == x509.OID_SUBJECT_ALTERNATIVE_NAME else extension.value
            forged = forged.add_extension(wanted, extension.critical)
        path = tmp_path / "forged.pem"
        path.write_bytes(forged.sign(key, certificates.hashes.SHA256()).public_bytes(serialization.Encoding.PEM))  # type: ignore[arg-type]  # it is our EC key
        assert verdict(made, says, path) == "permitted subtree violation"


def test_an_address_outside_the_constraints_is_left_out_and_said(tmp_path: Path) -> None:
    made = certificates.ready(tmp_path, [HOME])
    later = certificates.ready(tmp_path, [HOME, PUBLIC])
    assert str(PUBLIC) not in names_of(later) and verdict(later, "192.168.1.20") == ""
    assert any(str(PUBLIC) in warning and "huiwu.local" in warning for warning in later.warnings) and not made.warnings


def test_a_venue_with_public_addresses_is_covered_from_the_start(tmp_path: Path) -> None:
    made = certificates.ready(tmp_path, [PUBLIC])
    assert verdict(made, str(PUBLIC)) == "" and not made.warnings


def test_it_stays_the_same_until_addresses_change_or_it_runs_out(tmp_path: Path) -> None:
    first = certificates.ready(tmp_path, [HOME], NOW)
    serial, root = server_of(first).serial_number, first.authority.read_bytes()
    assert first.is_new_authority
    assert server_of(certificates.ready(tmp_path, [HOME], NOW + timedelta(days=200))).serial_number == serial
    moved = certificates.ready(tmp_path, [OFFICE], NOW)
    assert "10.3.0.7" in names_of(moved) and not moved.is_new_authority
    late = certificates.ready(tmp_path, [OFFICE], NOW + timedelta(days=380))
    assert server_of(late).not_valid_after_utc > NOW + timedelta(days=700)
    assert late.authority.read_bytes() == root


def test_a_clock_of_1970_still_makes_a_certificate_that_tablets_of_today_take(tmp_path: Path) -> None:
    made = certificates.ready(tmp_path, [HOME], datetime(1970, 1, 1, tzinfo=UTC))
    assert server_of(made).not_valid_before_utc <= NOW <= server_of(made).not_valid_after_utc
    assert "1970-01-01" in made.warnings[0]
    assert not certificates.ready(tmp_path, [HOME], NOW).is_new_authority


def test_an_authority_of_the_future_is_made_anew(tmp_path: Path) -> None:
    certificates.ready(tmp_path, [HOME], datetime(2099, 1, 1, tzinfo=UTC))
    assert certificates.ready(tmp_path, [HOME], NOW).is_new_authority


@pytest.mark.parametrize("file", ["server.pem", "server.key", "authority.key"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, file: str) -> None:
    certificates.ready(tmp_path, [HOME])
    (tmp_path / "https" / file).write_bytes(b"-----BEGIN NOTHING-----")
    assert verdict(certificates.ready(tmp_path, [HOME]), "192.168.1.20") == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a profile's files to its user by itself")
def test_keys_are_their_owners_alone_and_in_no_backup(data: Path) -> None:
    certificates.ready(data, [HOME])
    folder = data / "https"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    saved = backup(data).file.read_bytes()
    assert b"PRIVATE KEY" not in saved and (folder / "authority.pem").read_bytes()[28:60] not in saved


def test_a_host_header_gives_its_name_and_ours_are_known() -> None:
    assert [name_of(host) for host in ("HUIWU.local:8443", "[fd00::1]:8443", "10.0.0.1", "[fd00::1]")] == [
        "huiwu.local", "fd00::1", "10.0.0.1", "fd00::1"]
    addresses = [HOME]
    names = OurNames(["checkin.example.org"], lambda: addresses)
    for host in ("192.168.1.20:8443", "localhost", "127.0.0.1:1", "[::1]:8443", "huiwu.local", "checkin.example.org"):
        assert names.has(host), host
    for host in ("evil.example", "192.168.1.20.evil.example", "", "192.168.1.21", "localhost.evil.example"):
        assert not names.has(host), host


@pytest.mark.parametrize("host", [
    "localhost:80@evil", "localhost:<b>", "localhost:", "localhost:٨٠", "localhost:80:80", "localhost:-1", "localhost:999999",
    "evil@localhost", "localhost/x", "localhost ", "\xa0localhost", "[::1", "[::1]x", "[::1]:x", "[localhost]", "::1", "localhost\n"])
def test_a_host_header_that_is_no_name_with_a_port_is_none_of_ours(host: str) -> None:
    assert name_of(host) == ""
    assert not OurNames([], list).has(host)


def test_a_host_header_with_something_in_its_port_s_place_is_refused(client: FlaskClient) -> None:
    assert client.get("/login", headers={"Host": "localhost:8444"}).status_code == 200
    for host in ("localhost:80@evil", "localhost:<b>"):
        assert client.get("/login", headers={"Host": host}).status_code == 400


def test_our_own_addresses_are_none_that_only_we_can_use() -> None:
    assert not [one for one in on_lan() if one.is_loopback or one.is_multicast]
    assert is_private(HOME) and not is_private(PUBLIC)


def test_a_new_address_stops_the_server_so_that_it_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch is real; what the system says about its addresses is not."""
    moved, ended, stopped = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(server_module.addresses, "on_lan", lambda: [HOME, OFFICE])
    monkeypatch.setattr(server_module, "LOOK_SECONDS", 0.01)
    server_module.watch(stopped.set, {HOME}, moved, ended)
    assert moved.is_set() and stopped.is_set()
    moved.clear()
    threading.Timer(0.1, ended.set).start()
    server_module.watch(stopped.set, {HOME, OFFICE, ip_address("172.16.0.1")}, moved, ended)     # one that went away
    assert not moved.is_set()


# --- the real server ---

@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("https") / "event")


def filled(folder: Path) -> Path:
    """An event that nobody has open."""
    from app import create_app, create_tables
    from tests.conftest import fill
    folder.mkdir()
    create_tables(folder)
    runtime = create_app({"DATA": folder}).extensions["huiwu"]
    runtime.writer.do(fill)
    runtime.engine.dispose()
    return folder


@pytest.fixture(scope="module")
def served(event: Path) -> Any:
    with serving(event) as made:
        yield made


def spki(made: Served) -> str:
    """The public key's hash, by which Chromium is told to take the certificate as if its authority were installed."""
    key = x509.load_pem_x509_certificate((made.data / "https" / "server.pem").read_bytes()).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


def test_serve_speaks_https_that_verifies_against_its_own_authority(served: Served) -> None:
    assert served.url == f"https://127.0.0.1:{served.port}"
    answer = Visitor(served.url, served.trusting()).get("/healthz")
    assert answer.status == 200 and json.loads(answer.text)["status"] == "ok"
    with pytest.raises(ssl.SSLCertVerificationError):
        Visitor(served.url, ssl.create_default_context()).get("/healthz")


def test_plain_http_gets_nothing_at_the_https_door(served: Served) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        Visitor(served.url.replace("https", "http")).get("/login")


def test_old_protocols_are_refused(served: Served) -> None:
    for protocol in ("-tls1_1", "-tls1_2"):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{served.port}", protocol], input=b"",
                              capture_output=True, timeout=30, check=False)
        assert b"Cipher is (NONE)" in done.stdout or done.returncode


def test_a_tablet_that_trusts_the_authority_is_told_so_and_pairs_over_https(served: Served, playwright: Playwright) -> None:
    from tests.command_line import run
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", f"--ignore-certificate-errors-spki-list={spki(served)}"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
    try:
        page = browser.new_context(locale="zh-CN").new_page()
        page.goto(f"{served.url}/trust")
        page.wait_for_selector("#check[data-state=trusted]")
        code = run(served.data, "pair", "gate-1").payload
        assert code["url"].startswith(f"{served.url}/pair?code=")
        page.goto(code["url"])
        page.click("button.primary")
        page.wait_for_url("**/station")
        assert page.evaluate("isSecureContext && 'mediaDevices' in navigator")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
        assert set(cookies) >= {"__Host-huiwu_station"} and all(cookie["secure"] for cookie in cookies.values())
    finally:
        browser.close()


def test_a_tablet_that_only_ignores_the_warning_is_told_that_it_does_not_trust_us(served: Served, system_chromium: Any) -> None:
    context = system_chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{served.url}/trust")
    page.wait_for_selector("#check[data-state=not]")
    context.close()


def test_a_server_that_is_stopped_closes_its_event(tmp_path: Path) -> None:
    with serving(filled(tmp_path / "event"), "--http") as made:
        assert (made.data / "huiwu.db-wal").exists()
    assert not (made.data / "huiwu.db-wal").exists()


def test_the_worker_is_forked_by_a_process_that_has_opened_nothing_and_by_no_other() -> None:
    said = subprocess.run([sys.executable, "-c", "import serving; print(serving.start_method())"], cwd=ROOT,
                          capture_output=True, text=True, check=True).stdout.strip()
    assert said == ("fork" if sys.platform == "linux" else "spawn")
    assert server_module.start_method() == "spawn"
