"""Labels for Audacity: a text file a track, a line a label; read by "File, Import, Labels"."""

from collections.abc import Iterable
from pathlib import Path

from storage.published.track_labels import TrackLabels
from tasks.exports.file_names import file_name_of


def write_audacity(tracks: Iterable[TrackLabels], target: Path) -> None:
    """A file `000017 name.txt` for each track into the folder `target`; one without a map has its roles as a whole."""
    for track in tracks:
        (target / file_name_of(track, ".txt")).write_text(_labels(track), encoding="utf-8", newline="\n")


def _labels(track: TrackLabels) -> str:
    stretches = [(one.start_s, one.end_s, one.label) for one in track.sections]
    stretches += [(one.start_s, one.end_s, one.role) for one in track.role_spans]
    if not stretches:
        stretches = [(0.0, track.facts.duration_s, role) for role in track.active_roles]
    return "".join(f"{start:.6f}\t{end:.6f}\t{word}\n" for start, end, word in sorted(stretches))
