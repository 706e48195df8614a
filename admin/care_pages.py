"""备份与检查: the trial's end, backups, exports, the audit. Each is work with progress; its outcome is said in words."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from flask import abort, flash, redirect, render_template, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug import Response

import guard
from admin import care_folder, works
from admin.confirm import confirmed
from admin.import_pages import progress
from admin.room import pages
from admin.works import Work
from guard import may
from kiosk.pairing import served_at
from models import audit as auditing
from models import care as caring
from models import disclosures, exports, purged
from models.backups import parsed
from models.event import Event
from models.people import Attendee
from models.runtime import Runtime
from models.scans import PrintJob, Scan

KIND = "care"
DIFFERENCES = 50
ENDINGS = ("xlsx", "csv", "json")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the data folder that holds a whole event; `why` is auto, backup, trial, before-restore or -upgrade."""

    name: str
    why: str
    at: datetime
    size: int


def kept(data: Path) -> list[Kept]:
    """Every copy of the event in its data folder, the newest first."""
    found = []
    for folder, pattern, reason in ((data / caring.BACKUPS, "*.db", "backup"), (data, "trial-*.db", "trial"),
                                    (data, "before-restore-*.db", "before-restore"),
                                    (data, "before-upgrade-*.db", "before-upgrade")):
        for path in folder.glob(pattern):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue            # thinned by its age this moment
            why = "auto" if parsed(path) else reason
            found.append(Kept(path.name, why, datetime.fromtimestamp(state.st_mtime, UTC), state.st_size))
    return sorted(found, key=lambda one: one.at, reverse=True)


@pages.get("/admin/care")
@may("coordinator")
def care() -> str:
    """What is kept, and what can be done."""
    runtime = guard.runtime()
    plan = runtime.plan(fresh=True)
    with runtime.connection() as connection:
        scans = connection.execute(select(func.count()).select_from(Scan)).scalar_one()
        closed, purge = connection.execute(select(Event.closed_at)).scalar_one(), purged.newest(connection)
    files = kept(runtime.data)
    shown = [*[one for one in files if one.why == "auto"][:1], *[one for one in files if one.why != "auto"]]
    zone = plan.event.zone
    return render_template("admin/care.html", plan=plan, scans=scans, files=shown, endings=ENDINGS, closed=closed, purge=purge,
                           folder=runtime.data, standing=care_folder.standing(runtime), is_file=care_folder.is_file(runtime),
                           sticks=care_folder.sticks(runtime.data), address=served_at(runtime.data),
                           local=lambda at: at.astimezone(zone), now=datetime.now(UTC))


@pages.get("/admin/care/golive")
@may("coordinator")
def before_golive() -> Any:
    """What going live will do, before it is done."""
    runtime = guard.runtime()
    if not runtime.plan(fresh=True).event.trial:
        return redirect(url_for("admin.care"), 303)
    with runtime.connection() as connection:
        scans = connection.execute(select(func.count()).select_from(Scan)).scalar_one()
        waiting = connection.execute(select(func.count()).select_from(PrintJob).where(
            PrintJob.state.in_(("queued", "sending")))).scalar_one()
    return render_template("admin/golive.html", scans=scans, waiting=waiting)


@pages.post("/admin/care/golive")
@may("coordinator")
@confirmed
def golive() -> Response:
    """Ends the trial."""
    if not request.form.get("sure"):
        flash(_("请先勾选确认。什么都没有改动。"), "bad")
        return redirect(url_for("admin.before_golive"), 303)
    try:
        scans, file = caring.go_live(guard.runtime())
    except caring.CareRefused as refused:
        flash(str(refused), "bad")
    else:
        flash(_("已正式开始。试运行的 %(count)s 条记录存在 %(file)s，从现在起从零计数。", count=scans, file=file.name), "ok")
    return redirect(url_for("admin.care"), 303)


