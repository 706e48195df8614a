"""现场: what is going on now. The first paint says the same numbers as the live stream that moves them afterwards."""
from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy.engine import Connection

import guard
from admin import live_words, numbers
from admin.room import pages
from admin.shell import said
from guard import may
from models import reports
from models.database import now
from models.facts import ACCEPTED
from models.masks import mask_name
from models.runtime import Runtime
from models.snapshot import Snapshot

LAST_ROWS = 8
REFUSED_ROWS = 6


@pages.get("/admin/")
@may("coordinator")
def dashboard() -> str:
    """The dashboard."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        seen = look(runtime, plan, connection)
        last = reports.last_scans(connection, plan, LAST_ROWS)
        refused = reports.last_scans(connection, plan, REFUSED_ROWS, refused=True)
    say = live_words.words()
    peak, page = seen["peak"], page_data(plan, seen, say)
    return render_template(
        "admin/dashboard.html", **seen, say=say, plan=plan, day=day_of(plan, seen["at"]),
        ago_last=last and live_words.ago(last[0]["scanned_at"], seen["at"], say),
        peak_time=peak and f"{datetime.fromtimestamp(peak[0], plan.event.zone):%H:%M}",
        last=[public_row(row, say) for row in last], refused=[public_row(row, say) for row in refused],
        alerts=live_words.alert_lines(reports.alerts(seen["counts"], runtime.keeping), say, page), station_line=live_words.station_line,
        printer_line=live_words.printer_line, kinds=kinds(), page=page)


def look(runtime: Runtime, plan: Snapshot, connection: Connection) -> dict[str, Any]:
    """The numbers of this moment: counts, the same flat, arrivals, the pace and the forecast."""
    at = now()
    counts = reports.counts(runtime, connection)
    state = runtime.ledger.counts.current(connection)
    counts["arrivals"] = reports.arrivals(state, at)
    flat = numbers.values(counts)
    recent = reports.recent_arrivals(connection, plan, at - numbers.PACE)
    word, when = numbers.forecast(len(recent), flat["people"], flat["expected"], at)
    return {"at": at.astimezone(plan.event.zone), "counts": counts, "flat": flat, "recent": recent,
            "forecast": (word, when and f"{when.astimezone(plan.event.zone):%H:%M}"),
            "peak": numbers.peak(counts["arrivals"])}


def page_data(plan: Snapshot, seen: dict[str, Any], say: dict[str, Any]) -> dict[str, Any]:
    """What the page's scripts start from: the counts as the stream sends them, names and words in its language."""
    return {"counts": seen["counts"], "recent": seen["recent"], "zone": plan.event.timezone, "words": say,
            "names": {key: said(service) for key, service in plan.services.items()},
            "stations": {key: said(station) for key, station in plan.stations.items()},
            "stock": {key: service.stock for key, service in plan.services.items() if service.stock is not None}}


def public_row(row: dict[str, Any], say: dict[str, Any]) -> dict[str, Any]:
    """A ledger row as the stream sends it: the name masked, since dashboards are projected, too."""
    accepted = row["verdict"] == ACCEPTED
    undo = row["voids"] is not None
    word = say["undone"] if undo else say["out"] if accepted and row["direction"] == "out" else ""
    name = mask_name(row["name"]) if row["name"] else say["stranger" if row["reason"] == "unknown" else "bearer"]
    return {"name": name, "service_key": row["service_key"], "service": row["service"], "accepted": accepted,
            "word": word if accepted else say["reasons"].get(row["reason"], row["reason"]), "seq": row["seq"],
            "station": row["station"], "at": row["scanned_at"]}


def day_of(plan: Snapshot, at: datetime) -> str:
    """Which day of the meeting it is, or when it is."""
    first, last, today = plan.event.starts.date(), plan.event.ends.date(), at.date()
    if today < first:
        return _("还有 %(n)s 天", n=(first - today).days)
    if today > last:
        return _("已结束")
    return _("第 %(n)s 天", n=(today - first).days + 1)


def kinds() -> dict[str, str]:
    """The kinds of services, in the order of a day's work."""
    return {"sign_in": _("报到"), "material": _("领取"), "session": _("考勤"), "meal": _("用餐"),
            "transfer": _("接送"), "room_key": _("房卡"), "payout": _("发放")}
