"""What is kept on a server cannot be purged from here: it says so, and what to do."""
from __future__ import annotations

from pathlib import Path

from tests.command_line import run


def test_a_purge_sends_the_event_back_to_its_folder_first(data: Path) -> None:
    assert run(data, "close").code == 0
    said = run(data, "purge", "--yes")
    assert (said.code, said.payload["error"]) == (1, "on_a_server")
    assert "move to-folder" in said.words
