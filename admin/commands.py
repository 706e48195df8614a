"""The coordinator's commands, gathered from the modules that make them."""
from __future__ import annotations

import click

from admin import roster_commands

COMMANDS: tuple[click.Command, ...] = (*roster_commands.COMMANDS,)
