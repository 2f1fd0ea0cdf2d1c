"""Keys by the profile that fits best: what the key network is measured beside."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.chroma import spectral_peaks
from tasks.features.key_estimate import KeyEstimate
from tasks.metadata.key_names import TONICS

PitchClasses = NDArray[np.float64]
"""Strength of the twelve pitch classes from C on: (12,)."""

_WINDOW_S: Final = 0.5
_RANGE_HZ: Final = (55.0, 1000.0)

_MAJOR: Final = (1.00, 0.00, 0.42, 0.00, 0.53, 0.37, 0.00, 0.77, 0.00, 0.38, 0.21, 0.30)
_MINOR: Final = (1.00, 0.00, 0.36, 0.39, 0.00, 0.38, 0.00, 0.74, 0.27, 0.00, 0.42, 0.23)
_CLEAR_MARGIN: Final = 0.2


def pitch_classes(samples: NDArray[np.float32], sample_rate: int) -> PitchClasses:
    """Strength of the twelve pitch classes of mono samples (n,), summed over time; all zero where nothing is pitched.

    Peaks of the spectrum between 55 and 1000 Hz, read between its bins, count by their magnitude for the pitch class
    they are nearest to; the file's tuning, the circular mean of what they miss it by, is taken off first (harmonic
    pitch class profiles: Gómez, 2006). Sums of several files or parts may be added before `key_by_profile`.
    """
    length = 1 << round(np.log2(_WINDOW_S * sample_rate))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, length // 2), length)[:: length // 2]
    _, pitches, magnitudes = spectral_peaks(frames, sample_rate, _RANGE_HZ)
    if not len(pitches):
        return np.zeros(12)
    tuning = np.angle(np.sum(magnitudes * np.exp(2j * np.pi * pitches))) / (2 * np.pi)
    tuned = pitches - tuning
    nearest = np.round(tuned)
    closeness = np.cos(np.pi * (tuned - nearest)) ** 2
    strengths: PitchClasses = np.bincount(nearest.astype(np.int64) % 12, magnitudes * closeness, 12).astype(np.float64)
    return strengths


def key_by_profile(strengths: PitchClasses) -> KeyEstimate | None:
    """The key whose profile correlates best with pitch classes (12,); None if they are all alike.

    The method is Krumhansl's (1990), the profiles are those that Faraldo, Jordà and Herrera made from electronic
    dance music (A multi-profile method for key estimation in EDM, AES 2017). The confidence is how far a key and its
    relative lead the next best, 1 from a clear lead on.
    """
    centred = strengths - strengths.mean()
    norm = float(np.linalg.norm(centred))
    if norm < 1e-9:
        return None
    fits = _profiles() @ (centred / norm)
    best = int(np.argmax(fits))
    majors, minors = fits[:12], fits[12:]
    # A major key and the minor key three semitones below it are one set of notes.
    note_sets = np.sort(np.maximum(majors, np.roll(minors, 3)))
    margin = float(note_sets[-1] - note_sets[-2])
    confidence = round(min(1.0, margin / _CLEAR_MARGIN), 3)
    return KeyEstimate(TONICS[best % 12], "major" if best < 12 else "minor", confidence)


@lru_cache(maxsize=1)
def _profiles() -> PitchClasses:
    """The profiles of all keys, majors from C on, then minors: (24, 12), each of mean zero and length one."""
    rows = np.array([np.roll(shape, tonic) for shape in (_MAJOR, _MINOR) for tonic in range(12)])
    centred = rows - rows.mean(axis=1, keepdims=True)
    unit: PitchClasses = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit
