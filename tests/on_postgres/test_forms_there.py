"""tests/test_forms.py, on PostgreSQL."""
from tests.test_forms import *  # noqa: F403
