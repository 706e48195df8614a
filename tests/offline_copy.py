"""The offline snapshot as a tablet holds it: fetched, merged and opened with the badge in hand, by the cryptography
package alone, so that it judges what the server sealed."""
from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tests.conftest import Tablet


@dataclass
class Held:
    """What a tablet keeps of the roster."""

    revision: str = ""
    salt: str = ""
    entries: dict[str, str] = field(default_factory=dict)

    def fetch(self, tablet: Tablet) -> dict[str, Any]:
        """Asks for what is new and merges it; returns the server's answer."""
        status, said = tablet.call("GET", "/api/v1/roster" + (f"?since={self.revision}" if self.revision else ""))
        assert status == 200, said
        if said["since"] is None:
            self.entries = {}
        self.entries |= said["entries"]
        for gone in said["removed"]:
            self.entries.pop(gone, None)
        self.revision, self.salt = said["revision"], said["salt"]
        return dict(said)

    def open(self, code: str) -> dict[str, Any]:
        """The entry of a badge in hand. KeyError: the tablet does not know it."""
        sealed = base64.b64decode(self.entries[hashlib.sha256(code.encode()).hexdigest()])
        key = HKDF(hashes.SHA256(), 32, base64.b64decode(self.salt), b"huiwu-roster").derive(code.encode())
        opened: dict[str, Any] = json.loads(AESGCM(key).decrypt(sealed[:12], sealed[12:], None))
        return opened


def held_by(tablet: Tablet) -> Held:
    """A fresh copy of everything."""
    held = Held()
    held.fetch(tablet)
    return held
