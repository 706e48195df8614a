"""The coordinator's pages: one blueprint, one module a page. Each module registers its views on `pages`."""
from __future__ import annotations

from admin import dashboard, language, login, refusals, shell
from admin.room import pages

__all__ = ["dashboard", "language", "login", "pages", "refusals", "shell"]
