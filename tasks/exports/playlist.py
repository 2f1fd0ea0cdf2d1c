"""M3U8, a playlist in UTF-8: what players and DJ programs open."""

from collections.abc import Iterable
from pathlib import Path

from storage.paths import path_of
from storage.published.track_labels import TrackLabels
from tasks.exports.file_names import name_of
from tasks.exports.file_uris import file_uri


def write_playlist(tracks: Iterable[TrackLabels], target: Path) -> None:
    """Length, name and path of each track; a path that cannot stand in a line of UTF-8 is written as an address."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write("#EXTM3U\n")
        for track in tracks:
            file.write(f"#EXTINF:{round(track.facts.duration_s)},{name_of(track)}\n{_place(track.facts.path)}\n")


def _place(path: str) -> str:
    is_plain = str(path_of(path)) == path and path.isprintable()
    return path if is_plain else file_uri(path)
