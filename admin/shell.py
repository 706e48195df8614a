"""What every page of the coordinator stands in: its language, the side navigation, who is signed in; paths home."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import g, has_request_context, request
from flask_babel import get_locale
from flask_babel import lazy_gettext as _

import guard
from admin.room import pages
from models import conflicts


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the side navigation; `icon` is a name of static/vendor/icons.svg."""

    url: str
    icon: str
    label: Any


NAV = (
    Entry("/admin/", "layout-dashboard", _("现场")),
    Entry("/admin/roster", "users", _("名单")),
    Entry("/admin/badges", "id-card", _("代表证")),
    Entry("/admin/plan", "calendar-days", _("方案")),
    Entry("/admin/stations", "tablet", _("服务点")),
    Entry("/admin/printers", "printer", _("打印")),
    Entry("/admin/ledger", "list", _("扫码记录")),
    Entry("/admin/conflicts", "triangle-alert", _("冲突核对")),
    Entry("/admin/staff", "key-round", _("人员")),
    Entry("/admin/care", "shield-check", _("备份与检查")),
)
FOR_LEADS = ("/admin/stations", "/admin/printers", "/admin/conflicts")     # what a lead may open, too


@pages.app_context_processor
def surroundings() -> dict[str, Any]:
    """Every page of every room knows its language; pages of the coordinator their navigation and event, too."""
    if not has_request_context():
        return {}
    return {"lang": "en" if speaks_english() else "zh-CN", "nav": entries(), "nav_here": nav_here, "nav_count": nav_count,
            "said": said,
            "signed_in": g.get("staff"), "event": event}


def entries() -> tuple[Entry, ...]:
    """The entries that lead somewhere for whoever is signed in."""
    person = g.get("staff")
    if person is None or person.role == "coordinator":
        return NAV
    return tuple(entry for entry in NAV if entry.url in FOR_LEADS)


def speaks_english() -> bool:
    """Whether this request is answered in English."""
    return str(get_locale() or "zh").startswith("en")


def said(thing: Any) -> str:
    """The name of an event, service, category or station in the page's language, Chinese where it has no English."""
    get = thing.get if isinstance(thing, dict) else lambda name: getattr(thing, name, "")
    return (speaks_english() and get("name_en")) or get("name") or ""


def event() -> Any:
    """The event of this data folder, for the head of a page."""
    return guard.runtime().plan().event


def nav_here(entry: Entry) -> bool:
    """Whether the page asked for lies under an entry of the navigation."""
    if entry.url == "/admin/":
        return request.path == entry.url
    return request.path == entry.url or request.path.startswith(f"{entry.url}/")


def nav_count(entry: Entry) -> int:
    """How many things wait for a person behind an entry of the navigation."""
    if entry.url != "/admin/conflicts":
        return 0
    with guard.runtime().connection() as connection:
        return conflicts.count(connection)


def local_path(wanted: str | None) -> str | None:
    """A path of this server, or None: `next` must never lead to a stranger's page.

    Browsers read a backslash as a slash and skip control characters, so both are refused (WHATWG URL, 4.4).
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return None
    if "\\" in wanted or not wanted.isprintable():
        return None
    parts = urlsplit(wanted)
    return None if parts.scheme or parts.netloc else wanted
