"""Commands `correct`, `retry`, `verify` and `serve`: maintaining a catalogue, and its schedule."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.label_runs import check_inputs, finish_label, run_retry
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
from storage.paths import absolute, named_path, path_text
from storage.urls import is_url, place_text
from storage.vocabulary import Reason

app = typer.Typer()

LOCAL_SERVER = "http://127.0.0.1:4200/api"


@app.command()
def correct(
    workspace: WorkspaceOption,
    track: Annotated[str | None, typer.Argument(help="A path, or a track_id of the view tracks.")] = None,
    role: Annotated[list[str] | None, typer.Option(help="bass=yes, vocal=no; give it again for another.")] = None,
    bpm: Annotated[float | None, typer.Option(min=20, max=400, help="Tempo in beats per minute.")] = None,
    first_downbeat: Annotated[float | None, typer.Option(min=0, help="Seconds of the first bar line.")] = None,
    table: Annotated[
        Path | None, typer.Option("--from", help="A CSV: path[,bpm][,first_downbeat_s][,bass]…, roles yes or no.")
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Remove the corrections of the track.")] = False,
) -> None:
    """Correct roles, tempo or first downbeat of a track; corrections win over every model and stay with the audio."""
    from storage.catalogue.correction_queue import CorrectionQueue
    from storage.catalogue.corrections import Correction, Corrections
    from storage.catalogue.ledger import Ledger
    from tasks.labelling.corrections import read_corrections, roles_said

    if (track is None) == (table is None):
        raise UserError("name one track to correct, or a CSV with --from; not both and not neither")
    said = [(row.place, words) for row, words in read_corrections(table.absolute())] if table else []
    if track is not None and not forget:
        words = Correction(roles_said(role or []), bpm, first_downbeat)
        if words == Correction():
            raise UserError("say what is true: --role bass=yes, --bpm, --first-downbeat, or --forget")
        said = [(_shown(track), words)]
    where = workspace_at(workspace)
    with where.lock("correct") as locked, Ledger.of(locked) as ledger:
        CorrectionQueue(locked).enter(ledger)
        corrections = Corrections(ledger)
        corrections.enter([(corrections.audio_hash_of(name), words) for name, words in said])
        if track is not None and forget:
            corrections.forget(corrections.audio_hash_of(_shown(track)))
        corrections.export(locked)
        ledger.publish()
    say(f"corrected {len(said) or 1}; a track whose grid was corrected is labelled on it by the next run")


def _shown(track: str) -> str:
    """A track id as it is, a path or URL as the catalogue writes it."""
    if track.isdecimal() or is_url(track):
        return track
    return path_text(absolute(named_path(track)))


@app.command()
def retry(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    reason: Annotated[
        Reason | None, typer.Option(help="Only files with this reason; those that may end differently if left out.")
    ] = None,
    model: ModelOption = None,
    dask: DaskOption = None,
    max_errors: MaxErrorsOption = None,
    time_limit: TimeLimitOption = None,
    publish_to: PublishToOption = None,
    bpm_range: BpmRangeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try files in quarantine once more."""
    where = workspace_at(workspace)
    likely = bpm_range_of(bpm_range)
    options = RunOptions(model, workers, dask, max_errors, False, time_limit, publish_to, likely)
    check_inputs([], None, where, options)
    finish_label(lambda: run_retry(reason, where, options), as_json)


@app.command()
def verify(
    workspace: WorkspaceOption,
    repair: Annotated[
        bool, typer.Option("--repair", help="Commit parts that were left, remove rows without a label.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the parts on disk, the ledger and the published catalogue; exits with 1 if they differ."""
    from dataclasses import asdict

    from storage.catalogue.committer import Committer
    from storage.catalogue.ledger import Ledger
    from storage.catalogue.verification import repair_orphans
    from storage.catalogue.verification import verify as compare

    with workspace_at(workspace).lock("verify") as locked, Ledger.of(locked) as ledger:
        if repair:
            Committer(locked, ledger).commit_left()
            repair_orphans(ledger)
            ledger.publish_whole()
        differences = compare(locked, ledger)
    if as_json:
        print_json([asdict(difference) for difference in differences])
    elif differences:
        rows = [[item.what, item.count, item.example, item.advice] for item in differences]
        print_rows(["what", "count", "example", "what to do"], rows, Format.TABLE)
    else:
        print("parts, ledger and catalogue agree")
    if differences:
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def serve(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    paths: Annotated[list[str], typer.Argument(help="Files and folders of audio, or URLs.")],
    cron: Annotated[str, typer.Option(help="When: minute, hour, day, month, weekday, in UTC.")] = "0 3 * * *",
    model: ModelOption = None,
    dask: DaskOption = None,
    max_errors: MaxErrorsOption = None,
    time_limit: TimeLimitOption = None,
    publish_to: PublishToOption = None,
    bpm_range: BpmRangeOption = None,
) -> None:
    """Label on a schedule, until stopped; a Prefect server must be running."""
    from flows.orchestration.connection import require_server, use_server
    from flows.orchestration.prefect_settings import NamedServer, named_server

    where, places = workspace_at(workspace), [place_text(path) for path in paths]
    likely = bpm_range_of(bpm_range)
    options = RunOptions(model, workers, dask, max_errors, False, time_limit, publish_to, likely)
    check_inputs(places, None, where, options)
    server = named_server() or NamedServer(LOCAL_SERVER, "PREFECT_API_URL names no other")
    use_server(server, where.prefect)
    from flows.labelling import schedule

    schedule.require_schedule(cron)
    require_server(server, "start one with 'prefect server start'")
    say(f"labels at '{cron}' (UTC) until stopped; runs are seen at {server.address}")
    schedule.serve(places, where.root, cron, options)
