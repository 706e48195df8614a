"""tests/test_kept.py, on PostgreSQL."""
from tests.test_kept import *  # noqa: F403
