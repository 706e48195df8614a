"""The tallies as functions of the ledger (law 4): read row by row, never the whole ledger in memory."""
from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import delete as remove
from sqlalchemy import func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from models import history as past
from models.facts import ACCEPTED, REFUSED, Entry, Service
from models.gather import TALLY_FIELDS
from models.scans import Scan, StockMove, Tally
from models.snapshot import Snapshot, read

_S: Any = Scan.__table__
CHUNK = 2000
Counted = dict[str, Counter[str]]      # service -> field of the tally -> what the ledger says


def recount(connection: Connection, plan: Snapshot, look: Callable[[int, list[Entry]], None] | None = None) -> Counted:
    """What the tally of each service must be. `look` sees each holder's accepted rows on the way."""
    found: Counted = defaultdict(Counter)
    for holder, history in histories(connection):
        for key, uses in Counter(e.service for e in past.standing(history) if e.use_no is not None).items():
            found[key]["uses"] += uses
            found[key]["people"] += 1
        for key in past.inside(plan.services, history):
            found[key]["inside"] += 1
        if look:
            look(holder, history)
    refused = select(_S.c.service_key, func.count()).where(_S.c.verdict == REFUSED, _S.c.voids.is_(None))
    for key, count in connection.execute(refused.group_by(_S.c.service_key)):
        found[key]["refused"] = count
    moved = select(StockMove.service_key, func.sum(StockMove.quantity)).group_by(StockMove.service_key)
    for key, count in connection.execute(moved):
        found[key]["stock_moved"] = count
    return found


def histories(connection: Connection) -> Iterator[tuple[int, list[Entry]]]:
    """Holder by holder, the accepted rows in ledger order."""
    query = (
        select(_S.c.holder, _S.c.seq, _S.c.id, _S.c.service_key, _S.c.scanned_at, _S.c.station_key, _S.c.direction,
               _S.c.use_no, _S.c.quantity, _S.c.coupon_id, _S.c.voids)
        .where(_S.c.verdict == ACCEPTED, _S.c.holder.is_not(None)).order_by(_S.c.holder, _S.c.seq))
    rows = connection.execute(query.execution_options(yield_per=CHUNK))
    for holder, theirs in groupby(rows, itemgetter(0)):
        yield holder, [Entry(*row[1:]) for row in theirs]


def overlaps(services: Mapping[str, Service]) -> set[tuple[str, str]]:
    """The pairs of sessions that run at the same time. Who is inside depends on them, and on nothing else of a plan."""
    sessions = sorted((s for s in services.values() if s.kind == "session"), key=lambda s: s.key)
    return {(one.key, other.key) for one, other in combinations(sessions, 2) if one.overlaps(other)}


def rewrite_tallies(session: Session) -> None:
    """Writes the tallies anew from the ledger, inside `writer.do`: after other sessions overlap than before. It reads
    the whole ledger while scans wait."""
    connection = session.connection()
    plan = read(connection)         # not through memory, which must not learn what is not committed yet
    found = recount(connection, plan)
    session.execute(remove(Tally))
    rows = [{"service_key": key, **{name: found[key][name] for name in TALLY_FIELDS}} for key in {*plan.services, *found}]
    if rows:
        session.execute(insert(Tally), rows)
