"""How the coordinator's pages write the plan: the same checks as for a file, one transaction, nobody's edit lost."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from admin.plan_forms import Raw
from models import plan_file, plan_store
from models.database import now
from models.event import Service, touch
from models.plan_store import Changes
from models.plan_types import Plan
from models.plan_words import PlanError
from models.recount import rewrite_tallies
from models.runtime import Runtime
from models.scans import Scan, StockMove, Tally

TRIES = 5        # of an edit that meets another one


class Overtaken(Exception):
    """Somebody else changed it in between; nothing was written."""


def load(runtime: Runtime) -> Plan:
    """The plan as it stands."""
    with runtime.reading() as session:
        return plan_store.load(session)


def edit(runtime: Runtime, change: Callable[[Raw], None]) -> Changes:
    """Changes the plan's raw values and makes the result the event's plan, in force at once.

    The checks run in the asker's language and outside the writer; the writer only makes sure that the plan is still
    the one that was looked at, else it is done again on the newer one. PlanError with all reasons, Overtaken from
    `change` or when the others never stop.
    """
    for _again in range(TRIES):
        old = load(runtime)
        raw = plan_file.to_raw(old)
        change(raw)
        changes = replace(runtime, old, plan_file.of(raw)[0])
        if changes is not None:
            return changes
    raise Overtaken


def replace(runtime: Runtime, old: Plan, new: Plan) -> Changes | None:
    """Makes `new` the plan if `old` still is; None if it is not. PlanError if it takes away what is in use."""
    with runtime.reading() as session:
        problems = plan_store.preview(session, new)[1]
    if problems:
        raise PlanError(problems)

    def write(session: Session) -> Changes | None:
        if plan_store.load(session) != old:
            return None
        changes = plan_store.update(session, new)
        moved = _sessions(old) ^ _sessions(new)
        if moved and _attended(session):
            rewrite_tallies(session)       # who is inside depends on which sessions overlap
        return changes
    return runtime.writer.do(write)


def _sessions(plan: Plan) -> set[tuple[Any, ...]]:
    return {(s.key, s.starts, s.ends, plan.event.timezone) for s in plan.service if s.kind == "session"}


def _attended(session: Session) -> bool:
    return session.scalar(select(1).where(Scan.direction.is_not(None)).limit(1)) is not None


def set_closed(runtime: Runtime, key: str, closed: bool) -> None:
    """Stops a service at once, or lets it go on. KeyError: no such service."""
    def write(session: Session) -> None:
        service = session.get(Service, key)
        if service is None:
            raise KeyError(key)
        if service.closed != closed:
            service.closed = closed
            session.flush()
            touch(session, "plan")
    runtime.writer.do(write)


def correct_stock(runtime: Runtime, key: str, pieces: int, counted: bool, seen: int, actor: str) -> tuple[int, int]:
    """Corrects what is left: `pieces` more (or fewer), or exactly so many were `counted`. The ledger's moves stay; a
    move without a scan stands beside them, in the tally's own transaction, so that the audit agrees.

    `seen` is the newest correction that the person knew of: a second click, or somebody else's correction, is
    Overtaken. Returns (moved, left). KeyError: its stock is not counted. ValueError: fewer than none would be left.
    """
    def write(session: Session) -> tuple[int, int]:
        service, tally = session.get(Service, key), session.get(Tally, key)
        if service is None or service.stock is None:
            raise KeyError(key)
        if newest_correction(session, key) != seen:
            raise Overtaken
        if tally is None:
            tally = Tally(service_key=key, people=0, uses=0, refused=0, inside=0, stock_moved=0)
            session.add(tally)
        left = service.stock + tally.stock_moved
        moved = pieces - left if counted else pieces
        if left + moved < 0:
            raise ValueError(left)
        if moved:
            session.add(StockMove(service_key=key, quantity=moved, scan_id=None, at=now(), actor=actor))
            tally.stock_moved += moved
        return moved, left + moved
    return runtime.writer.do(write)


def left_of(session: Session, key: str) -> int | None:
    """What is left of a material, None where it is not counted."""
    service, tally = session.get(Service, key), session.get(Tally, key)
    if service is None or service.stock is None:
        return None
    return service.stock + (tally.stock_moved if tally else 0)


def newest_correction(session: Session, key: str) -> int:
    """The number of the newest correction of a service's stock, 0 if there is none."""
    return session.scalar(select(func.max(StockMove.id)).where(
        StockMove.service_key == key, StockMove.scan_id.is_(None))) or 0


def corrections(session: Session, key: str, limit: int = 8) -> list[StockMove]:
    """The newest corrections of a service's stock."""
    return list(session.scalars(select(StockMove).where(StockMove.service_key == key, StockMove.scan_id.is_(None))
                                .order_by(StockMove.id.desc()).limit(limit)))
