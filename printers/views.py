"""Pages of the printers' room: watching the virtual printer's paper."""
from __future__ import annotations

from flask import Blueprint

pages = Blueprint("printers", __name__)
