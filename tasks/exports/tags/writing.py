"""Tags for a file: what is written, into a copy or, behind a backup, into the file itself."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from storage.files import atomic_path
from storage.paths import path_of
from storage.published.track_labels import TrackLabels
from tasks.exports.key_text import key_text
from tasks.exports.tags.errors import TagError
from tasks.exports.tags.flac import write_flac
from tasks.exports.tags.id3 import write_id3
from tasks.exports.tags.ogg import write_ogg

_LEAST_CONFIDENCE: Final = 0.7
"""An estimate below it is not written: programs believe a tag, and so does the next run."""

_WRITERS: Final[dict[str, Callable[[BinaryIO, BinaryIO, Mapping[str, str]], None]]] = {
    ".mp3": write_id3,
    ".flac": write_flac,
    ".ogg": write_ogg,
    ".oga": write_ogg,
    ".opus": write_ogg,
}


@dataclass(frozen=True)
class Tagged:
    """A track, the fields for it, and why they were not written; None where they were."""

    track: TrackLabels
    fields: Mapping[str, str]
    problem: str | None


def fields_of(track: TrackLabels) -> dict[str, str]:
    """`ROLES`, separated by semicolons; `BPM` and `INITIALKEY` where they are known well enough."""
    facts = track.facts
    fields = {"ROLES": ";".join(track.active_roles)}
    if facts.bpm is not None and (facts.bpm_confidence or 0) >= _LEAST_CONFIDENCE:
        fields["BPM"] = f"{facts.bpm:.2f}".rstrip("0").rstrip(".")
    key = key_text(facts.key, facts.mode)
    if key is not None and (facts.key_confidence or 0) >= _LEAST_CONFIDENCE:
        fields["INITIALKEY"] = key
    return fields


def preview_tags(tracks: Iterable[TrackLabels]) -> Iterator[Tagged]:
    """What would be written; nothing is read or written."""
    return _each(tracks, lambda path, fields: None)


def tag_copies(tracks: Iterable[TrackLabels], root: Path, target: Path) -> Iterator[Tagged]:
    """Copy each file, with its tags, to the place below `target` that it has below `root`."""

    def copy(path: Path, fields: Mapping[str, str]) -> None:
        _write(path, target / path.relative_to(root), fields)

    return _each(tracks, copy)


def tag_in_place(tracks: Iterable[TrackLabels], root: Path, backup: Path) -> Iterator[Tagged]:
    """Copy each file to the place below `backup` that it has below `root`, and give it its tags then."""

    def write(path: Path, fields: Mapping[str, str]) -> None:
        kept = backup / path.relative_to(root)
        with atomic_path(kept) as temporary:
            shutil.copy2(path, temporary)
        real = path.resolve()
        _write(real, real, fields)

    return _each(tracks, write)


def _each(tracks: Iterable[TrackLabels], write: Callable[[Path, Mapping[str, str]], None]) -> Iterator[Tagged]:
    for track in tracks:
        path, fields = path_of(track.facts.path), fields_of(track)
        problem = None
        try:
            if path.suffix.lower() not in _WRITERS:
                raise TagError(f"no tags are written into {path.suffix or 'a file without an extension'}")
            write(path, fields)
        except TagError as error:
            problem = str(error)
        except OSError as error:
            problem = f"it cannot be read or written: {error.strerror}"
        yield Tagged(track, fields, problem)


def _write(source: Path, target: Path, fields: Mapping[str, str]) -> None:
    mode = source.stat().st_mode & 0o777
    with source.open("rb") as old, atomic_path(target, mode) as temporary, temporary.open("wb") as new:
        _WRITERS[source.suffix.lower()](old, new, fields)
