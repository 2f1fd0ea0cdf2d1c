"""The first downbeat: which of the steps of a steady pulse begins a bar, and which bar begins a phrase of four."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR
from tasks.features.mel_config import Matrix
from tasks.rhythm.onsets import GRID_MEL, means_between

Change = Callable[[NDArray[np.float64]], NDArray[np.float64]]

STEPS_PER_BEAT: Final = 4
"""Steps are sixteenth notes."""

STEPS_PER_BAR: Final = BEATS_PER_BAR * STEPS_PER_BEAT
STEPS_PER_PHRASE: Final = BARS_PER_SEGMENT * STEPS_PER_BAR
_SPREAD: Final = 0.01
"""Spread of a fold, in natural logarithms, under which its differences are chance and lose their vote."""

_EDGES_AT_ONCE: Final = 128
_MELS_AT_ONCE: Final = 16
_FLOOR: Final = 1e-3
_AUDIBLE: Final = 1e-4
_ON_THE_GRID_S: Final = 0.03
_SLIVER_S: Final = 0.01
_SEEN_LATE_S: Final = 0.0095
"""How much later than it begins a sound rises in the onset envelope."""

_BASS, _MELS = 3, GRID_MEL.mels
"""Mel bands of `GRID_MEL`: those under 350 Hz, which tell two bars apart better than all of them, and all."""


@dataclass(frozen=True)
class Steps:
    """The sixteenth notes of a file: where the first is and how long each, in seconds; all their edges in frames."""

    first_s: float
    length_s: float
    edges: NDArray[np.float64]


@dataclass(frozen=True)
class Novelty:
    """Weights of novelty as evidence for the head of a bar, a pair of bars or a phrase of `period` steps.

    Novelty is what the lowest so many `mels` do begins, and ceases, to be unlike what they did 1, 2 and 4 bars before
    (`weights`: begins, ceases, begins, …), the next so many `steps` against the last. What is new at the head of a
    phrase is old four bars later.
    """

    mels: int
    steps: int
    period: int
    weights: tuple[float, ...]


_ONSETS: Final = np.array(
    # kick and bass, low middle, high middle, top
    [
        [0.49, 0.33, 0.10, 0.14],
        [-0.13, -0.13, -0.01, -0.03],
        [0.06, 0.20, 0.38, 0.37],
        [-0.02, 0.05, 0.06, 0.15],
        [0.21, 0.00, 0.01, -0.06],
        [-0.09, -0.02, 0.04, 0.08],
        [0.20, 0.23, 0.28, 0.31],
        [0.11, 0.19, 0.20, 0.16],
    ]
)
"""What onsets on the eight eighth notes from a step on say for its being the first of a bar, in each band."""

_CHANGES: Final = np.array([0.40, 0.28, 0.24])
"""What it says that the sound changes over 1, 2 and 4 beats."""

_NOVELTY: Final = (
    Novelty(_BASS, STEPS_PER_BEAT, STEPS_PER_BAR, (0.04, 0.45, 0.23, 0.46, 0.22, 0.25)),
    Novelty(_MELS, STEPS_PER_BEAT // 2, STEPS_PER_BAR, (0.15, 0.31, 0.17, 0.29, 0.14, 0.12)),
    Novelty(_BASS, STEPS_PER_BAR, 2 * STEPS_PER_BAR, (0.26, -0.31, -0.03, 0.41, 0.08, 0.37)),
    Novelty(_MELS, STEPS_PER_BEAT // 2, 2 * STEPS_PER_BAR, (0.19, 0.02, 0.16, 0.49, 0.26, 0.29)),
    Novelty(_MELS, STEPS_PER_BAR, STEPS_PER_PHRASE, (0.43, -0.23, 0.16, -0.16, 0.27, 0.47)),
    Novelty(_MELS, STEPS_PER_BEAT, STEPS_PER_PHRASE, (0.19, 0.03, 0.27, -0.01, 0.41, 0.44)),
)

_START: Final = 3.5
"""What it says that the first sound of a file is on the grid: most files start with a phrase.

