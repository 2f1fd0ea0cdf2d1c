"""Servers that all processes of a test session share: the first to ask starts one, the last to leave ends it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import requests

from storage.files import write_text_atomically
from tests.support.commands import clean_environment

_STARTUP_S = 300

Asked = Callable[[], str | None]


@contextmanager
def shared(folder: Path, start: Callable[[Path], tuple["subprocess.Popen[bytes]", Asked]]) -> Iterator[str]:
    """The address of a server that keeps its files in `folder`.

    `start` gives its process, and what tells its address once it answers.
    """
    folder.mkdir(exist_ok=True)
    running = folder / "running.json"
    with (folder / "users").open("w") as users:
        with _alone(folder):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not running.exists():
                process, address = start(folder)
                held = {"pid": process.pid, "address": _answering(process, address, folder / "log")}
                write_text_atomically(running, json.dumps(held))
            server: dict[str, Any] = json.loads(running.read_text())
        yield server["address"]
        with _alone(folder):
            try:
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            running.unlink()
            _kill(server["pid"])


def start_prefect(folder: Path) -> tuple["subprocess.Popen[bytes]", Asked]:
    """A real Prefect server, with a database of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"http://127.0.0.1:{port}/api"
    settings = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    words = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", port)

    def answers() -> str | None:
        try:
            return address if requests.get(f"{address}/health", timeout=5).ok else None
        except (requests.ConnectionError, requests.Timeout):
            return None

    return _started(words, settings, folder), answers


def start_cluster(folder: Path) -> tuple["subprocess.Popen[bytes]", Asked]:
    """The Dask cluster that a command starts for itself on this machine, kept for many commands."""
    written = folder / "address"

    def address() -> str | None:
        return written.read_text() if written.exists() else None

    settings = {"HOME": str(folder), "TMPDIR": str(folder)}
    return _started(("tests.support.servers", str(written)), settings, folder), address


def _started(module: tuple[str, ...], settings: dict[str, str], folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", *module],
            env=clean_environment(settings),
            cwd=Path(__file__).parents[2],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _answering(process: "subprocess.Popen[bytes]", address: Asked, log: Path) -> str:
    end = time.monotonic() + _STARTUP_S
    while process.poll() is None and time.monotonic() < end:
        if found := address():
            return found
        time.sleep(0.1)
    _kill(process.pid)
    raise RuntimeError(f"a server that the tests need did not start: {log.read_text()[-2000:]}")


def _kill(process: int) -> None:
    """End a server with all that it started; what it has written is thrown away, so it need not end well."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against every other process of the session."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run_cluster(written: Path) -> None:
    """Be a Dask cluster of two workers or more until killed; its address is written to a file."""
    from flows.commands.options import default_workers
    from flows.engine.cluster import open_client

    with open_client(None, max(2, default_workers())) as client:
        write_text_atomically(written, client.scheduler_info()["address"])
        signal.pause()


if __name__ == "__main__":
    _run_cluster(Path(sys.argv[1]))
