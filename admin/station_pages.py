"""服务点: each station with its tablets, in words; pairing a new tablet, ending a tablet's pairing.

A pairing code is shown once made: memory keeps it for the sign-in that made it, so that the page can be loaded again; it
stands in no address and in no cookie (a signed one can be read by whoever copies it). The database has its hash only.
"""
from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Response, abort, current_app, flash, g, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy import select

import guard
from admin import live_words, plan_said
from admin.room import pages
from admin.shell import said
from doors import Doors
from guard import may
from kiosk import pairing, tried
from models import aside_rows, codes, reports
from models.database import now
from models.devices import Device, PairingCode
from models.runtime import ONLINE, Runtime
from models.snapshot import Snapshot, StationView

SHOWN = 200              # codes in memory; they are good for ten minutes


@pages.get("/admin/stations")
@may("lead")
def stations() -> str:
    """Every station with its tablets."""
    found = look(guard.runtime())
    with guard.runtime().connection() as connection:
        kept = aside_rows.count(connection) if _may_edit() else 0
    return render_template("admin/stations.html", stations=found, mark=_mark(found), words=plan_said, may_edit=_may_edit(), kept=kept,
                           trust=url_for("trust.page") if _certificate_page() else "")


@pages.get("/admin/stations/lines/<of>")
@may("lead")
def station_lines(of: str) -> Any:
    """The lines that change by themselves; where tablets came or went (`of` is another one), the page loads again."""
    found = look(guard.runtime())
    if of != _mark(found):
        return Response("", headers={"HX-Refresh": "true"})
    return render_template("admin/_station_lines.html", stations=found)


def look(runtime: Runtime) -> list[dict[str, Any]]:
    """The stations in the plan's order: words of their health, and their tablets."""
    plan, say, at = runtime.plan(fresh=True), live_words.words(), now()
    with runtime.connection() as connection:
        health = reports.stations(runtime, plan, connection)
        rows = connection.execute(select(Device.id, Device.station_key, Device.name, Device.last_seen, Device.waiting)
                                  .where(Device.revoked_at.is_(None)).order_by(Device.id)).all()
    tablets: dict[str, list[dict[str, Any]]] = {key: [] for key in plan.stations}
    for row in rows:
        seen = runtime.seen.get(row.id)
        last, waiting = (seen.at, seen.waiting) if seen else (row.last_seen, row.waiting)
        tablets[row.station_key].append({"id": row.id, "name": row.name, "waiting": waiting,
                                         "line": _tablet_line(last, waiting, at, say)})
    return [{"key": key, "name": station.name, "name_en": station.name_en, "mode": station.mode,
             "services": [plan.services[service] for service in station.services],
             "line": live_words.station_line(health[key], at, say), "tablets": tablets[key]}
            for key, station in plan.stations.items()]


def _tablet_line(last: datetime | None, waiting: int, at: datetime, say: dict[str, Any]) -> dict[str, str]:
    online = last is not None and at - last < ONLINE
    parts = [say["online" if online else "offline"], *([say["waiting"].format(n=waiting)] if waiting else []),
             *([live_words.ago(last, at, say)] if last else [])]
    return {"tone": "ok" if online else "ask", "text": " · ".join(parts)}


def _mark(found: list[dict[str, Any]]) -> str:
    """Another one when a station or a tablet came or went."""
    there = repr([(station["key"], [tablet["id"] for tablet in station["tablets"]]) for station in found])
    return hashlib.sha256(there.encode()).hexdigest()[:16]


def _may_edit() -> bool:
    person = guard.staff()
    return person is not None and person.role == "coordinator"


# --- pairing ---

@pages.post("/admin/stations/<key>/pair")
@may("lead")
def start_pairing(key: str) -> Any:
    """Makes a code for a new tablet of this station."""
    try:
        length = tried.code_length()
        made = guard.runtime().writer.do(lambda s: pairing.new_code(s, key, length))
    except KeyError:
        abort(404)
    _shown()[g.sign_in, key] = made.code
    while len(_shown()) > SHOWN:
        _shown().popitem(last=False)
    return redirect(url_for("admin.pairing", key=key), 303)


