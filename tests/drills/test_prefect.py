"""A schedule and a work pool on a real Prefect server, and a server that goes away in the middle of a run."""

import asyncio
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
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import pytest
import requests

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.support.commands import Program

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
def server(home: Path, port: int, **more: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A Prefect server of its own, that may be killed."""
    settings = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", **more}
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
    run_through_a_work_pool(program, music, tmp_path)


@pytest.mark.skipif(shutil.which("initdb") is None, reason="no PostgreSQL here")
@pytest.mark.skipif(os.getuid() != 0, reason="PostgreSQL refuses root, and only root may start it as another user")
def test_the_server_keeps_its_runs_in_postgres(music: Path, tmp_path: Path) -> None:
    port = free_port()
    with postgres() as database, server(tmp_path / "prefect", port, PREFECT_SERVER_DATABASE_CONNECTION_URL=database):
        settings = {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api", "HOME": str(tmp_path)}
        run_through_a_work_pool(Program(settings), music, tmp_path)
        # Beside it stand the runs that the schedules of the deployments have planned.
        ended = [run for run in asyncio.run(_flow_runs(database)) if run[1] != "SCHEDULED"]
        assert ended == [("label-catalogue", "COMPLETED")]


async def _flow_runs(database: str) -> list[tuple[str, str]]:
    connection = await asyncpg.connect(database.replace("+asyncpg", ""))
    try:
        rows = await connection.fetch("SELECT f.name, r.state_type FROM flow_run r JOIN flow f ON f.id = r.flow_id")
    finally:
        await connection.close()
    return [(row["name"], row["state_type"]) for row in rows]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL of this machine's own kind, empty, as SQLAlchemy addresses it."""
    other, port = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], free_port()
    with TemporaryDirectory(prefix="rolecall-drill-") as folder:
        os.chown(folder, 65534, 65534)
        data = f"{folder}/data"
        subprocess.run([*other, "initdb", "-D", data, "-U", "prefect", "--auth=trust"], check=True, capture_output=True)
        words = ["postgres", "-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1"]
        process = subprocess.Popen([*other, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until("PostgreSQL listens", lambda: _listens(port))
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _listens(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def run_through_a_work_pool(program: Program, music: Path, tmp_path: Path) -> None:
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
