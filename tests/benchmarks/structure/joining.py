"""Factorisation joined with the network: which loops sound in each bar, when the roles of the loops are known.

A bar is the sum of the one-bar patterns of the loops that sound in it. First the song is taken apart without any names:
patterns and subsets of loops are fitted in turn, as in expectation maximisation. Given the patterns, each of the 2^K
subsets of the K loops has a posterior from how well it explains the bar (Kullback-Leibler divergence of mel power);
given the posterior, the patterns follow the multiplicative rule of non-negative matrix factorisation (Lee and Seung,
2001). Patterns cost a little, so that no pattern keeps what another explains. Then the network is asked about what each
pattern explains of the song, and so names it; and all is fitted once more with the network's odds of the roles in each
bar as a prior. Such a fit is far too sure of itself, so the last word on a bar is half the fit's, and half what the
network finds in that bar, a part of what it finds in all of them left out.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.special import expit, softmax
from sklearn.decomposition import NMF

from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.features.mel_config import Matrix

Floats = NDArray[np.float64]
Ask = Callable[[Matrix], Matrix]
"""Mel power of segments of four bars (segments, frames, mels) to the probability of each role (segments, roles)."""

_FRAMES, _BANDS = 32, 32
"""Neighbouring frames and bands of a bar are taken together: patterns keep their rhythm and lose most of their size."""

_SHARPNESS: Final = 200.0
"""Log odds for a unit of divergence a cell; raised to it from nothing, so that early patterns decide little."""

_PATTERN_COST: Final = 0.02
_ROUNDS, _WARM_ROUNDS, _DETAIL_ROUNDS, _PATTERN_STEPS = 30, 21, 3, 10
_SUREST: Final = 4.0
"""Log odds beyond which the fit of a bar says no more."""

_ALWAYS: Final = 0.25
"""Share of a role's mean odds that is no news of a bar: a loop that is hard to recognise is so wherever it sounds."""

_TINY: Final = 1e-3


def join(mels: Matrix, answers: Matrix, roles: tuple[str, ...], ask: Ask) -> Floats:
    """The probability of each role in each bar (bars, roles), from mel power and what the network answers.

    `mels` (bars, frames, mels), `answers` (bars, roles), `roles` of the loops; `ask` is the network, asked about what
    one pattern after the other explains.
    """
    song = _pooled(mels)
    subsets = np.array(list(product((0.0, 1.0), repeat=len(roles))))
    apart = _fit(song, subsets, np.zeros((len(song), len(subsets))), _first_guess(mels, len(roles))) @ subsets
    named = name_factors(mels, roles, apart, ask)
    of_role = np.array([[one == role for role in ROLES] for one in roles], np.float64)
    sounding = np.minimum(subsets @ of_role, 1.0)
    odds = _odds(answers)
    prior = (odds * of_role.max(axis=0)) @ sounding.T - np.log(_alike(sounding))
    fitted = np.clip(_odds(_fit(song, subsets, prior, named) @ sounding), -_SUREST, _SUREST)
    return np.asarray(expit((fitted + odds - _ALWAYS * odds.mean(axis=0)) / 2))


def name_factors(mels: Matrix, roles: tuple[str, ...], activity: Floats, ask: Ask) -> Floats:
    """Factors (bars, loops) in the order of `roles`, each named by what the network finds in its part of the song."""
    asked = [ROLES.index(role) for role in roles]
    odds_by_factor = [
        _role_odds(part, active, ask) for part, active in zip(_parts(mels, activity), activity.T, strict=True)
    ]
    factors, places = linear_sum_assignment(-np.array(odds_by_factor)[:, asked])
    ordered = np.empty_like(activity)
    ordered[:, places] = activity[:, factors]
    return ordered


def _role_odds(part: Matrix, active: Floats, ask: Ask) -> Floats:
    """The mean odds (roles,) of a part of a song (bars, frames, mels) over its segments, by how active it is there."""
    bars, frames, bands = part.shape
    lacking = -bars % BARS_PER_SEGMENT
    padded = np.concatenate([part, np.zeros((lacking, frames, bands), part.dtype)])
    shares = np.append(active, np.zeros(lacking)).reshape(-1, BARS_PER_SEGMENT).mean(axis=1)
    segments = padded.reshape(-1, BARS_PER_SEGMENT * frames, bands)
    levelled = segments * (part.mean() / np.maximum(segments.mean(axis=(1, 2), keepdims=True), 1e-9))
    return np.asarray(np.average(_odds(ask(levelled.astype(np.float32))), axis=0, weights=shares + _TINY))


