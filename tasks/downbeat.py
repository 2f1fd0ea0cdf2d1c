"""The first downbeat: which of the steps of a steady pulse begins a bar, and which bar begins a phrase of four."""

from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR
from tasks.mel import Matrix
from tasks.onsets import means_between

Change = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_STEPS: Final = 4
"""Steps a beat: sixteenth notes."""

_BAR: Final = BEATS_PER_BAR * _STEPS
_PHRASE: Final = BARS_PER_SEGMENT * _BAR
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

_BASS: Final = 3
"""Mel bands of `GRID_MEL` under 350 Hz, which tell two bars apart better than all of them."""

_ONSETS: Final = np.array(
    # kick and bass, low middle, high middle, top
    [
        [0.92, 0.53, 0.16, 0.05],
        [0.05, -0.01, 0.30, 0.18],
        [0.55, 0.06, -0.31, -0.29],
        [0.21, 0.29, 0.63, 0.33],
    ]
)
"""What onsets on beats 1 to 4 say for beat 1, in each band."""

_CHANGE_OF_BAR: Final = np.array([0.61, 0.59, 0.23])
"""What changes over 1, 2 and 4 beats say for beat 1."""

_NEW_IN_PAIR: Final = np.array([0.54, -0.63, -0.16, 0.82, 0.13, 0.54])
_NEW_IN_PHRASE: Final = np.array([0.60, -0.43, 0.30, -0.33, 0.15, 0.97])
"""What it says for the head of two bars that the bass, and for that of four that the sound, begins, and ceases, to be
unlike what it was 1, 2 and 4 bars before: what is new at the head of a phrase is old four bars later."""

_START: Final = 2.75
"""What it says that a file starts on the grid: most start with a phrase.

This one was chosen; all others are from a logistic fit (`tests/benchmarks/test_grid_weights.py`), the whole of it
doubled, to excerpts of compositions that no figure is reported on, the fast ones at half their tempo too, as it may be
found. The fit is held back about as far as does best on authors left out of it.
"""


def first_downbeat(power: Matrix, envelope: Matrix, frame_rate: float, bpm: float) -> float:
    """Seconds of the first bar line that begins a phrase of four bars, at a tempo that is known.

    The phase of the sixteenth notes is read from the onset envelope (frames, bands) exactly. Which of the 64 in four
    bars is the first is a vote: low onsets fall on the first beat and high ones on the others; bars, and far more
    phrases, begin where the sound of mel power (frames, mels) changes; and a file that starts on the grid starts it.
    """
    step_s = 60.0 / bpm / _STEPS
    phase_s = _phase(envelope, frame_rate, step_s)
    steps = int((len(power) / frame_rate - phase_s) / step_s) - 1
    if steps < _BAR:
        return max(phase_s, 0.0)
    edges: NDArray[np.float64] = (phase_s + np.arange(steps + 1, dtype=np.float64) * step_s) * frame_rate + 0.5
    votes = _onset_votes(envelope, edges) + _change_votes(power, edges)
    start = (_first_sound(power) / frame_rate - phase_s) / step_s
    if abs(start - round(start)) * step_s < _ON_THE_GRID_S:
        votes[round(start) % _PHRASE] += _START
    found_s = phase_s + int(np.argmax(votes)) * step_s
    return found_s if found_s > _SLIVER_S else 0.0


def _phase(envelope: Matrix, frame_rate: float, step_s: float) -> float:
    """Seconds of the first sixteenth note; just under zero where the file starts with one that is cut a little."""
    onsets = (envelope / np.maximum(envelope.std(axis=0), 1e-6)).sum(axis=1)
    turns = np.exp(-2j * np.pi * np.arange(len(onsets)) / (frame_rate * step_s))
    seen_s = float(-np.angle(np.sum(onsets * turns)) / (2 * np.pi)) * step_s
    phase_s = (seen_s - _SEEN_LATE_S) % step_s
    return phase_s - step_s if phase_s > step_s - _ON_THE_GRID_S else phase_s


def _onset_votes(envelope: Matrix, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Votes (64,) of the onsets in each band: where in the bar they fall, over the whole file."""
    step = edges[1] - edges[0]
    bar = _standard(_fold(means_between(envelope, edges - 0.45 * step), _BAR))
    votes = np.zeros(_BAR)
    for beat, weights in enumerate(_ONSETS):
        votes += np.roll(bar @ weights, -beat * _STEPS)
    return np.tile(votes, BARS_PER_SEGMENT)


def _change_votes(power: Matrix, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Votes (64,) of the changes of sound: over one, two and four beats, and from bars to like bars."""
    sounds = _sounds(power, edges - 0.15 * (edges[1] - edges[0]))
    changes = [_mean_change(sounds, partial(_contrast, width=beats * _STEPS)) for beats in (1, 2, 4)]
    bar = _standard(_fold(np.stack(changes, axis=1), _BAR)) @ _CHANGE_OF_BAR
    pair = _standard(_fold(_news(sounds[:, :_BASS]), 2 * _BAR)) @ _NEW_IN_PAIR
    phrase = _standard(_fold(_news(sounds), _PHRASE)) @ _NEW_IN_PHRASE
    return np.asarray(np.tile(bar, BARS_PER_SEGMENT) + np.tile(pair, BARS_PER_SEGMENT // 2) + phrase)


def _news(sounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much the unlikeness to 1, 2 and 4 bars before rises, and falls, from one bar to the next: (steps, 6)."""
    unlike = [_mean_change(sounds, partial(_since, steps=bars * _BAR)) for bars in (1, 2, 4)]
    rises = _contrast(np.stack(unlike, axis=1), _BAR)
    return np.maximum(np.stack([rises, -rises], axis=2), 0.0).reshape(len(sounds), -1)


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


def _fold(values: NDArray[np.float64], period: int) -> NDArray[np.float64]:
    """Means over all whole periods: (period, columns); zeros if there is none."""
    whole = len(values) // period
    if whole == 0:
        return np.zeros((period, values.shape[1]))
    return np.asarray(values[: whole * period].reshape(whole, period, -1).mean(axis=0))


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((values - values.mean(axis=0)) / (values.std(axis=0) + _SPREAD))


def _first_sound(power: Matrix) -> int:
    """The first frame that is less than 40 dB under the loud passages."""
    return int(np.argmax(power.sum(axis=1) > _AUDIBLE))
