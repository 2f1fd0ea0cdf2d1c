"""A Prefect server of this process' own, on an address that nobody else has, with a log that says why it failed."""

import atexit
import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

from flows.orchestration import prefect_database as database
from flows.orchestration.prefect_settings import environment_of_server, settings_of_private
from flows.terminal.error_messages import ServerFailedError

LOG: Final = "server.log"
_HOST: Final = "127.0.0.1"
_START_S: Final = 300.0
_END_S: Final = 10.0
_TOLD: Final = 3
_WIDTH: Final = 400


class PrivateServer:
    """The process of a Prefect server that serves this one, and ends with it however it ends."""

    def __init__(self, home: Path) -> None:
        """Start it, without waiting; its database and its log are in `home`."""
        self._home = home
        self._fresh = database.copy_template(home)
        # Listened on from the start, so that no port is in use and whoever asks early is answered when it is ready.
        with socket.create_server((_HOST, 0)) as listening:
            self._port = int(listening.getsockname()[1])
            self.settings = settings_of_private(home, f"http://{_HOST}:{self._port}/api")
            with (home / LOG).open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "flows.orchestration.server_process", str(listening.fileno())],
                    pass_fds=[listening.fileno()],
                    env={**environment_of_server(self.settings), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                    cwd=home,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a terminal's Ctrl-C is for the flow, which still has things to tell
                )
        atexit.register(self.stop)

    def wait(self) -> None:
        """Until it answers; raises ServerFailedError if it ends before, or takes longer than any start should."""
        asked = http.client.HTTPConnection(_HOST, self._port, timeout=_START_S)
        try:
            asked.request("GET", "/api/health")
            status = asked.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise ServerFailedError(f"Prefect's private server did not start{self.told()}") from error
        finally:
            asked.close()
        if status != http.HTTPStatus.OK:
            raise ServerFailedError(f"Prefect's private server answers {status}{self.told()}")
        if self._fresh:
            database.keep_template(self._home)

    def told(self) -> str:
        """The last that it wrote, and where the rest is, as the end of a sentence."""
        log = self._home / LOG
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        said = " / ".join(lines[-_TOLD:])[-_WIDTH:]
        return f"; it wrote: {said} (all of it is in {log})" if said else f"; it wrote nothing to {log}"

    def stop(self) -> None:
        """End it, after it has written what it was told."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
