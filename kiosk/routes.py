"""The pages of a tablet: pairing, the station's own page by its mode, and what a desk does."""
from __future__ import annotations

from kiosk import desk, paper, walk_in
from kiosk import pages as station_pages
from kiosk.room import pages

__all__ = ["desk", "pages", "paper", "station_pages", "walk_in"]
