"""The tempo of an onset envelope: which beat divides and multiplies in twos, and how steadily it runs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.mel import Matrix

_SLOWEST, _FASTEST = 60.0, 205.0
_LIKELY_BPM: Final = 115.0
_OCTAVES: Final = 0.5
"""Centre and width of the prior on tempo; nothing but the octave is settled by it."""

_FAINTEST: Final = 0.02
"""Deviation of a band's envelope under which it counts as having no onsets."""

_BINARY: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
_TERNARY: Final = (1 / 3, 2 / 3, 4 / 3, 8 / 3, 16 / 3)
_HARMONICS: Final = (1, 2, 4)
_WINDOW_S: Final = 4.0
_PASSAGE_S: Final = 20.0
_RHYTHMIC: Final = 0.25
_TOLERATED: Final = 0.2
_NEAR: Final = 0.01
_LEVELS: Final = (1 / 2, 2 / 3, 3 / 4, 1.0, 4 / 3, 3 / 2, 2.0)


@dataclass(frozen=True)
class Pulse:
    """A beat: its tempo, the next best reading of it, and the evidence.

    `strength`: how much better the rhythm repeats after 1/4 … 8 beats than after thirds of them, 0..1.
    `margin`: how far the next best tempo that is no neighbour lies behind, 0..1.
    `steadiness`: how well the phases of the windows agree with one constant tempo, 0..1.
    """

    bpm: float
    rival_bpm: float
    strength: float
    margin: float
    steadiness: float


def find_pulse(envelope: Matrix, frame_rate: float) -> Pulse | None:
    """The pulse of an onset envelope (frames, bands); None where nothing begins or the file is too short to repeat.

    The autocorrelation is read at a quarter to eight times each candidate beat, against thirds of these lags: so a
    beat and a half, which repeats with the beat too, is not taken for one. The octave is settled by a prior. The
    winner is then fitted to 0.01 beats per minute (`refine`).
    """
    if float(envelope.std(axis=0).max()) < _FAINTEST:
        return None
    candidates = np.exp(np.arange(np.log(_SLOWEST), np.log(_FASTEST), 0.0005))
    repeats = _autocorrelation(envelope)
    if len(repeats) < 4 * 60.0 * frame_rate / _SLOWEST:
        return None
    beats = 60.0 * frame_rate / candidates
    strength = _mean_at(repeats, beats, _BINARY) - _mean_at(repeats, beats, _TERNARY)
    likely = np.maximum(strength, 0.0) * np.exp(-0.5 * (np.log2(candidates / _LIKELY_BPM) / _OCTAVES) ** 2)
    best = int(np.argmax(likely))
    if likely[best] <= 0:
        return None
    others = np.abs(candidates / candidates[best] - 1) > 0.05
    rival = int(np.argmax(np.where(others, likely, -1.0)))
    bpm, steadiness = refine(envelope, frame_rate, float(candidates[best]))
    return Pulse(
        bpm=bpm,
        rival_bpm=bpm * float(candidates[rival] / candidates[best]),
        strength=float(np.clip(strength[best], 0.0, 1.0)),
        margin=float(1 - likely[rival] / likely[best]),
        steadiness=steadiness,
    )


def refine(envelope: Matrix, frame_rate: float, bpm: float, reach: float = 0.01) -> tuple[float, float]:
    """The constant tempo within `reach` (a share) of `bpm` that fits best, and the steadiness of the pulse at it.

    Each window of four seconds gives the phase of the beat, its half and its quarter; the tempo is the turn per
    window that lines them up over the whole file, as in a Fourier transform read between its bins.
    """
    length = round(_WINDOW_S * frame_rate)
    count = len(envelope) // length
    windows = envelope[: count * length].reshape(count, length, -1) / np.maximum(envelope.std(axis=0), _FAINTEST)
    times = np.arange(count * length).reshape(count, length) / frame_rate
    middles = times.mean(axis=1)
    phases = [np.einsum("wl,wlb->wb", np.exp(-2j * np.pi * k * bpm / 60 * times), windows) for k in _HARMONICS]
    best = bpm
    for width, count in ((reach, 81), (reach / 25, 41)):
        tempi = best * (1 + np.linspace(-width, width, count))
        power = np.zeros(count)
        for k, phase in zip(_HARMONICS, phases, strict=True):
            turns = np.exp(-2j * np.pi * k * (tempi - bpm)[:, None] / 60 * middles)
            power += (np.abs(turns @ phase) ** 2).sum(axis=1)
        best = float(tempi[np.argmax(power)])
    aligned = whole = 0.0
    for k, phase in zip(_HARMONICS, phases, strict=True):
        turns = np.exp(-2j * np.pi * k * (best - bpm) / 60 * middles)
        aligned += float((np.abs(turns @ phase)).sum())
        whole += float(np.abs(phase).sum())
    return best, aligned / max(whole, 1e-12)


def changes_tempo(envelope: Matrix, frame_rate: float, bpm: float) -> bool:
    """Whether more than a fifth of a file's rhythmic passages of 20 seconds run at another tempo than `bpm`.

    Other metrical levels of the same pulse are not another tempo.
    """
    length = round(_PASSAGE_S * frame_rate)
    passages = [envelope[start : start + length] for start in range(0, len(envelope) - length + 1, length)]
    found = [pulse for passage in passages if (pulse := find_pulse(passage, frame_rate)) and pulse.strength > _RHYTHMIC]
    others = [pulse for pulse in found if not _same_pulse(pulse.bpm, bpm)]
    return len(others) > _TOLERATED * len(found)


def _same_pulse(bpm: float, other: float) -> bool:
    return any(abs(bpm * ratio / other - 1) < _NEAR for ratio in _LEVELS)


def _autocorrelation(envelope: Matrix) -> NDArray[np.float64]:
    """How well the envelope agrees with itself after each lag (frames,), over its bands; 1 at no lag."""
    frames = len(envelope)
    length = 1 << int(np.ceil(np.log2(2 * frames)))
    power = np.abs(np.fft.rfft(envelope, length, axis=0)) ** 2
    products = np.fft.irfft(power, length, axis=0)[:frames]
    floor = _FAINTEST**2 * frames
    overlap = np.maximum(1 - np.arange(frames) / frames, 0.25)
    return np.asarray((products / (products[0] + floor)).mean(axis=1) / overlap, np.float64)


def _mean_at(
    repeats: NDArray[np.float64], beats: NDArray[np.float64], multiples: tuple[float, ...]
) -> NDArray[np.float64]:
    lags = np.arange(len(repeats))
    return np.asarray(
        np.mean([np.interp(multiple * beats, lags, repeats, right=0.0) for multiple in multiples], axis=0)
    )
