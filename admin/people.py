"""Staff: the first coordinator's one-time code, PINs and passphrases, sign-in sessions.

argon2 takes its time on purpose, so secrets are hashed and compared before the writer is asked.
"""
from __future__ import annotations

import secrets

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from admin import standby
from guard import ROLES
from kiosk.pairing import check_secret
from models import codes, sign_ins
from models.database import now
from models.devices import Grant
from models.event import Event
from models.people import Staff, StaffSession
from models.runtime import Runtime
from pins import HOUSE, STRANGERS, Gate, account, hash_secret

SETUP_DIGITS = 8
PIN_DIGITS = 4              # of staff and leads: typed beside a tablet, where a lead's door is rate limited
PASSPHRASE_LETTERS = 8      # of a coordinator, who sees everything
LONGEST = 128
SESSION = sign_ins.LONGEST
NAME_LETTERS = 40


class StaffRefused(Exception):
    """What was asked of the staff list cannot be. `error` is stable, the text a sentence for a person."""

    def __init__(self, error: str):
        super().__init__(SENTENCES[error])
        self.error = error


SENTENCES = {
    "no_name": "请写姓名，最多 40 个字。 A name is needed, 40 characters at most.",
    "no_role": "角色只有 coordinator（会务总负责）、lead（组长）、staff（工作人员）。 No such role.",
    "pin_short": "PIN 至少 4 位数字。 A PIN has at least 4 digits.",
    "passphrase_short": "会务总负责的口令至少 8 个字。 A coordinator's passphrase has at least 8 characters.",
    "too_long": "口令最多 128 个字。 A passphrase has at most 128 characters.",
    "exists": "已经有同名的工作人员；忘了口令请用 staff reset。 There is somebody of that name already; "
              "`staff reset` gives a new PIN.",
    "unknown": "没有这个工作人员。 Nobody of the staff has that name.",
    "last_coordinator": "这是最后一位会务总负责，不能停用。 The last coordinator cannot be disabled.",
    "wrong": "姓名或口令不对。 Wrong name or passphrase.",
    "setup_used": "一次性代码不对，或者已经用过。 The one-time code is wrong or was used already.",
}


def setup_code(runtime: Runtime) -> str | None:
    """A new one-time code for the first coordinator; None once there is one. Only its hash is stored."""
    def make(session: Session) -> str | None:
        if _coordinators(session):
            return None
        code = f"{secrets.randbelow(10 ** SETUP_DIGITS):0{SETUP_DIGITS}d}"
        session.execute(update(Event).values(setup_code_hash=codes.digest(code)))
        return code
    return runtime.writer.do(make)


def has_coordinator(runtime: Runtime) -> bool:
    """Whether somebody can sign in as coordinator already."""
    with runtime.reading() as session:
        return _coordinators(session) > 0


def everyone(runtime: Runtime) -> list[Staff]:
    """All of the staff, the disabled ones too: coordinators, leads, staff, each by name."""
    with runtime.reading() as session:
        found = list(session.scalars(select(Staff).order_by(Staff.name)))
        session.expunge_all()
    return sorted(found, key=lambda one: -ROLES.index(one.role))


def fits_first(name: str, passphrase: str) -> None:
    """Refuses what `redeem_setup` would refuse whatever the code. StaffRefused: no_name, passphrase_short, too_long."""
    _fitting(name, "coordinator", passphrase)


def redeem_setup(runtime: Runtime, code: str, name: str, passphrase: str, gate: Gate = STRANGERS) -> str:
    """The one-time code makes the first coordinator and signs them in: the session's token. Two at once make one."""
    name, hashed = _checked(name, "coordinator", passphrase, gate)
    digits = "".join(c for c in codes.clean(code) if c.isdigit())

    def make(session: Session) -> str:
        event = session.scalars(select(Event)).one()
        if event.setup_code_hash is None or event.setup_code_hash != codes.digest(digits) or _coordinators(session):
            raise StaffRefused("setup_used")
        event.setup_code_hash = None
        return _start_session(session, _add(session, name, "coordinator", hashed))
    token = runtime.writer.do(make)
    standby.seal(runtime.data, hashed, passphrase, gate)
    return token


def create(runtime: Runtime, name: str, role: str, secret: str) -> None:
    """A new member of the staff. StaffRefused: no_name, no_role, pin_short, passphrase_short, too_long, exists."""
    name, hashed = _checked(name, role, secret)
    runtime.writer.do(lambda session: _add(session, name, role, hashed).id)


def role_of(runtime: Runtime, name: str) -> str:
    """A person's role. StaffRefused("unknown")."""
    with runtime.reading() as session:
        return _known(session, name).role


