"""Onsets: where energy rises, in four bands, read from mel power; and means over the steps of a grid."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.mel import sums_between
from tasks.features.mel_config import Matrix, MelConfig

Floats = NDArray[np.floating[Any]]

GRID_MEL: Final = MelConfig(n_fft=512, hop_length=256, mels=32)
"""What the grid of a file is read from, whatever features its model has: another model moves no bar line.

Short windows of few bands do: a grid is fitted to all of a file, which tells its place far better than any one frame.
Half the frames would find it too, but not the fast pulses that the metre of a loop is read from. The thresholds and
weights here and in `tasks.rhythm.pulse`, `tasks.rhythm.downbeat` and `tasks.rhythm.grid` hold for no other.
"""

_BANDS: Final = (0, 1, 6, 18, 32)
"""Edges, in mel bands of `GRID_MEL`: 170 (kick and bass), 620, 2,100 Hz."""

_GAIN: Final = 3e3
_FRAMES_AT_ONCE: Final = 1024
"""A file may last for hours: what is made on the way to its envelope is never held whole."""


def _band_shares() -> Matrix:
    shares = np.zeros((GRID_MEL.mels, len(_BANDS) - 1), np.float32)
    for band, (low, high) in enumerate(pairwise(_BANDS)):
        shares[low:high, band] = 1 / (high - low)
    return shares


_SHARES: Final = _band_shares()
"""What each mel band counts for the mean of each of the four bands: (mels, 4)."""


def grid_mel_at(sample_rate: int) -> MelConfig:
    """`GRID_MEL` for a sound at another sample rate (Hz), that of the model which reads it too."""
    return replace(GRID_MEL, sample_rate=sample_rate)


def onset_envelope(power: Matrix) -> Matrix:
    """How much normalised mel power (frames, mels) rises over the frame before: (frames, 4), each band of mean zero.

    `power` is that of `GRID_MEL`.
    """
    bands = np.empty((len(power), _SHARES.shape[1]), np.float32)
    before = _loudness(power[:1])
    for start in range(0, len(power), _FRAMES_AT_ONCE):
        loudness = _loudness(power[start : start + _FRAMES_AT_ONCE])
        rises = np.maximum(np.diff(loudness, axis=0, prepend=before), 0.0)
        bands[start : start + len(rises)] = rises @ _SHARES
        before = loudness[-1:]
    bands -= bands.mean(axis=0)
    return bands


def _loudness(power: Matrix) -> Matrix:
    """Compressed mel power; NumPy has a quick logarithm in single precision, and no quick log1p."""
    loudness: Matrix = np.log(np.float32(_GAIN) * power + np.float32(1.0))
    return loudness


def means_between(values: Floats, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `values` (frames, columns) between neighbouring `edges`, in frames: (len(edges) - 1, columns).

    Edges lie between frames: frame i reaches from i to i + 1. What lies outside is cut off.
    """
    places = np.clip(edges, 0.0, len(values))
    return sums_between(values, places) / np.maximum(np.diff(places), 1e-9)[:, None]
