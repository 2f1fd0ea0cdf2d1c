"""Cutting compositions with ground truth into four-bar loops of several roles."""

import hashlib
import json
from collections.abc import Iterator
from typing import Final

from storage.files import sha256_of
from storage.loops.table import Loop
from storage.paths import path_text
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES, BpmSource, Reason
from tasks.audio.decoding import AudioError, Sound
from tasks.sources.compositions import Composition

_PROBE_RATE: Final = 16_000
_SPARE_SEGMENTS: Final = 1
"""By how many segments a truth may be shorter or longer than its audio: the last may be a part, or ring out."""


def cuts_of(composition: Composition) -> Iterator[Loop]:
    """One loop for every whole four bars in which something is known to sound.

    Raises `AudioError` if the audio cannot be used, malformed if its truth is of another length.
    """
    duration_s = _length_of(composition)
    digest = sha256_of(composition.audio)
    length_s = 60.0 * BEATS_PER_BAR * BARS_PER_SEGMENT / composition.bpm
    segments = duration_s / length_s
    if not segments - 1 - _SPARE_SEGMENTS < len(composition.truth) < segments + 1 + _SPARE_SEGMENTS:
        raise AudioError(
            Reason.MALFORMED,
            f"its truth.csv has {len(composition.truth)} lines; {duration_s:.1f} s at {composition.bpm:g} BPM are "
            f"{segments:.1f} segments of four bars, a line each",
        )
    for segment, truth in enumerate(composition.truth):
        roles = tuple(role for role, on in zip(ROLES, truth, strict=True) if on == 1)
        end_s = (segment + 1) * length_s
        if not roles or end_s > duration_s + 0.01:
            continue
        yield Loop(
            loop_id=hashlib.sha256(f"{digest}@{segment}".encode()).hexdigest()[:16],
            source="compositions",
            path=path_text(composition.audio),
            sha256=digest,
            duration_s=length_s,
            roles=roles,
            group=composition.name,
            start_s=segment * length_s,
            unknown_roles=tuple(role for role, on in zip(ROLES, truth, strict=True) if on == -1),
            bpm=composition.bpm,
            bpm_source=BpmSource.MANIFEST,
            bars=float(BARS_PER_SEGMENT),
            licence=composition.licence,
            author=composition.author,
            extra=json.dumps({"title": composition.title}),
        )


def _length_of(composition: Composition) -> float:
    """Seconds of audio, decoded: what a header says may be a guess."""
    sound = Sound(composition.audio, _PROBE_RATE)
    for _ in sound.blocks():
        pass
    return sound.duration_s
