"""A label run without Prefect: for what one process has done before a Prefect server has started."""

from collections.abc import Callable
from pathlib import Path

from flows.labelling.engines import fits_one_process, label_files
from flows.labelling.run import close_run, enter_files, open_run, require_done
from flows.labelling.run_options import RunOptions
from flows.labelling.run_summary import RunSummary
from storage.catalogue.committer import Committer
from storage.catalogue.comparison import DiskState, compared_findings, files_to_decode
from storage.catalogue.ledger import Ledger
from storage.models import ModelStore
from storage.published.pushed import checked_target, push
from storage.workspace import Workspace
from tasks.labelling.finding import Found
from tasks.labelling.request import label_version


def label_if_small(find: Callable[[Ledger], Found], root: Path, options: RunOptions) -> RunSummary | None:
    """Label what was found, if it is little; None, and no run is opened, if it is more than one process should do."""
    with Workspace(root).lock("label") as workspace, Ledger.of(workspace) as ledger:
        Committer(workspace, ledger).commit_left()
        found = find(ledger)
        if not _is_small(found, workspace, ledger, options):
            return None
        run = open_run(workspace, ledger, options)
        enter_files(run, found)
        label_files(run)
        summary = close_run(run, found.omissions)
        require_done(run, summary)
    if options.publish_to is not None:
        push(workspace.catalogue, checked_target(options.publish_to))
    return summary


def _is_small(found: Found, workspace: Workspace, ledger: Ledger, options: RunOptions) -> bool:
    """Whether few files look new or changed; their bytes are not read, so that a copy counts as new."""
    model_id = ModelStore(workspace.models).load_chosen(options.model, ledger.active_model()).card.model_id
    seen = DiskState(found.table, {})
    with compared_findings(ledger.connection, seen, model_id, label_version(options.bpm_range)):
        return fits_one_process(size for _, size in files_to_decode(ledger.connection))
