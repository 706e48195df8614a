"""tests/test_counts.py, on PostgreSQL."""
from tests.test_counts import *  # noqa: F403
