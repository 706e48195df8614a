"""What wakes a printer's worker: a job at once, a mere perhaps after a while, and nothing but the end in trouble."""
from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from printers import bell
from printers.bell import Bell

LONG = 60.0
SOON = 5.0          # far below LONG: whoever is woken is back by then


@pytest.fixture(autouse=True)
def paces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "PACE", LONG)
    monkeypatch.setattr(bell, "TROUBLED_PACE", LONG)


def waiting(mine: Bell, in_trouble: bool = False, longest: float = LONG) -> Callable[[float], bool]:
    """Somebody who waits at the bell; whether they are back within so many seconds."""
    thread = threading.Thread(target=mine.wait, args=(mine.hush(), longest, in_trouble), daemon=True)
    thread.start()

    def is_back(seconds: float) -> bool:
        thread.join(seconds)
        return not thread.is_alive()
    return is_back


def test_a_job_is_looked_for_at_once_also_after_a_mere_perhaps() -> None:
    mine = Bell()
    is_back = waiting(mine)
    mine.ring()
    assert not is_back(0.2)
    mine.ring(has_job=True)
    assert is_back(SOON)


def test_in_trouble_no_job_shortens_the_pause_but_the_end_does() -> None:
    mine = Bell()
    is_back = waiting(mine, in_trouble=True)
    mine.ring(has_job=True)
    assert not is_back(0.2)
    mine.stop()
    assert is_back(SOON)


def test_what_rang_before_the_look_is_no_news() -> None:
    mine = Bell()
    mine.ring(has_job=True)
    is_back = waiting(mine)
    assert not is_back(0.2)
    mine.stop()
    assert is_back(SOON)


def test_it_looks_again_after_the_longest_while_although_nothing_rang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bell, "PACE", 0.0)
    assert waiting(Bell(), longest=0.01)(SOON)
