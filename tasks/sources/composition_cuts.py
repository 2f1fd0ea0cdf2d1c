"""Cutting compositions with ground truth into four-bar loops of several roles."""

import hashlib
import json
from collections.abc import Iterator

from storage.files import sha256_of
from storage.loops.table import Loop
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES, BpmSource
from tasks.sources.compositions import Composition


def cuts_of(composition: Composition) -> Iterator[Loop]:
    """One loop for every whole four bars in which something is known to sound."""
    digest = sha256_of(composition.audio)
    length_s = 60.0 * BEATS_PER_BAR * BARS_PER_SEGMENT / composition.bpm
    for segment, truth in enumerate(composition.truth):
        roles = tuple(role for role, on in zip(ROLES, truth, strict=True) if on == 1)
        end_s = (segment + 1) * length_s
        if not roles or end_s > composition.duration_s + 0.01:
            continue
        yield Loop(
            loop_id=hashlib.sha256(f"{digest}@{segment}".encode()).hexdigest()[:16],
            source="compositions",
            path=str(composition.audio),
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
