"""The Wi-Fi comes back: forty tablets send what waited, in the batches that the outbox makes."""
from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence

from sqlalchemy import event

from bench import meeting, venue
from bench.figures import Options, Row, compared, worst
from bench.load import run
from bench.tablets import token

TABLETS = 40
LEAST, MOST = 50, 500            # scans that wait on a tablet
BATCH = 100                      # static/js/outbox.js
LONGEST = 60.0                   # seconds


def rows(options: Options) -> list[Row]:
    """Scans a second while outboxes drain beside scans one by one, and the statements that a batch costs."""
    sizes = [random.Random(11).randint(LEAST, MOST) for _ in range(TABLETS)]
    with meeting.event(options.people, cache=options.cache) as place:
        one, many = statements(place, 1), statements(place, meeting.BATCH)
        with venue.huiwu(place.folder) as ours:
            found = venue.uses(place.badges, seed=3)
            singles = venue.scans(place.badges)
            run(ours.port, 4, singles, min(0.5, options.seconds))
            rates, single, waits = [], [], []
            for _ in range(options.rounds):
                single.append(venue.checked(run(ours.port, TABLETS, singles, options.seconds)).rate)
                sent = venue.batches(found, sizes, BATCH)
                done = venue.checked(run(ours.port, TABLETS, iter(sent), LONGEST))
                rates.append(sum(sizes) / done.seconds)
                waits.append(done.at(0.99))
    return [compared(f"补传 outbox drain, {TABLETS} tablets", rates, "/s", single, "one by one",
                     note=f"{sum(sizes):,} scans in batches of {BATCH}"),
            worst(f"等待 wait p99, a batch of {BATCH}", waits, "ms"),
            compared(f"SQL 语句 statements, a batch of {meeting.BATCH}", [many], "", [one], "a batch of 1")]


def statements(place: meeting.Place, size: int) -> float:
    """How many statements the driver is given for one batch: first visits of people, none known to memory."""
    from app import create_app

    app = create_app({"DATA": place.folder})
    runtime = app.extensions["huiwu"]
    said: list[str] = []
    event.listen(runtime.engine, "checkout", lambda connection, *_: connection.set_trace_callback(said.append))
    batch = [venue.one_scan(badge, service) for badge, service in _some(venue.uses(place.badges, seed=size), size)]
    headers = {"Authorization": f"Bearer {token(0)}"}
    client = app.test_client()
    try:
        client.get("/api/v1/station", headers=headers)          # the plan is in memory, as in a server that runs
        said.clear()
        answer = client.post("/api/v1/scans", data=json.dumps(batch), headers=headers, content_type="application/json")
    finally:
        runtime.engine.dispose()
    if answer.status_code != 200:
        raise SystemExit(f"the batch was answered with {answer.status_code}")
    return float(len(said))


def _some(found: Iterator[tuple[str, str]], count: int) -> Sequence[tuple[str, str]]:
    return [next(found) for _ in range(count)]