def _first_guess(mels: Matrix, count: int) -> Floats:
    """The activity (bars, count), 0..1, of `count` one-bar patterns of magnitude, by plain factorisation."""
    model = NMF(count, init="nndsvda", solver="mu", beta_loss="kullback-leibler", max_iter=150, random_state=0)
    return to_one(model.fit_transform(np.sqrt(mels.reshape(len(mels), -1)).astype(np.float64)))


def to_one(activity: Floats) -> Floats:
    """Each factor (bars, count) as 0..1: what it reaches in its loudest bars is one."""
    return np.asarray(np.minimum(activity / np.maximum(np.quantile(activity, 0.95, axis=0), 1e-9), 1.0))


def _fit(song: Floats, subsets: Floats, prior: Floats, activity: Floats) -> Floats:
    """The posterior of the subsets (bars, subsets) from a first guess of what sounds."""
    cells = song.shape[1]
    activity = np.clip(activity, 0.02, 0.98)
    patterns = np.maximum(np.linalg.lstsq(activity, song, rcond=None)[0], _TINY)
    entropy = (song * np.log(song + 1e-9) - song).sum(axis=1, keepdims=True)
    for number in range(1, _ROUNDS + 1):
        patterns = _improved(patterns, song, activity, _PATTERN_COST)
        sums = subsets @ patterns + _TINY
        divergence = (sums.sum(axis=1) - song @ np.log(sums).T + entropy) / cells
        posterior = softmax(prior - _SHARPNESS * min(1.0, number / _WARM_ROUNDS) * divergence, axis=1)
        activity = np.maximum(posterior @ subsets, _TINY)
    return np.asarray(posterior, np.float64)


def _improved(patterns: Floats, song: Floats, activity: Floats, cost: float) -> Floats:
    """Patterns (loops, cells) that explain the song (bars, cells) better."""
    weight = activity.sum(axis=0)[:, None] + cost * len(song)
    for _ in range(_PATTERN_STEPS):
        patterns = patterns * (activity.T @ (song / (activity @ patterns + 1e-6))) / weight + 1e-9
    return patterns


def _parts(mels: Matrix, activity: Floats) -> Iterator[Matrix]:
    """What each factor explains of the song in all its detail (bars, frames, mels), as loud as the song (Wiener)."""
    level = float(mels.mean())
    song = mels.reshape(len(mels), -1).astype(np.float64) / level
    activity = np.maximum(activity, _TINY)
    patterns = np.maximum(np.linalg.lstsq(activity, song, rcond=None)[0], _TINY)
    for _ in range(_DETAIL_ROUNDS):
        patterns = _improved(patterns, song, activity, 0.0)
    explained = song / (activity @ patterns + 1e-9)
    for active, pattern in zip(activity.T, patterns, strict=True):
        part = (np.outer(active, pattern) * explained).reshape(mels.shape)
        yield (part * (level / max(float(part.mean()), 1e-9))).astype(np.float32)


def _pooled(mels: Matrix) -> Floats:
    """Bars (bars, cells) of neighbouring frames and bands together, of mean one."""
    bars, frames, bands = mels.shape
    apart = mels.reshape(bars, _FRAMES, frames // _FRAMES, _BANDS, bands // _BANDS)
    cells = apart.mean(axis=(2, 4)).reshape(bars, -1)
    return cells.astype(np.float64) / float(cells.mean())


def _alike(sounding: Floats) -> Floats:
    """How many subsets have the roles of each one: they share what the network gives these roles."""
    _, kind, count = np.unique(sounding, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count[kind.ravel()], np.float64)


def _odds(answers: Matrix | Floats) -> Floats:
    likely = answers.astype(np.float64)
    return np.asarray(np.log(likely + _TINY) - np.log(1 - likely + _TINY))
