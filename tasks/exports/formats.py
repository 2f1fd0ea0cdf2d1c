"""How each format of `rolecall export` is written."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.files import atomic_folder, atomic_path
from storage.published.track_labels import TrackLabels, TrackSelection
from tasks.exports.audacity import write_audacity
from tasks.exports.csv_table import write_csv
from tasks.exports.format_names import ExportFormat
from tasks.exports.jams import write_jams
from tasks.exports.json_lines import write_json_lines
from tasks.exports.parquet_table import write_parquet
from tasks.exports.playlist import write_playlist
from tasks.exports.rekordbox import write_rekordbox


@dataclass(frozen=True)
class Writer:
    """How a format is written: into a file or a folder, from tracks with their maps or without."""

    write: Callable[[Iterable[TrackLabels], Path], None]
    into: Callable[[Path], AbstractContextManager[Path]]
    read: Callable[[TrackSelection], Iterable[TrackLabels]]


WRITERS: Final = {
    ExportFormat.CSV: Writer(write_csv, atomic_path, TrackSelection.labels),
    ExportFormat.JSONL: Writer(write_json_lines, atomic_path, TrackSelection.labels_and_maps),
    ExportFormat.PARQUET: Writer(write_parquet, atomic_folder, TrackSelection.labels_and_maps),
    ExportFormat.JAMS: Writer(write_jams, atomic_folder, TrackSelection.labels_and_maps),
    ExportFormat.REKORDBOX: Writer(write_rekordbox, atomic_path, TrackSelection.labels_and_maps),
    ExportFormat.AUDACITY: Writer(write_audacity, atomic_folder, TrackSelection.labels_and_maps),
    ExportFormat.M3U8: Writer(write_playlist, atomic_path, TrackSelection.labels),
}
"""Every format but tags, which go into music files (`tasks.exports.tags.writing`)."""
