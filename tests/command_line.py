"""The command line in the test's own process: what it said to scripts, to people, and its exit code."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cli import cli


@dataclass(frozen=True)
class Said:
    """The outcome of one command."""

    code: int
    payload: dict[str, Any]
    words: str


def run(data: Path, *arguments: object, stdin: str | None = None) -> Said:
    """Runs a command with --json on a data folder."""
    result = CliRunner().invoke(cli, ["--data", str(data), "--json", *map(str, arguments)], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    return Said(result.exit_code, json.loads(lines[-1]) if lines else {}, result.stderr)
