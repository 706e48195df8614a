"""tests/test_golive.py, on PostgreSQL."""
from tests.test_golive import *  # noqa: F403
