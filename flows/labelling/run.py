"""A label run in the ledger, step by step: open it, enter what is on disk, close it and publish what it did."""

from dataclasses import dataclass
from uuid import uuid4

from flows.engine.interrupts import stop_requested
from flows.labelling.run_options import RunOptions
from flows.labelling.run_summary import RunSummary, TooManyErrorsError, UnaccountedFilesError
from storage.catalogue.archive import archive_parts
from storage.catalogue.correction_queue import CorrectionQueue
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger, RunCounts
from storage.models import ModelStore, StoredModel
from storage.vocabulary import Reason
from storage.workspace import Workspace
from tasks.audio.library import Omissions
from tasks.labelling.disk_state import read_disk_state
from tasks.labelling.finding import Found, look_again
from tasks.labelling.request import label_version


@dataclass(frozen=True)
class Run:
    """A run over a workspace: what it writes to, its model, and what it was asked for."""

    run_id: str
    workspace: Workspace
    ledger: Ledger
    model: StoredModel
    options: RunOptions


def open_run(workspace: Workspace, ledger: Ledger, options: RunOptions) -> Run:
    """Begin a run with the model that was asked for, else the active one, else the bundled one."""
    stored = ModelStore(workspace.models).load_chosen(options.model, ledger.active_model())
    ledger.register_model(stored.card)
    if ledger.active_model() is None:
        ledger.activate_model(stored.card.model_id)
    run = Run(uuid4().hex[:12], workspace, ledger, stored, options)
    ledger.open_run(run.run_id, "label", stored.card.model_id)
    return run


def find_again(ledger: Ledger, reason: Reason | None) -> Found:
    """The files in quarantine that are to be tried again, as they look now."""
    return Found(look_again(Labels(ledger).ask_again(reason)))


def enter_files(run: Run, found: Found) -> None:
    """Read the files that are new or changed, and enter everything that was found."""
    seen = read_disk_state(run.ledger.connection, found.table)
    Labels(run.ledger).register(run.run_id, seen, run.model.card.model_id, label_version(run.options.bpm_range))


def close_run(run: Run, omissions: Omissions) -> RunSummary:
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
    if state == "completed" and (run.options.activate or not unlabelled) and run.ledger.active_model() != model_id:
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
    most = run.options.max_errors
    return most is not None and counts.quarantined > most
