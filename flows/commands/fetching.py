"""Filling the table of loops, and looking at it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.options import (
    AllowLicenceOption,
    ExcludeNoncommercialOption,
    JsonOption,
    WorkersOption,
    WorkspaceOption,
    licences_wanted,
    ready_for_flows,
    workspace_at,
)
from flows.progress import say
from flows.tables import Format, print_json, print_rows

if TYPE_CHECKING:
    from flows.fetch import FetchSummary

fetch = typer.Typer(help="Fill the table of loops.", no_args_is_help=True)
loops = typer.Typer(help="The table of loops.", no_args_is_help=True)

_QUARANTINED = 3


@fetch.command("folder")
def fetch_folder(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    folder: Annotated[Path, typer.Argument(help="A folder of loops.")],
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="A CSV: path[,roles][,bpm][,key][,bars][,group][,licence][,author][,url]; else its manifest.csv."
        ),
    ] = None,
    exclude_noncommercial: ExcludeNoncommercialOption = False,
    allow_licence: AllowLicenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take loops from a folder, as its manifest describes them."""
    from tasks.sources.folder import folder_rows

    where = workspace_at(workspace)
    folder_rows(folder, manifest)
    ready_for_flows(where)
    from flows.fetch import fetch_folder as flow

    chosen = str(manifest.absolute()) if manifest else None
    licences = licences_wanted(allow_licence, exclude_noncommercial)
    _report(flow(str(folder.absolute()), str(where.root), chosen, workers, licences), as_json)


@fetch.command("compositions")
def fetch_compositions(
    workspace: WorkspaceOption,
    folder: Annotated[Path, typer.Argument(help="A folder of */mix.*, */truth.csv, */info.json.")],
    as_json: JsonOption = False,
) -> None:
    """Take every four bars of compositions whose truth is known, as loops of several roles."""
    from tasks.compositions import read_compositions

    where = workspace_at(workspace)
    list(read_compositions(folder))
    ready_for_flows(where)
    from flows.fetch import fetch_compositions as flow

    _report(flow(str(folder.absolute()), str(where.root)), as_json)


@loops.command("list")
def loops_list(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Every loop in the table."""
    from storage.loops import read_loops

    entries = [loop.to_dict() for loop in read_loops(workspace_at(workspace).loops)]
    if as_json:
        print_json(entries)
        return
    columns = ["loop_id", "roles", "bpm", "key", "mode", "licence", "path"]
    rows = [[";".join(entry["roles"]) if name == "roles" else entry[name] for name in columns] for entry in entries]
    print_rows(columns, rows, Format.TABLE)


def _report(summary: "FetchSummary", as_json: bool) -> None:
    """Print how a fetch ended; exit with 3 if it refused something."""
    if as_json:
        print_json(asdict(summary))
    else:
        print(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in asdict(summary).items()))
    if summary.quarantined:
        say("rolecall errors lists what was refused and why")
        raise typer.Exit(_QUARANTINED)
