"""tests/test_audit.py, on PostgreSQL."""
from tests.test_audit import *  # noqa: F403
