"""tests/test_spooler.py, on PostgreSQL."""
from tests.test_spooler import *  # noqa: F403
