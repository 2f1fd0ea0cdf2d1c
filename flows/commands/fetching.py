"""Commands `fetch …` and `loops …`: filling the table of loops, and looking at it."""

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.options import (
    AllowLicenceOption,
    DaskOption,
    ExcludeNoncommercialOption,
    JsonOption,
    WorkersOption,
    WorkspaceOption,
    licences_wanted,
    ready_for_flows,
    workspace_at,
)
from flows.engine.interrupts import stop_on_interrupt, stop_requested
from flows.terminal.streams import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError
from storage.paths import path_of, path_text
from storage.urls import is_url, place_text
from storage.vocabulary import ROLES
from storage.workspace import Workspace

if TYPE_CHECKING:
    from flows.fetching.commits import FetchSummary
    from tasks.audio.library import Omissions

fetch = typer.Typer(help="Fill the table of loops.", no_args_is_help=True)
loops = typer.Typer(help="The table of loops.", no_args_is_help=True)


@fetch.command("folder")
def fetch_folder(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    folder: Annotated[str, typer.Argument(help="A folder of loops, or its URL.")],
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="A CSV: path[,roles][,bpm][,key][,bars][,group][,licence][,author][,url]; else its manifest.csv."
        ),
    ] = None,
    dask: DaskOption = None,
    exclude_noncommercial: ExcludeNoncommercialOption = False,
    allow_licence: AllowLicenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take loops from a folder, as its manifest describes them; those at a URL are kept in the workspace."""
    from tasks.sources.folder import folder_offer

    where, place = workspace_at(workspace), place_text(folder)
    local = _brought(place, where) if is_url(place) else path_of(place)
    omissions = folder_offer(local, manifest).omissions
    ready_for_flows(where)
    from flows.fetching.fetch_folder import fetch_folder as flow

    chosen = path_text(manifest.absolute()) if manifest else None
    licences = licences_wanted(allow_licence, exclude_noncommercial)
    summary = flow(path_text(local), str(where.root), chosen, workers, licences, dask)
    _report(summary, as_json, omissions)


def _brought(url: str, workspace: Workspace) -> Path:
    """The folder of the workspace in which the files at a URL are kept, brought up to date."""
    from tasks.remote.mirror import mirror

    folder = workspace.sources / "folders" / url.replace("://", "/")
    with workspace.lock("fetch folder"):
        brought = sum(1 for _ in mirror(url, folder))
    say(f"brought {brought} files from {url} to {folder}")
    return folder


@fetch.command("compositions")
def fetch_compositions(
    workspace: WorkspaceOption,
    folder: Annotated[Path, typer.Argument(help="A folder of */mix.*, */truth.csv, */info.json.")],
    as_json: JsonOption = False,
) -> None:
    """Take every four bars of compositions whose truth is known, as loops of several roles."""
    from tasks.sources.compositions import read_compositions

    where = workspace_at(workspace)
    read_compositions(folder)
    ready_for_flows(where)
    from flows.fetching.fetch_folder import fetch_compositions as flow

    _report(flow(path_text(folder.absolute()), str(where.root)), as_json)


@fetch.command("fsld")
def fetch_fsld(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    annotations_only: Annotated[
        bool, typer.Option("--annotations-only", help="Fetch only the annotations; no audio, no loops.")
    ] = False,
    roles: Annotated[
        str, typer.Option(metavar="ROLE[,ROLE]…", help="Only loops of these roles, separated by commas.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many loops.")] = None,
    whole_archive: Annotated[
        bool,
        typer.Option(
            "--whole-archive",
            help="Download the archive of the audio whole (8.8 GB) instead of member by member; it can be resumed.",
        ),
    ] = False,
    dask: DaskOption = None,
    exclude_noncommercial: ExcludeNoncommercialOption = False,
    allow_licence: AllowLicenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take loops of the Freesound Loop Dataset, with the roles that its annotators gave them."""
    where, chosen = workspace_at(workspace), _roles(roles)
    ready_for_flows(where)
    from flows.fetching.fetch_fsld import fetch_fsld as flow
    from tasks.sources.zenodo import DEFAULT_URL

    zenodo = os.environ.get("ROLECALL_ZENODO_URL") or DEFAULT_URL
    licences = licences_wanted(allow_licence, exclude_noncommercial)
    with stop_on_interrupt():
        options = (limit, workers, licences, whole_archive, dask)
        summary = flow(zenodo, str(where.root), annotations_only, chosen, *options)
    _report(summary, as_json)