This one was chosen, in favour of files that are whole; all others are from a logistic fit
(`tests/benchmarks/rhythm/test_grid_weights.py`), the whole of it doubled, to excerpts of songs that no figure is
reported on.
"""

WEIGHTS: Final = np.concatenate([_ONSETS.ravel(), _CHANGES, *(news.weights for news in _NOVELTY)])


def first_downbeat(power: Matrix, envelope: Matrix, frame_rate: float, bpm: float) -> float:
    """Seconds of the first bar line that begins a phrase of four bars, at a tempo that is known.

    The phase of the sixteenth notes is read from the onset envelope (frames, bands) exactly. Which of the 64 in four
    bars is the first is a vote: low onsets fall on the first beat and high ones on the others; bars, and far more
    phrases, begin where the sound of mel power (frames, mels) changes; and a file that starts on the grid starts it.
    """
    steps = sixteenths(envelope, frame_rate, bpm)
    if len(steps.edges) <= STEPS_PER_BAR:
        return max(steps.first_s, 0.0)
    return head_of_phrase(power, envelope, frame_rate, steps, range(STEPS_PER_PHRASE))


def head_of_phrase(
    power: Matrix, envelope: Matrix, frame_rate: float, steps: Steps, candidates: Sequence[int]
) -> float:
    """Seconds of the likeliest of some of the first 64 steps to begin a phrase; the sound as in `first_downbeat`."""
    votes = evidence(power, envelope, steps.edges) @ WEIGHTS
    start = (_first_sound(power) / frame_rate - steps.first_s) / steps.length_s
    if abs(start - round(start)) * steps.length_s < _ON_THE_GRID_S:
        votes[round(start) % STEPS_PER_PHRASE] += _START
    found_s = steps.first_s + max(candidates, key=lambda step: votes[step]) * steps.length_s
    return found_s if found_s > _SLIVER_S else 0.0


def sixteenths(envelope: Matrix, frame_rate: float, bpm: float) -> Steps:
    """The sixteenth notes of an onset envelope (frames, bands) at a tempo that is known, wherever bars begin.

    The first is just under zero where the file starts with one that is cut a little.
    """
    step_s = 60.0 / bpm / STEPS_PER_BEAT
    onsets = (envelope / np.maximum(envelope.std(axis=0), 1e-6)).sum(axis=1)
    turns = np.exp(-2j * np.pi * np.arange(len(onsets)) / (frame_rate * step_s))
    seen_s = float(-np.angle(np.sum(onsets * turns)) / (2 * np.pi)) * step_s
    first_s = (seen_s - _SEEN_LATE_S) % step_s
    if first_s > step_s - _ON_THE_GRID_S:
        first_s -= step_s
    count = max(0, int((len(envelope) / frame_rate - first_s) / step_s) - 1)
    return Steps(first_s, step_s, (first_s + np.arange(count + 1, dtype=np.float64) * step_s) * frame_rate + 0.5)


def evidence(power: Matrix, envelope: Matrix, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """What speaks for each of the 64 steps of a phrase (64, 71) as its first, in the order of the weights.

    Mel power (frames, mels), onset envelope (frames, bands), and the edges of the steps in frames.
    """
    step = edges[1] - edges[0]
    onsets = _standing_out(means_between(envelope, edges - 0.45 * step), STEPS_PER_BAR)
    sounds = _sounds(power, edges - 0.15 * step)
    changes = [_mean_change(sounds, partial(_contrast, width=beats * STEPS_PER_BEAT)) for beats in (1, 2, 4)]
    unlike = {mels: _unlikeness(sounds[:, :mels]) for mels in (_BASS, _MELS)}
    columns = [
        *(np.roll(onsets, -first, axis=0) for first in range(0, STEPS_PER_BAR, STEPS_PER_BEAT // 2)),
        _standing_out(np.stack(changes, axis=1), STEPS_PER_BAR),
        *(_standing_out(_rises_and_falls(unlike[news.mels], news.steps), news.period) for news in _NOVELTY),
    ]
    return np.concatenate(columns, axis=1)


def _unlikeness(sounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How unlike each step is to the step 1, 2 and 4 bars before: (steps, 3)."""
    return np.stack([_mean_change(sounds, partial(_since, steps=bars * STEPS_PER_BAR)) for bars in (1, 2, 4)], axis=1)


def _rises_and_falls(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """How much values (steps, columns) rise, and fall, from so many steps to the next: (steps, 2 * columns)."""
    rises = _contrast(values, width)
    return np.maximum(np.stack([rises, -rises], axis=2), 0.0).reshape(len(values), -1)


def _mean_change(sounds: NDArray[np.float64], change: Change) -> NDArray[np.float64]:
    """The size of a change of `sounds` (steps, mels), over the mels: (steps,); of a long file only some at a time."""
    mels = sounds.shape[1]
    sizes = [
        np.abs(change(sounds[:, start : start + _MELS_AT_ONCE])).sum(axis=1) for start in range(0, mels, _MELS_AT_ONCE)
    ]
    return np.asarray(np.sum(sizes, axis=0) / mels)


def _since(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """The change since so many steps before; zero where there is no before."""
    change = np.zeros_like(values)
    change[steps:] = values[steps:] - values[:-steps]
    return change


def _sounds(power: Matrix, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of the logarithm of mel power (frames, mels) between `edges`, which of a long file is never held whole."""
    parts = []
    for start in range(0, len(edges) - 1, _EDGES_AT_ONCE):
        some = edges[start : start + _EDGES_AT_ONCE + 1]
        first, end = max(0, int(some[0])), int(some[-1]) + 2
        parts.append(means_between(np.log(power[first:end] + np.float32(_FLOOR)), some - first))
    return np.concatenate(parts)


def _contrast(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """The mean of the next `width` steps less that of the last; zero where either is not whole."""
    contrast = np.zeros_like(values)
    if len(values) > 2 * width:
        running = np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
        inner = (running[2 * width :] - 2 * running[width:-width] + running[: -2 * width]) / width
        contrast[width : width + len(inner)] = inner[: len(values) - width]
    return contrast


def _standing_out(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """How far the mean at each step of a period stands out of the others', over a phrase: (64, columns)."""
    fold = _fold(values, period)
    return np.tile((fold - fold.mean(axis=0)) / (fold.std(axis=0) + _SPREAD), (STEPS_PER_PHRASE // period, 1))


def _fold(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Means over all whole periods: (period, columns); zeros if there is none."""
    whole = len(values) // period
    if whole == 0:
        return np.zeros((period, values.shape[1]))
    return np.asarray(values[: whole * period].reshape(whole, period, -1).mean(axis=0))


def _first_sound(power: Matrix) -> int:
    """The first frame that is less than 40 dB under the loud passages."""
    return int(np.argmax(power.sum(axis=1) > _AUDIBLE))
