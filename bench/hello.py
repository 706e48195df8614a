"""The reference: a bare Flask view on the same server with the same settings; and the same with its threads on one core,
as ours are, which says how much of ours is theirs."""
from __future__ import annotations

import sys
from typing import cast

from flask import Flask

from bench import hosting
from models import cores


def hello() -> str:
    """As little as Flask can do."""
    return "hello"


app = Flask(__name__)
app.get("/")(hello)


def on_one_core() -> Flask:
    """The same application with the threads of its requests on one core."""
    cores.choose()
    return cast(Flask, cores.road(app))


if __name__ == "__main__":
    hosting.serve(f"bench.hello:{sys.argv[2]}", int(sys.argv[1]))
