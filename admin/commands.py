"""The coordinator's commands, gathered from the modules that make them."""
from __future__ import annotations

import click

from admin import (
    badge_commands,
    care_commands,
    demo_commands,
    doctor_commands,
    event_commands,
    export_commands,
    move_commands,
    purge_commands,
    restore_command,
    roster_commands,
    staff_commands,
)

COMMANDS: tuple[click.Command, ...] = (
    *event_commands.COMMANDS, *demo_commands.COMMANDS, *roster_commands.COMMANDS, *staff_commands.COMMANDS,
    *badge_commands.COMMANDS, *export_commands.COMMANDS, *care_commands.COMMANDS, *restore_command.COMMANDS,
    *move_commands.COMMANDS, *doctor_commands.COMMANDS, *purge_commands.COMMANDS)
