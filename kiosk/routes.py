"""The pages of a tablet: pairing, and the station's own page by its mode."""
from __future__ import annotations

from flask import Blueprint

pages = Blueprint("kiosk", __name__)
