"""Labelling the files of a run: in one process beside this one, on new Dask workers, or on workers elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from shutil import rmtree
from typing import Final

from flows.engine.interrupts import stop_requested
from flows.engine.one_process import stream_through_one
from flows.engine.outcomes import Finished, Lost
from flows.labelling.remote_worker import (
    ModelForWorkers,
    RemoteBatches,
    SentPart,
    analyse_there,
    answer_and_send,
    label_and_send,
    make_ready,
)
from flows.labelling.run import Run
from flows.labelling.worker import PartReceipt, label_part, save_lost_file
from flows.terminal.progress import Progress, progress
from storage.catalogue.committer import Committer
from storage.catalogue.labels import Labels, Task
from storage.files import write_bytes_atomically
from storage.vocabulary import Kind
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import TIME_LIMIT_S, Watchdog
from tasks.metadata.tempo_text import BpmRange

Result = Finished[LabelRequest, PartReceipt] | Lost[LabelRequest]
Engine = Callable[[Iterable[Task]], Iterator[Result]]
"""Labels files, in whatever processes, and yields what came back."""

BATCH_FILES: Final = 24
BATCH_BYTES: Final = 64 << 20
"""A batch holds no more; what is no more than one batch is labelled by one process."""


def fits_one_process(sizes: Iterable[int]) -> bool:
    """Whether files of these sizes, in bytes, are so few that one process has done them before a cluster has begun."""
    first = list(islice(sizes, BATCH_FILES + 1))
    return len(first) <= BATCH_FILES and sum(first) <= BATCH_BYTES


def label_files(run: Run, show_elsewhere: Callable[[int], Progress] | None = None) -> None:
    """Have the files of a run labelled by other processes, and commit the parts that come back, thousands at a time.

    `show_elsewhere` is given how many files there are, and makes what hears of their progress beside the terminal.
    """
    labels, most = Labels(run.ledger), run.options.max_errors
    total = labels.work(run.run_id)
    if not total:
        return
    committer, folder = Committer(run.workspace, run.ledger), run.workspace.parts / run.run_id
    rmtree(run.workspace.reading, ignore_errors=True)
    failed = 0
    todo = takewhile(lambda _: most is None or failed <= most, labels.tasks(run.run_id))
    elsewhere = show_elsewhere(total) if show_elsewhere else None
    with _engine(run, total) as label, progress("labelled", total) as shown:
        for result in label(todo):
            if isinstance(result, Lost):
                receipt = save_lost_file(result.item, run.model.card.model_id, result.reason, folder)
            else:
                receipt = result.receipt
            committer.add(Path(receipt.part), receipt.files)
            failed += receipt.failed
            shown.advance(receipt.files, receipt.failed, receipt.audio_s)
            if elsewhere is not None:
                elsewhere.advance(receipt.files)
    committer.flush()
    rmtree(run.workspace.reading, ignore_errors=True)


def _request(item: Task, bpm_range: BpmRange | None) -> LabelRequest:
    kind = Kind(item.kind) if item.kind else None
    return LabelRequest(item.label_key, item.path, kind, item.bpm, item.first_downbeat_s, item.key, bpm_range)


@contextmanager
def _engine(run: Run, total: int) -> Iterator[Engine]:
    """The workers at `dask`; else one process for what it has done before a cluster has begun, or new workers."""
    if run.options.dask is not None:
        with _engine_elsewhere(run, total, run.options.dask) as label:
            yield label
        return
    workers, folder = run.options.workers, run.workspace.parts / run.run_id
    watch = Watchdog(run.workspace.reading, _time_limit_s(run))
    request = partial(_request, bpm_range=run.options.bpm_range)
    work = partial(label_part, recipe=LabelRecipe.of(run.model), folder=folder, watch=watch)
    if fits_one_process(item.size for item in Labels(run.ledger).tasks(run.run_id)):
        yield lambda todo: stream_through_one(work, map(request, todo), stop_requested)
        return
    from flows.engine.cluster import let_next_begin, open_client, stream

    work = partial(work, let_next=let_next_begin)
    with open_client(None, min(workers, total)) as client:
        yield lambda todo: stream(client, work, _batches(todo, _files_a_batch(total, workers), request), stop_requested)


@contextmanager
def _engine_elsewhere(run: Run, total: int, dask: str) -> Iterator[Engine]:
    """The workers at `dask`, which share nothing with this machine: they are sent the model, and send their parts."""
    from flows.engine.cluster import has_gpus, let_next_begin, open_client, stream, stream_through_gpus
    from flows.engine.worker_setup import set_up_workers

    given, folder = ModelForWorkers.of(run.model), run.workspace.parts / run.run_id
    request = partial(_request, bpm_range=run.options.bpm_range)
    mark, batches = given.mark, RemoteBatches(given.mark, run.run_id, _time_limit_s(run))
    with open_client(dask, 1) as client:
        set_up_workers(client, mark, partial(make_ready, given))
        most = _files_a_batch(total, len(client.nthreads()))
        if has_gpus(client):
            prepare = partial(analyse_there, run=batches, let_next=let_next_begin)
            answer = partial(answer_and_send, run=batches)
            yield lambda todo: _kept(
                stream_through_gpus(client, prepare, answer, _batches(todo, most, request), stop_requested, mark),
                folder,
            )
        else:
            work = partial(label_and_send, run=batches, let_next=let_next_begin)
            yield lambda todo: _kept(stream(client, work, _batches(todo, most, request), stop_requested, mark), folder)


def _kept(results: Iterable[Finished[LabelRequest, SentPart] | Lost[LabelRequest]], folder: Path) -> Iterator[Result]:
    """Results as they come, with the parts of workers elsewhere written here."""
    for result in results:
        yield result if isinstance(result, Lost) else Finished(result.batch, keep_part(result.receipt, folder))


def keep_part(sent: SentPart, folder: Path) -> PartReceipt:
    """Write a part that a worker sent."""
    write_bytes_atomically(folder / sent.name, sent.content)
    return PartReceipt(str(folder / sent.name), sent.files, sent.failed, sent.audio_s)


def _time_limit_s(run: Run) -> float:
    return run.options.time_limit_s or TIME_LIMIT_S


def _files_a_batch(total: int, workers: int) -> int:
    return max(1, min(BATCH_FILES, total // (4 * max(1, workers))))


def _batches(todo: Iterable[Task], most: int, request: Callable[[Task], LabelRequest]) -> Iterator[list[LabelRequest]]:
    """Batches bounded by number and by bytes, so that a batch of hour-long files is a short one."""
    batch: list[LabelRequest] = []
    held = 0
    for item in todo:
        if batch and (len(batch) == most or held + item.size > BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(request(item))
        held += item.size
    if batch:
        yield batch
