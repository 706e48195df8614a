"""tests/test_scans.py, on PostgreSQL."""
from tests.test_scans import *  # noqa: F403
