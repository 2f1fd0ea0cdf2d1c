"""A large catalogue in the whole schema: how it is published, and how fast it answers what people ask.

ROLECALL_BENCH_TRACKS generated tracks, or the workspace that ROLECALL_BENCH_WORKSPACE names, made by
`python -m tests.benchmarks.catalogue.generated_catalogue`. Wall seconds are those of a machine with nothing else to do;
the CPU seconds beside them say what a busy one would have taken. Each question is asked three times, and the median is
printed.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from storage.catalogue.ledger import Ledger
from storage.published.queries import open_catalogue
from storage.workspace import Workspace
from tests.benchmarks.catalogue.catalogue_questions import ABOUT_ONE, QUESTIONS, SCANS
from tests.benchmarks.catalogue.generated_catalogue import TRACKS, change_tracks, generate

pytestmark = pytest.mark.benchmark

CHANGES = 5000


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = os.environ.get("ROLECALL_BENCH_WORKSPACE")
    where = Workspace(Path(made) if made else tmp_path_factory.mktemp("workspace"))
    if made is None:
        generate(where, TRACKS)
    return where


def test_a_large_catalogue_is_published(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled(), Ledger.of(workspace) as ledger:
        ((paths,),) = ledger.rows("SELECT count(*) FROM ledger.file")
        print(f"\n{paths:,} paths; ledger {workspace.ledger.stat().st_size / 1e9:.2f} GB")
        for name, work in (("whole", ledger.publish_whole), ("with nothing new", ledger.publish)):
            wall, used = cost(work)
            size = workspace.catalogue.stat().st_size / 1e9
            print(f"published {name}: {wall:.1f} s, {used:.1f} s of CPU, {size:.2f} GB, {peak_mb():.0f} MB of memory")
        change_tracks(ledger, min(CHANGES, paths // 20), f"night {time.time_ns()}")
        wall, used = cost(ledger.publish)
        ((changed,),) = ledger.rows("SELECT changed FROM ledger.publication")
        print(f"published after {changed} changes: {wall:.1f} s, {used:.1f} s of CPU, {peak_mb():.0f} MB of memory")
        assert changed


def test_a_large_catalogue_answers(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled(), open_catalogue(workspace) as catalogue:
        ((track, path, loop),) = catalogue.sql(
            "SELECT max(track_id) FILTER (kind = 'track'), max(path) FILTER (kind = 'track'), "
            "max(track_id) FILTER (kind = 'loop') FROM tracks WHERE status = 'labelled'"
        ).fetchall()
        one = {"track": track, "path": path, "name": Path(path).name, "loop": loop}
        print(f"\n{'question':64} {'wall s':>7} {'CPU s':>7}")
        for name, question in [*QUESTIONS.items(), *ABOUT_ONE.items()]:
            costs = [cost(catalogue.sql(question.format(**one)).fetchall) for _ in range(3)]
            wall, used = (median(column) for column in zip(*costs, strict=True))
            print(f"{name:64} {wall:7.2f} {used:7.2f}{'  scan' if name in SCANS else ''}", flush=True)
        print(f"memory: {peak_mb():.0f} MB at most")
