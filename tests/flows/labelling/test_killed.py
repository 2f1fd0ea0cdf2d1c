"""`kill -9` at any moment, of a worker, of the flow or of all: after a re-run nothing is lost and nothing is twice."""

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from storage.published.queries import ask
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tests.support.commands import Program
from tests.support.dummies import TRACKS

ROUNDS = int(os.environ.get("ROLECALL_DRILL_ROUNDS", "5"))
FILES_A_ROUND = 3
VICTIMS = ("all", "worker", "flow")
MOMENTS = ("start", "reading", "part", "commit", "publish")

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(60 + 120 * ROUNDS)]


def add_tracks(folder: Path, first: int, count: int) -> None:
    """Copies of a track that differ in a byte behind their end, so that each is new work."""
    folder.mkdir(exist_ok=True)
    content = (TRACKS / "dirtylove.ogg").read_bytes()
    for number in range(first, first + count):
        (folder / f"track{number:04d}.ogg").write_bytes(content + number.to_bytes(2, "big"))


def rows(workspace: Path, sql: str) -> list[tuple[Any, ...]]:
    return ask(Workspace(workspace), sql).rows


def parts_of(workspace: Path) -> int:
    return len(list((workspace / "parts").glob("*/*.parquet")))


def workers_of(run: "subprocess.Popen[str]") -> list[psutil.Process]:
    try:
        children = psutil.Process(run.pid).children(recursive=True)
        return [child for child in children if "--multiprocessing-fork" in child.cmdline()]
    except psutil.Error:
        return []


def wait_for_work(run: "subprocess.Popen[str]", workspace: Path) -> None:
    """Until a worker reads its first file."""
    while run.poll() is None and not list((workspace / "reading").glob("*")):
        time.sleep(0.02)


def wait_for_change(run: "subprocess.Popen[str]", folder: Path, names: str) -> None:
    """Until a file of such a name appears in a folder, or is written to."""

    def looks() -> dict[str, int]:
        return {path.name: path.stat(follow_symlinks=False).st_mtime_ns for path in folder.glob(names)}

    with suppress(FileNotFoundError):  # a temporary file that was renamed meanwhile is a change too
        before = looks()
        while run.poll() is None and looks() == before:
            time.sleep(0.002)


def wait_for(moment: str, run: "subprocess.Popen[str]", workspace: Path, luck: random.Random) -> None:
    """Until a run has come to a moment, and a little longer."""
    before = parts_of(workspace)
    if moment != "start":
        wait_for_work(run, workspace)
    while moment in ("part", "commit", "publish") and run.poll() is None and parts_of(workspace) == before:
        time.sleep(0.01)
    if moment == "commit":
        wait_for_change(run, workspace / "ledger", "*")
    elif moment == "publish":
        wait_for_change(run, workspace, "*catalogue*")
    time.sleep(luck.uniform(0, 0.05 if moment in ("commit", "publish") else 1.0))


def kill(victim: str, run: "subprocess.Popen[str]", luck: random.Random) -> None:
    """Kill a part of a run; one that lost a worker goes on, and must end well."""
    if victim == "worker":
        for worker in luck.sample(found, 1) if (found := workers_of(run)) else []:
            worker.kill()
        _, err = run.communicate(timeout=500)
        assert run.returncode == 0, err
        return
    if victim == "flow":
        run.kill()
        run.wait(60)
    with suppress(ProcessLookupError):  # a flow that has only begun is alone in its group
        os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


def test_kills_at_random_moments_leave_what_an_undisturbed_run_leaves(program: Program, tmp_path: Path) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    words = ("label", folder, "--workers", "2", "--workspace")
    luck = random.Random(5)
    for number in range(ROUNDS):
        add_tracks(folder, number * FILES_A_ROUND, FILES_A_ROUND)
        run = program.start(*words, workspace)
        victim, moment = VICTIMS[number % len(VICTIMS)], MOMENTS[number % len(MOMENTS)]
        wait_for(moment, run, workspace, luck)
        kill(victim, run, luck)
        print(f"round {number}: killed {victim} after {moment}")
    last = program(*words, workspace, "--json")
    assert last.code == 0, last.err
    assert program(*words, tmp_path / "calm").code == 0

    for table, key in (("roles", "path, role"), ("segments", "path, segment")):
        columns = "probability" if table == "roles" else ", ".join([*(f"segments.{role}" for role in ROLES), "start_s"])
        source = table if table == "roles" else "segments JOIN tracks USING (track_id)"
        sql = f"SELECT {key}, {columns} FROM {source} ORDER BY ALL"
        disturbed, calm = rows(workspace, sql), rows(tmp_path / "calm", sql)
        assert [row[:2] for row in disturbed] == [row[:2] for row in calm]
        assert len({row[:2] for row in disturbed}) == len(disturbed)
        np.testing.assert_allclose([row[2:] for row in disturbed], [row[2:] for row in calm], atol=1e-4)
    assert rows(workspace, "SELECT count(*) FROM errors") == [(0,)]
    assert rows(workspace, "SELECT count(*) FROM tracks") == [(ROUNDS * FILES_A_ROUND,)]
