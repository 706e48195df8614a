"""tests/test_desk.py, on PostgreSQL."""
from tests.test_desk import *  # noqa: F403
