"""The blueprint of the coordinator's room."""
from __future__ import annotations

from flask import Blueprint

pages = Blueprint("admin", __name__)
