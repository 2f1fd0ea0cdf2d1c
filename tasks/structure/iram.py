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
    # NumPy has a quick exponential in single precision only.
    power = np.array([np.exp(bar).sum() for bar in mels], np.float64) / mels.shape[1]
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
    """Viterbi for each role: `evidence` (bars, roles) for being on, `costs` (bars,) of changing before it."""
    return np.stack([_likeliest_path(role.tolist(), costs.tolist()) for role in evidence.T], axis=1)


def _likeliest_path(evidence: list[float], costs: list[float]) -> list[bool]:
    """The same for one role, in plain numbers: an array of a few takes fifty times as long as each of them."""
    off, on = -evidence[0] / 2, evidence[0] / 2
    came_from: list[tuple[bool, bool]] = []
    for said, cost in zip(evidence[1:], costs[1:], strict=True):
        went_off, went_on = on - cost > off, off - cost > on
        came_from.append((went_off, went_on))
        off, on = (on - cost if went_off else off) - said / 2, (off - cost if went_on else on) + said / 2
    path = [on > off]
    for changed in reversed(came_from):
        path.append(path[-1] ^ changed[path[-1]])
    return path[::-1]
