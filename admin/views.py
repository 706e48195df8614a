"""The coordinator's pages: one blueprint, one module a page. Each module registers its views on `pages`."""
from __future__ import annotations

from admin import board, dashboard, language, ledger_pages, login, refusals, shell, staff_pages
from admin.room import pages

__all__ = ["board", "dashboard", "language", "ledger_pages", "login", "pages", "refusals", "shell", "staff_pages"]
