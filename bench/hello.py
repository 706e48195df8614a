"""The reference: a bare Flask view on the same server with the same settings."""
from __future__ import annotations

import sys

from flask import Flask

from bench import hosting

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """As little as Flask can do."""
    return "hello"


if __name__ == "__main__":
    hosting.serve("bench.hello:app", int(sys.argv[1]))
