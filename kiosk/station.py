"""What a station is told of itself: its services with their windows, the event, the masks that apply."""
from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from models import reports
from models.database import now
from models.facts import Service
from models.rules import is_open
from models.runtime import Runtime
from models.slips import begins_today
from models.snapshot import Snapshot, StationView

MASKS = {"kiosk": ["name", "org", "room", "phone"], "gate": ["seat", "room", "phone"], "desk": ["phone"],
         "board": ["name", "org", "seat", "table", "room", "phone"]}
COUNTING = ("gate", "desk")
MINUTE = timedelta(minutes=1)


def station_news(runtime: Runtime, station: StationView) -> dict[str, Any]:
    """The whole answer of `GET /api/v1/station`, which is also a station page's data: a gate and a desk get the numbers
    of their own services, a kiosk what is still to come today."""
    plan, at = runtime.plan(), now()
    facts = station_facts(plan, station, at)
    if station.mode in COUNTING:
        with runtime.connection() as connection:
            counted = reports.services(plan, runtime.ledger.counts.current(connection), connection)
        for service in facts["services"]:
            service["count"] = {name: counted[service["key"]][name]
                                for name in ("people", "entitled", "inside", "stock_left")}
    if station.mode == "kiosk":
        facts["programme"] = [{"starts": begins.isoformat(), "name": service.name, "name_en": service.name_en}
                              for begins, service in begins_today(plan, at) if _end(begins, service) > at]
    return {**facts, "head": runtime.ledger.head()}


def _end(begins: datetime, service: Service) -> datetime:
    """When what begins then is over: a kiosk tells of what is still to come, or going on."""
    closes = next((window.closes for window in service.windows if window.opens == begins), None)
    return service.ends or closes or begins


def station_facts(plan: Snapshot, station: StationView, at: datetime) -> dict[str, Any]:
    """What does not change with every scan."""
    services = [plan.services[key] for key in station.services if key in plan.services]
    zone = plan.event.zone
    return {
        "station": {"key": station.key, "name": station.name, "name_en": station.name_en, "mode": station.mode,
                    "prints": station.printer is not None, "offline": station.offline},
        "services": [service_facts(service, plan, at) for service in services],
        "categories": [{"key": c.key, "name": c.name, "name_en": c.name_en, "colour": c.colour}
                       for c in plan.categories.values()],
        "event": {"name": plan.event.name, "name_en": plan.event.name_en, "timezone": plan.event.timezone,
                  "trial": plan.event.trial},
        "masks": MASKS[station.mode],
        "server_time": at.astimezone(zone).isoformat(timespec="milliseconds"), "epoch": plan.event.epoch,
        "closed_at": plan.event.closed_at.astimezone(zone).isoformat() if plan.event.closed_at else None,
    }


def service_facts(service: Service, plan: Snapshot, at: datetime) -> dict[str, Any]:
    """A service as a tablet shows it, and judges by it while the server is out of reach; times in the event's zone."""
    zone = plan.event.zone
    return {
        "key": service.key, "kind": service.kind, "name": service.name, "name_en": service.name_en,
        "windows": [{"opens": w.opens.astimezone(zone).isoformat(), "closes": w.closes.astimezone(zone).isoformat()}
                    for w in service.windows],
        "starts": service.starts.astimezone(zone).isoformat() if service.starts else None,
        "ends": service.ends.astimezone(zone).isoformat() if service.ends else None,
        "open": is_open(service, at), "closed": service.closed, "limit": service.limit, "per": service.per,
        "needs": list(service.needs), "tolerance_minutes": service.tolerance // MINUTE, "reentry": service.reentry,
        "entitled": sorted(service.entitled) if service.entitled is not None else None,
        "late_after_minutes": service.late_after // MINUTE,
        "question": [{"key": q.key, "text": q.text, "choices": list(q.choices), "required": q.required}
                     for q in service.questions],
    }
