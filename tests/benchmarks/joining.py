"""Factorisation joined with the network: which loops sound in each bar, when the roles of the loops are known.

A bar is the sum of the one-bar patterns of the loops that sound in it, and the network says how likely each role is.
Patterns and subsets of loops are fitted in turn, as in expectation maximisation: given the patterns, each of the 2^K
subsets of the K loops has a posterior from how well it explains the bar (Kullback-Leibler divergence of mel power) and
from the network's odds of its roles; given the posterior, the patterns follow the multiplicative rule of non-negative
matrix factorisation (Lee and Seung, 2001). Patterns cost a little, so that no pattern keeps what another explains.
"""

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp, softmax

from storage.vocabulary import ROLES
from tasks.mel import Matrix

Floats = NDArray[np.float64]

_POOL: Final = 2
"""Neighbouring frames and bands are taken together: patterns keep their rhythm and a quarter of their size."""

_SHARPNESS: Final = 200.0
"""Log odds for a unit of divergence a cell; raised to it from nothing, so that early patterns decide little."""

_PATTERN_COST: Final = 0.02
_ROUNDS, _WARM_ROUNDS, _PATTERN_STEPS = 30, 21, 10
_TINY: Final = 1e-3


def join(mels: Matrix, heard: Matrix, activity: Floats, roles: tuple[str, ...]) -> Floats:
    """The probability of each role in each bar (bars, roles), from mel power, what the network heard, and factors.

    `mels` (bars, frames, mels), `heard` (bars, roles), `activity` (bars, loops) of nameless factors, `roles` of the
    loops. Two starts are tried, the network's answer and the factors under the names that go best with it; the fit
    that explains the song better is kept.
    """
    bars, frames, bands = mels.shape
    cells = mels.reshape(bars, frames // _POOL, _POOL, bands // _POOL, _POOL).mean(axis=(2, 4)).reshape(bars, -1)
    song = cells.astype(np.float64) / float(cells.mean())
    subsets = np.array(list(product((0.0, 1.0), repeat=len(roles))))
    of_role = np.array([[one == role for role in ROLES] for one in roles], np.float64)
    sounding = np.minimum(subsets @ of_role, 1.0)
    odds = np.log(heard + _TINY) - np.log(1 - heard + _TINY)
    prior = (odds * of_role.max(axis=0)) @ sounding.T - np.log(_alike(sounding))
    starts = (softmax(prior, axis=1) @ subsets, named_by_ear(activity, odds, roles))
    fits = [_fit(song, subsets, prior, start) for start in starts]
    return max(fits, key=lambda fit: fit[1])[0] @ sounding


def named_by_ear(activity: Floats, odds: Floats, roles: tuple[str, ...]) -> Floats:
    """Factors (bars, loops) in the order of `roles`: where a factor sounds, the network should hear its role."""
    likeness = np.nan_to_num([[_correlation(one, odds[:, ROLES.index(role)]) for role in roles] for one in activity.T])
    factors, places = linear_sum_assignment(-likeness)
    ordered = np.empty_like(activity)
    ordered[:, places] = activity[:, factors]
    return ordered


def _fit(song: Floats, subsets: Floats, prior: Floats, activity: Floats) -> tuple[Floats, float]:
    """The posterior of the subsets (bars, subsets) from a first guess of what sounds, and how well it explains all."""
    bars, cells = song.shape
    activity = np.clip(activity, 0.02, 0.98)
    patterns = np.maximum(np.linalg.lstsq(activity, song, rcond=None)[0], _TINY)
    entropy = (song * np.log(song + 1e-9) - song).sum(axis=1, keepdims=True)
    for number in range(1, _ROUNDS + 1):
        for _ in range(_PATTERN_STEPS):
            missing = activity.T @ (song / (activity @ patterns + 1e-6))
            patterns = patterns * missing / (activity.sum(axis=0)[:, None] + _PATTERN_COST * bars) + 1e-9
        sums = subsets @ patterns + _TINY
        divergence = (sums.sum(axis=1) - song @ np.log(sums).T + entropy) / cells
        posterior = softmax(prior - _SHARPNESS * min(1.0, number / _WARM_ROUNDS) * divergence, axis=1)
        activity = np.maximum(posterior @ subsets, _TINY)
    explained = logsumexp(prior - _SHARPNESS * divergence, axis=1).sum()
    return posterior, float(explained - _SHARPNESS * _PATTERN_COST * bars * patterns.sum() / cells)


def _alike(sounding: Floats) -> Floats:
    """How many subsets have the roles of each one: they share what the network gives these roles."""
    _, kind, count = np.unique(sounding, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count[kind.ravel()], np.float64)


def _correlation(one: Floats, other: Floats) -> float:
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
