"""How long a user waits, and what it costs: from the key press to the answer, with an empty home and no Prefect server.

Prints processor seconds (of the command and of every process that it started) and wall seconds, and judges nothing but
that the commands work. ROLECALL_ROUNDS says how often each is run.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.support.commands import Program
from tests.support.dummies import TRACKS

pytestmark = pytest.mark.benchmark

ROUNDS = int(os.environ.get("ROLECALL_ROUNDS", "5"))
TRACK_S = 240.0


def spent(action: Callable[[], None]) -> tuple[float, float]:
    """The processor seconds of the processes that an action ran and waited for, and its wall seconds."""
    before, began = os.times(), time.perf_counter()
    action()
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu_s, time.perf_counter() - began


def show(what: str, rounds: list[tuple[float, float]]) -> None:
    cpu_s, wall_s = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    print(f"\n{what}: {cpu_s:.2f} s of processor, {wall_s:.2f} s on the clock (median of {len(rounds)})")


def run(command: Program, *words: str | Path) -> None:
    ended = command(*words)
    assert ended.code == 0, ended.err


def track(path: Path, byte: int) -> Path:
    """An MP3 of four minutes that is new work: music, and a byte of its own behind the end."""
    audio, rate = soundfile.read(TRACKS / "dirtylove.ogg", dtype="float32")
    soundfile.write(path, np.resize(audio, (round(TRACK_S * rate), *audio.shape[1:])), rate, format="MP3")
    with path.open("ab") as file:
        file.write(bytes([byte]))
    return path


@pytest.fixture
def command(tmp_path: Path) -> Program:
    return Program({"ROLECALL_WORKSPACE": str(tmp_path / "workspace"), "HOME": str(tmp_path)})


@pytest.mark.parametrize("words", [("--help",), ("sql", "select 1"), ("iram", TRACKS / "dirtylove.ogg")])
def test_a_question(words: tuple[str | Path, ...], command: Program) -> None:
    run(command, *words)
    show(f"rolecall {words[0]}", [spent(lambda: run(command, *words)) for _ in range(ROUNDS)])


def test_labels(command: Program, tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    folder.mkdir()
    track(folder / "first.mp3", 0)
    show("rolecall label, the first track of a workspace", [spent(lambda: run(command, "label", folder))])
    show("rolecall label, nothing new", [spent(lambda: run(command, "label", folder)) for _ in range(ROUNDS)])
    rounds = []
    for number in range(1, ROUNDS + 1):
        track(folder / f"track{number}.mp3", number)
        rounds.append(spent(lambda: run(command, "label", folder)))
    show(f"rolecall label, one new track of {TRACK_S:.0f} s", rounds)


def test_the_demo(command: Program) -> None:
    show("rolecall demo", [spent(lambda: run(command, "demo", "--workspace", command.settings["ROLECALL_WORKSPACE"]))])
