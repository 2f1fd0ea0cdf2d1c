"""A fetch that is killed at any moment goes on: nothing is lost, nothing comes twice."""

import os
import random
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.loops import read_loops
from tests.commands import Command
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, sound

SOUNDS, KILLS, IN_FLIGHT = 500, 10, 5


@pytest.mark.drill
@pytest.mark.timeout(900)
def test_ten_kills_and_a_run_equal_an_undisturbed_run(rolecall: Command, tmp_path: Path) -> None:
    with freesound([sound(number) for number in range(1, SOUNDS + 1)]) as double:
        double.nulls, double.drift = {7, 222, 430}, 4
        words = ["fetch", "freesound", "--query", "loops", "--workers", "1", "--json", "--workspace"]
        settings = {**rolecall.settings, "ROLECALL_FREESOUND_URL": double.url, "FREESOUND_API_KEY": KEY}
        command = replace(rolecall, settings=settings)
        began = time.monotonic()
        undisturbed = command(*words, tmp_path / "calm")
        lasted = time.monotonic() - began
        assert undisturbed.code == 0, undisturbed.err
        assert undisturbed.json()["loops"] == SOUNDS - len(double.nulls)
        calm_requests = requests_of(double)
        assert calm_requests == 4 + SOUNDS - len(double.nulls)

        luck = random.Random(11)
        for _ in range(KILLS):
            kill_after(command.start(*words, tmp_path / "killed"), luck.uniform(0.3, 1.0) * lasted)
        last = command(*words, tmp_path / "killed")
        assert last.code == 0, last.err
        all_requests = requests_of(double) - calm_requests
        print(f"{calm_requests} requests undisturbed in {lasted:.0f} s, {all_requests} with {KILLS} kills")
        assert all_requests <= calm_requests + KILLS * IN_FLIGHT + 4 * KILLS
    assert table_of(tmp_path / "killed") == table_of(tmp_path / "calm")
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "calm")


def requests_of(double: FreesoundDouble) -> int:
    return len(double.searches) + len(double.previews)


def kill_after(process: subprocess.Popen[str], seconds: float) -> None:
    """Kill a run with everything it started, unless it has ended before."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def table_of(root: Path) -> list[dict[str, Any]]:
    return [{**loop.to_dict(), "path": Path(loop.path).name} for loop in read_loops(root / "loops.parquet")]


def files_of(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "sources" / "freesound" / "audio").glob("*.ogg")}
