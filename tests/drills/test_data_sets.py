"""What a data set survives: an unreadable loop, a killed worker, a full disk, the death of the whole run.

After each it is whole, or unfinished and gone on with; it is never silently smaller.
"""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from storage.datasets.store import DatasetStore
from storage.workspace import Workspace
from tests.drills.conftest import SmallDisk
from tests.support.commands import Ended, Program
from tests.support.dummies import LOOPS

pytestmark = [pytest.mark.drill, pytest.mark.slow, pytest.mark.timeout(900)]

ROLES = {
    "loop_breakbeat_126bpm.ogg": ("percussion", "train"),
    "dirtylove_chords_bar025_177bpm.ogg": ("chords", "train"),
    "loop_perc1_97.ogg": ("percussion", "validation"),
    "ambi_dark_woosh.ogg": ("fx", "validation"),
    "loop_amen_full_140bpm.ogg": ("percussion", "test"),
    "loop_drone_g_97.ogg": ("chords", "test"),
}
RECIPE = """
name = "drill"
mixes = 1200
[split]
validation_share = 0.2
test_share = 0.2
train_only = ["train"]
validation = ["validation"]
test = ["test"]
"""
SHARDS = 5
LAST_LOOP = "loop_amen_full_140bpm.ogg"
"""A loop that only the last two shards need: test mixes come after the others."""


@dataclass(frozen=True)
class Place:
    """A folder of loops, a recipe and a workspace that has fetched them."""

    program: Program
    folder: Path
    workspace: Path

    @property
    def store(self) -> DatasetStore:
        return DatasetStore(Workspace(self.workspace).datasets)

    def fetch(self) -> None:
        loops = self.folder / "loops"
        loops.mkdir(parents=True)
        for name in ROLES:
            shutil.copy(LOOPS / name, loops / name)
        lines = [f"{name},{role},{group},CC0-1.0" for name, (role, group) in ROLES.items()]
        (loops / "manifest.csv").write_text("\n".join(["path,roles,group,licence", *lines]) + "\n")
        (self.folder / "drill.toml").write_text(RECIPE)
        fetched = self.program("fetch", "folder", loops, "--workspace", self.workspace)
        assert fetched.code == 0, fetched.err

    def start(self) -> "subprocess.Popen[str]":
        words = ("dataset", "build", self.folder / "drill.toml", "--workers", "1", "--workspace", self.workspace)
        return self.program.start(*words)

    def build(self) -> Ended:
        return ended(self.start())

    def shards(self) -> dict[str, int]:
        """The shards that are there, with the moments at which they were written."""
        return {path.name: path.stat().st_mtime_ns for path in self.store.folder("drill").glob("shards/shard-*")}

    def wait_for_shards(self, run: "subprocess.Popen[str]", number: int) -> None:
        while run.poll() is None and len(self.shards()) < number:
            time.sleep(0.01)


def ended(run: "subprocess.Popen[str]") -> Ended:
    out, err = run.communicate(timeout=500)
    return Ended(run.returncode, out, err)


@pytest.fixture(scope="module")
def undisturbed(program: Program, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the set that nothing disturbed."""
    root = tmp_path_factory.mktemp("undisturbed")
    place = Place(program, root, root / "workspace")
    place.fetch()
    built = place.build()
    assert built.code == 0, built.err
    assert len(place.shards()) == SHARDS
    return place.store.read_lock("drill").digest


def test_a_loop_that_becomes_unreadable_is_named_and_put_right_and_a_killed_worker_costs_nothing(
    program: Program, tmp_path: Path, undisturbed: str
) -> None:
    place = Place(program, tmp_path, tmp_path / "workspace")
    place.fetch()
    broken = tmp_path / "loops" / LAST_LOOP
    run = place.start()
    place.wait_for_shards(run, 1)
    broken.write_bytes(b"no audio any more")
    refused = ended(run)
    assert refused.code == 2, refused.err
    assert LAST_LOOP in refused.err
    assert "build again" in refused.err
    assert place.store.names() == []
    kept = place.shards()
    assert 0 < len(kept) < SHARDS

    shutil.copy(LOOPS / LAST_LOOP, broken)
    run = place.start()
    place.wait_for_shards(run, len(kept) + 1)
    for worker in workers_of(run):
        worker.kill()
    whole = ended(run)
    assert whole.code == 0, whole.err
    assert place.store.read_lock("drill").digest == undisturbed
    assert kept.items() <= place.shards().items()


def workers_of(run: "subprocess.Popen[str]") -> list[psutil.Process]:
    try:
        children = psutil.Process(run.pid).children(recursive=True)
        return [child for child in children if "--multiprocessing-fork" in child.cmdline()]
    except psutil.Error:
        return []


def test_a_full_disk_is_named_and_a_build_that_was_killed_goes_on_where_it_was(
    program: Program, tmp_path: Path, small_disk: SmallDisk, undisturbed: str
) -> None:
    small_disk.resize(22)  # holds one shard, and not two
    place = Place(program, tmp_path, small_disk.root / "workspace")
    place.fetch()
    full = place.build()
    assert full.code == 2, full.err
    assert "make room, then build again" in full.err
    assert place.store.names() == []
    kept = place.shards()
    assert 0 < len(kept) < SHARDS

    small_disk.resize(128)
    run = place.start()
    place.wait_for_shards(run, len(kept) + 1)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert place.store.names() == []
    kept = place.shards()

    assert place.build().code == 0
    assert place.store.read_lock("drill").digest == undisturbed
    assert kept.items() <= place.shards().items()
