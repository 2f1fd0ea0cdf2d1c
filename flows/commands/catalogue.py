"""Commands `label`, `plan`, `iram`, `beats`, `sql` and `errors`: labelling, and querying the labels."""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import (
    BpmRangeOption,
    DaskOption,
    JsonOption,
    MaxErrorsOption,
    WorkersOption,
    WorkspaceOption,
    bpm_range_of,
    nobody_else_is_asked,
    ready_for_flows,
    workspace_at,
)
from flows.engine.interrupts import stop_on_interrupt
from flows.terminal.progress import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError
from storage.paths import path_of, path_text
from storage.urls import is_url, place_text
from storage.workspace import Workspace
from tasks.metadata.tempo_text import BpmRange

if TYPE_CHECKING:
    from flows.labelling.run_summary import RunSummary

app = typer.Typer()

_FAILED, _QUARANTINED, _INTERRUPTED = 1, 3, 130


@app.command()
def label(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders of audio, or URLs.")] = None,
    manifest: Annotated[
        str | None,
        typer.Option(help="A CSV: path[,bpm][,first_downbeat_s][,kind][,key]; kind: loop, track, oneshot."),
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's id or name; the active one if left out.")] = None,
    dask: DaskOption = None,
    max_errors: MaxErrorsOption = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let the catalogue answer from the model, complete or not.")
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=1,
            help="A file may take so long, and a second more for each megabyte; 120 if left out.",
        ),
    ] = None,
    publish_to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="ROLECALL_PUBLISH_TO",
            help="Push the catalogue there too: s3://BUCKET/…/catalogue.duckdb, or gs:// or az://.",
        ),
    ] = None,
    bpm_range: BpmRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label every new or changed file: its roles, and for tracks the map of every four bars."""
    if bool(paths) == bool(manifest):
        raise UserError("name files and folders to label, or one --manifest; not both and not neither")
    from storage.published.pushed import checked_target

    where, places = workspace_at(workspace), [place_text(path) for path in paths or []]
    listed = None if manifest is None else place_text(manifest)
    check_inputs(places, listed, where, model)
    if publish_to is not None:
        checked_target(publish_to)
    options = (model, workers, dask, max_errors, activate, time_limit, publish_to, bpm_range_of(bpm_range))
    finish_label(lambda: run_label(places, listed, where, *options), as_json)


@app.command()
def beats(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of audio.")],
    checkpoint: Annotated[Path, typer.Option(help="A checkpoint of beat_this on disk, such as small0.ckpt.")],
    to: Annotated[Path | None, typer.Option(help="The CSV to write; stdout if left out.")] = None,
) -> None:
    """Tempo and first downbeat by the network of beat_this, as a manifest that `label` takes."""
    from flows.labelling.beat_manifest import write_grids

    write_grids(paths, checkpoint, to)


def finish_label(run: Callable[[], "RunSummary"], as_json: bool) -> None:
    """Run a label flow, say how it ended, and turn that into an exit code."""
    from flows.labelling.run_summary import RunFailedError

    try:
        summary = run()
    except RunFailedError as error:
        say(f"rolecall: {error}")
        raise typer.Exit(_FAILED) from None
    report(summary, as_json)
    if summary.state == "interrupted":
        raise typer.Exit(_INTERRUPTED)
    if summary.counts.quarantined:
        raise typer.Exit(_QUARANTINED)


def run_label(
    places: list[str],
    manifest: str | None,
    workspace: Workspace,
    model: str | None,
    workers: int,
    dask: str | None,
    max_errors: int | None = None,
    activate: bool = False,
    time_limit_s: float | None = None,
    publish_to: str | None = None,
    bpm_range: BpmRange | None = None,
) -> "RunSummary":
    """Label files; Ctrl-C ends it after those in flight. Little is done at once, where no server should hear of it."""
    from flows.labelling.small_run import label_if_small
    from storage.published.pushed import checked_target, push
    from tasks.labelling.finding import find_listed, find_places

    with stop_on_interrupt():
        if nobody_else_is_asked(dask):
            found = find_places(places) if manifest is None else find_listed(manifest)
            limits = (max_errors, activate, time_limit_s, bpm_range)
            small = label_if_small(lambda _: found, workspace.root, model, *limits)
            if small is not None:
                if publish_to is not None:
                    push(workspace.catalogue, checked_target(publish_to))
                return small
        ready_for_flows(workspace)
        from flows.labelling.label import label_catalogue, label_manifest

        options = (str(workspace.root), model, workers, dask, max_errors, activate, time_limit_s, publish_to, bpm_range)
        if manifest is not None:
            return label_manifest(manifest, *options)
        return label_catalogue(places, *options)


def report(summary: "RunSummary", as_json: bool) -> None:
    """Print how a run ended."""
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


@app.command()
def iram(
    workspace: WorkspaceOption,
    file: Annotated[Path, typer.Argument(help="A loop or a track.")],
    bpm: Annotated[float | None, typer.Option(min=20, max=400, help="Tempo in beats per minute.")] = None,
    bpm_range: BpmRangeOption = None,
    first_downbeat: Annotated[float | None, typer.Option(min=0, help="Seconds of the first bar line.")] = None,
    model: Annotated[str, typer.Option(help="A model's id or name.")] = "default",
    plot: Annotated[Path | None, typer.Option(help="Draw the map to this picture.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The instrumentation role activation map of one file; reads no catalogue and writes none."""
    from storage.models import ModelStore
    from storage.vocabulary import ROLES
    from tasks.labelling.batch import label_batch
    from tasks.labelling.request import LabelRecipe, LabelRequest

    if not os.path.isfile(file):  # noqa: PTH113  # Path.is_file raises where a name is too long
        raise UserError(f"{file} is not a file; name a loop or a track")
    stored = ModelStore(workspace_at(workspace).models).load(model)
    request = LabelRequest("", path_text(file.absolute()), None, bpm, first_downbeat, None, bpm_range_of(bpm_range))
    outcome = label_batch([request], LabelRecipe.of(stored))[0]
    if outcome.reason is not None:
        raise UserError(f"{file}: {outcome.reason}: {outcome.message}")
    if plot is not None:
        from tasks.structure.iram_plot import draw_iram

        draw_iram(outcome, plot.absolute())
        say(f"drew {plot}")
    if as_json:
        from tasks.labelling.iram_document import iram_document

        print_json(iram_document(outcome))
        return
    columns = ["segment", "bars", "start_s", *ROLES]
    rows = [
        [part.segment, f"{part.start_bar}-{part.end_bar}", part.start_s, *part.activations] for part in outcome.segments
    ] or [["all", "", 0.0, *(outcome.probabilities or ())]]
    print_rows(columns, rows, Format.TABLE)


