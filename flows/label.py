"""The main job: label every new or changed file of a catalogue, and go on where the last run stopped."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine import Lost, open_client, stream
from flows.interrupts import stop_requested
from flows.progress import progress
from flows.worker import keep_part, label_part
from storage.labels import Labels, Task
from storage.ledger import Ledger, RunCounts
from storage.models import ModelStore, StoredModel
from storage.parts import LabelOutcome
from storage.planning import unread_paths
from storage.vocabulary import Kind, Reason
from storage.workspace import Workspace
from tasks.finding import Found, find_audio, find_listed, hash_files
from tasks.labelling import LABEL_VERSION, LabelRecipe, LabelRequest, failed_outcome

_BATCH_FILES: Final = 24
_BATCH_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class RunSummary:
    """How a run ended, and with which model."""

    run_id: str
    model_id: str
    state: str
    counts: RunCounts
    passed_over: int


class UnaccountedFilesError(Exception):
    """Files were found and neither labelled nor refused: the run does not reconcile and must not be trusted."""


@flow(name="label-catalogue")
def label_catalogue(
    paths: list[str], workspace: str, model: str | None = None, workers: int = 2, dask: str | None = None
) -> RunSummary:
    """Label every new or changed audio file at or below `paths`."""
    return _label(lambda: find_audio([Path(path) for path in paths]), workspace, model, workers, dask)


@flow(name="label-manifest")
def label_manifest(
    manifest: str, workspace: str, model: str | None = None, workers: int = 2, dask: str | None = None
) -> RunSummary:
    """Label the files that a manifest lists, with the tempo and kind that it gives."""
    return _label(lambda: find_listed(Path(manifest)), workspace, model, workers, dask)


def _label(find: Callable[[], Found], root: str, model: str | None, workers: int, dask: str | None) -> RunSummary:
    with Workspace(Path(root)).lock("label") as workspace, Ledger.of(workspace) as ledger:
        chosen = choose_model(ledger, ModelStore(workspace.models), model)
        run_id = uuid4().hex[:12]
        ledger.open_run(run_id, "label", chosen.card.model_id)
        passed_over, todo = survey(find, ledger, workspace, run_id, chosen)
        label_batches(todo, ledger, workspace, run_id, chosen, workers, dask)
        return publish(ledger, run_id, chosen, passed_over)


def choose_model(ledger: Ledger, models: ModelStore, model: str | None) -> StoredModel:
    """The model that was asked for, else the active one, else the bundled one; the first one used becomes active."""
    stored = models.load(model or ledger.active_model() or "default")
    ledger.register_model(stored.card)
    if ledger.active_model() is None:
        ledger.activate_model(stored.card.model_id)
    return stored


@task(cache_policy=NO_CACHE)
def survey(
    find: Callable[[], Found], ledger: Ledger, workspace: Workspace, run_id: str, model: StoredModel
) -> tuple[int, list[Task]]:
    """Find the files, read those that are new or changed, enter them all, and say which have to be labelled."""
    found = find()
    labels = Labels(ledger)
    labels.commit_parts(workspace)
    hashes = hash_files(unread_paths(ledger.connection, found.table))
    labels.register(run_id, found.table, hashes, model.card.model_id, LABEL_VERSION)
    return found.passed_over, labels.tasks(run_id)


@task(cache_policy=NO_CACHE)
def label_batches(
    todo: list[Task],
    ledger: Ledger,
    workspace: Workspace,
    run_id: str,
    model: StoredModel,
    workers: int,
    dask: str | None,
) -> None:
    """Stream batches of files through Dask; commit each part as it comes back."""
    if not todo:
        return
    labels, folder = Labels(ledger), workspace.parts / run_id
    work = partial(label_part, recipe=LabelRecipe(model.card, model.weights), folder=folder)
    requests = [_request(item) for item in todo]
    with open_client(dask, min(workers, len(todo))) as client, progress("labelled", len(todo)) as shown:
        most = max(1, min(_BATCH_FILES, len(todo) // (4 * workers)))
        for result in stream(client, work, _batches(requests, [item.size for item in todo], most), stop_requested):
            if isinstance(result, Lost):
                receipt = keep_part([_killer(result.item, model.card.model_id)], folder)
            else:
                receipt = result.receipt
            labels.commit_part(workspace, Path(receipt.part))
            shown.advance(receipt.files)


@task(cache_policy=NO_CACHE)
def publish(ledger: Ledger, run_id: str, model: StoredModel, passed_over: int) -> RunSummary:
    """Count, close the run, and swap the public snapshot; raises UnaccountedFilesError if the counts do not add up."""
    counts = Labels(ledger).count(run_id, model.card.model_id)
    interrupted = stop_requested.is_set()
    state = "interrupted" if interrupted else "completed" if counts.reconciles else "failed"
    ledger.close_run(run_id, state, counts)
    ledger.publish()
    if state == "failed":
        raise UnaccountedFilesError(f"run {run_id} does not reconcile: {counts}; run the same command again")
    return RunSummary(run_id, model.card.model_id, state, counts, passed_over)


def _request(item: Task) -> LabelRequest:
    kind = Kind(item.kind) if item.kind else None
    return LabelRequest(item.label_key, item.path, kind, item.bpm, item.first_downbeat_s)


def _killer(request: LabelRequest, model_id: str) -> LabelOutcome:
    message = "the process that read it died each time; look at the file with another tool, then rolecall retry"
    return failed_outcome(request, model_id, "decode", Reason.WORKER_KILLED, message)


def _batches(requests: Sequence[LabelRequest], sizes: Sequence[int], most: int) -> Iterator[list[LabelRequest]]:
    """Batches bounded by number and by bytes, so that a batch of hour-long files is a short one."""
    batch: list[LabelRequest] = []
    held = 0
    for request, size in zip(requests, sizes, strict=True):
        if batch and (len(batch) == most or held + size > _BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(request)
        held += size
    if batch:
        yield batch
