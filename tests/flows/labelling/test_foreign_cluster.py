"""A scheduler and workers that somebody else started: a worker may die, and the scheduler too; nothing is lost."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

import pytest

from flows.engine.cluster import open_client, stream
from flows.engine.outcomes import Finished
from storage.errors import UserError
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.flows.labelling.test_killed import add_tracks, parts_of
from tests.support.commands import Program

pytestmark = [pytest.mark.drill, pytest.mark.slow]


@contextmanager
def running(*words: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list["subprocess.Popen[bytes]"]]]:
    """The address of a scheduler, and its processes: itself, then workers without nannies."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with ExitStack() as stack:
        plain = ("--host", "127.0.0.1", "--no-dashboard")
        scheduler = stack.enter_context(running("dask_scheduler", "--port", str(port), *plain))
        local = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder), *plain)
        hands = [stack.enter_context(running("dask_worker", address, *local)) for _ in range(workers)]
        yield address, [scheduler, *hands]


def slowly(numbers: Sequence[int]) -> list[int]:
    time.sleep(0.2)
    return list(numbers)


def test_a_worker_dies_and_its_batches_are_done_by_the_other(tmp_path: Path) -> None:
    with cluster(tmp_path, 2) as (address, processes), open_client(address, 1) as client:
        client.wait_for_workers(2, timeout=120)
        results = []
        for result in stream(client, slowly, [[number] for number in range(20)], Event()):
            results.append(result)
            if len(results) == 5:
                processes[1].send_signal(signal.SIGKILL)
    assert sorted(result.receipt[0] for result in results if isinstance(result, Finished)) == list(range(20))


def test_a_scheduler_that_is_lost_is_a_clear_error(tmp_path: Path) -> None:
    with cluster(tmp_path, 1) as (address, processes), open_client(address, 1) as client:
        results = stream(client, slowly, [[number] for number in range(100)], Event())
        next(results)
        processes[0].send_signal(signal.SIGKILL)
        with pytest.raises(UserError, match="the Dask scheduler was lost; what came back before is kept"):
            list(results)


def test_the_flow_runs_there_and_survives_a_worker(program: Program, tmp_path: Path) -> None:
    add_tracks(tmp_path / "audio", 0, 16)
    workspace = tmp_path / "workspace"
    with cluster(tmp_path, 2) as (address, processes):
        run = program.start("label", tmp_path / "audio", "--dask", address, "--workspace", workspace)
        while run.poll() is None and parts_of(workspace) < 1:
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGKILL)
        _, err = run.communicate(timeout=500)
    assert run.returncode == 0, err
    sql = "SELECT count(*), count(DISTINCT path) FROM tracks WHERE status = 'labelled'"
    assert ask(Workspace(workspace), sql).rows == [(16, 16)]
    assert ask(Workspace(workspace), "SELECT count(*) FROM errors").rows == [(0,)]
