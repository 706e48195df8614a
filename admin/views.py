"""The coordinator's pages: one blueprint, one module a page. Each module registers its views on `pages`."""
from __future__ import annotations

from admin import (
    badge_pages,
    board,
    care_pages,
    confirm,
    conflict_pages,
    dashboard,
    disclosure_pages,
    import_pages,
    language,
    ledger_pages,
    login,
    person_pages,
    plan_import,
    plan_pages,
    purge_pages,
    refusals,
    roster_pages,
    shell,
    staff_pages,
    station_pages,
)
from admin.room import pages

__all__ = [
    "badge_pages", "board", "care_pages", "confirm", "conflict_pages", "dashboard", "disclosure_pages", "import_pages",
    "language", "ledger_pages", "login", "pages", "person_pages", "plan_import", "plan_pages", "purge_pages",
    "refusals", "roster_pages", "shell", "staff_pages", "station_pages",
]
