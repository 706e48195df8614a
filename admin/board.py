"""大屏: numbers and masked names for a hall, paired as a station or opened by the coordinator. No controls."""
from __future__ import annotations

from typing import Any

from flask import render_template

import guard
from admin import live_words, numbers
from admin.dashboard import look, page_data, public_row
from admin.room import pages
from guard import may
from models import reports
from models.snapshot import Snapshot

ARRIVALS = 7
LOOK_BACK = 200     # rows of the ledger among which the newest arrivals are sought
TILES = ("session", "meal", "transfer")


@pages.get("/board")
@may("board", "coordinator")
def board() -> str:
    """The big screen."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        seen = look(runtime, plan, connection)
        rows = reports.last_scans(connection, plan, LOOK_BACK)
    say = live_words.words()
    came = [public_row(row, say) for row in rows if _arrived(row, plan)][:ARRIVALS]
    return render_template("admin/board.html", **seen, plan=plan, came=came, tiles=tiles(plan, seen["at"]),
                           page={**page_data(plan, seen, say), "rows": ARRIVALS})


def _arrived(row: dict[str, Any], plan: Snapshot) -> bool:
    service = plan.services.get(row["service_key"])
    return bool(service and service.kind == "sign_in" and row["verdict"] == "accepted" and row["voids"] is None)


def tiles(plan: Snapshot, at: Any) -> list[dict[str, Any]]:
    """The services that a hall is told of, with the times around which they are shown."""
    found = []
    for key, service in plan.services.items():
        if service.kind in TILES:
            times = numbers.around(service)
            found.append({"key": key, "service": service, "now": any(a <= at <= b for a, b in times),
                          "times": " ".join(f"{a.isoformat()}/{b.isoformat()}" for a, b in times)})
    return found
