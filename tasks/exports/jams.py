"""JAMS, a JSON for annotations of music (Humphrey and others, ISMIR 2014): a file a track."""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from storage.published.track_labels import TrackLabels
from storage.vocabulary import BEATS_PER_BAR
from tasks.exports.file_names import file_name_of, name_of

_VERSION: Final = "0.3.4"
"""Of the JAMS schema."""

_NEARLY: Final = 1e-6
"""Beats by which the first may be rounded to before the file."""


def write_jams(tracks: Iterable[TrackLabels], target: Path) -> None:
    """A file `000017 name.jams` for each track into the folder `target`."""
    for track in tracks:
        (target / file_name_of(track, ".jams")).write_text(json.dumps(jams_document(track)), encoding="utf-8")


def jams_document(track: TrackLabels) -> dict[str, Any]:
    """Annotations: `tag_open` for the roles of each segment, `tempo`, `beat`, `key_mode`, `segment_open` for sections.

    A track without a map has its roles as tags over its whole length. The value of a beat is its place in the bar.
    """
    facts = track.facts
    return {
        "annotations": [
            _annotation(track, "tag_open", list(_tags(track))),
            _annotation(track, "tempo", list(_tempo(track))),
            _annotation(track, "beat", list(_beats(track))),
            _annotation(track, "key_mode", list(_key(track))),
            _annotation(track, "segment_open", list(_sections(track))),
        ],
        "file_metadata": {
            "title": name_of(track),
            "artist": "",
            "release": "",
            "duration": facts.duration_s,
            "identifiers": {"content_hash": facts.content_hash or "", "audio_hash": facts.audio_hash or ""},
            "jams_version": _VERSION,
        },
        "sandbox": {"path": facts.path, "kind": facts.kind},
    }


def _annotation(track: TrackLabels, namespace: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    about = {
        "curator": {"name": "", "email": ""},
        "annotator": {},
        "version": "",
        "corpus": "",
        "annotation_tools": "rolecall",
        "annotation_rules": "",
        "validation": "",
        "data_source": "program",
    }
    return {
        "namespace": namespace,
        "data": data,
        "annotation_metadata": about,
        "sandbox": {},
        "time": 0.0,
        "duration": track.facts.duration_s,
    }


def _observation(time: float, duration: float, value: Any, confidence: float | None = None) -> dict[str, Any]:
    return {"time": time, "duration": max(0.0, duration), "value": value, "confidence": confidence}


def _tags(track: TrackLabels) -> Iterator[dict[str, Any]]:
    if not track.segments:
        for label in track.roles:
            if label.active:
                yield _observation(0.0, track.facts.duration_s, label.role, label.probability)
    for segment in track.segments:
        likely = dict(zip((label.role for label in track.roles), segment.activations, strict=True))
        for role in segment.active:
            yield _observation(segment.start_s, segment.end_s - segment.start_s, role, likely[role])


def _tempo(track: TrackLabels) -> Iterator[dict[str, Any]]:
    if track.facts.bpm is not None:
        yield _observation(0.0, track.facts.duration_s, track.facts.bpm, track.facts.bpm_confidence or 0.0)


def _beats(track: TrackLabels) -> Iterator[dict[str, Any]]:
    bars = track.bars
    if bars is None:
        return
    number = math.ceil(bars.passed(0.0) * BEATS_PER_BAR - _NEARLY)
    while (time := bars.start_s(1 + number / BEATS_PER_BAR)) < track.facts.duration_s:
        yield _observation(max(0.0, time), 0.0, number % BEATS_PER_BAR + 1)
        number += 1


def _key(track: TrackLabels) -> Iterator[dict[str, Any]]:
    facts = track.facts
    if facts.key is not None:
        value = f"{facts.key}:{facts.mode}" if facts.mode else facts.key
        yield _observation(0.0, facts.duration_s, value, facts.key_confidence)


def _sections(track: TrackLabels) -> Iterator[dict[str, Any]]:
    for section in track.sections:
        yield _observation(section.start_s, section.end_s - section.start_s, section.label, section.confidence)
