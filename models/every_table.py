"""The metadata of every table: a module that declares one is known to it once it is imported, and all of them are here."""
from __future__ import annotations

from models import aside, devices, disclosures, event, people, purged, scans
from models.database import Base

DECLARING = (aside, devices, disclosures, event, people, purged, scans)
METADATA = Base.metadata
