"""A track as one document of plain values, its roles, map, role spans and sections inside."""

from typing import Any

from storage.published.track_labels import MapSegment, TrackLabels
from storage.vocabulary import ROLES


def track_document(track: TrackLabels) -> dict[str, Any]:
    """The columns of the view `tracks`, and below them what the other views say of the track; times as ISO 8601."""
    facts = track.facts._asdict() | {"labelled_at": track.facts.labelled_at.isoformat()}
    return facts | {
        "roles": {
            label.role: {name: value for name, value in label._asdict().items() if name != "role"}
            for label in track.roles
        },
        "segments": [_segment(segment) for segment in track.segments],
        "role_spans": [span._asdict() for span in track.role_spans],
        "sections": [section._asdict() for section in track.sections],
    }


def _segment(segment: MapSegment) -> dict[str, Any]:
    return segment._asdict() | {"activations": dict(zip(ROLES, segment.activations, strict=True))}
