"""Starting a label run, at once where little is new, else as a flow; and saying how it ended."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.options import nobody_else_is_asked, ready_for_flows
from flows.engine.interrupts import stop_on_interrupt
from flows.labelling.run_options import RunOptions
from flows.terminal.streams import say
from flows.terminal.tables import print_json
from storage.paths import path_of
from storage.urls import is_url
from storage.vocabulary import Reason
from storage.workspace import Workspace

if TYPE_CHECKING:
    from flows.labelling.run_summary import RunSummary
    from storage.catalogue.ledger import Ledger
    from tasks.labelling.finding import Found


def check_inputs(places: list[str], manifest: str | None, workspace: Workspace, options: RunOptions) -> None:
    """Check all inputs before anything slow is started; raises UserError."""
    from storage.models import ModelStore
    from storage.published.pushed import checked_target
    from storage.published.queries import require_known_schema
    from tasks.audio.library import require_there
    from tasks.labelling.finding import check_manifest
    from tasks.remote.listing import require_reachable

    for place in places:
        if is_url(place):
            require_reachable(place)
        else:
            require_there(path_of(place))
    if manifest is not None:
        check_manifest(manifest)
    ModelStore(workspace.models).load(options.model or "default")
    require_known_schema(workspace)
    if options.publish_to is not None:
        checked_target(options.publish_to)


def run_label(places: list[str], manifest: str | None, workspace: Workspace, options: RunOptions) -> "RunSummary":
    """Label the files at some places, or those of a manifest."""
    from tasks.labelling.finding import find_listed, find_places

    def find(_: "Ledger") -> "Found":
        return find_places(places) if manifest is None else find_listed(manifest)

    def flow() -> "RunSummary":
        from flows.labelling.label import label_catalogue, label_manifest

        summary: RunSummary
        if manifest is None:
            summary = label_catalogue(places, str(workspace.root), **vars(options))
        else:
            summary = label_manifest(manifest, str(workspace.root), **vars(options))
        return summary

    return _run(find, flow, workspace, options)


def run_retry(reason: Reason | None, workspace: Workspace, options: RunOptions) -> "RunSummary":
    """Label files in quarantine once more: those with a reason, or those that may end differently."""
    from flows.labelling.run import find_again

    def flow() -> "RunSummary":
        from flows.labelling.label import label_again

        summary: RunSummary = label_again(str(workspace.root), reason, **vars(options))
        return summary

    return _run(partial(find_again, reason=reason), flow, workspace, options)


def _run(
    find: Callable[["Ledger"], "Found"], flow: Callable[[], "RunSummary"], workspace: Workspace, options: RunOptions
) -> "RunSummary":
    """Ctrl-C ends it after the files in flight. Little is done at once, where no server should hear of it."""
    from flows.labelling.small_run import label_if_small

    with stop_on_interrupt():
        if nobody_else_is_asked(options.dask):
            small = label_if_small(find, workspace.root, options)
            if small is not None:
                return small
        ready_for_flows(workspace)
        return flow()


def finish_label(run: Callable[[], "RunSummary"], as_json: bool) -> None:
    """Run a label flow, say how it ended, and turn that into an exit code."""
    from flows.labelling.run_summary import RunFailedError

    try:
        summary = run()
    except RunFailedError as error:
        say(f"rolecall: {error}")
        raise typer.Exit(ExitCode.FAILED) from None
    print_summary(summary, as_json)
    if summary.state == "interrupted":
        raise typer.Exit(ExitCode.INTERRUPTED)
    if summary.counts.quarantined:
        raise typer.Exit(ExitCode.SOME_LEFT_OUT)


def print_summary(summary: "RunSummary", as_json: bool) -> None:
    """Print how a run ended, and what to do about what it left."""
    counts = asdict(summary.counts)
    if as_json:
        fields = {"run_id": summary.run_id, "model_id": summary.model_id, "state": summary.state}
        more = {**summary.omissions.to_dict(), "active": summary.active, "unlabelled": summary.unlabelled}
        print_json({**fields, **counts, **more})
        return
    print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()))
    for sentence in summary.omissions.sentences():
        say(sentence)
    if summary.counts.quarantined:
        say("rolecall errors lists the files in quarantine and why")
    if not summary.active:
        say(
            f"model {summary.model_id} is not active: {summary.unlabelled} tracks have no labels by it yet; "
            f"label them, or rolecall models activate {summary.model_id}"
        )