@fetch.command("freesound")
def fetch_freesound(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    query: Annotated[str, typer.Option(help="Words to search for; all sounds if left out.")] = "",
    filters: Annotated[
        str, typer.Option("--filter", help="Conditions in Solr's form, such as 'tag:loop duration:[1 TO 30]'.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many sounds.")] = None,
    originals: Annotated[
        bool,
        typer.Option("--originals", help="Fetch the original files; log in first with rolecall fetch freesound-login."),
    ] = False,
    dask: DaskOption = None,
    exclude_noncommercial: ExcludeNoncommercialOption = False,
    allow_licence: AllowLicenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take sounds of Freesound, as previews unless originals are wanted.

    The key is FREESOUND_API_KEY, else the Prefect Secret block freesound-api-key.
    """
    if not query.strip() and not filters.strip():
        raise UserError("name a --query or a --filter: Freesound's terms do not allow a copy of all its sounds")
    where = workspace_at(workspace)
    ready_for_flows(where)
    from flows.fetching.fetch_freesound import fetch_freesound as flow

    licences = licences_wanted(allow_licence, exclude_noncommercial)
    with stop_on_interrupt():
        options = (limit, workers, licences, originals, dask)
        summary = flow(_freesound(), query, filters, str(where.root), *options)
    _report(summary, as_json)


@fetch.command("freesound-login")
def fetch_freesound_login(
    workspace: WorkspaceOption,
    in_prefect: Annotated[
        bool, typer.Option("--in-prefect", help="Store the login in a Prefect Secret block, not in a file.")
    ] = False,
) -> None:
    """Log in to Freesound, so that original files may be fetched: open a page anywhere, type the code it shows.

    The application is FREESOUND_CLIENT_ID with FREESOUND_API_KEY, else their Prefect Secret blocks. The login is stored
    in a file that only you can read, and renews itself.
    """
    from flows.orchestration.connection import connect_prefect

    connect_prefect(workspace_at(workspace).prefect)
    from flows.orchestration.freesound_login import log_in

    kept = log_in(_freesound(), _ask_for_code, in_prefect)
    print(f"logged in; {kept}")


@loops.command("list")
def loops_list(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Every loop in the table."""
    from storage.loops.table import read_loops

    entries = [loop.to_dict() for loop in read_loops(workspace_at(workspace).loops)]
    if as_json:
        print_json(entries)
        return
    columns = ["loop_id", "roles", "bpm", "key", "mode", "licence", "path"]
    rows = [[";".join(entry["roles"]) if name == "roles" else entry[name] for name in columns] for entry in entries]
    print_rows(columns, rows, Format.TABLE)


@loops.command("show")
def loops_show(
    workspace: WorkspaceOption,
    loop_id: Annotated[str, typer.Argument(help="A loop's id, or the beginning of one.")],
    as_json: JsonOption = False,
) -> None:
    """Everything that is known of one loop."""
    from storage.loops.table import read_loops

    found = [loop for loop in read_loops(workspace_at(workspace).loops) if loop.loop_id.startswith(loop_id)]
    if len(found) != 1:
        raise UserError(f"{len(found)} loops have an id that begins with {loop_id!r}; rolecall loops list names them")
    entry = found[0].to_dict()
    if as_json:
        print_json(entry)
        return
    for name, value in entry.items():
        print(f"{name:14} {json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value}")


@loops.command("stats")
def loops_stats(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """How many loops there are, by role, source, licence and tempo."""
    from storage.loops.table import read_loops
    from tasks.sources.statistics import loop_statistics

    numbers = loop_statistics(read_loops(workspace_at(workspace).loops))
    if as_json:
        print_json(numbers)
        return
    print(f"{numbers['loops']} loops, {numbers['duration_s'] / 60:.1f} minutes")
    for title in ("roles", "sources", "licences", "licence_classes", "bpm"):
        print()
        print_rows([title.replace("_", " "), "loops"], list(numbers[title].items()), Format.TABLE)


@loops.command("left-out")
def loops_left_out(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The annotated sounds that are no loops, each with the rule that leaves it out."""
    from storage.loops.annotations import left_out

    rows = left_out(workspace_at(workspace).sources / "fsld" / "annotations.parquet")
    if as_json:
        print_json(rows)
        return
    columns = ["sound_id", "annotators", "left_out"]
    print_rows(columns, [[row[name] for name in columns] for row in rows], Format.TABLE)


@loops.command("credits")
def loops_credits(
    workspace: WorkspaceOption,
    folder: Annotated[Path, typer.Argument(help="Where ATTRIBUTION.md and attribution.json are written.")],
    source: Annotated[str | None, typer.Option(help="Only loops of this source: fsld, freesound, folder.")] = None,
) -> None:
    """Write who made the loops, under which licence: a page for people and the same in Freesound's JSON form."""
    from storage.loops.table import read_loops
    from tasks.sources.attribution import write_credits

    chosen = [loop for loop in read_loops(workspace_at(workspace).loops) if source in (None, loop.source)]
    for path in write_credits("these loops", chosen, folder):
        print(path)


def _freesound() -> str:
    from tasks.sources.freesound import DEFAULT_URL

    return os.environ.get("ROLECALL_FREESOUND_URL") or DEFAULT_URL


def _ask_for_code(page: str) -> str:
    """Show the page to open and read the code that it shows from stdin."""
    say(f"Open this page, allow access, and copy the code that it shows:\n\n    {page}\n")
    say("The code, or the address of the page that shows it:")
    return sys.stdin.readline()


def _roles(text: str) -> list[str]:
    """The roles of an option; raises UserError for a word that is none."""
    named = [word for word in re.split(r"[,;\s]+", text) if word]
    for word in named:
        if word not in ROLES:
            raise UserError(f"--roles: no role {word!r}; the roles are {', '.join(ROLES)}")
    return named


def _report(summary: "FetchSummary", as_json: bool, omissions: "Omissions | None" = None) -> None:
    """Print how a fetch ended; exit with 130 if it was interrupted, with 3 if it refused something.

    `omissions` are what a walk over a folder passed over.
    """
    for sentence in omissions.sentences() if omissions else ():
        say(sentence)
    if as_json:
        files = {f"files_{name}": told for name, told in omissions.to_dict().items()} if omissions else {}
        print_json({**asdict(summary), **files})
    else:
        print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(summary).items()))
    if stop_requested.is_set():
        raise typer.Exit(ExitCode.INTERRUPTED)
    if summary.left_out:
        say("rolecall loops left-out lists what its annotators leave out, and by which rule")
    if summary.quarantined:
        say("rolecall errors lists what was refused and why")
        raise typer.Exit(ExitCode.SOME_LEFT_OUT)
