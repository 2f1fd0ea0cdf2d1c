"""A large catalogue over a large tree: how fast it is planned, entered and committed to.

ROLECALL_BENCH_TRACKS generated tracks; the tree that `plan` walks has that many real files, all empty.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.catalogue.committer import Committer
from storage.catalogue.comparison import DiskState
from storage.catalogue.label_parts import write_part
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.labelling.finding import find_audio
from tasks.labelling.preview import preview
from tasks.labelling.request import label_version
from tests.benchmarks.catalogue.generated_catalogue import TRACKS, enter_labels, enter_model
from tests.support.dummies import labelled

pytestmark = pytest.mark.benchmark

A_FOLDER = 1000


@contextmanager
def timed(what: str) -> Iterator[None]:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {time.perf_counter() - began:.2f} s, {cpu:.2f} s of CPU")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audio")
    for number in range(TRACKS):
        if number % A_FOLDER == 0:
            (root / f"{number // A_FOLDER:04d}").mkdir()
        (root / f"{number // A_FOLDER:04d}" / f"{number:07d}.mp3").touch()
    return root


def disk_state(tree: Path) -> DiskState:
    found = find_audio([tree]).table
    return DiskState(found, {path: f"{number:064x}" for number, path in enumerate(found.column("path").to_pylist())})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Workspace:
    where = Workspace(tmp_path_factory.mktemp("workspace"))
    model = ModelStore(where.models).load("default").card
    with Ledger.of(where) as ledger:
        enter_model(ledger, where)
        Labels(ledger).register("one", disk_state(tree), model.model_id, label_version(None))
        enter_labels(ledger)
        ledger.publish()
    return where


def test_a_large_tree(workspace: Workspace, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ModelStore(workspace.models).load("default").card
    with capsys.disabled():
        print(f"\n{TRACKS:,} tracks")
        with timed("opening the ledger"), Ledger.of(workspace) as ledger:
            pass
        with Ledger.of(workspace) as ledger:
            with timed("plan over the unchanged tree"):
                plan = preview(workspace, [str(tree)], None)
            assert (plan.findings["unchanged"], plan.to_decode) == (TRACKS, 0), plan
            with timed("entering the unchanged tree into the ledger"):
                Labels(ledger).register("two", disk_state(tree), model.model_id, label_version(None))
            parts = [workspace.parts / "three" / f"{number}.parquet" for number in range(64)]
            for number, part in enumerate(parts):
                write_part(part, [labelled(f"{number}-{place}", model.model_id) for place in range(64)])
            with timed("committing 4,096 outcomes in 64 parts"):
                Committer(workspace, ledger).commit(parts)
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB at most")
