"""Onsets: where energy rises, in four bands, read from mel power; and means over the steps of a grid."""

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.mel import Matrix, sums_between

Floats = NDArray[np.floating[Any]]

_BANDS: Final = (0.0, 3 / 64, 12 / 64, 36 / 64, 1.0)
"""Edges as shares of the mel bands; at 64 from 30 Hz to 8 kHz: 170 (kick and bass), 600, 2,500 Hz."""

_GAIN: Final = 1e4
_FRAMES_AT_ONCE: Final = 1024
"""A file may last for hours: what is made on the way to its envelope is never held whole."""


def onset_envelope(power: Matrix) -> Matrix:
    """How much normalised mel power (frames, mels) rises over the frame before: (frames, 4), each band of mean zero."""
    shares = _band_shares(power.shape[1])
    bands = np.empty((len(power), shares.shape[1]), np.float32)
    before = _loudness(power[:1])
    for start in range(0, len(power), _FRAMES_AT_ONCE):
        loudness = _loudness(power[start : start + _FRAMES_AT_ONCE])
        rises = np.maximum(np.diff(loudness, axis=0, prepend=before), 0.0)
        bands[start : start + len(rises)] = rises @ shares
        before = loudness[-1:]
    bands -= bands.mean(axis=0)
    return bands


def _loudness(power: Matrix) -> Matrix:
    """Compressed mel power; NumPy has a quick logarithm in single precision, and no quick log1p."""
    loudness: Matrix = np.log(np.float32(_GAIN) * power + np.float32(1.0))
    return loudness


def _band_shares(mels: int) -> Matrix:
    """What each mel band counts for the mean of each of the four bands: (mels, 4)."""
    shares = np.zeros((mels, len(_BANDS) - 1), np.float32)
    for band, (low, high) in enumerate(pairwise(round(share * mels) for share in _BANDS)):
        shares[low:high, band] = 1 / max(1, high - low)
    return shares


def means_between(values: Floats, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of `values` (frames, columns) between neighbouring `edges`, in frames: (len(edges) - 1, columns).

    Edges lie between frames: frame i reaches from i to i + 1. What lies outside is cut off.
    """
    places = np.clip(edges, 0.0, len(values))
    return sums_between(values, places) / np.maximum(np.diff(places), 1e-9)[:, None]
