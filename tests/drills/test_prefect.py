"""A schedule and a work pool on a real Prefect server, and a server that goes away in the middle of a run."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from storage.catalogue.published import ask
from storage.workspace import Workspace
from tests.commands import Program

pytestmark = [pytest.mark.drill, pytest.mark.slow]


def wait_until(what: str, holds: Callable[[], bool], seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.5)


def rows(workspace: Path, sql: str) -> list[tuple[Any, ...]]:
    return ask(Workspace(workspace), sql).rows


def many_tracks(music: Path, folder: Path, count: int) -> None:
    """Copies of a track that differ in a byte behind their end, so that each is new work."""
    folder.mkdir()
    data = (music / "tracks" / "dirtylove.ogg").read_bytes()
    for number in range(count):
        (folder / f"track{number:02d}_177bpm.ogg").write_bytes(data + bytes([number]))


@contextmanager
def server(home: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A Prefect server of its own, that may be killed."""
    settings = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until("the server answers", lambda: answers(port))
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/api/health", timeout=5).ok
    except requests.RequestException:
        return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_a_schedule_fires_twice_and_the_second_run_has_nothing_to_do(
    program: Program, music: Path, tmp_path: Path
) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    folder.mkdir()
    shutil.copyfile(music / "loops" / "loop_drone_g_97.ogg", folder / "loop_drone_g_97.ogg")
    schedule = program.start("serve", folder, "--cron", "* * * * *", "--workers", 1, "--workspace", workspace)
    try:
        ended = "SELECT labelled, unchanged, decoded FROM runs WHERE state = 'completed' ORDER BY started_at"
        wait_until("two runs are over", lambda: schedule.poll() is not None or len(rows(workspace, ended)) >= 2)
        assert rows(workspace, ended)[:2] == [(1, 0, 1), (0, 1, 0)]
    finally:
        os.killpg(schedule.pid, signal.SIGTERM)
        schedule.communicate(timeout=120)
    deployment = requests.get(
        f"{program.settings['PREFECT_API_URL']}/deployments/name/label-catalogue/nightly", timeout=30
    ).json()
    assert deployment["paused"] is False
    assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def test_the_deployments_run_through_a_work_pool(program: Program, music: Path, tmp_path: Path) -> None:
    root, folder, workspace = Path(__file__).parents[2], tmp_path / "audio", tmp_path / "workspace"
    folder.mkdir()
    shutil.copyfile(music / "loops" / "loop_drone_g_97.ogg", folder / "loop_drone_g_97.ogg")
    places = {"ROLECALL_HOME": root, "ROLECALL_MUSIC": folder, "ROLECALL_WORKSPACE": workspace}
    environment = program.environment() | {name: str(path) for name, path in places.items()}

    def prefect(*words: str) -> None:
        command = [sys.executable, "-m", "prefect", *words]
        ended = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, check=False, timeout=500
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr

    prefect("work-pool", "create", "rolecall", "--type", "process")
    prefect("--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml")
    prefect("deployment", "run", "label-catalogue/nightly")
    prefect("worker", "start", "--pool", "rolecall", "--limit", "1", "--run-once")
    assert rows(workspace, "SELECT state, labelled FROM runs") == [("completed", 1)]


def test_a_prefect_server_that_dies_is_named_and_the_next_run_goes_on(music: Path, tmp_path: Path) -> None:
    folder, workspace, port = tmp_path / "audio", tmp_path / "workspace", free_port()
    many_tracks(music, folder, 24)
    command = Program(
        {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "HOME": str(tmp_path), "PREFECT_CLIENT_MAX_RETRIES": "0"}
    )
    words = ("label", folder, "--workers", 1, "--workspace", workspace)
    with server(tmp_path / "prefect", port) as running:
        run = command.start(*words)
        wait_until("a part is written", lambda: any((workspace / "parts").glob("*/*.parquet")))
        running.kill()
        running.wait()
        _, err = run.communicate(timeout=900)
        assert run.returncode == 1, err
        assert "the Prefect server does not answer" in err
        assert "Traceback" not in err
    with server(tmp_path / "prefect", port):
        ended = command(*words, "--json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["decoded"] < 24
    assert rows(workspace, "SELECT count(*) FROM tracks WHERE status = 'labelled'") == [(24,)]
