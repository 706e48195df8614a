"""The reference: a bare Flask view on the same server with the same settings."""
from __future__ import annotations

import sys

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    """As little as Flask can do."""
    return "hello"


if __name__ == "__main__":
    from granian import Granian
    from granian.constants import Interfaces

    import serving

    Granian("bench.hello:app", address="127.0.0.1", port=int(sys.argv[1]), interface=Interfaces.WSGI, workers=1,
            blocking_threads=serving.THREADS, backpressure=getattr(serving, "BACKPRESSURE", 4096), websockets=False,
            log_enabled=False).serve()
