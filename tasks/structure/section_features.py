"""What is known of each bar of a track that says in which section it is: roles, level, change, place, repetition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import ROLES, SectionLabel
from tasks.features.mel_config import Matrix
from tasks.structure.iram import smooth
from tasks.structure.novelty import novelty
from tasks.structure.section_rules import LABELS, guess

Floats = NDArray[np.float64]

_SURE: Final = 4.0
"""Log odds beyond which an activation says no more."""

_BANDS: Final = 16
_RANGE_DB: Final = 12.0
_NEAR, _FAR = 4, 8
_EDGE: Final = 32
_LAGS: Final = (8, 16, 24, 32, 48, 64)
_LINES: Final = (16, 8, 4, 2, 1)
_TINY: Final = 1e-9


@dataclass(frozen=True)
class TrackMap:
    """What sections are found from: of each bar the activations (bars, roles), the mean log-mel (bars, mels), the
    level in dB (bars,); the threshold of each role, and the numbers of the bars.
    """

    activations: Matrix
    sounds: Matrix
    levels_db: Floats
    thresholds: Mapping[str, float]
    bars: range


def section_features(track: TrackMap) -> dict[str, Floats]:
    """The features of each bar by group: (bars, n), about -2 to 2.

    Activations count by how far they are from their threshold, levels and sounds beside the rest of their track, so
    that neither the loudness of a master nor how sure of itself a model is changes much.
    """
    presence = _presence(track.activations, track.thresholds)
    count = presence.sum(axis=1, keepdims=True)
    count = count / max(float(np.quantile(_around(count), 0.9)), 1.0)
    level = _beside_loudest(track.levels_db[:, None])
    bands = _bands(track.sounds)
    shelves = _beside_loudest(_shelves(bands) * (10 / np.log(10)))
    return {
        "roles": np.hstack([_around(presence), _after(presence, _FAR), _before(presence, _FAR)]),
        "doubt": _around((4 * presence * (1 - presence)).mean(axis=1, keepdims=True)),
        "count": np.hstack([_around(count), _change(count, _NEAR), _change(count, _FAR), _rank(_around(count))]),
        "level": np.hstack([level, _around(level), _change(level, _NEAR), _change(level, _FAR), _rank(_around(level))]),
        "shelves": np.hstack([_around(shelves), _change(shelves, _NEAR), _change(shelves, _FAR)]),
        "novelty": np.hstack(
            [_peaks(track.sounds, reach) for reach in (2, _NEAR, _FAR)]
            + [_peaks(presence, reach) for reach in (_NEAR, _FAR)]
        ),
        "place": _place(len(track.bars)),
        "repetition": np.hstack([_repetition(bands, level), _repetition(presence, level)]),
        "phrase": _phrase_lines(track.bars),
        "rules": _rules(track) * min(1.0, 2 * float(np.abs(2 * presence - 1).mean())),
    }


def _presence(activations: Matrix, thresholds: Mapping[str, float]) -> Floats:
    """How far each role is from its threshold: 0 surely silent, .5 at the threshold, 1 surely sounding."""
    limits = np.array([thresholds[role] for role in ROLES])
    return np.asarray((np.clip(_log_odds(activations) - _log_odds(limits), -_SURE, _SURE) / _SURE + 1) / 2)


def _log_odds(probabilities: NDArray[np.floating[Any]]) -> Floats:
    clipped = np.clip(probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _beside_loudest(levels_db: Floats) -> Floats:
    """Levels (bars, n) beside those that a tenth of the bars exceed, in units of 12 dB, at least -2."""
    return np.clip((levels_db - np.quantile(levels_db, 0.9, axis=0)) / _RANGE_DB, -2.0, 1.0)


def _bands(sounds: Matrix) -> Floats:
    """Mean log-mels (bars, mels) in few bands (bars, 16), without the mean of their track."""
    bands = np.stack([part.mean(axis=1) for part in np.array_split(sounds.astype(np.float64), _BANDS, axis=1)], axis=1)
    return np.asarray(bands - bands.mean(axis=0))


def _shelves(bands: Floats) -> Floats:
    """The level of lows, of mids and of highs (bars, 3)."""
    return np.stack([part.mean(axis=1) for part in np.split(bands, [3, 10], axis=1)], axis=1)


def _mean_between(values: Floats, first: int, last: int) -> Floats:
    """The mean over the bars from `first` to before `last`, counted from each bar; the edges of a track repeat."""
    padded = np.pad(values, ((-min(first, 0), max(last, 0)), (0, 0)), mode="edge")
    running = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(padded, axis=0)])
    bars = np.arange(len(values)) - min(first, 0)
    return np.asarray((running[bars + last] - running[bars + first]) / (last - first))


def _around(values: Floats) -> Floats:
    return _mean_between(values, -1, 2)


def _after(values: Floats, reach: int) -> Floats:
    return _mean_between(values, 0, reach)


def _before(values: Floats, reach: int) -> Floats:
    return _mean_between(values, -reach, 0)


def _change(values: Floats, reach: int) -> Floats:
    return _after(values, reach) - _before(values, reach)


def _rank(values: Floats) -> Floats:
    """The share of the bars of a track that have less (bars, 1)."""
    ordered = np.sort(values[:, 0])
    return np.asarray(np.searchsorted(ordered, values[:, 0] - 0.02)[:, None] / len(values))


def _peaks(values: NDArray[np.floating[Any]], reach: int) -> Floats:
    """Novelty, and by how much it exceeds that of the bars nearby (bars, 2)."""
    changes = novelty(values.astype(np.float32), reach)
    padded = np.pad(changes, 3, constant_values=0)
    others = np.delete(np.lib.stride_tricks.sliding_window_view(padded, 7), 3, axis=1)
    return np.stack([changes, changes - others.max(axis=1)], axis=1)


def _place(count: int) -> Floats:
    """How far a bar is into its track and from its end, as a share and in bars, and how long the track is."""
    done = np.arange(count, dtype=np.float64)
    left = count - done
    return np.stack(
        [
            done / count,
            np.minimum(done, _EDGE) / _EDGE,
            np.minimum(left, _EDGE) / _EDGE,
            np.exp(-done / _FAR),
            np.exp(-left / _FAR),
            np.full(count, np.log2(count / 100)),
        ],
        axis=1,
    )


def _repetition(values: Floats, level: Floats) -> Floats:
    """How like the loudest quarter of its track a bar is, and how like what comes some phrases earlier and later."""
    smooth = _around(values) - values.mean(axis=0)
    unit = smooth / np.maximum(np.linalg.norm(smooth, axis=1, keepdims=True), _TINY)
    loud = level[:, 0] >= np.quantile(level[:, 0], 0.75)
    centre = unit[loud].mean(axis=0)
    likeness = unit @ (centre / max(float(np.linalg.norm(centre)), _TINY))
    best = np.full((2, len(unit)), -1.0)
    for lag in _LAGS:
        if lag < len(unit):
            alike = (unit[lag:] * unit[:-lag]).sum(axis=1)
            best[0, lag:] = np.maximum(best[0, lag:], alike)
            best[1, :-lag] = np.maximum(best[1, :-lag], alike)
    return np.stack([likeness, *best], axis=1)


def _phrase_lines(bars: range) -> Floats:
    """Whether sixteen bars begin with a bar, or eight, four, two, or none (bars, 5)."""
    place = np.array(bars)[:, None] - 1
    on_line = place % np.array(_LINES) == 0
    first = on_line & (np.cumsum(on_line, axis=1) == 1)
    return np.asarray(first, np.float64)


def _rules(track: TrackMap) -> Floats:
    """What rules by hand make of a track: their evidence (3), their labels (5), where they see a border and where the
    first core begins, and how far after that a bar is. They take a map at its word, so they count by how sure it is.
    """
    bar_roles = smooth(track.activations, track.levels_db, track.thresholds, track.bars)
    found = guess(bar_roles, track.levels_db, novelty(track.sounds), track.bars)
    labels = np.eye(len(LABELS))[found.labels]
    border = np.diff(found.labels, prepend=found.labels[0]) != 0
    in_core = labels[:, list(LABELS).index(SectionLabel.CORE)] > 0
    first = int(in_core.argmax()) if in_core.any() else len(labels)
    since = np.clip((np.arange(len(labels)) - first) / _FAR, -1.0, 1.0)
    begins = np.arange(len(labels)) == first
    return np.hstack([found.evidence, labels, border[:, None], begins[:, None], since[:, None]])
