"""tests/test_exports.py, on PostgreSQL."""
from tests.test_exports import *  # noqa: F403
