"""The service worker of the stations' pages: it opens them while no server answers (scanning.md).

The list of what it keeps is made from what lies in `static/`, each file with its digest, so that another version of the
program is another worker, which keeps all files anew or none.
"""
from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from flask import Response, current_app

from guard import may
from kiosk.room import pages

WORKER = "js/station-worker.js"
KEPT = {".js", ".css", ".svg", ".png", ".wasm", ".woff2"}


@pages.get("/station-worker.js")
@may("anyone")
def worker() -> Response:
    """The worker with its list. Nothing in it is of the event, so that a tablet that must pair again still gets it."""
    static = str(current_app.static_folder)
    url = f"{current_app.static_url_path}/"
    files = {url + name: digest for name, digest in kept_files(static).items()}
    script = (Path(static) / WORKER).read_text(encoding="utf-8")
    return Response(f"const BUILD = {json.dumps(build(static))};\nconst FILES = {json.dumps(files)};\n{script}",
                    content_type="text/javascript; charset=utf-8", headers={"Service-Worker-Allowed": "/station"})


@lru_cache(maxsize=4)
def kept_files(static: str) -> dict[str, str]:
    """Name below `static/` -> SHA-256 of what is in it, hex. A running program's files do not change."""
    folder = Path(static)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in KEPT}


def build(static: str) -> str:
    """One word for all of it; a station's page carries it, so that no worker mixes it with files of another version."""
    said = json.dumps(kept_files(static), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
