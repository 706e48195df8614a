"""`/trust`: where a tablet gets the event's certificate, and the one page that the plain door gives the LAN.

It comes over plain http, so somebody in between could hand out another certificate: the page shows the fingerprint, and
so does the laptop's own screen. Whoever asks the plain door from the LAN for anything else is sent here; content never
travels in the clear.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, url_for

import guard
import sessions
from addresses import is_loopback, name_of
from admin.station_pages import qr
from doors import DOOR, LAN, Doors
from guard import may

if TYPE_CHECKING:
    from cryptography import x509

pages = Blueprint("trust", __name__)
FILE_NAME = "huiwu.crt"
# What the page needs, and nothing else: no script of ours, whose names tell what there is.
FILES = frozenset({"app.css", "css/trust.css", "img/seal.svg", "img/favicon.svg", "vendor/icons.svg", "js/theme.js"})
# The word in User-Agent, and the system whose taps stand open. An iPad says Macintosh; a Mac is seldom a tablet.
SYSTEMS = (("Android", "android"), ("Windows", "windows"), ("iPhone", "ipad"), ("iPad", "ipad"), ("Macintosh", "ipad"))


@pages.get("/trust")
@may("anyone")
def page() -> Any:
    """The certificate, its fingerprint, the taps for each system; over https, whether this tablet trusts it."""
    import certificates  # with cryptography, 9 MB that a server without https never needs

    doors: Doors | None = current_app.config.get("DOORS")
    found = certificates.read_authority(guard.runtime().data) if doors and doors.is_https else None
    if doors is None or found is None:
        return render_template("trust_none.html")
    here = f"http://{_address(doors)}:{doors.plain}{url_for('trust.page')}"
    return render_template(
        "trust.html", name=_name(found), fingerprint=certificates.fingerprint(found), here=here, qr=qr(here),
        home=f"https://{_address(doors)}:{doors.port}",
        at_laptop=f"{doors.at_laptop()}{url_for('trust.page')}", until=found.not_valid_after_utc,
        system=_system(request.headers.get("User-Agent", "")), is_https=sessions.is_secure(request),
        is_laptop=is_loopback(name_of(request.host)))


@pages.get(f"/trust/{FILE_NAME}")
@may("anyone")
def certificate() -> Any:
    """The authority's certificate as systems install it: DER, with the type that makes iPadOS and Windows offer it."""
    from cryptography.hazmat.primitives.serialization import Encoding

    import certificates

    found = certificates.read_authority(guard.runtime().data)
    if found is None:
        return redirect(url_for("trust.page"), 303)
    return Response(found.public_bytes(Encoding.DER), mimetype="application/x-x509-ca-cert",
                    headers={"Content-Disposition": f"attachment; filename={FILE_NAME}"})


def install(app: Flask) -> None:
    """Puts the page and its rule into an application: at the plain door the LAN gets nothing else."""
    app.before_request(_keep_to_trust)
    app.register_blueprint(pages)


def _keep_to_trust() -> Any:
    if request.environ.get(DOOR) != LAN:
        return None
    if request.method not in guard.SAFE:
        return Response("请用 https 打开会务系统，这里不接收任何内容。 Use the https address; nothing is taken here.\n", 403,
                        mimetype="text/plain")
    if request.blueprint == pages.name:
        return None
    if request.endpoint == "static" and (request.view_args or {}).get("filename") in FILES:
        return None
    return redirect(url_for("trust.page"), 303)


def _address(doors: Doors) -> str:
    """The address by which this browser came, if a tablet could use it too; else the one that tablets are given."""
    came_by = name_of(request.host)
    tablets = name_of(doors.url().split("//")[1])
    best = tablets if is_loopback(came_by) else came_by
    return f"[{best}]" if ":" in best else best


def _name(found: x509.Certificate) -> str:
    from cryptography import x509

    return str(found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def _system(agent: str) -> str:
    return next((system for word, system in SYSTEMS if word in agent), "windows")
