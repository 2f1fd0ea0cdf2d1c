"""What the tests share: the bundled music, a Prefect server, and the command line as a user types it."""

import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck
from hypothesis import settings as examples

from flows.cli import silence_teardown
from tests.commands import Command

_STARTUP_S = 180

atexit.register(silence_teardown)

# How fast examples are made says how busy the machine is, and nothing of the code.
examples.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("any-machine")


@pytest.fixture(scope="session")
def music() -> Path:
    """The bundled audio: `loops/`, `tracks/` and `manifest.csv`."""
    return Path(str(resources.files("storage") / "bundled" / "audio"))


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Prefect server on this machine, with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)
        try:
            yield _healthy(f"http://127.0.0.1:{port}/api", server, home / "log")
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture(scope="session")
def rolecall(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `rolecall` as a process of its own, against the test's Prefect server."""
    home = tmp_path_factory.mktemp("home")
    return Command({"PREFECT_API_URL": prefect_server, "HOME": str(home)})


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `rolecall` on a machine with an empty home and no Prefect server: it brings its own."""
    return Command({"HOME": str(tmp_path_factory.mktemp("empty-home"))})


def _healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(_STARTUP_S * 2):
        if server.poll() is not None:
            break
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return address
        except (requests.ConnectionError, requests.Timeout):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the Prefect server did not start: {log.read_text()[-2000:]}")
