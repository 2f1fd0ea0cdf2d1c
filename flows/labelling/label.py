"""The main job as Prefect flows: label every new or changed file, and go on where the last run stopped."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.labelling.engines import label_files
from flows.labelling.run import Run, close_run, enter_files, find_again, open_run, require_done
from flows.labelling.run_options import RunOptions
from flows.labelling.run_report import report_artifacts
from flows.labelling.run_summary import RunSummary
from flows.orchestration.artifacts import ProgressArtifact
from storage.catalogue.committer import Committer
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.published.pushed import checked_target, push
from storage.vocabulary import Reason
from storage.workspace import Workspace
from tasks.audio.library import Omissions
from tasks.labelling.finding import Found, find_listed, find_places
from tasks.metadata.tempo_text import BpmRange


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
    publish_to: str | None = None,
    bpm_range: BpmRange | None = None,
) -> RunSummary:
    """Label every new or changed audio file at or below `paths`, which may be URLs."""
    options = RunOptions(model, workers, dask, max_errors, activate, time_limit_s, publish_to, bpm_range)
    return _label(lambda _: find_places(paths), workspace, options)


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
    publish_to: str | None = None,
    bpm_range: BpmRange | None = None,
) -> RunSummary:
    """Label the files that a manifest lists, with the tempo and kind that it gives."""
    options = RunOptions(model, workers, dask, max_errors, activate, time_limit_s, publish_to, bpm_range)
    return _label(lambda _: find_listed(manifest), workspace, options)


@flow(name="label-again")
def label_again(
    workspace: str,
    reason: Reason | None = None,
    model: str | None = None,
    workers: int = 2,
    dask: str | None = None,
    max_errors: int | None = None,
    activate: bool = False,
    time_limit_s: float | None = None,
    publish_to: str | None = None,
    bpm_range: BpmRange | None = None,
) -> RunSummary:
    """Label files that are in quarantine: those with a reason, or those that may end differently."""
    options = RunOptions(model, workers, dask, max_errors, activate, time_limit_s, publish_to, bpm_range)
    return _label(partial(find_again, reason=reason), workspace, options)


def _label(find: Callable[[Ledger], Found], root: str, options: RunOptions) -> RunSummary:
    with Workspace(Path(root)).lock("label") as workspace, Ledger.of(workspace) as ledger:
        run = open_run(workspace, ledger, options)
        omissions = survey(find, run)
        ledger.trim_memory()
        label_batches(run)
        summary = publish(run, omissions)
    if options.publish_to is not None:
        push_catalogue(workspace.catalogue, options.publish_to)
    return summary


@task(cache_policy=NO_CACHE)
def survey(find: Callable[[Ledger], Found], run: Run) -> Omissions:
    """Find the files, read those that are new or changed, and enter them all; returns what was passed over."""
    Committer(run.workspace, run.ledger).commit_left()
    found = find(run.ledger)
    enter_files(run, found)
    return found.omissions


@task(cache_policy=NO_CACHE)
def label_batches(run: Run) -> None:
    """Stream files through worker processes, and let Prefect see how far they have come."""
    label_files(run, lambda total: ProgressArtifact("labelled", total, f"{total} files"))


@task(cache_policy=NO_CACHE)
def push_catalogue(catalogue: Path, target: str) -> None:
    """Upload the published catalogue to a bucket."""
    push(catalogue, checked_target(target))


@task(cache_policy=NO_CACHE)
def publish(run: Run, omissions: Omissions) -> RunSummary:
    """Close the run, publish what it did, and report it to Prefect; raises what `require_done` raises."""
    summary = close_run(run, omissions)
    report_artifacts(summary, Labels(run.ledger).errors_of(run.run_id))
    require_done(run, summary)
    return summary
