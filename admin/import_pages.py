"""导入名单 in three steps: a file, what was read of it and what it would change, then the import with its progress.

The file lies in a folder of its own until the import is done or dropped, and belongs to who uploaded it. It is read in
a thread: 100,000 rows take seconds. The import reads and judges it anew, so nothing is written on an old look.
"""
from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.exceptions import RequestEntityTooLarge

import guard
from admin import field_words, works
from admin.refusals import page as refused_page
from admin.room import pages
from admin.roster_file import RosterError
from admin.roster_import import BESIDE_SCANS, SHOWN, Verdict, import_file, look
from admin.roster_workbook import FILE_LIMIT
from admin.works import Work
from guard import may
from models.harmless import harmless
from models.masks import masked
from models.people import ImportRun
from models.runtime import Runtime

KIND = "import"
BODY_LIMIT = 60_000_000
RUNS = 5
LONGEST_NAME = 80
TABS = ("refused", "changed", "new")


@pages.get("/admin/import")
@may("coordinator")
def imports() -> str:
    """Step one: the file."""
    runtime = guard.runtime()
    zone = runtime.plan().event.zone
    with runtime.reading() as session:
        runs = list(session.scalars(select(ImportRun).order_by(ImportRun.id.desc()).limit(RUNS)))
    return render_template("admin/import.html", runs=runs, local=lambda at: at.astimezone(zone),
                           limit=FILE_LIMIT // 1_000_000)


@pages.url_value_preprocessor
def allow_large_upload(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """The roster's own upload may be larger than other requests: said here, before the token's check reads the body."""
    if endpoint == "admin.upload_roster":
        request.max_content_length = BODY_LIMIT


@pages.post("/admin/import")
@may("coordinator")
def upload_roster() -> Any:
    """Takes the file and begins to read it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        flash(_("请先选择一个文件。"), "bad")
        return redirect(url_for("admin.imports"), 303)
    work = works.works().add(works.mine(), KIND, name=shown_name(file.filename), sheet=None, mapping={}, phase="look", found=None)
    file.save(work.file("roster"))
    _look(work)
    return _to(work)


def shown_name(name: str) -> str:
    """A file's name as it is shown and kept: its last part, nothing invisible, not too long. No path is made of it."""
    last = "".join(filter(str.isprintable, name.replace("\\", "/").rpartition("/")[2])).strip()
    return last if len(last) <= LONGEST_NAME else f"{last[:LONGEST_NAME - 13]}…{last[-12:]}"


@pages.errorhandler(RequestEntityTooLarge)
def too_large(_error: Any) -> Any:
    """The body is larger than the route takes."""
    return refused_page(413, _("文件太大"), _("名单文件最多 %(limit)s MB。图片请缩小后再传。", limit=FILE_LIMIT // 1_000_000))


@pages.get("/admin/import/<key>")
@may("coordinator")
def import_step(key: str) -> Any:
    """Wherever this import is: being read, shown for a decision, being written, or done."""
    work = works.of(key, KIND)
    return render_template("admin/import_check.html", **_shown(work))


@pages.get("/admin/import/<key>/progress")
@may("coordinator")
def import_progress(key: str) -> Any:
    """The progress line; once the work is over it sends the browser on to its outcome."""
    return progress(works.of(key, KIND), url_for("admin.import_progress", key=key), url_for("admin.import_step", key=key))


def progress(work: Work, url: str, after: str) -> Any:
    """The polled fragment of any work: itself while it runs, then the way to `after`."""
    if work.running:
        return render_template("admin/_progress.html", work=work, url=url, after=after)
    return "", 200, {"HX-Redirect": after}


@pages.post("/admin/import/<key>/columns")
@may("coordinator")
def set_columns(key: str) -> Any:
    """Another sheet, or another meaning of columns: reads again."""
    work = works.of(key, KIND)
    if work.running or work.about["phase"] != "look":
        return _to(work)
    before = work.about["sheet"] or _sheet_of(work)
    sheet = request.form.get("sheet") or before
    if sheet != before:
        work.about.update(sheet=sheet, mapping={})
    else:
        work.about["mapping"] = {**work.about["mapping"], **_chosen(work)}
    _look(work)
    return _to(work)


@pages.post("/admin/import/<key>/start")
@may("coordinator")
def start_import(key: str) -> Any:
    """Writes it: everybody, or with `skip` the good rows only."""
    work = works.of(key, KIND)
    if not work.running and work.about["phase"] == "look" and work.about["found"]:
        work.about["phase"] = "write"
        runtime, actor, skip = guard.runtime(), guard.actor(), bool(request.form.get("skip"))
        works.works().start(work, partial(_import, runtime, actor, skip))
    return _to(work)


@pages.post("/admin/import/<key>/drop")
@may("coordinator")
def drop_import(key: str) -> Any:
    """Not this file after all."""
    work = works.of(key, KIND)
    if not work.running:
        works.works().drop(work)
    return redirect(url_for("admin.imports"), 303)


@pages.get("/admin/import/<key>/refused.csv")
@may("coordinator")
def refused_rows(key: str) -> Any:
    """The rows that were not taken, each with its reason, to be put right and imported again."""
    found = works.of(key, KIND).about["found"]
    if found is None:
        return redirect(url_for("admin.imports"), 303)
    fields = list(dict.fromkeys(found.sheet.mapping.values()))
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow([_("行号"), _("原因"), *(field_words.label(name) for name in fields)])
    for refusal in found.refused:
        values = found.said[refusal.row]
        table.writerow([refusal.row, harmless(refusal.message), *(harmless(str(values.get(name, ""))) for name in fields)])
    return Response(out.getvalue().encode("utf-8-sig"), mimetype="text/csv",
                    headers={"Content-Disposition": "attachment; filename=refused.csv"})


def _look(work: Work) -> None:
    work.about.update(phase="look", found=None)
    works.works().start(work, partial(_read, guard.runtime()))


def _read(runtime: Runtime, work: Work) -> None:
    work.tell("read")
    about = work.about
    about["found"] = look(runtime, work.file("roster"), about["name"], about["sheet"], about["mapping"] or None, BESIDE_SCANS)


def _import(runtime: Runtime, actor: str, skip: bool, work: Work) -> None:
    about = work.about
    try:
        found = import_file(runtime, work.file("roster"), about["name"], about["sheet"], about["mapping"] or None,
                            skip_bad=skip, progress=work.tell, actor=actor, pace=BESIDE_SCANS)
    except Exception:
        about["phase"] = "look"
        raise
    # Refused all the same: the roster changed since it was shown, and nothing was written.
    about.update(found=found, phase="look" if found.refused and not skip else "done")
    if about["phase"] == "done":
        work.file("roster").unlink(missing_ok=True)


def _shown(work: Work) -> dict[str, Any]:
    """What the page needs, whatever the step."""
    plan, error = guard.runtime().plan(), work.error if not work.running else None
    found: Verdict | None = work.about["found"]
    tabs = [name for name in TABS if found and getattr(found, name)]
    wanted = request.args.get("show", "")
    names = {refusal.row: found.said[refusal.row].get("name", "") for refusal in found.refused[:SHOWN]} if found else {}
    return {
        "work": work, "about": work.about, "found": found, "phase": work.about["phase"], "error": works.why(error),
        "columns_of_error": _columns_of(error), "fields": field_words.FIELDS, "label": field_words.label,
        "value": lambda name, raw: masked(name, field_words.value(name, raw, plan)),
        "tabs": tabs, "limit": SHOWN, "plan": plan, "names": names,
        "tab": wanted if wanted in tabs else tabs[0] if tabs else "",
        "url": url_for("admin.import_progress", key=work.id), "after": url_for("admin.import_step", key=work.id)}


def _columns_of(error: BaseException | None) -> list[str]:
    """The columns of a file in which none is known as the name, to choose from."""
    if isinstance(error, RosterError) and error.error == "no_name_column":
        return [text for text in error.params["found"].split("、") if text]
    return []


def _sheet_of(work: Work) -> str | None:
    found: Verdict | None = work.about["found"]
    return found.sheet.name or None if found else None


def _chosen(work: Work) -> dict[str, str]:
    """What the form says of columns that differs from what was read."""
    found: Verdict | None = work.about["found"]
    if found is None:
        name = request.form.get("name_column", "")
        return {name: "name"} if name else {}
    changed = {}
    for at, column in enumerate(found.sheet.columns):
        wanted = request.form.get(f"field.{at}")
        if wanted is not None and wanted != column.field and (wanted in field_words.FIELDS or not wanted):
            changed[column.key] = wanted or "ignore"
    return changed


def _to(work: Work) -> Any:
    return redirect(url_for("admin.import_step", key=work.id), 303)
