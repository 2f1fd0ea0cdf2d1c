"""The mel filter bank: triangular filters on Slaney's scale, the same as librosa's, and the analysis window."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.mel_config import Matrix, MelConfig

_FILTERS_A_BAND: Final = 16


@dataclass(frozen=True)
class _FilterBand:
    """Some neighbouring filters, over just the `bins` that they reach; `weights` is (bins, mels)."""

    mels: slice
    bins: slice
    weights: Matrix


@lru_cache(maxsize=8)
def filter_bands(config: MelConfig) -> list[_FilterBand]:
    """The filter bank in bands: most of its weights are zero, and a product over all bins would mostly add those."""
    filters = mel_filters(config)
    bands = []
    for rows in np.array_split(np.arange(config.mels), -(-config.mels // _FILTERS_A_BAND)):
        reached = np.flatnonzero(filters[rows].any(axis=0))
        bins = slice(int(reached[0]), int(reached[-1]) + 1) if len(reached) else slice(0, 0)
        weights = np.ascontiguousarray(filters[rows, bins].T)
        bands.append(_FilterBand(slice(rows[0], rows[-1] + 1), bins, weights))
    return bands


@lru_cache(maxsize=8)
def mel_filters(config: MelConfig) -> Matrix:
    """Triangular filters (mels, n_fft // 2 + 1), Slaney's scale and area normalisation, as in librosa."""
    bins_hz = np.linspace(0.0, config.sample_rate / 2, config.n_fft // 2 + 1)
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(config.fmin), _hz_to_mel(config.fmax), config.mels + 2))
    widths = np.diff(edges_hz)
    ramps = edges_hz[:, None] - bins_hz[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).astype(np.float32)


_BREAK_HZ: Final = 1000.0
_HZ_PER_MEL: Final = 200.0 / 3
_LOG_STEP: Final = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return float(_BREAK_HZ / _HZ_PER_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, _BREAK_HZ * np.exp(_LOG_STEP * (mel - break_mel)))


@lru_cache(maxsize=4)
def hann(length: int) -> Matrix:
    """A periodic Hann window (length,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def mel_centres(config: MelConfig) -> Matrix:
    """The centres of the mel bands (mels,) in Hz."""
    edges = np.linspace(_hz_to_mel(config.fmin), _hz_to_mel(config.fmax), config.mels + 2)
    return _mel_to_hz(edges)[1:-1].astype(np.float32)
