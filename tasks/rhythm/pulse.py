"""Tempo estimation from an onset envelope: the beat, its octave, and how steady it is over the file."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from tasks.features.mel_config import Matrix

_SLOWEST, _FASTEST = 60.0, 205.0
CANDIDATE_STEP: Final = 0.0005
CANDIDATES: Final = np.exp(np.arange(np.log(_SLOWEST), np.log(_FASTEST), CANDIDATE_STEP))
"""Tempi that are looked at, in beats per minute, and by which share each is faster than the one before."""

_LIKELY_BPM: Final = 115.0
_OCTAVES: Final = 0.5
"""Centre and width of the prior on tempo; it settles the octave, until `tasks.rhythm.octave` does, and little else."""

_PRIOR: Final = np.exp(-0.5 * (np.log2(CANDIDATES / _LIKELY_BPM) / _OCTAVES) ** 2)
_NEIGHBOURS: Final = 0.05

FAINTEST: Final = 0.02
"""Deviation of a band's envelope under which it counts as having no onsets."""

_BINARY: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_TERNARY: Final = (1 / 3, 2 / 3, 4 / 3, 8 / 3, 16 / 3)
_HARMONICS: Final = (1, 2, 4)
_WINDOW_S: Final = 4.0

_PASSAGE_S: Final = 20.0
_RHYTHMIC: Final = 0.21
_SAME_LEVEL: Final = 0.01
_SAME_TEMPO: Final = 0.002
_LEVELS: Final = (1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0)
"""Ratios at which another metrical level of the same rhythm may win in a passage."""


@dataclass(frozen=True)
class Pulse:
    """A beat and the evidence for it.

    `strength`: how much better the rhythm repeats after 1/4 … 8 beats than after thirds of them, 0..1.
    `margin`: how far the next best tempo that is no neighbour lies behind, 0..1.
    """

    bpm: float
    strength: float
    margin: float


def find_pulse(envelope: Matrix, frame_rate: float) -> Pulse | None:
    """The pulse of an onset envelope (frames, bands); None where nothing begins or the file is too short to repeat.

    The autocorrelation is read at a quarter to eight times each candidate beat, against thirds of these lags: so a
    beat and a half, which repeats with the beat too, is not taken for one. The octave is settled by a prior,
    until `tasks.rhythm.octave` looks into it. The winner is then fitted to 0.01 beats per minute (`refine`).
    """
    rough = _best_candidate(envelope, frame_rate)
    if rough is None:
        return None
    return replace(rough, bpm=refine(envelope, frame_rate, rough.bpm))


def refine(envelope: Matrix, frame_rate: float, bpm: float, reach: float = 0.01) -> float:
    """The constant tempo within `reach` (a share) of `bpm` that fits the whole envelope best.

    Each window of four seconds gives the phase of the beat, its half and its quarter; the tempo is the turn per
    window that lines them up over the whole file, as in a Fourier transform read between its bins.
    """
    length = round(_WINDOW_S * frame_rate)
    count = len(envelope) // length
    windows = envelope[: count * length].reshape(count, length, -1) / np.maximum(envelope.std(axis=0), FAINTEST)
    times = np.arange(count * length).reshape(count, length) / frame_rate
    middles = times.mean(axis=1)
    turning = np.exp(-2j * np.pi * bpm / 60 * times)
    phases = [(turned[:, None] @ windows)[:, 0] for turned in _powers_of_two(turning)]
    best = bpm
    for width, points in ((reach, 81), (reach / 25, 41)):
        tempi = best * (1 + np.linspace(-width, width, points))
        power = np.zeros(points)
        for k, phase in zip(_HARMONICS, phases, strict=True):
            turns = np.exp(-2j * np.pi * k * (tempi - bpm)[:, None] / 60 * middles)
            power += (np.abs(turns @ phase) ** 2).sum(axis=1)
        best = float(tempi[np.argmax(power)])
    return best


def _powers_of_two(turning: NDArray[np.complex128]) -> list[NDArray[np.complex128]]:
    """Complex numbers to the power of each of `_HARMONICS`, by squaring, which is quick."""
    twice = np.square(turning)
    return [turning, twice, np.square(twice)]


def steadiness(envelope: Matrix, frame_rate: float, bpm: float) -> float:
    """The share of a file's rhythmic passages of 20 seconds that run at `bpm`, each fitted on its own; 1 if none is."""
    length = round(_PASSAGE_S * frame_rate)
    agree = []
    for start in range(0, len(envelope) - length + 1, length):
        passage = envelope[start : start + length]
        rough = _best_candidate(passage, frame_rate)
        if rough is not None and rough.strength >= _RHYTHMIC:
            level = any(abs(rough.bpm * ratio / bpm - 1) < _SAME_LEVEL for ratio in _LEVELS)
            agree.append(level and abs(refine(passage, frame_rate, bpm, reach=0.03) / bpm - 1) < _SAME_TEMPO)
    return float(np.mean(agree)) if agree else 1.0


def _best_candidate(envelope: Matrix, frame_rate: float) -> Pulse | None:
    """The best pulse, its tempo to a thousandth."""
    strength = _strengths(envelope, frame_rate)
    if strength is None:
        return None
    likely = np.maximum(strength, 0.0) * _PRIOR
    best = int(np.argmax(likely))
    if likely[best] <= 0:
        return None
    far = np.abs(CANDIDATES / CANDIDATES[best] - 1) > _NEIGHBOURS
    margin = 1 - float(likely[far].max() / likely[best])
    return Pulse(float(CANDIDATES[best]), float(np.clip(strength[best], 0.0, 1.0)), margin)


def likelihoods(envelope: Matrix, frame_rate: float) -> NDArray[np.float64]:
    """How strong the pulse of an envelope is at each of `CANDIDATES`, times the prior; zeros where there is none."""
    strength = _strengths(envelope, frame_rate)
    return np.zeros(len(CANDIDATES)) if strength is None else np.maximum(strength, 0.0) * _PRIOR


def _strengths(envelope: Matrix, frame_rate: float) -> NDArray[np.float64] | None:
    """The strength of the pulse at each candidate; None where nothing begins or the envelope is too short."""
    if len(envelope) < 4 * 60.0 * frame_rate / _SLOWEST or float(envelope.std(axis=0).max()) < FAINTEST:
        return None
    repeats = _autocorrelation(envelope)
    beats = 60.0 * frame_rate / CANDIDATES
    return _mean_at(repeats, beats, _BINARY) - _mean_at(repeats, beats, _TERNARY)


def _autocorrelation(envelope: Matrix) -> NDArray[np.float64]:
    """How well the envelope agrees with itself after each lag (frames,), over its bands; 1 at no lag."""
    frames = len(envelope)
    length = scipy.fft.next_fast_len(2 * frames, real=True)
    floor = FAINTEST**2 * frames
    repeats = np.zeros(frames)
    spectra = scipy.fft.rfft(envelope.T.astype(np.float64), length, axis=1)
    power = spectra.real**2 + spectra.imag**2
    for products in scipy.fft.irfft(power, length, axis=1)[:, :frames]:
        repeats += products / (products[0] + floor)
    overlap = np.maximum(1 - np.arange(frames) / frames, 0.25)
    return np.asarray(repeats / envelope.shape[1] / overlap, np.float64)


def _mean_at(
    repeats: NDArray[np.float64], beats: NDArray[np.float64], multiples: tuple[float, ...]
) -> NDArray[np.float64]:
    lags = np.arange(len(repeats))
    return np.asarray(
        np.mean([np.interp(multiple * beats, lags, repeats, right=0.0) for multiple in multiples], axis=0)
    )
