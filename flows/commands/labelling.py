"""Commands `label`, `plan`, `iram` and `beats`: labelling files, and looking at what that would do."""

import os
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.label_runs import check_inputs, finish_label, run_label
from flows.commands.options import (
    BpmRangeOption,
    DaskOption,
    JsonOption,
    MaxErrorsOption,
    ModelOption,
    PublishToOption,
    TimeLimitOption,
    WorkersOption,
    WorkspaceOption,
    bpm_range_of,
    workspace_at,
)
from flows.labelling.run_options import RunOptions
from flows.terminal.streams import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError
from storage.paths import path_text
from storage.urls import place_text

app = typer.Typer()


@app.command()
def label(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders of audio, or URLs.")] = None,
    manifest: Annotated[
        str | None,
        typer.Option(help="A CSV: path[,bpm][,first_downbeat_s][,kind][,key]; kind: loop, track, oneshot."),
    ] = None,
    model: ModelOption = None,
    dask: DaskOption = None,
    max_errors: MaxErrorsOption = None,
    activate: Annotated[
        bool, typer.Option("--activate", help="Let the catalogue answer from the model, complete or not.")
    ] = False,
    time_limit: TimeLimitOption = None,
    publish_to: PublishToOption = None,
    bpm_range: BpmRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Label every new or changed file: its roles, and for tracks the map of every four bars."""
    if bool(paths) == bool(manifest):
        raise UserError("name files and folders to label, or one --manifest; not both and not neither")
    where, places = workspace_at(workspace), [place_text(path) for path in paths or []]
    listed = None if manifest is None else place_text(manifest)
    likely = bpm_range_of(bpm_range)
    options = RunOptions(model, workers, dask, max_errors, activate, time_limit, publish_to, likely)
    check_inputs(places, listed, where, options)
    finish_label(lambda: run_label(places, listed, where, options), as_json)


@app.command()
def beats(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of audio.")],
    checkpoint: Annotated[Path, typer.Option(help="A checkpoint of beat_this on disk, such as small0.ckpt.")],
    to: Annotated[Path | None, typer.Option(help="The CSV to write; stdout if left out.")] = None,
) -> None:
    """Tempo and first downbeat by the network of beat_this, as a manifest that `label` takes."""
    from flows.labelling.beat_manifest import write_grids

    write_grids(paths, checkpoint, to)


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
def plan(
    workspace: WorkspaceOption,
    paths: Annotated[list[str], typer.Argument(help="Files and folders of audio, or URLs.")],
    model: ModelOption = None,
    bpm_range: BpmRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What label would do and why: new, changed, moved, stale model, duplicate, known bad, …; writes nothing."""
    from tasks.labelling.preview import preview

    where, places = workspace_at(workspace), [place_text(path) for path in paths]
    options = RunOptions(model, bpm_range=bpm_range_of(bpm_range))
    check_inputs(places, None, where, options)
    planned = preview(where, places, options.model, options.bpm_range)
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
