"""What a bucket costs: reading with a delay, listing objects, and what a batch costs scheduler and flow.

ROLECALL_LISTED says how many objects are listed, such as 1000000; ROLECALL_TRACKS how many tracks are read, how many
seconds of each ROLECALL_SECONDS, and how often ROLECALL_ROUNDS; ROLECALL_BATCHES how many batches are sent.
"""

import os
import resource
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from threading import Event

import psutil
import pytest
from distributed import Client

from flows.engine.cluster import let_next_begin, open_client, stream
from flows.engine.outcomes import Finished
from flows.labelling.engines import BATCH_FILES, keep_part
from flows.labelling.remote_worker import SentPart, sent_part
from flows.labelling.worker import label_part
from storage.catalogue.committer import Committer
from storage.catalogue.ledger import Ledger
from storage.models import BUNDLED, ModelStore
from storage.workspace import Workspace
from tasks.labelling.finding import find_audio, find_objects
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import Watchdog
from tests.doubles.s3 import Bucket, environment, serve_bucket
from tests.doubles.s3_apart import bucket_apart
from tests.support.dummies import clicks, labelled, noise, write

pytestmark = pytest.mark.benchmark

LISTED = int(os.environ.get("ROLECALL_LISTED", "20000"))
BATCHES = int(os.environ.get("ROLECALL_BATCHES", "300"))
TRACKS = int(os.environ.get("ROLECALL_TRACKS", "48"))
SECONDS = float(os.environ.get("ROLECALL_SECONDS", "60"))
ROUNDS = int(os.environ.get("ROLECALL_ROUNDS", "2"))
DELAY_S = 0.05


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        yield served


def peak_mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True)
class Pass:
    """Files labelled once: how many in a second, and milliseconds of processor time that each took."""

    rate: float
    workers_ms: float
    bucket_ms: float


def test_reading_from_a_bucket_with_a_delay_is_as_fast_as_reading_from_a_disk(tmp_path: Path) -> None:
    folder = tmp_path / "tracks"
    for number in range(TRACKS):
        write(folder / f"{number:03d}.wav", clicks(100 + number, SECONDS) + noise(SECONDS, seed=number))
    recipe, watch = LabelRecipe.of(ModelStore(BUNDLED).load("default")), Watchdog(tmp_path / "reading")
    passes: dict[str, list[Pass]] = {"disk": [], "bucket": []}
    with bucket_apart(folder, DELAY_S) as bucket, environment(bucket.settings), open_client(None, 2) as client:

        def label_all(root: str, name: str) -> Pass:
            work = partial(label_part, recipe=recipe, folder=tmp_path / name, watch=watch, let_next=let_next_begin)
            files = [LabelRequest(f"{number:03d}", f"{root}/{number:03d}.wav") for number in range(TRACKS)]
            batches = [files[start : start + 6] for start in range(0, TRACKS, 6)]
            busy, theirs, began = workers_cpu_s(client), bucket.cpu_s(), time.perf_counter()
            results = list(stream(client, work, batches, Event()))
            took = time.perf_counter() - began
            assert all(isinstance(result, Finished) and not result.receipt.failed for result in results)
            costs = (workers_cpu_s(client) - busy, bucket.cpu_s() - theirs)
            return Pass(TRACKS / took, *(1000 * cost / TRACKS for cost in costs))

        # In the first round each process starts its network and its client of the store.
        label_all("s3://music", "warm")
        for number in range(ROUNDS):
            passes["disk"].append(label_all(str(folder), f"disk{number}"))
            passes["bucket"].append(label_all("s3://music", f"bucket{number}"))
    rate, workers_ms, bucket_ms = (
        {name: median(getattr(one, told) for one in some) for name, some in passes.items()}
        for told in ("rate", "workers_ms", "bucket_ms")
    )
    print(f"\n{TRACKS} tracks of {SECONDS:.0f} s, 2 workers, {1000 * DELAY_S:.0f} ms a request; medians of {ROUNDS}")
    for name in passes:
        print(
            f"from the {name}: {rate[name]:.2f} files/s; {1000 / workers_ms[name]:.2f} files a second of the workers' "
            f"processor time; {workers_ms[name]:.1f} ms of it a file, and {bucket_ms[name]:.1f} ms of the double's"
        )
    print(f"by the clock {rate['bucket'] / rate['disk']:.2f} of a disk, double and all on the same cores")
    print(f"by the workers' processor time {workers_ms['disk'] / workers_ms['bucket']:.2f} of a disk")


