"""kill -9 of the real server under load, again and again: every acknowledged scan is recorded once, and none twice."""
from __future__ import annotations

import random
import shutil
import threading
from pathlib import Path

from models.runtime import Runtime
from tests.conftest import at_once
from tests.fault_site import Load, Outbox, Server, all_at_once, everything_is_recorded, outboxes, people

KILLS = 50
SITES = 2           # events that are killed side by side, one for each core
TABLETS = 4
PEOPLE = 400
EARLY = 6           # every so many kills one comes while the server still starts


def test_of_fifty_kills_at_random_moments_under_load_none_loses_or_doubles_a_scan(data: Path, runtime: Runtime) -> None:
    badges = people(runtime, PEOPLE)
    tokens = [tablet.token for tablet in outboxes(runtime, TABLETS)]
    runtime.engine.dispose()
    folders = [data.parent / f"site-{number}" / "event" for number in range(SITES)]
    for folder in folders:
        shutil.copytree(data, folder)
    acknowledged = at_once(SITES, lambda number: killed(folders[number], tokens, badges, number))
    assert min(acknowledged) > KILLS * TABLETS


def killed(data: Path, tokens: list[str], badges: list[str], seed: int) -> int:
    """One event, killed its share of times; returns how many scans were acknowledged."""
    dice, server = random.Random(seed), Server(data)
    tablets = [Outbox(token) for token in tokens]
    try:
        for kill in range(KILLS // SITES):
            if kill % EARLY == EARLY - 1:
                server.start(ready=False)
                threading.Event().wait(dice.uniform(0.2, 1.2))
            else:
                under_load(server, tablets, badges, dice)
            server.kill()
        url = server.start()
        for tablet in tablets:
            tablet.url = url
        assert not any(all_at_once(tablets, Outbox.check))
        all_at_once(tablets, Outbox.drain)
    finally:
        server.kill()
        for tablet in tablets:
            tablet.hang_up()
    everything_is_recorded(data, tablets)
    return sum(len(tablet.answers) for tablet in tablets)


def under_load(server: Server, tablets: list[Outbox], badges: list[str], dice: random.Random) -> None:
    """Starts it, lets the tablets send, and kills it between two answers or within one."""
    url = server.start()
    for tablet in tablets:
        tablet.url = url
    load = Load(tablets, badges, dice.randrange(10 ** 9))
    load.wait(dice.randint(0, 40))
    threading.Event().wait(dice.uniform(0, 0.02))
    server.kill()
    load.end()
