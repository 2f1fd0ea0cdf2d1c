"""Command `export`: the labels in the formats of other programs."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.options import JsonOption, WorkspaceOption, catalogue_at
from flows.terminal.progress import progress
from flows.terminal.streams import say
from flows.terminal.tables import print_json
from storage.errors import UserError
from storage.paths import absolute
from tasks.exports.format_names import ExportFormat

if TYPE_CHECKING:
    from storage.published.track_labels import TrackLabels, TrackSelection
    from tasks.exports.tags.writing import Tagged

app = typer.Typer()


@app.command()
def export(
    workspace: WorkspaceOption,
    out: Annotated[Path, typer.Argument(help="The file or folder to write; it must not be there yet.")],
    style: Annotated[ExportFormat, typer.Option("--format", help="What to write.")],
    where: Annotated[
        str, typer.Option(metavar="SQL", help="Only tracks for which this holds: a condition over the view tracks.")
    ] = "true",
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Tags only: write them into the files, after copying these to OUT.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tags only: print what would be written, and write nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write labels in the format of another program; a track without labels is left out."""
    from storage.published.queries import open_catalogue
    from storage.published.track_labels import TrackSelection

    target = absolute(out.expanduser())
    if (in_place or dry_run) and style is not ExportFormat.TAGS:
        raise UserError(f"--in-place and --dry-run go with --format tags; a {style} file leaves the music as it is")
    if target.exists() and not dry_run:
        raise UserError(f"{out} is there already; move it away, or name another file")
    with open_catalogue(catalogue_at(workspace)) as catalogue:
        selection = TrackSelection.where(catalogue, where)
        if style is ExportFormat.TAGS:
            left_out = _write_tags(selection, target, in_place, dry_run)
        else:
            left_out = []
            _write(selection, target, style)
    done = len(selection) - len(left_out)
    if as_json:
        print_json({"format": style, "out": target, "tracks": done, "left_out": left_out})
    elif not dry_run:
        say(f"exported {done} tracks to {out}")
    if left_out:
        raise typer.Exit(ExitCode.SOME_LEFT_OUT)


def _write(selection: "TrackSelection", target: Path, style: ExportFormat) -> None:
    from tasks.exports.formats import WRITERS

    writer = WRITERS[style]
    with writer.into(target) as temporary:
        writer.write(_told(writer.read(selection), len(selection)), temporary)


def _write_tags(selection: "TrackSelection", target: Path, in_place: bool, dry_run: bool) -> list[dict[str, str]]:
    """Write tags, or say what would be written; the files into which none were written, each with its reason."""
    from storage.files import atomic_folder
    from tasks.exports.tags.writing import preview_tags, tag_copies, tag_in_place

    tracks = selection.labels()
    if dry_run:
        return _shown(preview_tags(tracks))
    tracks = _told(tracks, len(selection))
    root = selection.common_folder()
    if in_place:
        return _left_out(tag_in_place(tracks, root, target))
    with atomic_folder(target) as temporary:
        return _left_out(tag_copies(tracks, root, temporary))


def _shown(tagged: Iterable["Tagged"]) -> list[dict[str, str]]:
    def tell() -> Iterator["Tagged"]:
        for one in tagged:
            if one.problem is None:
                words = " ".join(f"{name}={value}" for name, value in one.fields.items())
                print(f"{one.track.facts.path}: {words}")
            yield one

    return _left_out(tell())


def _left_out(tagged: Iterable["Tagged"]) -> list[dict[str, str]]:
    left_out = [{"path": one.track.facts.path, "reason": one.problem} for one in tagged if one.problem is not None]
    for one in left_out:
        say(f"left out: {one['path']}: {one['reason']}")
    return left_out


def _told(tracks: Iterable["TrackLabels"], total: int) -> Iterator["TrackLabels"]:
    with progress("exported", total) as shown:
        for track in tracks:
            yield track
            shown.advance(1)
