"""tests/test_conflicts.py, on PostgreSQL."""
from tests.test_conflicts import *  # noqa: F403
