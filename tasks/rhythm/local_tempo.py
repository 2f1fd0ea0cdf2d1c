"""The tempo of music whose tempo drifts, moment by moment: a path through the likely tempi that never leaps."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.mel_config import Matrix
from tasks.rhythm.pulse import CANDIDATE_STEP, CANDIDATES, likelihoods

Floats = NDArray[np.float64]

_WINDOW_S, _HOP_S = 12.0, 3.0
"""How long each passage is in which the tempo is read, and how much later the next one begins."""

_EVERY: Final = 2
_TEMPI: Final = CANDIDATES[::_EVERY]
_FASTEST_CHANGE: Final = 0.005
"""Share of itself by which the tempo may change in a second."""

_REACH: Final = int(_FASTEST_CHANGE * _HOP_S / (CANDIDATE_STEP * _EVERY))
_CHANGE: Final = 0.02
"""What the largest change from one passage to the next costs, in strengths of a pulse."""


def local_tempi(envelope: Matrix, frame_rate: float) -> tuple[Floats, Floats]:
    """The middles of passages in seconds (n,), and the tempo in each (n,), of an onset envelope (frames, bands).

    The likeliest path over the pulses of all passages (Viterbi): the tempo may change by half a per cent in a second at
    most, so where a passage says little or something else, its neighbours decide.
    """
    length, hop = round(_WINDOW_S * frame_rate), round(_HOP_S * frame_rate)
    starts = np.arange(0, max(1, len(envelope) - length + 1), hop)
    likely = np.array([likelihoods(envelope[start : start + length], frame_rate)[::_EVERY] for start in starts])
    middles_s = np.asarray((starts + length / 2) / frame_rate, np.float64)
    return middles_s, _TEMPI[_likeliest_path(likely)]


def _likeliest_path(likely: Floats) -> NDArray[np.int64]:
    """The places (n,) of the path through likelihoods (n, tempi) whose sum, less what its changes cost, is highest."""
    places = np.arange(likely.shape[1])
    costs = _CHANGE * np.abs(np.arange(-_REACH, _REACH + 1)) / _REACH
    best, came_from = likely[0], []
    for row in likely[1:]:
        around = np.lib.stride_tricks.sliding_window_view(np.pad(best, _REACH, constant_values=-np.inf), 2 * _REACH + 1)
        steps = np.argmax(around - costs, axis=1)
        best = row + around[places, steps] - costs[steps]
        came_from.append(places + steps - _REACH)
    path = [int(np.argmax(best))]
    for before in reversed(came_from):
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])
