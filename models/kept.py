"""What the writer keeps of roster and ledger between two groups of scans, so that it need not read it each time.

Memory is trusted only while the ledger ends with the very row that was written last (its hash covers every row before
it: models/chain.py) and plan and roster have the revisions they had. All of that is read at the start of each
transaction, so whatever else touches the file (a command, a restore, a person with a database tool) makes it forget.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.asks import Found
from models.facts import Entry
from models.road_sql import Now

MANY = 20_000       # people remembered before it begins anew: about 60 MB


@dataclass(slots=True)
class Kept:
    """Badges by their code, what their holders did, and the tallies; the judged batch folds its rows into them."""

    badges: dict[str, Found] = field(default_factory=dict)
    history: dict[int, list[Entry]] = field(default_factory=dict)
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    _mark: tuple[Any, ...] | None = None

    def check(self, now: Now) -> None:
        """Forgets everything if this is not the moment that it remembers, or if it has become much."""
        mark = (now.plan_revision, now.roster_revision, now.epoch, now.head, now.chain)
        if mark != self._mark or len(self.history) > MANY:
            self.forget()
            self._mark = mark

    def forget(self) -> None:
        """Knows nothing any more: the next batch reads."""
        self.badges, self.history, self.tally, self._mark = {}, {}, {}, None

    def move(self, now: Now, head: int, chain: str) -> None:
        """The batch added rows up to this one; should they not be committed, the mark will not be found."""
        self._mark = (now.plan_revision, now.roster_revision, now.epoch, head, chain)
