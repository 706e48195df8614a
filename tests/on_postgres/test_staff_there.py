"""tests/test_staff.py, on PostgreSQL."""
from tests.test_staff import *  # noqa: F403
