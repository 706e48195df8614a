"""Staff: the first coordinator's one-time code, passphrases, sign-in sessions."""
from __future__ import annotations

import secrets

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models import codes
from models.event import Event
from models.people import Staff
from models.runtime import Runtime

SETUP_DIGITS = 8


def setup_code(runtime: Runtime) -> str | None:
    """A new one-time code for the first coordinator; None once there is one. Only its hash is stored."""
    def make(session: Session) -> str | None:
        there = select(func.count()).where(Staff.role == "coordinator", Staff.disabled_at.is_(None))
        if session.execute(there).scalar():
            return None
        code = f"{secrets.randbelow(10 ** SETUP_DIGITS):0{SETUP_DIGITS}d}"
        session.execute(update(Event).values(setup_code_hash=codes.digest(code)))
        return code
    return runtime.writer.do(make)