@pages.get("/admin/stations/<key>/pair", endpoint="pairing")
@may("lead")
def show_pairing(key: str) -> Any:
    """The code, very large, with its QR; who made none is sent to where one is made."""
    station = _station(key)
    if (g.sign_in, key) not in _shown():
        return redirect(url_for("admin.stations", _anchor=f"station-{key}"), 303)
    return render_template("admin/pairing.html", **_state(station))


@pages.get("/admin/stations/<key>/pair/state")
@may("lead")
def pairing_state(key: str) -> Any:
    """What became of the code: paired (with whom), or too late; 204 while it waits, so that the page stays still."""
    found = _state(_station(key))
    return ("", 204) if found["state"] == "waiting" else render_template("admin/_pairing.html", **found)


def _shown() -> OrderedDict[tuple[str, str], str]:
    """(sign-in, station) -> the code that was made there."""
    found: OrderedDict[tuple[str, str], str] = current_app.extensions.setdefault("huiwu.codes", OrderedDict())
    return found


def _station(key: str) -> StationView:
    plan: Snapshot = guard.runtime().plan(fresh=True)
    return plan.stations.get(key) or abort(404)


def _state(station: StationView) -> dict[str, Any]:
    runtime, code = guard.runtime(), _shown().get((g.sign_in, station.key), "")
    with runtime.connection() as connection:
        row = connection.execute(select(PairingCode.expires_at, PairingCode.used_at).where(
            PairingCode.code_hash == codes.digest(code.replace(" ", "")),
            PairingCode.station_key == station.key)).first()
        tablet = row and row.used_at and connection.execute(
            select(Device.name).where(Device.station_key == station.key, Device.paired_at >= row.used_at)
            .order_by(Device.id).limit(1)).scalar()
    if row is None or (row.used_at is None and row.expires_at < now()):
        return {"state": "late", "station": station}
    if row.used_at is not None:
        return {"state": "paired", "station": station, "tablet": tablet}
    address = pairing.address(runtime.data, code)
    base = urlsplit(address)
    return {"state": "waiting", "station": station, "code": code, "base": f"{base.scheme}://{base.netloc}",
            "alone": base.hostname in ("127.0.0.1", "localhost", "::1"), "qr": qr(address),
            "until": row.expires_at.astimezone(runtime.plan().event.zone),
            "trust": {"address": first, "qr": qr(first)} if (first := _certificate_page()) else None}


def _certificate_page() -> str:
    """Where a tablet gets the certificate before it opens anything else; "" where there is none of ours to install."""
    doors: Doors | None = current_app.config.get("DOORS")
    return doors.trust() if doors and doors.is_https else ""


def qr(text: str) -> dict[str, Any]:
    """A QR as one SVG path in modules, with the quiet zone of four modules that ISO/IEC 18004 asks for."""
    import qrcode

    drawn = qrcode.QRCode(border=4)
    drawn.add_data(text)
    rows = drawn.get_matrix()
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return {"size": len(rows), "path": path}


# --- the end of a tablet ---

@pages.post("/admin/stations/tablets/<int:device>/revoke")
@may("coordinator")
def revoke_tablet(device: int) -> Any:
    """Ends a tablet's pairing: its next request is turned away."""
    runtime = guard.runtime()
    with runtime.reading() as reading:
        row = reading.get(Device, device) or abort(404)
        name, key, gone = row.name, row.station_key, row.revoked_at is not None
    if not gone:
        runtime.writer.do(lambda s: pairing.revoke(s, device))
        runtime.plan(fresh=True)
    flash(_("“%(name)s”已停用，不能再扫码。", name=name or said(_station(key))), "ok")
    return redirect(url_for("admin.stations", _anchor=f"station-{key}"), 303)
