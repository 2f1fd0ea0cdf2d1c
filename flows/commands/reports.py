"""Commands `show` and `report`: labels for people who do not write SQL."""

import shutil
from datetime import date
from pathlib import Path
from typing import Annotated, Final

import typer

from flows.commands.options import JsonOption, WorkspaceOption, catalogue_at
from flows.terminal.streams import say
from flows.terminal.tables import print_json
from flows.terminal.text import printable
from storage.errors import UserError
from storage.paths import absolute, path_text

app = typer.Typer()


@app.command()
def show(
    workspace: WorkspaceOption,
    track: Annotated[str, typer.Argument(help="A path, a part of one, or a track_id of the view tracks.")],
    as_json: JsonOption = False,
) -> None:
    """One track: its roles, its map in characters, its sections; or why it could not be used."""
    from flows.terminal.track_view import track_lines
    from storage.published.queries import open_catalogue
    from storage.published.track_labels import TrackSelection
    from storage.published.track_search import find_track
    from tasks.exports.documents import track_document

    with open_catalogue(catalogue_at(workspace)) as catalogue:
        number = find_track(catalogue, track)
        labels = next(TrackSelection.where(catalogue, f"track_id = {number}").labels_and_maps(), None)
        cursor = catalogue.execute(_TROUBLE, [number])
        path, status, reason, message, attempts = cursor.fetchone() or ("", "", "", "", 0)
    if as_json:
        trouble = {"reason": reason, "message": message, "attempts": attempts} if reason else None
        print_json({**(track_document(labels) if labels else {"path": path, "status": status}), "error": trouble})
        return
    for line in track_lines(labels, shutil.get_terminal_size().columns) if labels else [path, f"{status}: no labels"]:
        print(printable(line))
    if reason:
        print(printable(f"could not be used (attempts: {attempts}): {reason}, {message}"))


@app.command()
def report(
    workspace: WorkspaceOption,
    out: Annotated[Path, typer.Argument(metavar="OUT.html", help="The file to write; one that is there is replaced.")],
    tracks: Annotated[
        str,
        typer.Option(
            metavar="QUERY", help="Only these: a query with a column track_id or path, or a condition over tracks."
        ),
    ] = "true",
) -> None:
    """One page about the catalogue: roles, tempi, keys, errors, maps, unsure labels, the model; needs no other file."""
    from storage.files import atomic_path
    from storage.published.queries import open_catalogue
    from storage.published.track_labels import TrackSelection
    from tasks.exports.report.page import write_report

    target, where = absolute(out.expanduser()), catalogue_at(workspace)
    if target.is_dir():
        raise UserError(f"{out} is a folder; name a file for the report, such as {out / 'report.html'}")
    with open_catalogue(where) as catalogue:
        selection = TrackSelection.of(catalogue, tracks)
        title = f"{path_text(where.root)}, {date.today().isoformat()}"
        if tracks != "true":
            title += f", only: {tracks}"
        with atomic_path(target) as temporary:
            write_report(catalogue, selection, title, temporary)
    say(f"report on {len(selection)} {'file' if len(selection) == 1 else 'files'}: {out}")


_TROUBLE: Final = """
SELECT t.path, t.status, e.reason, e.message, e.attempts FROM tracks t LEFT JOIN errors e USING (path)
WHERE t.track_id = ?
"""
