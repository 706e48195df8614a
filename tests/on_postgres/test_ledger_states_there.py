"""tests/test_ledger_states.py, on PostgreSQL."""
from tests.test_ledger_states import *  # noqa: F403
