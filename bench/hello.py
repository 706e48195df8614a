"""The reference: a bare Flask view on the same server with the same settings; and the same with its threads on one core,
as ours are, which says how much of ours is theirs."""
from __future__ import annotations

import sys

from flask import Flask

from bench import hosting
from models import cores


def hello() -> str:
    """As little as Flask can do."""
    return "hello"


app, settled = Flask(__name__), cores.road(Flask(__name__))
for one in (app, settled):
    one.get("/")(hello)


if __name__ == "__main__":
    hosting.serve(f"bench.hello:{sys.argv[2]}", int(sys.argv[1]))
