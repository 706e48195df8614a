"""The blueprint of the coordinator's room."""
from __future__ import annotations

from flask import Blueprint
from werkzeug.routing import IntegerConverter

LONGEST_ID = 9         # digits: an id with more is nobody's, and above 19 the database driver fails on it

pages = Blueprint("admin", __name__)


class _RowId(IntegerConverter):
    """An id in an address; with more digits than ids have there is no such page."""

    regex = rf"\d{{1,{LONGEST_ID}}}"


# Before any route: those that are added later find it.
pages.record(lambda state: state.app.url_map.converters.update(int=_RowId))
