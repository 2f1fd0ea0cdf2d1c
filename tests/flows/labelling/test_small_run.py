"""A run of few files needs no Prefect server and no cluster, is in the ledger, and keeps every promise."""

import os
import signal
import time
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Event

import psutil
import pytest

from flows.engine.one_process import stream_through_one
from flows.engine.outcomes import Finished
from flows.labelling.engines import BATCH_BYTES, BATCH_FILES, fits_one_process
from flows.labelling.run_options import RunOptions
from flows.labelling.small_run import label_if_small
from storage.catalogue.ledger import Ledger
from storage.models import BUNDLED, ModelStore
from storage.published.queries import ask
from storage.workspace import Workspace
from tasks.labelling.finding import Found, find_audio
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import Watchdog
from tasks.metadata.tempo_text import BpmRange
from tests.support import failing_decoders
from tests.support.commands import Program
from tests.support.dummies import clicks, noise, read_part, write

pytestmark = pytest.mark.slow

RUNS = "SELECT state, found, labelled, unchanged, quarantined, decoded FROM runs ORDER BY started_at"


def loops(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        write(folder / name, noise(1.0, seed=zlib.crc32(name.encode())))
    return folder


def label_small(
    folder: Path, workspace: Workspace, max_errors: int | None = None, bpm_range: BpmRange | None = None
) -> bool:
    """Whether a folder is little enough, and then it is labelled."""

    def find(_: Ledger) -> Found:
        return find_audio([folder])

    options = RunOptions(max_errors=max_errors, bpm_range=bpm_range)
    return label_if_small(find, workspace.root, options) is not None


@pytest.mark.parametrize(
    ("sizes", "fits"),
    [
        ([], True),
        ([1000] * BATCH_FILES, True),
        ([1000] * (BATCH_FILES + 1), False),
        ([BATCH_BYTES], True),
        ([BATCH_BYTES, 1], False),
    ],
)
def test_what_one_batch_holds_is_for_one_process(sizes: list[int], fits: bool) -> None:
    assert fits_one_process(sizes) is fits


def test_a_range_of_tempi_is_part_of_a_label_and_settles_the_octave(tmp_path: Path) -> None:
    workspace, tempo = Workspace(tmp_path / "workspace"), "SELECT bpm, bpm_alternative, half_time FROM tracks"
    write(tmp_path / "audio" / "loop.wav", clicks(125, 16 * 60 / 125))
    assert label_small(tmp_path / "audio", workspace, bpm_range=(60, 119))
    assert ask(workspace, tempo).rows == [(62.5, 125.0, None)]
    assert label_small(tmp_path / "audio", workspace)
    assert ask(workspace, tempo).rows == [(125.0, None, False)]
    assert ask(workspace, RUNS).rows == [("completed", 1, 1, 0, 0, 1)] * 2


def test_few_files_and_none_are_runs_of_the_ledger_and_leave_no_prefect(alone: Program, tmp_path: Path) -> None:
    folder, workspace = loops(tmp_path / "audio", ["one.wav", "two.wav"]), tmp_path / "workspace"
    (folder / "three.wav").write_text("no sound")
    first = alone("label", folder, "--workspace", workspace, "--json")
    assert (first.code, first.json()["labelled"]) == (3, 2), first.err
    second = alone("label", folder, "--workspace", workspace, "--json")
    assert (second.code, second.json()["unchanged"], second.json()["decoded"]) == (0, 2, 0), second.err
    third = alone("retry", "--reason", "unreadable", "--workspace", workspace, "--json")
    assert (third.code, third.json()["quarantined"]) == (3, 1), third.err
    assert ask(Workspace(workspace), RUNS).rows == [
        ("completed", 3, 2, 0, 1, 3),
        ("completed", 3, 0, 2, 0, 0),
        ("completed", 1, 0, 0, 1, 1),
    ]
    assert not (workspace / "prefect").exists()
    assert not (workspace / "reading").exists()


def test_more_files_are_left_to_a_flow_and_no_run_is_opened(tmp_path: Path) -> None:
    folder = loops(tmp_path / "audio", [f"{number}.wav" for number in range(BATCH_FILES + 1)])
    workspace = Workspace(tmp_path / "workspace")
    assert not label_small(folder, workspace)
    with Ledger.of(workspace) as ledger:
        assert ledger.rows("SELECT count(*) FROM ledger.run") == [(0,)]


def test_few_new_files_among_many_known_ones_are_few(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    for start in (0, BATCH_FILES):
        names = [f"{number}.wav" for number in range(start, start + BATCH_FILES)]
        assert label_small(loops(tmp_path / "audio", names), workspace)
    assert ask(workspace, RUNS).rows[-1] == ("completed", 2 * BATCH_FILES, BATCH_FILES, BATCH_FILES, 0, BATCH_FILES)


def test_a_worker_that_is_killed_costs_nothing(alone: Program, tmp_path: Path) -> None:
    folder, workspace = loops(tmp_path / "audio", ["one.wav", "two.wav", "three.wav"]), tmp_path / "workspace"
    run = alone.start("label", folder, "--workspace", workspace)
    while not list((workspace / "reading").glob("*")):
        assert run.poll() is None
        time.sleep(0.01)
    (worker,) = [child for child in psutil.Process(run.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    worker.send_signal(signal.SIGKILL)
    _, err = run.communicate(timeout=500)
    assert run.returncode == 0, err
    assert ask(Workspace(workspace), RUNS).rows == [("completed", 3, 3, 0, 0, 3)]


def test_ctrl_c_finishes_the_file_in_hand_and_the_next_run_goes_on(alone: Program, tmp_path: Path) -> None:
    names = [f"{number}.wav" for number in range(BATCH_FILES)]
    folder, workspace = loops(tmp_path / "audio", names), tmp_path / "workspace"
    run = alone.start("label", folder, "--workspace", workspace)
    while not list((workspace / "parts").glob("*/*.parquet")):
        assert run.poll() is None
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=500)
    assert run.returncode == 130, err
    ended = alone("label", folder, "--workspace", workspace, "--json")
    assert ended.json()["labelled"] + ended.json()["unchanged"] == BATCH_FILES, ended.err


@pytest.mark.drill
def test_a_file_that_kills_or_hangs_costs_itself_alone(tmp_path: Path) -> None:
    folder = loops(tmp_path / "audio", ["a.wav", "hangs.wav", "kills.wav", "z.wav"])
    recipe = LabelRecipe.of(ModelStore(BUNDLED).load("default"))
    watch = Watchdog(tmp_path / "reading", 5.0)
    work = partial(failing_decoders.label_part, recipe=recipe, folder=tmp_path / "parts", watch=watch)
    requests = [LabelRequest(path.name, str(path)) for path in sorted(folder.iterdir())]
    results = list(stream_through_one(work, requests, Event()))
    rows = [row for result in results if isinstance(result, Finished) for row in read_part(Path(result.receipt.part))]
    assert [row["reason"] for row in rows] == [None, "timeout", "worker_killed", None]
