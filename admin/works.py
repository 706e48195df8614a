"""Work that is longer than a request: it goes on in a thread of its own, and a page shows how far it is.

What is known of it stands in memory and belongs to the person who started it; its file lies in a folder of its own
below DATA/uploads and goes away with it. After a restart nobody knows it any more: what lies there is swept away.
"""
from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from flask import Flask, abort, current_app
from flask_babel import force_locale, get_locale
from flask_babel import gettext as _

import guard
from admin.badges import BadgeError
from admin.roster_import import ImportRunning
from admin.roster_words import RosterError
from models.care import CareRefused
from models.cores import everywhere
from models.exports import TooManyRows
from models.writer import NotRecorded

log = logging.getLogger("huiwu.works")
FOLDER = "uploads"
KEPT = 3600.0            # seconds after its end; a file with codes in it should not lie about
AT_ONCE = 2.0            # seconds a request waits: most work is done by then, and no progress page flickers by


@dataclass(eq=False)
class Work:
    """One piece of work. `kind` says which template shows what came of it; `about` is what that template needs."""

    id: str
    owner: int
    kind: str
    folder: Path
    about: dict[str, Any] = field(default_factory=dict)
    stage: str = ""
    done: int = 0
    total: int = 0
    result: Any = None
    error: BaseException | None = None
    started: float = field(default_factory=time.monotonic)
    finished: float | None = None
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether its thread is still at it."""
        return not self.over.is_set()

    def tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        """How far it is."""
        self.stage, self.done, self.total = stage, done, total

    def file(self, name: str) -> Path:
        """A path in its own folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder / name


class Works:
    """All work of one application."""

    def __init__(self, data: Path):
        self._root = data / FOLDER
        self._kept: dict[str, Work] = {}
        self._lock = threading.Lock()
        shutil.rmtree(self._root, ignore_errors=True)      # of a process that is gone

    def add(self, owner: int, kind: str, **about: Any) -> Work:
        """A new piece of work that has not begun; old ones are swept away."""
        self._sweep()
        key = secrets.token_urlsafe(12)
        work = Work(key, owner, kind, self._root / key, about)
        with self._lock:
            self._kept[key] = work
        return work

    def start(self, work: Work, run: Callable[[Work], Any]) -> None:
        """Runs it in a thread, in the language of who asked."""
        work.error, work.result, work.finished = None, None, None
        work.over.clear()
        work.tell("")
        app: Flask = cast(Any, current_app)._get_current_object()     # the proxy's own way to the object
        thread = threading.Thread(target=_at_work, args=(app, str(get_locale() or "zh"), work, run), daemon=True,
                                  name=f"work-{work.kind}")
        with everywhere():          # not on the core of the request that asked for it
            thread.start()
        work.over.wait(AT_ONCE)

    def of(self, key: str, owner: int, kind: str) -> Work | None:
        """The work of this key, if it is that person's."""
        work = self._kept.get(key)
        return work if work and work.owner == owner and work.kind == kind else None

    def drop(self, work: Work) -> None:
        """Forgets it and removes its files."""
        with self._lock:
            self._kept.pop(work.id, None)
        shutil.rmtree(work.folder, ignore_errors=True)

    def _sweep(self) -> None:
        limit = time.monotonic() - KEPT
        for work in list(self._kept.values()):
            if not work.running and (work.finished or work.started) < limit:
                self.drop(work)


def _at_work(app: Flask, locale: str, work: Work, run: Callable[[Work], Any]) -> None:
    try:
        with app.app_context(), force_locale(locale):
            work.result = run(work)
    except Exception as error:
        work.error = error
        if not isinstance(error, EXPECTED):        # where, but not with what: a message may hold names and phones
            log.error("%s in %s:\n%s", type(error).__name__, work.kind, "".join(traceback.format_tb(error.__traceback__)))
    finally:
        work.finished = time.monotonic()
        work.over.set()


EXPECTED = (RosterError, ImportRunning, CareRefused, BadgeError, TooManyRows, NotRecorded)


def why(error: BaseException | None) -> str:
    """What went wrong, in one sentence for a person."""
    if error is None:
        return ""
    if isinstance(error, RosterError | BadgeError | CareRefused):
        return str(error)
    if isinstance(error, ImportRunning):
        return _("另一个导入正在进行，请等它结束后再试。")
    if isinstance(error, TooManyRows):
        return _("一张 xlsx 工作表放不下这么多行，请改用 csv。")
    if isinstance(error, NotRecorded | OSError):
        return _("磁盘没有写成。请检查磁盘空间，然后再试一次。")
    return _("没有办成，什么都没有改动。请再试一次；还不行请看服务器窗口里的记录。")


def works() -> Works:
    """The work of this application."""
    found: Works = current_app.extensions.setdefault("huiwu.works", None) or _first()
    return found


def _first() -> Works:
    made = current_app.extensions["huiwu.works"] = Works(guard.runtime().data)
    return made


def mine() -> int:
    """Who asks; only in views of the coordinator."""
    person = guard.staff()
    return person.id if person is not None else abort(403)


def of(key: str, kind: str) -> Work:
    """The caller's own work of a key, or 404."""
    return works().of(key, mine(), kind) or abort(404)
