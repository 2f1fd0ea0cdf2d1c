"""How long a user waits for an answer; prints figures and judges nothing but that the commands work."""

import statistics
import time
from pathlib import Path

import pytest

from tests.commands import Program

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("words", [("--help",), ("sql", "select 1")])
def test_start_up(words: tuple[str, ...], tmp_path: Path) -> None:
    command = Program({"ROLECALL_WORKSPACE": str(tmp_path)})
    seconds = []
    for _ in range(6):
        began = time.perf_counter()
        assert command(*words).code == 0
        seconds.append(time.perf_counter() - began)
    warm = seconds[1:]
    print(f"\nrolecall {' '.join(words)}: median {statistics.median(warm):.2f} s, slowest {max(warm):.2f} s")
