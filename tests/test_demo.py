"""The demo conference: made once a day, full of history, and served with pairing codes."""
from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from admin import demo
from app import create_app
from console import Failed
from models import reports
from models.audit import audit
from models.event import Event
from models.runtime import Runtime
from models.scans import PrintJob, Scan
from serving import holding

ROOT = Path(__file__).parent.parent
ZONE = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 12, 6, 10, 20, tzinfo=ZONE)
MOMENTS = (MORNING, MORNING.replace(hour=0, minute=5), MORNING.replace(hour=3), MORNING.replace(hour=12), MORNING.replace(hour=23))


@contextmanager
def opened(folder: Path) -> Iterator[Runtime]:
    app = create_app({"DATA": folder})
    runtime: Runtime = app.extensions["huiwu"]
    try:
        yield runtime
    finally:
        runtime.engine.dispose()


def story(folder: Path) -> list[Any]:
    with opened(folder) as runtime, runtime.connection() as connection:
        return [tuple(row) for row in connection.execute(
            select(Scan.id, Scan.service_key, Scan.station_key, Scan.verdict, Scan.reason, Scan.scanned_at)
            .order_by(Scan.seq))]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment:%H:%M}")
def test_at_every_hour_each_page_has_something_to_show(tmp_path: Path, moment: datetime) -> None:
    assert demo.prepare(tmp_path, moment, holding)
    with opened(tmp_path) as runtime, runtime.connection() as connection:
        counts = reports.counts(runtime, connection)
        reasons = set(connection.execute(select(Scan.reason).distinct()).scalars())
        waiting = connection.execute(select(func.count()).where(PrintJob.state != "printed")).scalar()
        latest = connection.execute(select(func.max(Scan.scanned_at))).scalar()
        arrivals = reports.arrivals(runtime.ledger.counts.current(connection), moment)
        assert audit(runtime) == (counts["head"], [])
    services = counts["services"]
    assert 140 < services["signin"]["people"] < services["signin"]["entitled"] <= 200
    assert services["bag"]["stock_left"] < 180
    assert services["gift"]["people"] > 20
    kinds = {service["kind"] for service in services.values() if service["people"]}
    assert kinds == {"sign_in", "material", "session", "meal"}
    assert sum(service["inside"] or 0 for service in services.values()) > 20
    assert {"unknown", "revoked", "used_up", "pending", "cancelled", "too_early", "not_entitled"} <= reasons
    assert waiting == 0
    assert latest is not None and moment - timedelta(minutes=10) < latest <= moment
    assert sum(people for _, people in arrivals) > 30


def test_the_same_moment_tells_the_same_story(tmp_path: Path) -> None:
    for name in ("one", "two"):
        demo.prepare(tmp_path / name, MORNING, holding)
    assert story(tmp_path / "one") == story(tmp_path / "two")


def test_a_demo_of_today_is_kept_and_one_of_yesterday_made_anew(tmp_path: Path) -> None:
    assert demo.prepare(tmp_path, MORNING, holding)
    before = story(tmp_path)
    assert not demo.prepare(tmp_path, MORNING + timedelta(hours=3), holding)
    assert story(tmp_path) == before
    assert demo.prepare(tmp_path, MORNING + timedelta(days=1), holding)
    with opened(tmp_path) as runtime, runtime.reading() as session:
        assert session.scalars(select(Event.starts)).one() == MORNING.date()


def test_a_demo_of_this_morning_has_something_open_in_the_evening(tmp_path: Path) -> None:
    demo.prepare(tmp_path, MORNING, holding)
    evening = MORNING.replace(hour=21)
    with opened(tmp_path) as runtime:
        demo.freshen(runtime, evening)
        services = runtime.plan(fresh=True).services
        assert any(w.opens <= evening <= w.closes for s in services.values() for w in s.windows)
        running = [s.key for s in services.values() if s.starts and s.ends and s.starts <= evening <= s.ends]
        assert running
        assert set(running) & set(runtime.plan().stations["gate-hall"].services)
        assert audit(runtime)[1] == []
        demo.freshen(runtime, evening)
        assert runtime.plan(fresh=True).services == services


def test_a_real_event_is_never_made_a_demo(data: Path) -> None:
    before = (data / "huiwu.db").read_bytes()
    with pytest.raises(Failed) as refused:
        demo.prepare(data, MORNING, holding)
    assert refused.value.error == "event_exists"
    assert (data / "huiwu.db").read_bytes() == before


def test_yesterdays_demo_is_not_thrown_away_while_it_is_served(tmp_path: Path) -> None:
    demo.prepare(tmp_path, MORNING, holding)
    with holding(tmp_path), pytest.raises(Failed) as refused:
        demo.prepare(tmp_path, MORNING + timedelta(days=1), holding)
    assert refused.value.error == "in_use"
    assert story(tmp_path)


def test_the_command_serves_it_and_says_addresses_and_codes(tmp_path: Path) -> None:
    command = [sys.executable, "app.py", "--data", str(tmp_path / "demo"), "--json", "demo", "--port", "0", "--http"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        words: list[str] = []
        reader = threading.Thread(target=lambda: words.extend(server.stderr or ()))
        reader.start()
        try:
            assert server.stdout is not None
            ready = json.loads(server.stdout.readline())
            port = ready["url"].rpartition(":")[2]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
                assert json.load(answer)["status"] == "ok"
        finally:
            server.terminate()
            server.wait(30)
            reader.join(30)
    said = "".join(words)
    assert ready["ready"] is True
    assert set(ready) == {"ready", "url", "pid"}
    for station in ("kiosk-1", "desk-1", "desk-2", "gate-hall", "gate-dining", "board"):
        assert station in said
    assert f"http://localhost:{ready['url'].rsplit(':', 1)[1]}/setup" in said
    assert "▄" in said

