"""A label run, step by step: open it, enter what is on disk, label what is to be labelled, close and publish it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from shutil import rmtree
from typing import Final
from uuid import uuid4

from flows.engine.interrupts import stop_requested
from flows.engine.one_process import stream_through_one
from flows.engine.outcomes import Finished, Lost
from flows.labelling.remote_worker import (
    Delivery,
    RemoteBatches,
    SentPart,
    analyse_there,
    answer_and_send,
    label_and_send,
    make_ready,
)
from flows.labelling.run_summary import RunSummary, TooManyErrorsError, UnaccountedFilesError
from flows.labelling.worker import PartReceipt, label_part, save_lost_file
from flows.terminal.progress import Progress, progress
from storage.catalogue.archive import archive_parts
from storage.catalogue.committer import Committer
from storage.catalogue.correction_queue import CorrectionQueue
from storage.catalogue.labels import Labels, Task
from storage.catalogue.ledger import Ledger, RunCounts
from storage.files import write_bytes_atomically
from storage.models import ModelStore, StoredModel
from storage.vocabulary import Kind, Reason
from storage.workspace import Workspace
from tasks.audio.library import Omissions
from tasks.labelling.finding import Found, look_again
from tasks.labelling.preview import look_at
from tasks.labelling.request import LabelRecipe, LabelRequest, label_version
from tasks.labelling.watchdog import TIME_LIMIT_S, Watchdog
from tasks.metadata.tempo_text import BpmRange

Result = Finished[LabelRequest, PartReceipt] | Lost[LabelRequest]
Engine = Callable[[Iterable[Task]], Iterator[Result]]
"""Labels files, in whatever processes, and yields what came back."""

BATCH_FILES: Final = 24
BATCH_BYTES: Final = 64 << 20
"""A batch holds no more; what is no more than one batch is labelled by one process."""


@dataclass(frozen=True)
class Run:
    """A run over a workspace: what it writes to, its model, limits on errors and on seconds a file, likely tempi."""

    run_id: str
    workspace: Workspace
    ledger: Ledger
    model: StoredModel
    max_errors: int | None = None
    time_limit_s: float = TIME_LIMIT_S
    bpm_range: BpmRange | None = None


def open_run(
    workspace: Workspace,
    ledger: Ledger,
    model: str | None,
    max_errors: int | None,
    time_limit_s: float | None,
    bpm_range: BpmRange | None = None,
) -> Run:
    """Begin a run with the model that was asked for, else the active one, else the bundled one."""
    stored = ModelStore(workspace.models).load_chosen(model, ledger.active_model())
    ledger.register_model(stored.card)
    if ledger.active_model() is None:
        ledger.activate_model(stored.card.model_id)
    run = Run(uuid4().hex[:12], workspace, ledger, stored, max_errors, time_limit_s or TIME_LIMIT_S, bpm_range)
    ledger.open_run(run.run_id, "label", stored.card.model_id)
    return run


def enter_files(run: Run, found: Found) -> None:
    """Read the files that are new or changed, and enter everything that was found."""
    seen = look_at(run.ledger.connection, found.table)
    Labels(run.ledger).register(run.run_id, seen, run.model.card.model_id, label_version(run.bpm_range))


def fits_one_process(sizes: Iterable[int]) -> bool:
    """Whether files of these sizes, in bytes, are so few that one process has done them before a cluster has begun."""
    first = list(islice(sizes, BATCH_FILES + 1))
    return len(first) <= BATCH_FILES and sum(first) <= BATCH_BYTES


def label_files(
    run: Run,
    workers: int,
    dask: str | None,
    tell: Callable[[int], AbstractContextManager[Progress | None]] = lambda _: nullcontext(),
) -> None:
    """Have the files of a run labelled by other processes, and commit the parts that come back, thousands at a time.

    `tell` is given how many files there are, and opens what hears of their progress beside the terminal.
    """
    labels = Labels(run.ledger)
    total = labels.work(run.run_id)
    if not total:
        return
    committer, folder = Committer(run.workspace, run.ledger), run.workspace.parts / run.run_id
    rmtree(run.workspace.reading, ignore_errors=True)
    failed = 0
    todo = takewhile(lambda _: run.max_errors is None or failed <= run.max_errors, labels.tasks(run.run_id))
    with _engine(run, total, workers, dask) as label, progress("labelled", total) as shown, tell(total) as told:
        for result in label(todo):
            if isinstance(result, Lost):
                receipt = save_lost_file(result.item, run.model.card.model_id, result.reason, folder)
            else:
                receipt = result.receipt
            committer.add(Path(receipt.part), receipt.files)
            failed += receipt.failed
            shown.advance(receipt.files, receipt.failed, receipt.audio_s)
            if told is not None:
                told.advance(receipt.files)
    committer.flush()
    rmtree(run.workspace.reading, ignore_errors=True)


def close_run(run: Run, omissions: Omissions, activate: bool) -> RunSummary:
    """Count, close the run, activate a model that is complete, enter corrections that waited, swap the snapshot.

    A run that did not do what was asked has the state `failed`: `require_done` says why.
    """
    labels, model_id = Labels(run.ledger), run.model.card.model_id
    counts = labels.count(run.run_id, model_id)
    interrupted = stop_requested.is_set()
    if _too_many_errors(run, counts):
        state = "failed"
    else:
        state = "interrupted" if interrupted else "completed" if counts.reconciles else "failed"
    unlabelled = labels.unlabelled_by(model_id)
    if state == "completed" and (activate or not unlabelled) and run.ledger.active_model() != model_id:
        run.ledger.activate_model(model_id)
    run.ledger.close_run(run.run_id, state, counts)
    CorrectionQueue(run.workspace).enter(run.ledger)
    run.ledger.publish()
    archive_parts(run.workspace, run.ledger)
    active = run.ledger.active_model() == model_id
    return RunSummary(run.run_id, model_id, state, counts, omissions, active, unlabelled)


def require_done(run: Run, summary: RunSummary) -> None:
    """Raise TooManyErrorsError above the run's threshold, UnaccountedFilesError if the counts do not add up."""
    if _too_many_errors(run, summary.counts):
        raise TooManyErrorsError(summary)
    if summary.state == "failed":
        raise UnaccountedFilesError(summary)