def reset(runtime: Runtime, name: str, secret: str) -> str:
    """A new PIN or passphrase; ends the person's sessions and grants, and lets a disabled one in again. The role."""
    role = role_of(runtime, name)
    name, hashed = _checked(name, role, secret)

    def change(session: Session) -> None:
        person = _known(session, name)
        person.secret_hash, person.disabled_at = hashed, None
        _end_all(session, person)
    runtime.writer.do(change)
    return role


def disable(runtime: Runtime, name: str) -> None:
    """Ends a person's work: no sign-in, no grant, at once. StaffRefused: unknown, last_coordinator."""
    def change(session: Session) -> None:
        person = _known(session, name)
        if person.role == "coordinator" and person.disabled_at is None and _coordinators(session) == 1:
            raise StaffRefused("last_coordinator")
        person.disabled_at = now()
        _end_all(session, person)
    runtime.writer.do(change)


def account_of(runtime: Runtime, name: str) -> str:
    """Under which key tries of this name are counted, whether there is such a person or not."""
    with runtime.reading() as session:
        return account(name, session.scalar(select(Staff.secret_hash).where(Staff.name == name.strip())))


def sign_in(runtime: Runtime, name: str, secret: str, gate: Gate = HOUSE) -> tuple[str, str]:
    """Starts a session: (its token for the cookie, the role). StaffRefused("wrong"), as slow for an unknown name. Busy
    where too many wait at the gate."""
    with runtime.reading() as session:
        person = session.scalars(select(Staff).where(Staff.name == name.strip(), Staff.disabled_at.is_(None))).first()
    if not check_secret(person, secret[:LONGEST], gate) or person is None:
        raise StaffRefused("wrong")
    compared = person.secret_hash

    def start(session: Session) -> str:
        there = session.get(Staff, person.id)
        if there is None or there.disabled_at is not None or there.secret_hash != compared:
            raise StaffRefused("wrong")         # disabled or reset while the secret was compared
        return _start_session(session, there)
    token = runtime.writer.do(start)
    if person.role == "coordinator":
        standby.seal(runtime.data, compared, secret, gate)
    return token, person.role


def sign_out(runtime: Runtime, token: str) -> None:
    """Ends a session; an unknown one is none already."""
    runtime.writer.do(lambda session: session.execute(
        delete(StaffSession).where(StaffSession.token_hash == codes.digest(token))).close())


def _coordinators(session: Session) -> int:
    return session.scalar(select(func.count()).where(Staff.role == "coordinator", Staff.disabled_at.is_(None))) or 0


def _checked(name: str, role: str, secret: str, gate: Gate = HOUSE) -> tuple[str, str]:
    """The name without outer blanks and the secret's hash, or StaffRefused."""
    return _fitting(name, role, secret), hash_secret(secret, gate)


def _fitting(name: str, role: str, secret: str) -> str:
    """The name without outer blanks, or StaffRefused."""
    name = name.strip()
    if not name or len(name) > NAME_LETTERS or not name.isprintable():
        raise StaffRefused("no_name")
    if role not in ROLES:
        raise StaffRefused("no_role")
    if len(secret) > LONGEST:
        raise StaffRefused("too_long")
    if role == "coordinator":
        if len(secret.strip()) < PASSPHRASE_LETTERS:
            raise StaffRefused("passphrase_short")
    elif not _is_pin(secret) and len(secret.strip()) < PASSPHRASE_LETTERS:
        raise StaffRefused("pin_short")
    return name


def _is_pin(secret: str) -> bool:
    return secret.isascii() and secret.isdecimal() and len(secret) >= PIN_DIGITS


def _known(session: Session, name: str) -> Staff:
    person = session.scalars(select(Staff).where(Staff.name == name.strip())).first()
    if person is None:
        raise StaffRefused("unknown")
    return person


def _add(session: Session, name: str, role: str, hashed: str) -> Staff:
    if session.scalars(select(Staff.id).where(Staff.name == name)).first() is not None:
        raise StaffRefused("exists")
    person = Staff(name=name, role=role, secret_hash=hashed, created_at=now())
    session.add(person)
    session.flush()
    return person


def _start_session(session: Session, person: Staff) -> str:
    session.execute(delete(StaffSession).where(StaffSession.expires_at < now()))
    token = codes.token()
    session.add(StaffSession(token_hash=codes.digest(token), staff_id=person.id, created_at=now(),
                             expires_at=now() + SESSION, confirmed_at=now()))
    return token


def _end_all(session: Session, person: Staff) -> None:
    for table in (StaffSession, Grant):
        session.execute(delete(table).where(table.staff_id == person.id))
