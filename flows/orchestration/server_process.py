"""The process of the private Prefect server: answers on a socket that is open already, and ends with who started it."""

import os
import socket
import sys
from threading import Thread


def main() -> None:
    """Serve on the socket whose descriptor is the first argument, until a signal comes or stdin ends."""
    Thread(target=_end_with_parent, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    config = uvicorn.Config(create_app(), log_level="error", lifespan="on", timeout_graceful_shutdown=3)
    uvicorn.Server(config).run([socket.socket(fileno=int(sys.argv[1]))])


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # not through the buffer of sys.stdin, whose lock the end of Python waits for
    os._exit(0)


if __name__ == "__main__":
    main()
