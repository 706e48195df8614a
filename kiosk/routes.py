"""The pages of a tablet: pairing, the station's own page by its mode, and what a desk does."""
from __future__ import annotations

import kiosk.aside
import kiosk.desk
import kiosk.offline
import kiosk.pages
import kiosk.paper
import kiosk.snapshot
import kiosk.walk_in  # noqa: F401  each module puts its views on the blueprint
from kiosk.room import pages

__all__ = ["pages"]
