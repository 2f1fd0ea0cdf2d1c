"""All that the catalogue knows of one track: labels, its map by segments and by bars, role spans, sections, errors."""

from pathlib import Path
from typing import Any, Final

from storage.paths import path_of
from storage.published.follower import CatalogueFollower
from storage.vocabulary import ROLES
from tasks.browsing.track_list import with_roles


def track_map(catalogue: CatalogueFollower, track_id: int) -> dict[str, Any] | None:
    """One track, None if the catalogue has none of that id.

    `segments` and `bars` are lists of dicts with `activations` in the order of `storage.vocabulary.ROLES`.
    """
    tracks = catalogue.rows(_TRACK, track=track_id)
    if not tracks:
        return None
    return {
        **with_roles(tracks[0]),
        "segments": catalogue.rows(_SEGMENTS, track=track_id),
        "bars": catalogue.rows(_BARS, track=track_id),
        "spans": catalogue.rows(_SPANS, track=track_id),
        "sections": catalogue.rows(_SECTIONS, track=track_id),
        "errors": catalogue.rows(_ERRORS, track=track_id),
    }


def path_of_track(catalogue: CatalogueFollower, track_id: int) -> tuple[Path, str, float] | None:
    """The path of a track, the digest of its bytes and its length in seconds; None if the catalogue has none such."""
    rows = catalogue.ask(_PATH, {"track": track_id}).rows
    if not rows:
        return None
    path, content_hash, duration_s = rows[0]
    return path_of(path), str(content_hash), float(duration_s or 0.0)


_ACTIVATIONS: Final = f"[{', '.join(ROLES)}] AS activations"
_TRACK: Final = """
SELECT *, parse_filename(path) AS name, parse_dirpath(path) AS folder FROM tracks
WHERE track_id = $track
"""
_PATH: Final = "SELECT path, content_hash, duration_s FROM tracks WHERE track_id = $track"
_SEGMENTS: Final = f"""
SELECT segment, start_bar, end_bar, start_s, end_s, {_ACTIVATIONS} FROM segments
WHERE track_id = $track ORDER BY segment
"""
_BARS: Final = f"""
SELECT bar, start_s, end_s, level_db, {_ACTIVATIONS} FROM bars WHERE track_id = $track ORDER BY bar
"""
_SPANS: Final = """
SELECT role, start_bar, end_bar, start_s, end_s FROM role_spans WHERE track_id = $track ORDER BY start_bar, role
"""
_SECTIONS: Final = """
SELECT label, confidence, start_bar, end_bar, start_s, end_s FROM sections WHERE track_id = $track ORDER BY section
"""
_ERRORS: Final = "SELECT stage, reason, message FROM errors JOIN tracks USING (path) WHERE track_id = $track"
