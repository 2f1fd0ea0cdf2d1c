"""A fetch that is killed at any moment goes on: nothing is lost, nothing comes twice."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.loops.table import read_loops
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, sound
from tests.support.commands import Program

SOUNDS, KILLS, IN_FLIGHT = 500, 10, 5


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_ten_kills_and_a_run_equal_an_undisturbed_run(program: Program, tmp_path: Path) -> None:
    with freesound([sound(number) for number in range(1, SOUNDS + 1)]) as double:
        double.nulls, double.drift = {7, 222, 430}, 4
        words = ["fetch", "freesound", "--query", "loop", "--workers", "1", "--json", "--workspace"]
        # A home of its own: requests are counted for a key over all workspaces.
        settings = {
            **program.settings,
            "HOME": str(tmp_path / "home"),
            "ROLECALL_FREESOUND_URL": double.url,
            "FREESOUND_API_KEY": KEY,
        }
        command = replace(program, settings=settings)
        began = time.monotonic()
        undisturbed = command(*words, tmp_path / "calm")
        lasted = time.monotonic() - began
        assert undisturbed.code == 0, undisturbed.err
        assert undisturbed.json()["loops"] == SOUNDS - len(double.nulls)
        calm_requests = requests_of(double)
        assert calm_requests == 4 + SOUNDS - len(double.nulls)

        luck, hits = random.Random(11), 0
        for number in range(KILLS):
            # So few that every kill meets a run that still has work to do.
            answers = luck.randrange(SOUNDS // KILLS // 2)
            run = command.start(*words, tmp_path / "killed")
            hits += kill_after(
                run, lambda: requests_of(double), answers, luck.uniform(0.0, 3.0 if number < 2 else 0.05)
            )
        assert hits == KILLS
        last = command(*words, tmp_path / "killed")
        assert last.code == 0, last.err
        all_requests = requests_of(double) - calm_requests
        print(
            f"{hits} of {KILLS} kills hit a living run; {calm_requests} requests undisturbed in {lasted:.0f} s, "
            f"{all_requests} with the kills"
        )
        assert all_requests <= calm_requests + KILLS * IN_FLIGHT
    assert table_of(tmp_path / "killed") == table_of(tmp_path / "calm")
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "calm")


def requests_of(double: FreesoundDouble) -> int:
    return len(double.searches) + len(double.previews)


def kill_after(process: subprocess.Popen[str], answered: Callable[[], int], more: int, seconds: float) -> bool:
    """Kill a run, with everything it started, so long after so many more requests; whether it was alive then."""
    start = answered()
    while process.poll() is None and answered() < start + more:
        time.sleep(0.005)
    time.sleep(seconds)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return alive


def table_of(root: Path) -> list[dict[str, Any]]:
    return [{**loop.to_dict(), "path": Path(loop.path).name} for loop in read_loops(root / "loops.parquet")]


def files_of(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "sources" / "freesound" / "audio").glob("*.ogg")}
