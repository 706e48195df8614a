"""What runs inside granian's worker: the application, and the threads that only a server has."""
from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.util import Finalize
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

import doors as plain_doors
from admin import standby
from app import create_app
from models import cores
from models.backup_keeper import Keeper
from printers.spooler import Spooler

M_ARENA_MAX = -8        # of mallopt(3)


def count(runtime: Any) -> None:
    """Reads the live counts before somebody asks: of a million scans that takes two seconds, for which no scan waits."""
    with suppress(SQLAlchemyError), runtime.connection() as connection:     # who asks next tries again
        runtime.ledger.counts.current(connection)


def share_heap() -> None:
    """One heap for all threads: glibc gives each that allocates one of its own, 8 MB in all, so that they need not wait for
    each other, which threads that take turns at the interpreter hardly ever would."""
    if sys.platform == "linux":
        with suppress(AttributeError):      # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def worker() -> Any:
    """The application inside granian's worker, with the threads that only a server has."""
    share_heap()
    doors = plain_doors.from_environment()
    app = cores.road(create_app({"DATA": os.environ["HUIWU_DATA"], "DOORS": doors, "HOSTS": (doors.host,)}))
    runtime, hub = app.extensions["huiwu"], app.extensions["huiwu.live"]
    if not runtime.is_shared:
        cores.choose()
    threading.Thread(target=count, args=(runtime,), name="counts", daemon=True).start()
    runtime.writer.start(cores.settle)
    spooler = app.extensions["huiwu.spooler"] = Spooler(runtime, hub.ring)
    spooler.start()
    hub.start()
    leave = _beside_others(runtime, hub, spooler) if runtime.is_shared else lambda: None
    keeper = Keeper(runtime, hub.ring, lambda: standby.papers(runtime))
    if runtime.engine.dialect.name == "sqlite":     # a PostgreSQL server's own tools keep its backups
        keeper.start()
    close_plain = plain_doors.open_plain(app, doors)

    def stop() -> None:
        close_plain()
        keeper.stop()
        hub.stop()
        spooler.stop()
        runtime.save_sightings()
        runtime.writer.stop()
        leave()
        runtime.engine.dispose()    # the last to close the event folds its log
    Finalize(None, stop, exitpriority=0)        # a forked process never comes to atexit
    # What has been loaded stays: the collector need not walk it again at every turn, which stops all threads for 50 ms.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return app


def _beside_others(runtime: Any, hub: Any, spooler: Any) -> Callable[[], None]:
    """Tells the other nodes of one database what was committed here and hears of theirs; how to leave them."""
    from models.notices import Notices

    def heard() -> None:
        hub.ring()
        spooler.wake()
    notices = Notices(runtime.engine, runtime.node, heard)
    runtime.writer.after_commit(notices.tell)
    notices.start()
    return notices.stop
