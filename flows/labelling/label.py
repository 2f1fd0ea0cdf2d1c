"""The main job: label every new or changed file of a catalogue, and go on where the last run stopped."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from shutil import rmtree
from typing import Final
from uuid import uuid4

from distributed import Client
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import Finished, Lost, has_gpus, open_client, stream, stream_through_gpus
from flows.engine.interrupts import stop_requested
from flows.labelling.run_report import (
    RunSummary,
    TooManyErrorsError,
    UnaccountedFilesError,
    progress_artifact,
    report_artifacts,
)
from flows.labelling.worker import PartReceipt, analyse_part, answer_part, label_part, save_lost_file
from flows.terminal.progress import progress
from storage.catalogue.archive import archive_parts
from storage.catalogue.committer import Committer
from storage.catalogue.labels import Labels, Task
from storage.catalogue.ledger import Ledger
from storage.models import ModelStore, StoredModel
from storage.paths import path_of
from storage.vocabulary import Kind, Reason
from storage.workspace import Workspace
from tasks.audio.library import Omissions
from tasks.labelling.finding import Found, find_audio, find_listed, look_again
from tasks.labelling.preview import look_at
from tasks.labelling.request import LABEL_VERSION, LabelRecipe, LabelRequest
from tasks.labelling.watchdog import TIME_LIMIT_S, Watchdog

_BATCH_FILES: Final = 24
_BATCH_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Run:
    """A run over a workspace: what it writes to, its model, and the limits on errors and on seconds a file."""

    run_id: str
    workspace: Workspace
    ledger: Ledger
    model: StoredModel
    max_errors: int | None = None
    time_limit_s: float = TIME_LIMIT_S


@flow(name="label-catalogue")
def label_catalogue(
    paths: list[str],
    workspace: str,
    model: str | None = None,
    workers: int = 2,
    dask: str | None = None,
    max_errors: int | None = None,
    activate: bool = False,
    time_limit_s: float | None = None,
) -> RunSummary:
    """Label every new or changed audio file at or below `paths`."""
    roots = [path_of(path) for path in paths]
    return _label(lambda _: find_audio(roots), workspace, model, workers, dask, max_errors, activate, time_limit_s)


@flow(name="label-manifest")
def label_manifest(
    manifest: str,
    workspace: str,
    model: str | None = None,
    workers: int = 2,
    dask: str | None = None,
    max_errors: int | None = None,
    activate: bool = False,
    time_limit_s: float | None = None,
) -> RunSummary:
    """Label the files that a manifest lists, with the tempo and kind that it gives."""
    listed = path_of(manifest)
    return _label(lambda _: find_listed(listed), workspace, model, workers, dask, max_errors, activate, time_limit_s)


@flow(name="label-again")
def label_again(
    workspace: str,
    reason: Reason | None = None,
    model: str | None = None,
    workers: int = 2,
    dask: str | None = None,
    max_errors: int | None = None,
    time_limit_s: float | None = None,
) -> RunSummary:
    """Label files that are in quarantine: those with a reason, or those that may end differently."""
    find = partial(find_again, reason=reason)
    return _label(find, workspace, model, workers, dask, max_errors, False, time_limit_s)


def _label(
    find: Callable[[Ledger], Found],
    root: str,
    model: str | None,
    workers: int,
    dask: str | None,
    max_errors: int | None,
    activate: bool,
    time_limit_s: float | None,
) -> RunSummary:
    with Workspace(Path(root)).lock("label") as workspace, Ledger.of(workspace) as ledger:
        run = open_run(workspace, ledger, model, max_errors, time_limit_s)
        omissions = survey(find, run)
        ledger.trim_memory()
        label_batches(run, workers, dask)
        return publish(run, omissions, activate)


def open_run(
    workspace: Workspace, ledger: Ledger, model: str | None, max_errors: int | None, time_limit_s: float | None
) -> Run:
    """Begin a run with the model that was asked for, else the active one, else the bundled one."""
    stored = ModelStore(workspace.models).load_chosen(model, ledger.active_model())
    ledger.register_model(stored.card)
    if ledger.active_model() is None:
        ledger.activate_model(stored.card.model_id)
    run = Run(uuid4().hex[:12], workspace, ledger, stored, max_errors, time_limit_s or TIME_LIMIT_S)
    ledger.open_run(run.run_id, "label", stored.card.model_id)
    return run


@task(cache_policy=NO_CACHE)
def survey(find: Callable[[Ledger], Found], run: Run) -> Omissions:
    """Find the files, read those that are new or changed, and enter them all; returns what was passed over."""
    Committer(run.workspace, run.ledger).commit_left()
    found = find(run.ledger)
    seen = look_at(run.ledger.connection, found.table)
    Labels(run.ledger).register(run.run_id, seen, run.model.card.model_id, LABEL_VERSION)
    return found.omissions


@task(cache_policy=NO_CACHE)
def label_batches(run: Run, workers: int, dask: str | None) -> None:
    """Stream batches of files through Dask; commit the parts that come back, thousands of files at a time."""
    labels = Labels(run.ledger)
    total = labels.work(run.run_id)
    if not total:
        return
    committer, folder = Committer(run.workspace, run.ledger), run.workspace.parts / run.run_id
    rmtree(run.workspace.reading, ignore_errors=True)
    most = max(1, min(_BATCH_FILES, total // (4 * workers)))
    failed = 0
    todo = _batches(labels.tasks(run.run_id), most)
    batches = takewhile(lambda _: run.max_errors is None or failed <= run.max_errors, todo)
    with (
        open_client(dask, min(workers, total)) as client,
        progress("labelled", total) as shown,
        progress_artifact("labelled", total) as published,
    ):
        for result in _labelled(client, batches, run, folder):
            if isinstance(result, Lost):
                receipt = save_lost_file(result.item, run.model.card.model_id, result.reason, folder)
            else:
                receipt = result.receipt
            committer.add(Path(receipt.part), receipt.files)
            failed += receipt.failed
            shown.advance(receipt.files)
            published.advance(receipt.files)
    committer.flush()
    rmtree(run.workspace.reading, ignore_errors=True)


@task(cache_policy=NO_CACHE)
def publish(run: Run, omissions: Omissions, activate: bool) -> RunSummary:
    """Count, close the run, activate a model that is complete, swap the public snapshot, and report.

    Raises TooManyErrorsError above the run's threshold, UnaccountedFilesError if the counts do not add up.
    """
    labels, model_id = Labels(run.ledger), run.model.card.model_id
    counts = labels.count(run.run_id, model_id)
    too_many = run.max_errors is not None and counts.quarantined > run.max_errors
    interrupted = stop_requested.is_set()
    state = "failed" if too_many else "interrupted" if interrupted else "completed" if counts.reconciles else "failed"
    unlabelled = labels.unlabelled_by(model_id)
    if state == "completed" and (activate or not unlabelled) and run.ledger.active_model() != model_id:
        run.ledger.activate_model(model_id)
    run.ledger.close_run(run.run_id, state, counts)
    run.ledger.publish()
    archive_parts(run.workspace, run.ledger)
    active = run.ledger.active_model() == model_id
    summary = RunSummary(run.run_id, model_id, state, counts, omissions, active, unlabelled)
    report_artifacts(summary, labels.errors_of(run.run_id))
    if too_many:
        raise TooManyErrorsError(summary)
    if state == "failed":
        raise UnaccountedFilesError(summary)
    return summary


def find_again(ledger: Ledger, reason: Reason | None) -> Found:
    """The files in quarantine that are to be tried again, as they look now."""
    return Found(look_again(Labels(ledger).ask_again(reason)))


def _request(item: Task) -> LabelRequest:
    kind = Kind(item.kind) if item.kind else None
    return LabelRequest(item.label_key, item.path, kind, item.bpm, item.first_downbeat_s, item.key)


def _labelled(
    client: Client, batches: Iterable[list[LabelRequest]], run: Run, folder: Path
) -> Iterator[Finished[LabelRequest, PartReceipt] | Lost[LabelRequest]]:
    """Have batches labelled, through the workers with a GPU if there are any."""
    recipe, watch = LabelRecipe.of(run.model), Watchdog(run.workspace.reading, run.time_limit_s)
    if has_gpus(client):
        prepare = partial(analyse_part, recipe=recipe, watch=watch)
        answer = partial(answer_part, recipe=recipe, folder=folder)
        return stream_through_gpus(client, prepare, answer, batches, stop_requested)
    return stream(client, partial(label_part, recipe=recipe, folder=folder, watch=watch), batches, stop_requested)


def _batches(todo: Iterable[Task], most: int) -> Iterator[list[LabelRequest]]:
    """Batches bounded by number and by bytes, so that a batch of hour-long files is a short one."""
    batch: list[LabelRequest] = []
    held = 0
    for item in todo:
        if batch and (len(batch) == most or held + item.size > _BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(_request(item))
        held += item.size
    if batch:
        yield batch
