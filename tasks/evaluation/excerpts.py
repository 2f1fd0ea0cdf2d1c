"""Labelled audio excerpts and their log-mels, as they are or after a degradation."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from storage.paths import path_text
from storage.vocabulary import ROLES, BpmSource, Kind, Reason
from tasks.audio.decoding import AudioError, decode
from tasks.audio.degradations import Degradation
from tasks.evaluation.metrics import Labels
from tasks.features.mel import log_compress, mel_power, reference_level
from tasks.features.mel_config import Matrix, MelConfig
from tasks.metadata.manifests import read_manifest
from tasks.metadata.written import Written, read_written
from tasks.rhythm.grid import Grid, Tempo, stated_tempo
from tasks.rhythm.loop_tempo import tempo_from_length
from tasks.sources.compositions import Composition
from tasks.structure.segments import loop_bounds, loop_mels, one_shot_bounds, track_bounds, track_mels


@dataclass(frozen=True)
class Excerpt:
    """A loop or one-shot (one row of labels) or a composition (one for every four bars), 1, 0, or -1 unknown.

    The bars of a composition are counted from its start; the tempo of a one-shot is not asked for.
    """

    name: str
    group: str
    audio: Path
    kind: Kind
    bpm: float
    labels: Labels


def excerpts_of(compositions: Sequence[Composition]) -> list[Excerpt]:
    """Whole compositions."""
    return [Excerpt(piece.name, piece.name, piece.audio, Kind.TRACK, piece.bpm, piece.truth) for piece in compositions]


def excerpts_in(manifest: Path) -> list[Excerpt]:
    """The labelled loops and one-shots of a manifest; raises UserError naming a line that is wrong.

    A one-shot is asked about as it is labelled: as a loop that is as long as itself.
    """
    found = []
    for row in read_manifest(manifest):
        roles = row.roles()
        if not roles:
            continue
        labels = np.array([[float(role in roles) for role in ROLES]], np.float32)
        kind = Kind.ONESHOT if row.kind() is Kind.ONESHOT else Kind.LOOP
        bpm = _bpm(read_written(row.path), row.bpm(), row.number("duration_s"))
        group = row.cells.get("group") or path_text(row.path.parent.name)
        found.append(Excerpt(path_text(row.path.stem), group, row.path, kind, bpm, labels))
    return found


def _bpm(written: Written, manifest_bpm: float | None, duration_s: float | None) -> float:
    """The tempo that is written down, or else the one that the length suggests."""
    tempo = stated_tempo(written, manifest_bpm, duration_s)
    return tempo.bpm if tempo else written.name_number or tempo_from_length(duration_s or 8.0).bpm


def excerpt_features(
    excerpt: Excerpt, config: MelConfig, degradation: Degradation | None = None
) -> tuple[Matrix, Labels]:
    """Log-mels (segments, frames, mels) and labels (segments, roles) of an excerpt.

    A loop longer than four bars gives several segments with the same labels. Raises `AudioError`, malformed if the
    labels of a composition are more than a segment longer or shorter than its audio.
    """
    samples = decode(excerpt.audio, config.sample_rate).samples
    bpm = excerpt.bpm
    if degradation is not None:
        samples, bpm = degradation.change(samples, config.sample_rate), bpm * degradation.speed
    power = mel_power(samples, config)
    power /= reference_level(power)
    duration_s = len(samples) / config.sample_rate
    grid = Grid(Tempo(bpm, BpmSource.MANIFEST, 1.0), 0.0)
    if excerpt.kind is not Kind.TRACK:
        is_loop = excerpt.kind is Kind.LOOP
        bound = loop_bounds(grid.bar_s, duration_s) if is_loop else one_shot_bounds(duration_s)
        mels = loop_mels(power, bound, config)
        return log_compress(mels), np.repeat(excerpt.labels, len(mels), axis=0)
    mels = track_mels(power, track_bounds(grid, duration_s), grid, config)
    if abs(len(mels) - len(excerpt.labels)) > 1:
        raise AudioError(
            Reason.MALFORMED, f"its truth has {len(excerpt.labels)} lines; its audio has {len(mels)} segments of 4 bars"
        )
    segments = min(len(mels), len(excerpt.labels))
    return log_compress(mels[:segments]), excerpt.labels[:segments]
