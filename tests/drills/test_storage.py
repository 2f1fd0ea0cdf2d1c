"""What storage survives: kills aimed at its critical moments, readers all the while, and a disk that is full.

ROLECALL_DRILL_ROUNDS sets how many kills there are; 5 if left out, `make drill` may take 100.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb
import pytest

from storage.catalogue.ledger import Ledger
from storage.catalogue.verification import verify
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.drills.conftest import SmallDisk
from tests.drills.night import BATCH, FILES, run

pytestmark = [pytest.mark.drill, pytest.mark.slow]

ROUNDS = int(os.environ.get("ROLECALL_DRILL_ROUNDS", "5"))
EVERYTHING = (
    "SELECT path, content_hash, bpm, status FROM tracks ORDER BY ALL",
    "SELECT path, role, probability FROM roles ORDER BY ALL",
    "SELECT path, segment, role, activation FROM iram ORDER BY ALL",
)


def start(root: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.drills.night", str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_at(process: "subprocess.Popen[str]", event: str, number: int, delay_s: float) -> bool:
    """Kill a night a moment after it has said for the n-th time what it is about to do; False if it ended before."""
    assert process.stdout is not None
    for line in process.stdout:
        number -= line.strip() == event
        if number == 0:
            break
    time.sleep(delay_s)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


class Reader:
    """Somebody who reads all the time: once with a connection held open, and again and again with new ones."""

    def __init__(self, workspace: Workspace) -> None:
        self.looks, self.wrong, self._stop = 0, [], Event()
        self._workspace, self._thread = workspace, Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        held: duckdb.DuckDBPyConnection | None = None
        first: list[tuple[Any, ...]] = []
        while not self._stop.wait(0.05):
            try:
                if held is None and self._workspace.catalogue.exists():
                    held = duckdb.connect(str(self._workspace.catalogue), read_only=True)
                    first = held.execute(EVERYTHING[0]).fetchall()
                if held is not None and held.execute(EVERYTHING[0]).fetchall() != first:
                    self.wrong.append("the snapshot that was held open changed")
                ((tracks, halves),) = ask(
                    self._workspace,
                    "SELECT count(*), count_if(n <> 6) FROM (SELECT count(*) AS n FROM roles GROUP BY path)",
                ).rows
                if halves or tracks % BATCH:
                    self.wrong.append(f"half a batch: {tracks} tracks, {halves} of them with roles missing")
                self.looks += 1
            except Exception as error:
                self.wrong.append(repr(error))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[Any, ...]]]:
    workspace = Workspace(tmp_path_factory.mktemp("undisturbed"))
    run(workspace.root)
    return [ask(workspace, query).rows for query in EVERYTHING]


def test_kills_at_parts_commits_and_publishes_lose_nothing_and_no_reader_ever_notices(
    tmp_path: Path, undisturbed: list[list[tuple[Any, ...]]]
) -> None:
    chance, workspace, kills = random.Random(7), Workspace(tmp_path / "workspace"), 0
    with Reader(workspace) as reader:
        for number in range(ROUNDS):
            event = ("commit", "publish", "part", "commit", "archive")[number % 5]
            before = set(ask(workspace, "SELECT path FROM tracks WHERE status = 'labelled'").rows)
            kills += kill_at(start(workspace.root), event, chance.randint(1, 3), chance.uniform(0, 0.03))
            assert before <= set(ask(workspace, "SELECT path FROM tracks WHERE status = 'labelled'").rows)
        last = start(workspace.root)
        _, err = last.communicate()
        assert last.returncode == 0, err
    assert kills
    assert (reader.wrong, reader.looks > 0) == ([], True)
    assert [ask(workspace, query).rows for query in EVERYTHING] == undisturbed
    with Ledger.of(workspace) as ledger:
        keys = ledger.rows("SELECT count(*), count(DISTINCT (label_key, model_id)) FROM ledger.label")
        assert keys == [(FILES, FILES)]
        assert verify(workspace, ledger) == []


def test_a_full_disk_is_named_loses_nothing_and_the_next_run_goes_on(
    small_disk: SmallDisk, undisturbed: list[list[tuple[Any, ...]]]
) -> None:
    small_disk.resize(4)  # too little for ledger and catalogue together
    workspace = Workspace(small_disk.root / "workspace")
    first = start(workspace.root)
    _, err = first.communicate()
    assert first.returncode != 0
    assert "No space left" in err or "out of disk space" in err.lower(), err
    small_disk.resize(64)
    second = start(workspace.root)
    _, err = second.communicate()
    assert second.returncode == 0, err
    assert [ask(workspace, query).rows for query in EVERYTHING] == undisturbed
