"""tests/test_print_queue.py, on PostgreSQL."""
from tests.test_print_queue import *  # noqa: F403
