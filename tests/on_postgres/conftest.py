"""The tests of this folder are those of other files, with the event on a PostgreSQL server instead of in its folder."""
from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from migrations import running
from models.database import engine_options, server_url
from models.runtime import Runtime
from tests.conftest import fill

# They look into SQLite's file, or make SQLite itself fail: tests/on_postgres/test_nodes.py does that to a server.
OF_THE_FILE = {
    "test_13_a_batch_costs_a_bounded_number_of_statements",
    "test_what_waited_in_a_backup_is_a_question_after_the_restore_and_new_slips_go_on",
    "test_a_batch_that_did_not_reach_the_disk_is_not_counted_by_the_next_commit",
    "test_law_3_a_disk_that_does_not_take_it_is_a_503_and_nothing_is_recorded",
    "test_law_3_every_connection_is_wal_and_full",
    "test_live_numbers_go_on_after_the_disk_took_nothing_for_a_while",
    "test_a_character_that_xml_cannot_write_stops_no_export",
    "test_counting_conflicts_reads_their_own_index",
    "test_a_badge_seen_before_is_judged_without_reading_it_again",
    "test_a_changed_row_at_the_end_of_the_ledger_is_seen",
    # The lost owner's lease has to run out first: tests/on_postgres/test_nodes.py.
    "test_a_process_killed_while_sending_leaves_an_unknown_job_that_is_not_printed_again",
    # It makes a second event, which here would be in the same database.
    "test_cookies_tokens_codes_handles_and_grants_of_another_event_are_strangers_here",
}


@pytest.fixture
def data(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's folder; the test event is in the database that DATABASE_URL names, also for commands and servers."""
    folder = tmp_path / "event"
    folder.mkdir()
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.delenv("HUIWU_DATA", raising=False)
    runtime = Runtime(create_engine(server_url(database_url) or "", **engine_options(database_url)), folder)
    with runtime.engine.execution_options(writes=True).begin() as connection:
        running.migrate(connection, None)
    runtime.writer.do(fill)
    runtime.engine.dispose()
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves out what is said of SQLite's own file, by name."""
    here = Path(__file__).parent
    items[:] = [item for item in items if here not in item.path.parents or getattr(item, "originalname", item.name) not in OF_THE_FILE]
