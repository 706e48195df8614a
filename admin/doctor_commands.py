"""`doctor`: what stands in the way of a good day, looked at before it begins and while it runs."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from typing import Any

import click
from sqlalchemy import func, select

import addresses
from admin import doctor as looks
from admin import doctor_event, doctor_machine, doctor_network
from admin.doctor import Check, looked
from console import Console, Failed, command
from doors import Doors
from kiosk.pairing import served_at
from migrations.running import standing
from models.care import BACKUPS
from models.database import database_path, now
from models.event import Event
from models.runtime import Runtime
from models.scans import Scan
from serving import HTTP_PORT, HTTPS_PORT, http_option, port_option


@click.command()
@port_option
@http_option
@command
def doctor(console: Console, port: int | None, plain: bool) -> None:
    """体检：磁盘、时钟、网络、打印机、备份…… 会前和会中都可以运行，只看不改 Looks at disk, clock, network, printers, backups
    and says what to do. It changes nothing, before the event or during it.

    例 Example: python app.py doctor
    """
    found = []
    for check in examine(console, port, plain):
        found.append(check)
        console.say(looks.line(check))
    checks: list[dict[str, Any]] = [{"name": one.name, "state": one.state, "message": one.message, "do": one.do} for one in found]
    bad, warnings = (sum(one.state == state for one in found) for state in ("bad", "warning"))
    if bad:
        raise Failed("bad", f"{bad} 项不行，{warnings} 项要注意。 {bad} bad, {warnings} to be looked at.", checks=checks)
    console.done({"checks": checks}, f"没有不行的，{warnings} 项要注意。 Nothing bad, {warnings} to be looked at." if warnings
                 else "一切正常。 All is well.")


def examine(console: Console, port: int | None, plain: bool) -> Iterator[Check]:
    """Every check, one after the other; those of an event that cannot be opened are left out, and it says why."""
    data = console.data
    runtime, closed = _open(console)
    if closed:
        yield closed
    if console.server is None and database_path(data).is_file():
        yield from looked("database", partial(doctor_event.database, data))
    if data.is_dir():
        yield from looked("disk", partial(doctor_machine.disk, data))
        yield from looked("disk_speed", partial(doctor_machine.disk_speed, data))
    doors = doctor_network.served(data, served_at(data))
    yield from _of_the_network(console, doors, port, plain)
    if runtime is None:
        yield from looked("clock", lambda: doctor_machine.clock(now().astimezone(), None, _newest_file(console), None))
    else:
        yield from looked("event", partial(_of_the_event, console, runtime, doors is not None))
    yield from looked("sleep", doctor_machine.sleep)


def _open(console: Console) -> tuple[Runtime | None, Check | None]:
    """The event, or why there is none to look at. An older version's is left as it is."""
    try:
        if console.server is None and database_path(console.data).is_file() and standing(database_path(console.data)) == "older":
            return None, Check("event", "warning", "由旧版本的程序做成，还没有升级。 Made by an older version, not upgraded yet.",
                               "启动一次服务，再运行 doctor。 Start the server once, then run this again.")
        found: Runtime = console.app().extensions["huiwu"]
    except Failed as failed:
        return None, Check("event", "bad", failed.message)
    except Exception as error:      # whatever is wrong with the file: it is said, and the rest is looked at
        return None, Check("event", "bad", f"打不开（{type(error).__name__}）。 It cannot be opened.",
                           "用 restore 恢复最近的备份（docs/drill.md）。 Restore the newest backup.")
    return found, None


def _of_the_network(console: Console, doors: Doors | None, port: int | None, plain: bool) -> Iterator[Check]:
    own = addresses.on_lan()
    host = addresses.for_tablets(doors.host if doors else "0.0.0.0")  # noqa: S104  compared, not bound
    number = doors.port if doors else port or (HTTP_PORT if plain else HTTPS_PORT)
    beside = doors.plain if doors else None if plain else number + 1
    url = f"http://{host}:{beside or number}" + ("/trust" if beside else "/")
    v4 = [one for one in own if one.version == 4]
    yield from looked("addresses", lambda: doctor_network.networks(own, host))
    yield from looked("address_fixed", lambda: doctor_network.fixed(host))
    yield from looked("certificate", lambda: doctor_event.certificate(console.data, v4, now()))
    yield from looked("port", lambda: doctor_network.port(doors, host, port, plain))
    yield from looked("firewall", lambda: doctor_network.firewall(number, url))
    yield from looked("tablets", lambda: doctor_network.tablets(doors, own, url))


def _of_the_event(console: Console, runtime: Runtime, is_served: bool) -> Iterator[Check]:
    with runtime.reading() as session:
        event = session.scalars(select(Event)).one()
        last = session.scalar(select(func.max(Scan.uploaded_at)))
        days: tuple[date, date] = event.starts, event.ends
        here: datetime = now().astimezone()
        yield from looked("clock", lambda: doctor_machine.clock(here, last, _newest_file(console), days))
        yield from looked("time_zone", lambda: doctor_machine.time_zone(here, event.zone))
        yield from looked("printer", lambda: doctor_event.printers(runtime, is_served))
        yield from looked("fonts", lambda: doctor_event.glyphs(session.connection()))
        yield from looked("backup", lambda: doctor_event.backup(runtime, event, last, is_served, here))


def _newest_file(console: Console) -> datetime | None:
    """Of the data folder only: a stick's times are those of whatever wrote it, in whatever zone."""
    return doctor_machine.newest_file((console.data, console.data / BACKUPS))


COMMANDS = (doctor,)
