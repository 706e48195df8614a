"""Running the migrations on a PostgreSQL server's database: a new one, an older one, one of a newer program.

PostgreSQL changes tables inside a transaction, so an upgrade is there whole or not at all. No copy is kept beside: the
server's own dumps are what goes back further (docs/large.md).
"""
from __future__ import annotations

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from migrations import running
from migrations.running import HEAD, Standing
from models import leases
from models.care import CareRefused


def standing(engine: Engine) -> Standing:
    """How the database's tables stand to this program's; "none" if there is no event in it. DBAPIError: no server."""
    with engine.connect() as connection:
        here = _revision(connection)
        if here is None or connection.execute(text("SELECT 1 FROM event")).first() is None:
            return "none"
    if here == HEAD:
        return "current"
    return "older" if here in running.known() else "newer"


def bring_up(engine: Engine) -> bool:
    """Brings the database's event to this program's tables, all or nothing; whether there was anything to do.

    CareRefused: in_use (a node serves it), newer, not_upgraded; the event is as it was then.
    """
    try:
        with leases.alone(engine), engine.execution_options(writes=True).begin() as connection:
            was = _revision(connection)
            if was == HEAD:
                return False
            running.migrate(connection, was)
    except DBAPIError as error:
        raise CareRefused("not_upgraded", f"会议没有升级成（{type(error.orig).__name__}），原来的数据没有改动，请再运行一次。"
                                          " The event could not be upgraded and is as it was; run it again.") from error
    return True


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
