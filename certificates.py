"""The event's own certificate authority and the certificate of its https door, made without any outside service.

Both live in the data folder under `https/`; the private keys are readable by this user only and are in no export. Beside
the backups the authority's lies sealed with a coordinator's passphrase (admin/standby.py): a restore on another laptop takes it
over, so that tablets go on trusting; without it that laptop makes another authority, which they trust anew.

A trusted authority could speak for any site on the internet. Ours cannot: name constraints (RFC 5280, 4.2.1.10) bind it
to the private ranges, to this laptop's addresses when it was made, and to `huiwu.local` and `localhost`. One address
outside them makes the whole certificate invalid, so such an address is left out and said.
"""
from __future__ import annotations

import secrets
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from addresses import LOCAL_NAME, PRIVATE, Address, is_private
from models.files import AUTHORITY, AUTHORITY_FOLDER, AUTHORITY_KEY, private_folder, replacing

SERVER, SERVER_KEY = "server.pem", "server.key"
NAMES = (LOCAL_NAME, "localhost")
LOOPBACK = (ip_address("127.0.0.1"), ip_address("::1"))
AUTHORITY_LASTS = timedelta(days=3650)
LASTS = timedelta(days=397)     # iPadOS takes 825 days at most (Apple HT210176), browsers 398 from public authorities
RENEW_BEFORE = timedelta(days=30)
BACKDATED = timedelta(days=1)   # a tablet's clock may be behind ours
WRITTEN = datetime(2026, 11, 1, tzinfo=UTC)     # no clock shows an earlier day but a wrong one
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Certificates:
    """Where the files are, and what a person should know: each warning in a sentence, in both languages."""

    authority: Path
    server: Path
    key: Path
    is_new_authority: bool
    warnings: tuple[str, ...]

    def context(self) -> ssl.SSLContext:
        """What a client that trusts our authority, and nothing else, uses."""
        return ssl.create_default_context(cafile=str(self.authority))


def ready(data: Path, addresses: Iterable[Address], now: datetime | None = None) -> Certificates:
    """The certificates of a data folder for these addresses: those that are there, or new ones where there are none,
    they have run out, or the addresses are others. OSError: the folder cannot be written."""
    now, said = _plausible(now or datetime.now(UTC))
    folder = data / AUTHORITY_FOLDER
    private_folder(folder)
    wanted = list(dict.fromkeys([*LOOPBACK, *addresses]))
    found = _authority(folder, now)
    is_new = found is None
    authority, key = found or _make_authority(folder, wanted, now)
    covered = [one for one in wanted if _is_covered(authority, one)]
    said += [f"{one} 不在证书允许的范围里，平板请用 {LOCAL_NAME} 打开。 The certificate cannot cover {one};"
             f" tablets use {LOCAL_NAME}." for one in wanted if one not in covered]
    if not _still_good(folder, authority, covered, now):
        _make_server(folder, authority, key, covered, now)
    return Certificates(folder / AUTHORITY, folder / SERVER, folder / SERVER_KEY, is_new, tuple(said))


def read_authority(data: Path) -> x509.Certificate | None:
    """The authority's certificate, for whoever is to trust it; None before the first start over https."""
    try:
        return x509.load_pem_x509_certificate((data / AUTHORITY_FOLDER / AUTHORITY).read_bytes())
    except (OSError, ValueError):
        return None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 as systems show it: pairs of upper-case hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex(" ").upper()


def _plausible(now: datetime) -> tuple[datetime, list[str]]:
    if now >= WRITTEN:
        return now, []
    return WRITTEN, [f"这台电脑的时钟是 {now:%Y-%m-%d}，不对，请校准。 This laptop's clock says {now:%Y-%m-%d}; set it right."]


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, Key] | None:
    """The authority that is there, if it is whole and good for as long as a certificate lasts."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / AUTHORITY).read_bytes())
        key = serialization.load_pem_private_key((folder / AUTHORITY_KEY).read_bytes(), None)
    except (OSError, ValueError, TypeError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    lasts = certificate.not_valid_before_utc <= now and now + LASTS <= certificate.not_valid_after_utc
    return (certificate, key) if lasts else None


def _make_authority(folder: Path, own: Iterable[Address], now: datetime) -> tuple[x509.Certificate, Key]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"会务 Huiwu {now:%Y-%m-%d} {secrets.token_hex(2)}")])
    use = x509.KeyUsage(digital_signature=False, content_commitment=False, key_encipherment=False,
                        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
                        encipher_only=False, decipher_only=False)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED).not_valid_after(now + AUTHORITY_LASTS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(use, critical=True)
        .add_extension(x509.NameConstraints([*map(x509.DNSName, NAMES), *map(x509.IPAddress, _networks(own))], None),
                       critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256()))
    _write_key(folder / AUTHORITY_KEY, key)
    _write(folder / AUTHORITY, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def _networks(own: Iterable[Address]) -> list[IPv4Network | IPv6Network]:
    """The private ranges, and each of these addresses that lies outside them (some venues have public ones)."""
    return [*PRIVATE, *(ip_network(one) for one in own if not is_private(one))]


def _is_covered(authority: x509.Certificate, address: Address) -> bool:
    allowed = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []
    networks = [one.value for one in allowed if isinstance(one.value, IPv4Network | IPv6Network)]
    return any(address in network for network in networks)


def _still_good(folder: Path, authority: x509.Certificate, addresses: list[Address], now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate((folder / SERVER).read_bytes())
        key = serialization.load_pem_private_key((folder / SERVER_KEY).read_bytes(), None)
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except Exception:       # whatever is wrong with these two files, new ones are the answer
        return False
    has = set(names.get_values_for_type(x509.IPAddress))
    lasts = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - RENEW_BEFORE
    return lasts and has >= set(addresses) and key.public_key() == certificate.public_key()


def _make_server(folder: Path, authority: x509.Certificate, signer: Key, addresses: list[Address],
                 now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    use = x509.KeyUsage(digital_signature=True, content_commitment=False, key_encipherment=False,
                        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
                        encipher_only=False, decipher_only=False)
    names = x509.SubjectAlternativeName([*map(x509.DNSName, NAMES), *map(x509.IPAddress, addresses)])
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOCAL_NAME)]))
        .issuer_name(authority.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED).not_valid_after(now + LASTS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(use, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(by, critical=False)
        .sign(signer, hashes.SHA256()))
    _write_key(folder / SERVER_KEY, key)
    _write(folder / SERVER, certificate.public_bytes(serialization.Encoding.PEM))


def _write_key(path: Path, key: Key) -> None:
    _write(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()))


def _write(path: Path, content: bytes) -> None:
    """Writes a file that only this user reads, whole or not at all."""
    with replacing(path, private=True) as beside:
        beside.write_bytes(content)
