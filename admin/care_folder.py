"""Where the automatic backups go, on 备份与检查: how they stand, which sticks are plugged in, another folder."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from flask import abort, flash, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug import Response

import guard
from admin import standby
from admin.confirm import confirmed
from admin.room import pages
from admin.works import Work
from guard import may
from models import backup_folder, backups
from models.care import CareRefused, Copy, backup
from models.event import Event
from models.runtime import Runtime
from models.words import one_language

LONGEST = 1024          # letters of a path


@dataclass(frozen=True, slots=True)
class Standing:
    """How the backups stand, for the page; `at` None: none yet. `is_running` is false where no server keeps them."""

    folder: Path
    is_chosen: bool
    same_disk: bool
    is_running: bool
    at: datetime | None
    count: int
    size: int
    trouble: str


def standing(runtime: Runtime) -> Standing:
    """What the keeper said last, for the folder that is chosen now."""
    place, keeping = where(runtime), runtime.keeping
    same = not place.is_chosen or backup_folder.is_same_disk(runtime.data, place.folder)
    if keeping is None or keeping.folder != place.folder:
        try:
            found = backups.listed(place.folder, place.event)
        except OSError:
            found = []
        return Standing(place.folder, place.is_chosen, same, keeping is not None, found[-1].at.astimezone() if found else None,
                        len(found), sum(one.size for one in found), one_language(backup_folder.trouble(place)))
    at = keeping.at.astimezone() if keeping.at else None
    return Standing(place.folder, place.is_chosen, same, True, at, keeping.count, keeping.size, one_language(keeping.trouble))


def is_file(runtime: Runtime) -> bool:
    """Whether the event is a file of the data folder: a PostgreSQL server's own tools keep its backups."""
    return runtime.engine.dialect.name == "sqlite"


def where(runtime: Runtime) -> backup_folder.Place:
    """The folder of now."""
    with runtime.connection() as connection:
        chosen, secret = connection.execute(select(Event.backup_folder, Event.secret)).one()
    return backup_folder.place(runtime.data, chosen, secret)


def sticks(data: Path) -> list[Path]:
    """Folders of sticks and other disks that are plugged in, where this system shows them."""
    found = []
    for path in _mounted():
        try:
            if path.is_dir() and os.access(path, os.W_OK) and path.stat().st_dev != data.stat().st_dev:
                found.append(path)
        except OSError:
            continue        # a card reader without a card
    return found


def _mounted() -> Iterator[Path]:
    if sys.platform == "win32":
        yield from (Path(f"{letter}:\\") for letter in "DEFGHIJKLMNOPQRSTUVWXYZ")
        return
    for pattern in ("media/*/*", "run/media/*/*", "Volumes/*"):
        yield from sorted(Path("/").glob(pattern))


@pages.post("/admin/care/folder")
@may("coordinator")
@confirmed
def choose_folder() -> Response:
    """Another folder for the automatic backups, with a first one in it; an empty one: the data folder's own again."""
    from admin.care_pages import begin

    runtime, typed = guard.runtime(), request.form.get("folder", "").strip()[:LONGEST]
    if not is_file(runtime):
        abort(404)
    folder = Path(typed) if typed else None
    try:
        if folder is not None:
            backup_folder.check(runtime.data, folder)
            return begin("folder", partial(_choose, runtime, folder, guard.actor()), folder=str(folder))
        backup_folder.choose(runtime, None, {}, guard.actor())
    except CareRefused as refused:
        flash(str(refused), "bad")
    else:
        flash(_("自动备份改回这台电脑。电脑坏了它也就没有了。"), "")
    return redirect(url_for("admin.care"), 303)


def _choose(runtime: Runtime, folder: Path, actor: str, work: Work) -> Copy | None:
    return backup_folder.choose(runtime, folder, standby.papers(runtime), actor,
                                lambda done, total: work.tell("copy", done, total))


def backup_now(runtime: Runtime, work: Work) -> tuple[Copy, bool]:
    """A backup where they go, and whether that is elsewhere; a stick that is not there says so."""
    def told(done: int, total: int) -> None:
        work.tell("copy", done, total)
    place = where(runtime)
    if not place.is_chosen:
        return backup(runtime.data, step=told, engine=runtime.engine), False
    if said := backup_folder.trouble(place):
        raise CareRefused("missing", one_language(said))
    with runtime.copying:
        return backup_folder.make(runtime.data, place, datetime.now(), told), True    # noqa: DTZ005  the laptop's own time