def workers_cpu_s(client: Client) -> float:
    """Seconds of processor time that the workers have taken."""
    return float(sum(client.run(time.process_time).values()))


def test_objects_are_listed_page_by_page(bucket: Bucket) -> None:
    before, bucket.million = peak_mebibytes(), LISTED
    began, busy = time.perf_counter(), time.process_time()
    found = find_objects(["s3://music/made-up"])
    took, cpu = time.perf_counter() - began, time.process_time() - busy
    assert len(found.table) == LISTED
    assert bucket.lists == -(-LISTED // 1000)
    print(
        f"\n{LISTED} objects in {bucket.lists} requests: {took:.0f} s, {cpu:.0f} s of processor time with the double, "
        f"{1e6 * cpu / LISTED:.0f} µs an object"
    )
    print(
        f"{peak_mebibytes() - before:.0f} MiB more at the peak, {found.table.nbytes / 2**20:.0f} MiB of them the table"
    )


def test_a_folder_on_a_disk_is_walked_as_before(tmp_path: Path) -> None:
    for number in range(200):
        folder = tmp_path / f"{number:03d}"
        folder.mkdir()
        for file in range(100):
            (folder / f"track{file:03d}_128bpm.wav").touch()
    busy = time.process_time()
    assert len(find_audio([tmp_path]).table) == 20_000
    print(f"\n20,000 files on a disk: {1e6 * (time.process_time() - busy) / 20_000:.1f} µs of processor time each")
    shutil.rmtree(tmp_path)


def send(numbers: Sequence[int], seconds: float) -> SentPart:
    """A batch that sleeps, and a part as a labelled one would have it."""
    time.sleep(seconds)
    return sent_part([labelled(f"key{number:09d}", "model") for number in numbers])


def test_what_a_batch_costs_the_scheduler_and_the_flow(tmp_path: Path) -> None:
    batches = [range(start, start + BATCH_FILES) for start in range(0, BATCHES * BATCH_FILES, BATCH_FILES)]
    workspace = Workspace(tmp_path)
    with open_client(None, 4) as client, workspace.lock("bench"), Ledger.of(workspace) as ledger:
        committer, sent, kept_s, commit_s, held = Committer(workspace, ledger), 0, 0.0, 0.0, list[float]()
        began, busy = time.perf_counter(), time.process_time()
        for result in stream(client, partial(send, seconds=0.1), batches, Event()):
            assert isinstance(result, Finished)
            sent += len(result.receipt.content)
            before = time.thread_time()
            receipt = keep_part(result.receipt, workspace.parts / "run")
            between = time.thread_time()
            committer.add(Path(receipt.part), receipt.files)
            kept_s, commit_s = kept_s + between - before, commit_s + time.thread_time() - between
            held.append(psutil.Process().memory_info().rss / 2**20)
        committer.flush()
        ((pages,),) = ledger.connection.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchall()
        took, cpu = time.perf_counter() - began, time.process_time() - busy
    files, third, ours = len(batches) * BATCH_FILES, len(held) // 3, kept_s + commit_s
    print(f"\n4 workers whose batches of {BATCH_FILES} files sleep for 0.1 s: {len(batches)} batches in {took:.1f} s")
    print(
        f"{1000 * cpu / len(batches):.2f} ms of processor time a batch for scheduler and flow, of which "
        f"{1000 * kept_s / len(batches):.2f} ms to write a part, {1000 * commit_s / len(batches):.2f} ms to commit it"
    )
    print(f"{2 / BATCH_FILES:.3f} messages and {sent / files:.0f} bytes a file through scheduler and flow")
    print(
        f"it held {max(held):.0f} MiB at most, {pages / 2**20:.0f} of them the ledger's pages, which have a limit; "
        f"the last third of the batches added {held[-1] - held[-third]:.0f} MiB"
    )
    print(
        f"a million files are {1e6 / BATCH_FILES:.0f} batches and {sent / files * 1e6 / 2**20:.0f} MiB: "
        f"{1e6 / BATCH_FILES * cpu / len(batches):.0f} s of processor time, of which "
        f"{1e6 / BATCH_FILES * ours / len(batches):.0f} s to write and commit, {files / ours:.0f} files a second"
    )
    for seconds in (3.0, 0.1):
        print(
            f"1,000 workers at {seconds:g} s a file send {1000 / seconds / BATCH_FILES:.0f} batches a second, and this "
            f"process keeps up with {len(batches) / cpu:.0f}"
        )