@pages.post("/admin/care/backup")
@may("coordinator")
def make_backup() -> Response:
    """A copy of the event, while everything goes on."""
    return begin("backup", partial(care_folder.backup_now, guard.runtime()))


@pages.post("/admin/care/audit")
@may("coordinator")
def run_audit() -> Response:
    """Recounts everything from the ledger."""
    return begin("audit", partial(_audit, guard.runtime()))


@pages.post("/admin/care/export")
@may("coordinator")
@confirmed
def make_export() -> Response:
    """Counts, ledger or roster as a file."""
    what, ending = request.form.get("what", ""), request.form.get("ending", "")
    if what not in exports.KINDS or ending not in ENDINGS:
        abort(404)
    if what != "counts":
        _note(f"export_{what}", Attendee if what == "roster" else Scan)
    return begin("export", partial(_export, guard.runtime(), what), file=f"{what}.{ending}")


def _note(purpose: str, table: type) -> None:
    """Keeps who takes personal data of everybody away."""
    actor = guard.actor()

    def write(session: Session) -> None:
        count = session.scalar(select(func.count()).select_from(table)) or 0
        disclosures.note(session, purpose, actor, disclosures.EVERYTHING, count=count)
    guard.runtime().writer.do(write)


def begin(what: str, run: Callable[[Work], Any], **about: Any) -> Response:
    """Starts a piece of work and goes to where its progress and outcome are shown."""
    work = works.works().add(works.mine(), KIND, what=what, **about)
    works.works().start(work, run)
    return redirect(url_for("admin.care_work", key=work.id), 303)


def _audit(runtime: Runtime, work: Work) -> tuple[int, list[dict[str, Any]]]:
    with runtime.connection() as connection:
        total = connection.execute(select(func.count()).select_from(Scan)).scalar_one()
    return auditing.audit(runtime, lambda rows: work.tell("audit", work.done + rows, max(total, work.done + rows)))


def _export(runtime: Runtime, what: str, work: Work) -> int:
    with runtime.connection() as connection:
        total = exports.size(connection, what)
    work.tell("export", 0, total)
    return exports.export(runtime, what, work.file(work.about["file"]),
                          lambda rows: work.tell("export", work.done + rows, max(total, work.done + rows)))


@pages.get("/admin/care/work/<key>")
@may("coordinator")
def care_work(key: str) -> str:
    """How far it is, then what came of it."""
    work = works.of(key, KIND)
    with guard.runtime().connection() as connection:
        purge = purged.newest(connection)
    return render_template("admin/care_done.html", work=work, what=work.about["what"], limit=DIFFERENCES, purge=purge,
                           error="" if work.running else works.why(work.error),
                           url=url_for("admin.care_progress", key=key), after=url_for("admin.care_work", key=key))


@pages.get("/admin/care/work/<key>/progress")
@may("coordinator")
def care_progress(key: str) -> Any:
    """The progress line."""
    return progress(works.of(key, KIND), url_for("admin.care_progress", key=key), url_for("admin.care_work", key=key))


@pages.get("/admin/care/work/<key>/file")
@may("coordinator")
@confirmed
def export_file(key: str) -> Response:
    """An export that is done."""
    work = works.of(key, KIND)
    name = work.about.get("file", "")
    if not name or work.running or work.error is not None:
        abort(404)
    return send_file(work.file(name).resolve(), as_attachment=True, download_name=name)


@pages.post("/admin/care/files/<name>")
@may("coordinator")
@confirmed
def kept_file(name: str) -> Response:
    """A copy of the event, to keep on another disk: all personal data and codes, so who took it is kept."""
    data = guard.runtime().data
    found = next((one for one in kept(data) if one.name == name), None)
    if found is None:
        abort(404)
    _note("backup", Attendee)
    folder = data / caring.BACKUPS if found.why in ("auto", "backup") else data
    return send_file((folder / found.name).resolve(), "application/vnd.sqlite3", as_attachment=True,
                     download_name=found.name)
