"""tests/test_roster_import.py, on PostgreSQL."""
from tests.test_roster_import import *  # noqa: F403
