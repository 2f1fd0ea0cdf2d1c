"""Onsets: where energy rises, in four bands, read from mel power; the attacks among them; means over a grid's steps."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.audio.decoding import Samples
from tasks.features.mel import mel_power, reference_level, sums_between
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


@dataclass(frozen=True)
class GridPower:
    """What the grid of a sound is read from: normalised mel power (frames, mels) of `GRID_MEL` at a frame rate in Hz.

    And how long the sound is, in seconds.
    """

    power: Matrix
    frame_rate: float
    duration_s: float


def grid_power(samples: Samples, sample_rate: int) -> GridPower:
    """What the grid of a short sound (n,) is read from, which is in memory as a whole."""
    mel = grid_mel_at(sample_rate)
    power = mel_power(samples, mel)
    return GridPower(power / reference_level(power), mel.frame_rate, len(samples) / sample_rate)


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


_APART: Final = 4
"""Frames (64 ms at 16 kHz) between two attacks at least: the strokes of a flam are one."""

_FAINTEST_ATTACK: Final = 0.5
"""Mean rise of the compressed bands of `GRID_MEL` under which nothing begins."""


@dataclass(frozen=True)
class Attacks:
    """Where sounds begin: times in seconds (n,), and how strongly they rise there (n,)."""

    times_s: NDArray[np.float64]
    strengths: NDArray[np.float64]

    def at_least(self, share: float) -> "Attacks":
        """Those that rise by a share of the strongest at least."""
        loud = self.strengths >= share * self.strengths.max(initial=0.0)
        return Attacks(self.times_s[loud], self.strengths[loud])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.times_s)


def find_attacks(rhythm: GridPower) -> Attacks:
    """The attacks in a short sound; what sounds in its first frame begins there."""
    silence = np.zeros((1, rhythm.power.shape[1]), np.float32)
    loudness = np.concatenate([silence, _loudness(rhythm.power)])
    rises = np.maximum(np.diff(loudness, axis=0), 0.0).mean(axis=1)
    rises[:-1] += rises[1:]
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rises, _APART), 2 * _APART + 1).max(axis=1)
    frames = np.flatnonzero((rises >= around) & (rises > _FAINTEST_ATTACK))
    return Attacks(frames / rhythm.frame_rate, rises[frames].astype(np.float64))


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
