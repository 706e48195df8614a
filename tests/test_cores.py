"""Where threads run: those of a scan's road share a core, what works without the interpreter does not."""
from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import pins
from admin.works import Works
from models import cores

pytestmark = pytest.mark.skipif(len(cores.ALL) < 2, reason="needs Linux and two cores")
ROOT = Path(__file__).resolve().parent.parent
_PRESS = """
import os, threading
from pathlib import Path
from admin import badge_press
from models import cores
cores.choose()
def press():
    cores.settle()
    badge_press.press_logo(str(list(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>')), 9, 90)
thread = threading.Thread(target=press)
thread.start()
thread.join()
def stays(task):
    try:
        return os.sched_getaffinity(task) != cores.ALL
    except ProcessLookupError:      # the one that pressed has just ended
        return False
print([task.name for task in Path("/proc/self/task").iterdir() if stays(int(task.name))])
"""
_CHILD = "import os; print(sorted(os.sched_getaffinity(0)))"


@pytest.fixture(autouse=True)
def chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a server that is alone with its event."""
    monkeypatch.setattr(cores, "_chosen", set())
    cores.choose()


def in_a_thread(work: Callable[[], Any]) -> Any:
    """What a thread of its own finds: this one stays where it is."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def here() -> set[int]:
    return os.sched_getaffinity(0)


def test_a_settled_thread_runs_on_the_shared_core_and_others_where_they_like() -> None:
    def work() -> set[int]:
        cores.settle()
        return here()
    assert in_a_thread(work) == cores._chosen
    assert here() == cores.ALL


def test_long_work_of_a_settled_thread_and_its_processes_run_everywhere() -> None:
    def work() -> tuple[set[int], str, set[int]]:
        cores.settle()
        with cores.everywhere():
            inside = here()
            child = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True).stdout
        return inside, child, here()
    inside, child, after = in_a_thread(work)
    assert inside == cores.ALL
    assert child.strip() == str(sorted(cores.ALL))
    assert after == cores._chosen


def test_an_error_inside_leaves_the_thread_where_it_was() -> None:
    def work() -> set[int]:
        cores.settle()
        with pytest.raises(ValueError, match="x"), cores.everywhere():
            raise ValueError("x")
        return here()
    assert in_a_thread(work) == cores._chosen


def test_a_secret_is_hashed_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []

    class Hasher:
        def hash(self, _secret: str) -> str:
            seen.append(here())
            return "hashed"
    monkeypatch.setattr(pins, "_hasher", Hasher())

    def work() -> str:
        cores.settle()
        return pins.hash_secret("abc")
    assert in_a_thread(work) == "hashed"
    assert seen == [cores.ALL]


def test_a_press_leaves_no_thread_of_its_own_on_the_shared_core() -> None:
    """typst starts its threads with its first work and keeps them: a process of its own says where they stand."""
    child = subprocess.run([sys.executable, "-c", _PRESS], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert child.strip() == "[]"


def test_work_that_a_request_begins_runs_everywhere(app: Flask, tmp_path: Path) -> None:
    seen: list[set[int]] = []
    works = Works(tmp_path)

    def request() -> None:
        cores.settle()
        with app.test_request_context("/"):
            works.start(works.add(1, "import"), lambda _work: seen.append(here()))
    in_a_thread(request)
    assert seen == [cores.ALL]


def test_a_served_application_settles_the_threads_of_its_requests() -> None:
    app = Flask(__name__)
    app.get("/")(lambda: str(sorted(here())))
    client = cores.road(app).test_client()
    assert in_a_thread(lambda: client.get("/").text) == str(list(cores._chosen))
    assert here() == cores.ALL


def test_the_fastest_cores_are_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for core, speed in ((0, "4200000"), (1, "4200000"), (2, "2100000")):
        (tmp_path / f"cpu{core}").write_text(speed)
    monkeypatch.setattr(cores, "_SPEED", str(tmp_path / "cpu{}"))
    monkeypatch.setattr(cores, "ALL", frozenset({0, 1, 2, 3}))
    cores.choose()
    assert cores._chosen == {1}


def test_without_a_choice_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "_chosen", set())

    def work() -> set[int]:
        cores.settle()
        with cores.everywhere():
            return here()
    assert in_a_thread(work) == cores.ALL
