"""A label run without Prefect: for what one process has done before a Prefect server has started."""

from collections.abc import Callable
from pathlib import Path

from flows.labelling.run import close_run, enter_files, fits_one_process, label_files, open_run, require_done
from flows.labelling.run_summary import RunSummary
from storage.catalogue.committer import Committer
from storage.catalogue.comparison import DiskState, compared_findings, files_to_decode
from storage.catalogue.ledger import Ledger
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.labelling.finding import Found
from tasks.labelling.request import label_version
from tasks.metadata.tempo_text import BpmRange


def label_if_small(
    find: Callable[[Ledger], Found],
    root: Path,
    model: str | None,
    max_errors: int | None,
    activate: bool,
    time_limit_s: float | None,
    bpm_range: BpmRange | None = None,
) -> RunSummary | None:
    """Label what was found, if it is little; None, and no run is opened, if it is more than one process should do."""
    with Workspace(root).lock("label") as workspace, Ledger.of(workspace) as ledger:
        Committer(workspace, ledger).commit_left()
        found = find(ledger)
        if not _is_small(found, workspace, ledger, model, bpm_range):
            return None
        run = open_run(workspace, ledger, model, max_errors, time_limit_s, bpm_range)
        enter_files(run, found)
        label_files(run, workers=1, dask=None)
        summary = close_run(run, found.omissions, activate)
        require_done(run, summary)
        return summary


def _is_small(
    found: Found, workspace: Workspace, ledger: Ledger, model: str | None, bpm_range: BpmRange | None
) -> bool:
    """Whether few files look new or changed; their bytes are not read, so that a copy counts as new."""
    card = ModelStore(workspace.models).load_chosen(model, ledger.active_model()).card
    with compared_findings(ledger.connection, DiskState(found.table, {}), card.model_id, label_version(bpm_range)):
        return fits_one_process(size for _, size in files_to_decode(ledger.connection))
