"""tests/test_people.py, on PostgreSQL."""
from tests.test_people import *  # noqa: F403