def _too_many_errors(run: Run, counts: RunCounts) -> bool:
    return run.max_errors is not None and counts.quarantined > run.max_errors


def find_again(ledger: Ledger, reason: Reason | None) -> Found:
    """The files in quarantine that are to be tried again, as they look now."""
    return Found(look_again(Labels(ledger).ask_again(reason)))


def _request(item: Task, bpm_range: BpmRange | None) -> LabelRequest:
    kind = Kind(item.kind) if item.kind else None
    return LabelRequest(item.label_key, item.path, kind, item.bpm, item.first_downbeat_s, item.key, bpm_range)


@contextmanager
def _engine(run: Run, total: int, workers: int, dask: str | None) -> Iterator[Engine]:
    """The workers at `dask`; else one process for what it has done before a cluster has begun, or new workers."""
    if dask is not None:
        with _engine_elsewhere(run, total, dask) as label:
            yield label
        return
    folder, watch = run.workspace.parts / run.run_id, Watchdog(run.workspace.reading, run.time_limit_s)
    request = partial(_request, bpm_range=run.bpm_range)
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
    from flows.engine.equipment import equip_workers

    delivery, folder = Delivery.of(run.model), run.workspace.parts / run.run_id
    request = partial(_request, bpm_range=run.bpm_range)
    mark, batches = delivery.mark, RemoteBatches(delivery.mark, run.run_id, run.time_limit_s)
    with open_client(dask, 1) as client:
        equip_workers(client, mark, partial(make_ready, delivery))
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
