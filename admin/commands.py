"""The coordinator's commands, gathered from the modules that make them."""
from __future__ import annotations

import click

COMMANDS: tuple[click.Command, ...] = ()
