"""How often a secret may be tried, and by whom: by tablet and account first, by address last. All tablets may share one
address, and a stranger has as many as they like.

A try is counted before it is judged (counted afterwards, sixty at once would all be judged) and given back when it was
right. Whoever guesses wears out a place of their own: the tablet they hold, or all the browsers that nobody knows. A
person is known at a browser in which they signed in before and at a tablet at which they let somebody through before,
so guessing elsewhere never locks them out there. The laptop's own door (doors.py) is counted apart from the LAN.

Flask-Limiter bounds views (throttle.py). It cannot count one try in several places or in none, nor give one back, and
who is known is found out within the view: so the secrets have this.
"""
from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

from werkzeug.exceptions import TooManyRequests

from pins import Busy

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
KEYS = 20_000                # beyond this the keys whose tries are all over are forgotten


class TooOften(TooManyRequests):
    """This was tried too often: 429, with the seconds until it may be tried again."""

    def __init__(self, seconds: float):
        super().__init__(retry_after=max(1, ceil(seconds)))


class Tries:
    """So many tries of one key in so many seconds; several such rules hold together."""

    def __init__(self, *rules: tuple[int, float], clock: Callable[[], float] = time.monotonic):
        self._rules, self._clock = rules, clock
        self._most, self._longest = max(rule[0] for rule in rules), max(rule[1] for rule in rules)
        self._made: dict[Hashable, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> float:
        """Counts a try; 0, or the seconds until there may be one (then it is not counted)."""
        at = self._clock()
        with self._lock:
            if len(self._made) > KEYS:
                self._sweep(at)
            made = self._made.setdefault(key, deque(maxlen=self._most))
            wait = self._wait(made, at)
            if not wait:
                made.append(at)
            return wait

    def give(self, key: Hashable) -> None:
        """The last try was right: it does not count."""
        with self._lock:
            made = self._made.get(key)
            if made:
                made.pop()

    def is_over(self, key: Hashable) -> bool:
        """Whether there is no try left now."""
        with self._lock:
            return self._wait(self._made.get(key, deque()), self._clock()) > 0

    def _wait(self, made: deque[float], at: float) -> float:
        """Until the oldest of the last `count` tries has left its rule's window."""
        waits = (made[-count] + seconds - at for count, seconds in self._rules if len(made) >= count)
        return max((0.0, *waits))

    def _sweep(self, at: float) -> None:
        self._made = {key: made for key, made in self._made.items() if made and made[-1] + self._longest > at}


class Budgets:
    """The tries of one application. `enabled` is False in tests of other things."""

    def __init__(self, enabled: bool = True, clock: Callable[[], float] = time.monotonic):
        def tries(*rules: tuple[int, float]) -> Tries:
            return Tries(*rules, clock=clock)
        self.enabled = enabled
        self.tablet = tries((10, MINUTE), (30, HOUR), (60, DAY))            # PINs typed at one tablet
        self.lead = tries((100, HOUR), (200, DAY))                          # one lead's, at tablets new to them
        self.browser = tries((10, 5 * MINUTE), (40, HOUR))                  # one person's, at a browser that knows them
        self.account = tries((10, 5 * MINUTE), (30, HOUR), (60, DAY))       # one person's, at all other browsers
        self.laptop = tries((10, 5 * MINUTE), (40, HOUR))                   # one person's, at the laptop's own door
        self.strangers = tries((30, 10.0), (300, HOUR), (1000, DAY))        # of all other browsers, whoever they name
        self.confirming = tries((10, 5 * MINUTE), (30, HOUR))               # of one who is signed in
        self.founding = tries((100, 10 * MINUTE))                           # the first coordinator's one-time code, by door
        self.pairing = tries((100, 10 * MINUTE))                            # short pairing codes, whoever types them
        self.typist = tries((30, MINUTE))                                   # pairing codes, from one address
        self.kiosk = tries((10, 10 * MINUTE), (200, DAY))                   # names that one kiosk did not find
        self.name = tries((5, 15 * MINUTE), (20, DAY))                      # endings of one name, at all kiosks
        self._known_here: set[tuple[int, str]] = set()

    @contextmanager
    def trying(self, *budgets: tuple[Tries, Hashable]) -> Iterator[Callable[[], None]]:
        """Counts one try of each budget, or raises TooOften and counts none; call what it gives if it was right."""
        taken: list[tuple[Tries, Hashable]] = []
        for tries, key in budgets if self.enabled else ():
            wait = tries.take(key)
            if wait:
                give_back(taken)
                raise TooOften(wait)
            taken.append((tries, key))
        try:
            yield lambda: give_back(taken)
        except Busy:            # nothing was compared
            give_back(taken)
            raise

    def at_tablet(self, device: int, account: str) -> list[tuple[Tries, Hashable]]:
        """What a PIN typed at a tablet is counted in."""
        strange: list[Any] = [] if (device, account) in self._known_here else [(self.lead, account)]
        return [(self.tablet, device), *strange]

    def remember(self, device: int, account: str) -> None:
        """This person's PIN was right at this tablet."""
        self._known_here.add((device, account))


def give_back(taken: list[tuple[Tries, Hashable]]) -> None:
    """These tries do not count."""
    for tries, key in taken:
        tries.give(key)
