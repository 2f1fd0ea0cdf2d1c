"""The octave of a tempo: which of two readings, one twice as fast as the other, a producer would write down.

A rhythm repeats with the beat at either tempo. Hardly anybody writes the slower one under 76 beats per minute, or the
faster one above 190. Between these, where hip-hop at 87 and drum and bass at 174 meet, drums decide: how strongly each
band pulses at one in eight to four times a beat, where low and high onsets fall together or alternate, and how many
onsets there are to a beat. The weights are a logistic fit to material whose written tempo is known
(`tests/benchmarks/rhythm/test_octave_weights.py`).
"""

from dataclasses import dataclass
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.mel_config import Matrix
from tasks.rhythm.onsets import means_between

Floats = NDArray[np.float64]

DOUBTED: Final = (76.0, 95.0)
"""Slower readings, in beats per minute, at which the sound decides; those under it are doubled, those above it kept."""

_LARGEST_SLOW: Final = 103.0
_CONVENTION: Final = 0.97
"""How likely the usual reading is the written one where the sound is not asked."""

_HALF_TIME_FROM: Final = 120.0
_STEPS_PER_BEAT: Final = 16
_BEATS: Final = 8
_PULSES: Final = np.array([1, 2, 4, 8, 16, 32])
_SHARED: Final = _PULSES[1:5]
"""Cycles in eight beats: of all pulses that are measured, and of those that low and high bands may share."""

_HIGH: Final = (2, 3)
_FAINTEST: Final = 0.02
_ZONES: Final = np.log2([62.0, 70.0, 78.0, 84.0, 90.0, 96.0, 103.0])
_ZONE_WIDTH: Final = 0.1
_ZONE_SCALE: Final = 3.0
"""The slower tempo counts by how near it is to each of these, so that any prior can be learned; held back little."""


@dataclass(frozen=True)
class Reading:
    """A tempo in beats per minute, and the one beside it that is half or double.

    `probability` is how likely the tempo is the written one of both, 0.5 to 1. `half_time`: the backbeat comes on the
    third beat of the bar only, so that the music feels half as fast as it is written.
    """

    bpm: float
    other_bpm: float
    probability: float
    half_time: bool


def read_octave(envelope: Matrix, frame_rate: float, bpm: float) -> Reading:
    """The likelier of the two readings of a tempo that was found in an onset envelope (frames, bands).

    The envelope is that of `tasks.rhythm.onsets.onset_envelope`; one that is shorter than eight beats is repeated, as a
    loop is.
    """
    slow = slower_reading(bpm)
    if slow > DOUBTED[1]:
        return Reading(slow, 2 * slow, _CONVENTION, half_time=False)
    seen = profile(envelope, frame_rate, slow)
    faster = _CONVENTION if slow < DOUBTED[0] else _likelihood(_WEIGHTS["faster"], seen)
    if faster < 0.5:
        return Reading(slow, 2 * slow, 1 - faster, half_time=False)
    half_time = 2 * slow >= _HALF_TIME_FROM and _likelihood(_WEIGHTS["half_time"], seen) > 0.5
    return Reading(2 * slow, slow, faster, half_time)


def slower_reading(bpm: float) -> float:
    """The slower of the two readings of a tempo, 51.5 to 103 beats per minute."""
    while bpm > _LARGEST_SLOW:
        bpm /= 2
    return bpm


def profile(envelope: Matrix, frame_rate: float, bpm: float) -> Floats:
    """What the two readings are told apart by (43,), at the slower of them."""
    spectra = _spectra(envelope, frame_rate, bpm)
    power = np.asarray((np.abs(spectra) ** 2).mean(axis=0), np.float64)
    everything = power.sum(axis=0) + _FAINTEST**2 * _STEPS_PER_BEAT * _BEATS
    pulses = np.sqrt(power[_PULSES] / everything).ravel()
    together = np.concatenate([_together(spectra, power, band) for band in _HIGH])
    onsets = np.log2(_onsets_per_second(envelope, frame_rate) * 60 / bpm)
    zones = np.exp(-0.5 * ((np.log2(bpm) - _ZONES) / _ZONE_WIDTH) ** 2)
    return np.concatenate([pulses, together, onsets, _ZONE_SCALE * zones])


def _spectra(envelope: Matrix, frame_rate: float, bpm: float) -> NDArray[np.complex128]:
    """The spectrum of each eight beats (windows, cycles in eight beats, bands), without what does not change."""
    step, steps = 60 * frame_rate / bpm / _STEPS_PER_BEAT, _STEPS_PER_BEAT * _BEATS
    whole = np.tile(envelope, (max(1, int(np.ceil(step * steps / len(envelope)))), 1))
    count = int(len(whole) / step + 1e-6) // steps * steps
    edges = np.arange(count + 1, dtype=np.float64) * step
    windows = means_between(whole, edges).reshape(-1, steps, whole.shape[1])
    spectra = np.fft.rfft(windows, axis=1)
    spectra[:, 0] = 0
    return spectra


def _together(spectra: NDArray[np.complex128], power: Floats, band: int) -> Floats:
    """How far a band pulses together with the lowest (1), or between its pulses (-1): (4,)."""
    both = (spectra[:, _SHARED, 0] * np.conj(spectra[:, _SHARED, band])).mean(axis=0).real
    return np.asarray(both / np.sqrt(power[_SHARED, 0] * power[_SHARED, band] + 1e-9), np.float64)


def _onsets_per_second(envelope: Matrix, frame_rate: float) -> Floats:
    """How many onsets stand out of each band's envelope."""
    inner = envelope[1:-1]
    clear = np.maximum(envelope.std(axis=0), _FAINTEST)
    peaks = (inner > envelope[:-2]) & (inner >= envelope[2:]) & (inner > clear)
    return np.asarray((peaks.sum(axis=0) + 0.5) * frame_rate / len(envelope), np.float64)


def _likelihood(weights: Floats, seen: Floats) -> float:
    return float(1 / (1 + np.exp(-(weights[:-1] @ seen + weights[-1]))))


def _read_weights() -> dict[str, Floats]:
    """A weight for each figure of a profile, and the last for none of them."""
    table = np.genfromtxt(str(resources.files("tasks.rhythm") / "octave_weights.csv"), delimiter=",", names=True)
    return {name: np.asarray(table[name], np.float64) for name in ("faster", "half_time")}


_WEIGHTS: Final = _read_weights()