@app.command()
def sql(
    workspace: WorkspaceOption,
    query: Annotated[str, typer.Argument(help="One SELECT over tracks, roles, segments, iram, sections, …")],
    style: Annotated[Format, typer.Option("--format", help="How the answer is printed.")] = Format.TABLE,
    memory_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            envvar="ROLECALL_MEMORY_LIMIT",
            help="Memory that the question may take, such as 4GB; half of what this process may have if left out.",
        ),
    ] = None,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask the catalogue that was pushed there (s3://, https://), in place by DuckDB's httpfs; or a file.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the published catalogue; never blocked by a run, never sees half of one."""
    where = workspace_at(workspace)
    if catalogue is None:
        from storage.published.queries import ask

        answer = ask(where, query, memory_limit)
    else:
        from storage.published.elsewhere import ask_elsewhere

        answer = ask_elsewhere(catalogue, where, query, memory_limit)
    print_rows(answer.columns, answer.rows, Format.JSON if as_json else style)


@app.command()
def errors(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The files in quarantine: which stage gave them up, why, and how often."""
    from storage.published.queries import ask

    answer = ask(workspace_at(workspace), "FROM errors ORDER BY path")
    if as_json:
        print_json(answer.to_dicts())
    else:
        print_rows(answer.columns, answer.rows, Format.TABLE)


@app.command()
def plan(
    workspace: WorkspaceOption,
    paths: Annotated[list[str], typer.Argument(help="Files and folders of audio, or URLs.")],
    model: Annotated[str | None, typer.Option(help="A model's id or name; the active one if left out.")] = None,
    bpm_range: BpmRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What label would do and why: new, changed, moved, stale model, duplicate, known bad, …; writes nothing."""
    from tasks.labelling.preview import preview

    where, places = workspace_at(workspace), [place_text(path) for path in paths]
    check_inputs(places, None, where, model)
    planned = preview(where, places, model, bpm_range_of(bpm_range))
    if as_json:
        estimates = {name: getattr(planned, name) for name in ("to_decode", "audio_hours", "estimated_hours")}
        print_json({**planned.findings, **estimates, **planned.omissions.to_dict()})
        return
    print_rows(["finding", "files"], list(planned.findings.items()), Format.TABLE)
    takes = "unknown before the first run" if planned.estimated_hours is None else f"{planned.estimated_hours:.2f} h"
    for sentence in planned.omissions.sentences():
        say(sentence)
    audio = "what is in them is known once they are read"
    if planned.audio_hours is not None:
        audio = f"about {planned.audio_hours:.2f} h of audio; time: {takes}"
    say(f"{planned.to_decode} to decode, {audio}")


def check_inputs(places: list[str], manifest: str | None, workspace: Workspace, model: str | None) -> None:
    """Check all inputs before anything slow is started; raises UserError."""
    from storage.models import ModelStore
    from storage.published.queries import require_known_schema
    from tasks.audio.library import require_there
    from tasks.labelling.finding import find_listed
    from tasks.remote.listing import require_reachable

    for place in places:
        if is_url(place):
            require_reachable(place)
        else:
            require_there(path_of(place))
    if manifest is not None:
        find_listed(manifest)
    ModelStore(workspace.models).load(model or "default")
    require_known_schema(workspace)
