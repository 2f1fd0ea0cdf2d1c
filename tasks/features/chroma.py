"""Chroma: how strong each pitch class is, second by second and register by register.

Plain arrays in and out; NumPy and SciPy only, some milliseconds for four bars.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Chroma = NDArray[np.float32]
"""Strength of the pitch classes from C on, in windows of about a second: (windows, registers, 12)."""

REGISTERS: Final = 4
"""Below the C under middle C by an octave, the octave from there, that from middle C, and two octaves above."""

_OCTAVES: Final = ((1, 3), (3, 4), (4, 5), (5, 7))
_WINDOW_S: Final = 0.5
_HOPS_A_WINDOW: Final = 4
_TUNED_BELOW_HZ: Final = 1000.0
_FAINTEST_PEAK: Final = 1e-3
_C0_HZ: Final = 440.0 * 2 ** (-57 / 12)
_FRAMES_AT_ONCE: Final = 512

_LOWEST_HZ: Final = _C0_HZ * 2 ** (_OCTAVES[0][0] - 1 / 24)
_HIGHEST_HZ: Final = _C0_HZ * 2 ** (_OCTAVES[-1][1] - 1 / 24)
_REGISTER_OF_OCTAVE: Final = np.array(
    [place for octave in range(_OCTAVES[-1][1]) for place, (low, high) in enumerate(_OCTAVES) if low <= octave < high]
)


def chroma_of(samples: NDArray[np.float32], sample_rate: int) -> Chroma:
    """Chroma of mono samples (n,) at `sample_rate` Hz; all zero where nothing is pitched.

    Peaks of the spectrum, read between its bins, count by their magnitude for the pitch class they are nearest to; the
    tuning, the circular mean of what the lower ones miss it by, is taken off first (harmonic pitch class profiles:
    Gómez, 2006). Windows of several passages may be put behind each other.
    """
    length = 1 << round(np.log2(_WINDOW_S * sample_rate))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, length // 2), length)[:: length // 2]
    windows = -(-len(frames) // _HOPS_A_WINDOW)
    hops, pitches, magnitudes = spectral_peaks(frames, sample_rate, (_LOWEST_HZ, _HIGHEST_HZ))
    if not len(pitches):
        return np.zeros((windows, REGISTERS, 12), np.float32)
    low = magnitudes * (pitches < 12 * np.log2(_TUNED_BELOW_HZ / _C0_HZ))
    tuning = np.angle(np.sum(low * np.exp(2j * np.pi * pitches))) / (2 * np.pi)
    tuned = pitches - tuning
    nearest = np.round(tuned)
    closeness = np.cos(np.pi * (tuned - nearest)) ** 2
    notes = np.clip(nearest.astype(np.int64), 12 * _OCTAVES[0][0], 12 * _OCTAVES[-1][1] - 1)
    register = _REGISTER_OF_OCTAVE[notes // 12 - _OCTAVES[0][0]]
    places = (hops // _HOPS_A_WINDOW * REGISTERS + register) * 12 + notes % 12
    sums = np.bincount(places, magnitudes * closeness, windows * REGISTERS * 12).reshape(windows, REGISTERS, 12)
    heard = np.minimum(_HOPS_A_WINDOW, len(frames) - _HOPS_A_WINDOW * np.arange(windows))
    return (sums / heard[:, None, None]).astype(np.float32)


def octaves_to_registers(notes: NDArray[np.float64]) -> Chroma:
    """Strengths of notes from the lowest C on (windows, notes), of whole octaves, as chroma."""
    octaves = notes.reshape(len(notes), -1, 12)
    return np.stack([octaves[:, low:high].sum(axis=1) for low, high in _OCTAVES], axis=1).astype(np.float32)


def spectral_peaks(
    frames: NDArray[np.float32], sample_rate: int, range_hz: tuple[float, float]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Peaks of the spectra of frames (n, length) in a range: which frame, pitch in semitones over C0, and magnitude."""
    length = frames.shape[1]
    window = _hanning(length)
    low, high = (int(hertz * length / sample_rate) for hertz in range_hz)
    high += 1
    magnitudes = np.concatenate(
        [
            np.abs(scipy.fft.rfft(frames[start : start + _FRAMES_AT_ONCE] * window, axis=1)[:, low - 1 : high + 1])
            for start in range(0, len(frames), _FRAMES_AT_ONCE)
        ]
    )
    middle, left, right = magnitudes[:, 1:-1], magnitudes[:, :-2], magnitudes[:, 2:]
    is_peak = (middle > left) & (middle >= right) & (middle > _FAINTEST_PEAK * magnitudes.max())
    hops, bins = np.nonzero(is_peak)
    a, b, c = (np.log(side[is_peak] + 1e-12) for side in (left, middle, right))
    between = np.clip(0.5 * (a - c) / (a - 2 * b + c - 1e-12), -0.5, 0.5)
    hertz = (bins + low + between) * sample_rate / length
    return hops, 12 * np.log2(hertz / _C0_HZ), middle[is_peak].astype(np.float64)


@lru_cache(maxsize=4)
def _hanning(length: int) -> NDArray[np.float32]:
    return np.hanning(length).astype(np.float32)
