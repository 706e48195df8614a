"""Pages of the printers' room: how each printer is, the queue and what people do to it, the virtual printer's paper."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, send_from_directory, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

import guard
from guard import may
from models import print_list, print_queue, reports
from models.database import now
from models.event import Printer
from models.print_queue import NoSuchJob, NotPossible
from printers import virtual, words
from printers.status import Problem
from printers.worker import paper_folder

pages = Blueprint("printers", __name__)
SHEETS = 24                               # slips of a virtual printer that its page shows


@pages.get("/admin/printers")
@may("lead")
def index() -> str:
    """Printers, what waits, what was printed; `number` finds a slip that somebody holds or misses."""
    return render_template("printers/index.html", **_now())


@pages.get("/admin/printers/now")
@may("lead")
def current() -> str:
    """The part of the page that changes."""
    return render_template("printers/_now.html", **_now())


def _now() -> dict[str, Any]:
    wanted = request.args.get("number", "").strip()
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 0
    zone, at = guard.runtime().plan().event.zone, now()
    with guard.runtime().reading() as session:
        rows = print_list.printers(session)
        names = {row.key: words.named(row) for row in rows}
        counts = reports.printers(session.connection())
        done = print_list.numbered(session, number) if wanted else print_list.done_jobs(session)
        jobs = [words.job_view(row, names, zone, at) for row in print_list.open_jobs(session)]
    return {"printers": [words.printer_view(row, counts[row.key], names, at) for row in rows],
            "questions": [job for job in jobs if job.state == "unknown"],
            "queue": [job for job in jobs if job.state != "unknown"], "names": names,
            "done": [words.job_view(row, names, zone, at) for row in done],
            "waiting": sum(one[state] for one in counts.values() for state in ("queued", "sending", "held")),
            "number": wanted}


@pages.post("/admin/print-jobs/<job_id>/<action>")
@may("lead")
def act(job_id: str, action: str) -> Any:
    """What a person does to a job; back to the page with a sentence of what happened."""
    actor, form = guard.actor(), request.form
    doing: dict[str, tuple[Callable[[Session], Any], str]] = {
        "reprint": (lambda s: print_queue.reprint(s, job_id, actor), _("已加打一份，小票上印着“补打”。")),
        "answer": (lambda s: print_queue.answer_unknown(s, job_id, form.get("out") == "yes", actor),
                   _("已记为已打印。") if form.get("out") == "yes" else _("已补打一份，小票上印着“补打”。")),
        "hold": (lambda s: print_queue.hold(s, job_id, actor), _("已暂停，点“继续打印”再打。")),
        "release": (lambda s: print_queue.release(s, job_id, actor), _("已继续打印。")),
        "cancel": (lambda s: print_queue.cancel(s, job_id, actor), _("已取消，不会再打。")),
        "move": (lambda s: print_queue.move(s, job_id, form.get("printer", ""), actor), _("已换打印机。")),
    }
    if action not in doing:
        abort(404)
    return _done(*doing[action])


@pages.post("/admin/printers/<key>/test")
@may("lead")
def test(key: str) -> Any:
    """A test slip."""
    actor = guard.actor()
    return _done(lambda session: print_queue.test_slip(session, key, actor), _("测试条已排队。"))


@pages.post("/admin/printers/<key>/check")
@may("lead")
def check(key: str) -> Any:
    """Somebody has seen to the printer: it is asked at once."""
    return _done(lambda session: print_queue.look_again(session, key), _("正在重新联系打印机。"))


def _done(work: Callable[[Session], Any], said: str) -> Any:
    try:
        guard.runtime().writer.do(work)
        flash(said, "ok")
    except NotPossible as refused:
        flash(str(refused), "bad")
    except NoSuchJob:
        flash(_("没有这张小票。"), "bad")
    return redirect(url_for("printers.index"), 303)


@pages.get("/admin/printers/<key>/paper")
@may("lead")
def paper(key: str) -> str:
    """The virtual printer's paper."""
    return render_template("printers/paper.html", **_paper(key))


@pages.get("/admin/printers/<key>/paper/now")
@may("lead")
def paper_now(key: str) -> str:
    """The slips, the newest first."""
    return render_template("printers/_paper.html", **_paper(key))


@pages.get("/admin/printers/<key>/paper/<name>")
@may("lead")
def sheet(key: str, name: str) -> Response:
    """One slip as a picture."""
    _virtual_printer(key)
    return send_from_directory(paper_folder(guard.runtime().data, key).resolve(), name, mimetype="image/png")


@pages.post("/admin/printers/<key>/problem")
@may("lead")
def problem(key: str) -> Any:
    """Takes the virtual printer's paper away, or gives it back: to practise."""
    _virtual_printer(key)
    name = request.form.get("problem", "")
    if name and name not in words.PROBLEMS:
        abort(400)
    virtual.set_problem(paper_folder(guard.runtime().data, key), Problem[name] if name else None)
    guard.runtime().writer.do(lambda session: print_queue.look_again(session, key))
    return redirect(url_for("printers.paper", key=key), 303)


def _paper(key: str) -> dict[str, Any]:
    row, folder = _virtual_printer(key), paper_folder(guard.runtime().data, key)
    with guard.runtime().connection() as connection:
        counts = reports.printers(connection)[key]
    set_to = virtual.problem_of(folder)
    slips = virtual.slips(folder)
    return {"printer": words.printer_view(row, counts, {}, now()), "problem": set_to.name if set_to else "",
            "problems": words.PROBLEMS, "slips": slips[:SHEETS], "more": max(0, len(slips) - SHEETS)}


def _virtual_printer(key: str) -> Any:
    with guard.runtime().reading() as session:
        row = session.get(Printer, key)
    if row is None or not row.url.startswith("virtual:"):
        abort(404)
    return row
