"""A catalogue in a bucket, labelled by workers that share nothing, while workers go and come and the bucket refuses.

ROLECALL_DRILL_OBJECTS says how many objects there are.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import numpy as np
import pytest

from flows.labelling.engines import BATCH_FILES, label_files
from flows.labelling.run import close_run, enter_files, open_run
from flows.labelling.run_options import RunOptions
from flows.labelling.run_summary import RunSummary
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.published.queries import ask
from storage.workspace import Workspace
from tasks.labelling.finding import find_places
from tests.doubles.s3 import KEY, SECRET, Bucket, environment, serve_bucket
from tests.drills.remote_cluster import remote_cluster, wait_until, workers_are_strangers
from tests.support.dummies import RATE, clicks, noise, tone, write

pytestmark = [pytest.mark.drill, pytest.mark.slow]

OBJECTS = int(os.environ.get("ROLECALL_DRILL_OBJECTS", "120"))
BROKEN = 2


def make_music(folder: Path, count: int) -> None:
    """Loops that all differ, every tenth in another format, and two that are broken."""
    for number in range(count - BROKEN):
        bpm = 90 + number % 60
        beat = clicks(bpm, 8 * 60 / bpm) + noise(8 * 60 / bpm, seed=number) + 0.1 * tone(8 * 60 / bpm, 110 + number)
        name = f"kit{number % 7}/loop{number:04d}_{bpm}bpm.{'flac' if number % 10 == 0 else 'wav'}"
        write(folder / name, beat.astype(np.float32), RATE)
    (folder / "empty.wav").touch()
    whole = (folder / "kit1" / "loop0001_91bpm.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user may pass through; pytest's own folders are closed to others."""
    with TemporaryDirectory(prefix="rolecall-drill-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def bucket(place: Path) -> Iterator[Bucket]:
    make_music(place / "music", OBJECTS)
    with serve_bucket() as served:
        served.fill(place / "music")
        yield served


def labels(workspace: Workspace, root: str) -> dict[str, list[tuple[Any, ...]]]:
    """All that a catalogue says of the music itself; `root` is what its paths begin with."""
    name = f"replace(path, '{root}/', '') AS name"
    queries = {
        "tracks": f"SELECT {name}, kind, status, content_hash, round(duration_s, 3), bpm, bpm_source, key FROM tracks",
        "roles": f"SELECT {name}, role, active FROM roles",
        "errors": f"SELECT {name}, stage, reason, message FROM errors",
        "segments": f"SELECT {name}, count(*) FROM segments JOIN tracks USING (track_id) GROUP BY ALL",
    }
    return {view: sorted(ask(workspace, sql).rows, key=repr) for view, sql in queries.items()}


def probabilities(workspace: Workspace, root: str) -> list[float]:
    sql = f"SELECT probability FROM roles ORDER BY replace(path, '{root}/', ''), role"
    return [row[0] for row in ask(workspace, sql).rows]


def label(workspace: Workspace, place: str, dask: str | None) -> RunSummary:
    """The steps of `rolecall label` without a Prefect server, which takes longer to start than the work."""
    with workspace.lock("drill") as locked, Ledger.of(locked) as ledger:
        run = open_run(locked, ledger, RunOptions(workers=1, dask=dask))
        found = find_places([place])
        enter_files(run, found)
        label_files(run)
        return close_run(run, found.omissions)


def when_read(bucket: Bucket, objects: int, then: Callable[[], None]) -> Thread:
    """Do something once so many objects were read."""

    def wait() -> None:
        wait_until(lambda: sum(bucket.reads.values()) >= objects)
        then()

    thread = Thread(target=wait)
    thread.start()
    return thread


def test_workers_go_and_come_the_bucket_refuses_and_the_catalogue_is_that_of_the_same_files_on_a_disk(
    bucket: Bucket, place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    elsewhere, here = Workspace(place / "elsewhere"), Workspace(place / "here")
    elsewhere.root.mkdir(mode=0o700)
    (place / "music").chmod(0o700)
    bucket.throttled, bucket.cut = 0.05, 0.05
    with remote_cluster(place, bucket.settings()) as cluster, environment(bucket.settings()):
        for name in ("one", "two", "three"):
            cluster.start(name)
        cluster.wait_for(3)

        def replace_one() -> None:
            cluster.kill("one")
            cluster.start("four")

        replacing = when_read(bucket, OBJECTS // 6, replace_one)
        first = label(elsewhere, "s3://music", cluster.address)
        replacing.join()
        reads = bucket.reads.copy()
        second = label(elsewhere, "s3://music", cluster.address)
    assert (first.state, first.counts.labelled, first.counts.quarantined) == ("completed", OBJECTS - BROKEN, BROKEN)
    said = capfd.readouterr()
    assert "3 workers" in said.err
    assert bucket.refused > 0
    # Only what the killed worker had in hand is read again, by another.
    assert set(reads) == set(bucket.objects())
    again = sum(count - 1 for count in reads.values())
    assert again <= 2 * BATCH_FILES
    assert bucket.reads == reads
    unchanged = (second.counts.unchanged, second.counts.known_bad, second.counts.decoded)
    assert unchanged == (OBJECTS - BROKEN, BROKEN, 0)
    size = sum(path.stat().st_size for path in (place / "music").rglob("*") if path.is_file())
    assert ask(elsewhere, "SELECT bytes_read FROM runs ORDER BY started_at").rows == [(size,), (0,)]

    label(here, str(place / "music"), None)
    assert labels(elsewhere, "s3://music") == labels(here, str(place / "music"))
    np.testing.assert_allclose(
        probabilities(elsewhere, "s3://music"), probabilities(here, str(place / "music")), atol=1e-4
    )
    assert_shared_nothing(place, ("two", "three"))
    assert_told_no_secret(place, (said.out, said.err))
    with capfd.disabled():
        print(f"\n{OBJECTS} objects, {bucket.refused} refusals, {again} read again after the kill, {size} bytes")


def assert_shared_nothing(folder: Path, workers: tuple[str, ...]) -> None:
    """A worker keeps the model and nothing else, and could not have read what is the flow's: it is another's."""
    for name in workers:
        assert list((folder / name).rglob("*.safetensors"))
        assert not [path for path in (folder / name).rglob("*") if path.suffix in {".wav", ".flac", ".parquet"}]
    if workers_are_strangers():
        closed = (folder / "elsewhere", folder / "music")
        assert all(path.stat().st_mode & 0o077 == 0 and path.stat().st_uid == 0 for path in closed)


def assert_told_no_secret(folder: Path, said: tuple[str, ...]) -> None:
    """Neither key nor secret is in anything that was printed, logged or kept, the ledger and Prefect's database too."""
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(written) > OBJECTS
    for word in (SECRET, KEY):
        assert not any(word in text for text in said)
        assert not any(word.encode() in content for content in written)


def test_a_worker_of_another_version_is_refused_by_name_before_the_first_batch(bucket: Bucket, place: Path) -> None:
    stranger = place / "stranger-site"
    stranger.mkdir()
    (stranger / "sitecustomize.py").write_text(
        "import importlib.metadata as told\n"
        "real = told.version\n"
        "told.version = lambda name: '1.26.0' if name == 'numpy' else real(name)\n"
    )
    with remote_cluster(place, bucket.settings()) as cluster, environment(bucket.settings()):
        cluster.start("old", PYTHONPATH=str(stranger))
        cluster.wait_for(1)
        with pytest.raises(
            UserError, match=r"the worker old at tcp://\S+ is not like this flow: numpy 1\.26\.0 and not"
        ):
            label(Workspace(place / "workspace"), "s3://music", cluster.address)
    assert not bucket.reads
