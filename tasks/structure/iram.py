"""The instrumentation role activation map by bars: smoothing activations (Viterbi), and the spans of each role."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.catalogue.label_parts import RoleSpan
from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.features.mel_config import Matrix

_PHRASE_LINE, _PAIR_LINE, _BAR_LINE = 1.0, 2.0, 4.0
"""What it costs, in log odds, to come in or go out at a bar that begins four bars, two bars, or neither."""

_SURE: Final = 4.0
"""Log odds beyond which one bar says no more."""

_SILENT_DB: Final = -45.0


def bar_levels_db(mels: Matrix) -> NDArray[np.float64]:
    """The level of each bar (bars,) in dB under the loudest quarter of its file, from log-mels (bars, frames, mels)."""
    power = np.array([np.exp(bar, dtype=np.float64).sum(axis=1).mean() for bar in mels])
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def smooth(
    activations: Matrix, levels_db: NDArray[np.float64], thresholds: Mapping[str, float], bars: range
) -> NDArray[np.bool_]:
    """Whether each role sounds in each bar (bars, roles), from raw activations of the same shape and levels (bars,).

    For each role the likeliest path of a two-state hidden Markov model (Viterbi): the evidence of a bar is its log
    odds over those of the role's threshold, and changing costs least where phrases begin: bar 1 begins one. Nothing
    sounds in a silent bar.
    """
    if not len(bars):
        return np.empty((0, len(ROLES)), np.bool_)
    limits = np.array([thresholds[role] for role in ROLES])
    evidence = np.clip(_log_odds(activations) - _log_odds(limits), -_SURE, _SURE)
    evidence[levels_db < _SILENT_DB] = -_SURE
    return _likeliest(evidence, np.array([_cost(bar) for bar in bars]))


def role_spans(bar_roles: NDArray[np.bool_], bars: range) -> list[RoleSpan]:
    """The runs of bars in which each role sounds, from (bars, roles); by role and then by bar."""
    found = []
    for role, on in zip(ROLES, bar_roles.T, strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
        found += [
            RoleSpan(role, bars.start + int(first), bars.start + int(end) - 1) for first, end in edges.reshape(-1, 2)
        ]
    return found


def _cost(bar: int) -> float:
    place = (bar - 1) % BARS_PER_SEGMENT
    return _PHRASE_LINE if place == 0 else _PAIR_LINE if place == BARS_PER_SEGMENT // 2 else _BAR_LINE


def _log_odds(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    clipped = np.clip(probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _likeliest(evidence: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Viterbi for all roles at once: `evidence` (bars, roles) for being on, `costs` (bars,) of changing before it."""
    bars, roles = evidence.shape
    came_from = np.zeros((bars, 2, roles), np.bool_)
    score = np.zeros((2, roles))
    for bar in range(bars):
        stay, change = score, score[::-1] - costs[bar]
        changed = (change > stay) & (bar > 0)
        came_from[bar] = changed
        score = np.where(changed, change, stay) + np.stack([-evidence[bar], evidence[bar]]) / 2
    state = score[1] > score[0]
    path = np.empty((bars, roles), np.bool_)
    for bar in range(bars - 1, -1, -1):
        path[bar] = state
        state = state ^ np.where(state, came_from[bar, 1], came_from[bar, 0])
    return path
