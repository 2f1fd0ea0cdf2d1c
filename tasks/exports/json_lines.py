"""JSON Lines: a document a track, its map inside."""

import json
from collections.abc import Iterable
from pathlib import Path

from storage.published.track_labels import TrackLabels
from tasks.exports.documents import track_document


def write_json_lines(tracks: Iterable[TrackLabels], target: Path) -> None:
    """One line a track, as `track_document` describes it; UTF-8."""
    with target.open("w", encoding="utf-8", newline="\n") as file:
        for track in tracks:
            file.write(json.dumps(track_document(track), ensure_ascii=False, allow_nan=False))
            file.write("\n")
