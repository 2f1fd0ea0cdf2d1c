"""The outcome of a file from the answers of the network: roles, map, spans, sections, key; or its quarantine."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.catalogue.label_parts import Bar, LabelOutcome, Segment
from storage.models import ModelCard
from storage.vocabulary import BARS_PER_SEGMENT, ROLES, Kind, Reason, Status
from tasks.audio.decoding import AudioError
from tasks.features.mel_config import Matrix
from tasks.labelling.analysis import Analysis
from tasks.labelling.request import LabelRequest
from tasks.structure.iram import bar_levels_db, role_spans, smooth
from tasks.structure.key import reported_key
from tasks.structure.section_features import TrackMap
from tasks.structure.sections import find_sections
from tasks.structure.segments import bars_of_phrases

_LIKELY: Final = 0.5


Answers = tuple[Matrix, Matrix]
"""The probability of each role in windows (windows, roles), and in each of their four bars (windows, 4, roles)."""


def track_probability(activations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of each role for a whole track: the mean of its highest quarter of segments (n, roles)."""
    top = max(1, -(-len(activations) // 4))
    return np.asarray(np.sort(activations, axis=0)[-top:].mean(axis=0), np.float32)


def labelled_outcome(request: LabelRequest, analysis: Analysis, answers: Answers, card: ModelCard) -> LabelOutcome:
    """The outcome of a file that the network answered: its `answers` put on the grid, and what follows from them."""
    activations, bar_activations = _on_grid(analysis, *answers)
    mels = _mels_of_bars(analysis)
    levels_db = bar_levels_db(mels)
    tempo = analysis.grid.tempo if analysis.grid else None
    probabilities = track_probability(activations)
    # A threshold may lie far below a half, for the sake of balance; a key needs notes that are likely there.
    likely = {role for place, role in enumerate(ROLES) if probabilities[place] >= _LIKELY}
    key = reported_key(analysis.key, likely) if analysis.key else None
    bar_roles = smooth(bar_activations, levels_db, card.thresholds, analysis.bars)
    track = TrackMap(bar_activations, mels.mean(axis=1), levels_db, card.thresholds, analysis.bars)
    return LabelOutcome(
        label_key=request.label_key,
        path=request.path,
        model_id=card.model_id,
        status=Status.LABELLED if analysis.grid or analysis.kind is Kind.ONESHOT else Status.NO_TEMPO,
        kind=analysis.kind,
        duration_s=analysis.duration_s,
        audio_hash=analysis.audio_hash,
        bpm=tempo.bpm if tempo else None,
        bpm_source=tempo.source if tempo else None,
        bpm_confidence=tempo.confidence if tempo else None,
        bpm_alternative=tempo.alternative if tempo else None,
        half_time=tempo.half_time if tempo else None,
        first_downbeat_s=analysis.grid.first_downbeat_s if analysis.grid else None,
        bpm_drift=analysis.grid.drift if analysis.grid else None,
        bar_lines=analysis.grid.lines if analysis.grid else None,
        key=key.key if key else None,
        mode=key.mode if key else None,
        key_source=key.source if key else None,
        key_confidence=key.confidence if key else None,
        probabilities=_floats(probabilities),
        segments=tuple(
            Segment(
                bound.segment, bound.start_bar, bound.end_bar, bound.start_s, bound.end_s, _floats(activations[place])
            )
            for place, bound in enumerate(analysis.bounds)
        ),
        bars=tuple(
            Bar(bar, float(level_db), _floats(row))
            for bar, level_db, row in zip(analysis.bars, levels_db, bar_activations, strict=True)
        ),
        role_spans=tuple(role_spans(bar_roles, analysis.bars)),
        sections=tuple(find_sections(track)),
    )


def _on_grid(analysis: Analysis, windows: Matrix, bars: Matrix) -> Answers:
    """Answers for the windows of a file as activations of its segments (segments, roles) and bars (bars, roles)."""
    if analysis.kind is not Kind.TRACK:
        windows = windows.mean(axis=0, keepdims=True)
    elif analysis.bounds:
        windows = windows[analysis.window_of]
    return windows, bars_of_phrases(bars.reshape(-1, bars.shape[-1]), analysis.bars)


def _mels_of_bars(analysis: Analysis) -> Matrix:
    """The log-mels of each bar of a track (bars, frames, mels)."""
    _, frames, bands = analysis.mels.shape
    return bars_of_phrases(analysis.mels.reshape(-1, frames // BARS_PER_SEGMENT, bands), analysis.bars)


def quarantined_outcome(request: LabelRequest, error: AudioError, card: ModelCard) -> LabelOutcome:
    """The outcome of a file that cannot be used, with the reason."""
    return failed_outcome(request, card.model_id, "decode", error.reason, str(error))


def failed_outcome(request: LabelRequest, model_id: str, stage: str, reason: Reason, message: str) -> LabelOutcome:
    """The outcome of a file on which work was stopped, with stage, reason and message."""
    return LabelOutcome(
        request.label_key, request.path, model_id, Status.QUARANTINED, stage=stage, reason=reason, message=message
    )


def _floats(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
