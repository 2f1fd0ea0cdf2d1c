"""Dask workers that share nothing: processes of another user, each in a directory of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from distributed import Client

from tests.flows.labelling.test_foreign_cluster import free_port
from tests.support.commands import clean_environment

ROOT = Path(__file__).parents[2]
NOBODY = 65534


@cache
def worker_python() -> list[str]:
    """What starts Python for a worker: as another user, who may read the package and nothing of the flow's.

    As the same user where the tests are not root's, and where no interpreter of this version is open to others.
    """
    other = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        # The child is asked, too: the first process may be let in by rights that its own children have not.
        asked = [*other, python, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-V'], check=True)"]
        if os.getuid() == 0 and shutil.which("setpriv") and subprocess.run(asked, capture_output=True).returncode == 0:
            return [*other, python]
    return [sys.executable]


def workers_are_strangers() -> bool:
    """Whether workers run as another user."""
    return len(worker_python()) > 1


@dataclass
class RemoteCluster:
    """A scheduler at `address`, and workers that are started and killed by name."""

    address: str
    folder: Path
    settings: Mapping[str, str]
    workers: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str, **settings: str) -> None:
        """Start a worker in a directory of its own that only it may enter."""
        home = self.folder / name
        home.mkdir(mode=0o700)
        if workers_are_strangers():
            os.chown(home, NOBODY, NOBODY)
        words = ("dask_worker", self.address, "--name", name, "--nthreads", "1", "--no-dashboard")
        command = _dask(worker_python(), *words, "--local-directory", str(home), "--host", "127.0.0.1")
        told = {**self.settings, **settings, "HOME": str(home), "TMPDIR": str(home)}
        self.workers[name] = _started(command, home, told, self.folder / f"{name}.log")

    def wait_for(self, workers: int) -> None:
        """Wait until so many workers have joined."""
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=300)

    def kill(self, name: str) -> None:
        """Kill a worker and the nanny that would replace it, as a spot instance goes."""
        os.killpg(self.workers[name].pid, 9)
        self.workers[name].wait(30)


@contextmanager
def remote_cluster(folder: Path, settings: Mapping[str, str]) -> Iterator[RemoteCluster]:
    """A scheduler without workers; what is started is ended."""
    port = free_port()
    words = ("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    scheduler = _started(_dask([sys.executable], *words), folder, {}, folder / "scheduler.log")
    cluster = RemoteCluster(f"tcp://127.0.0.1:{port}", folder, settings)
    try:
        yield cluster
    finally:
        for process in (*cluster.workers.values(), scheduler):
            if process.poll() is None:
                os.killpg(process.pid, 9)
            process.wait(30)


def _dask(python: list[str], *words: str) -> list[str]:
    return [*python, "-m", f"distributed.cli.{words[0]}", *words[1:]]


def _started(command: list[str], home: Path, settings: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    # The package is found as an installed one is: not by the directory in which a process happens to start.
    places = os.pathsep.join([*filter(None, [settings.get("PYTHONPATH")]), str(ROOT), sysconfig.get_path("purelib")])
    environment = clean_environment({**settings, "PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"})
    with log.open("wb") as out:
        return subprocess.Popen(command, cwd=home, env=environment, stdout=out, stderr=out, start_new_session=True)


def wait_until(holds: object, seconds: float = 300) -> None:
    """Wait until a function says yes."""
    end = time.monotonic() + seconds
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.2)
