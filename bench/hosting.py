"""How the references are served: by the same granian with the settings of `serve`."""
from __future__ import annotations

import multiprocessing


def serve(application: str, port: int) -> None:
    """Serves an application until it is stopped. Its worker starts afresh, as ours does, with nothing of ours in it."""
    multiprocessing.set_start_method("spawn", force=True)
    from granian import Granian
    from granian.constants import Interfaces

    import serving

    Granian(application, address="127.0.0.1", port=port, interface=Interfaces.WSGI, workers=1,
            factory=not application.endswith(":app"), blocking_threads=serving.THREADS, backpressure=serving.connections(),
            websockets=False, log_enabled=False).serve()
