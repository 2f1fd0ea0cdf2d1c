"""Calibration of probabilities (Platt scaling), thresholds, and the unsure band of each role.

All of it is learned on the validation split, where every kind of material (mixes, single loops, cuts of compositions)
counts the same, however many rows it has.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from storage.vocabulary import ROLES
from tasks.evaluation.metrics import Labels, best_threshold, kinds_of

WANTED_PRECISION: Final = 0.9
_MARGIN: Final = 0.03
"""Precision beyond the wanted one where a band is chosen: other people's sounds lose about as much."""
_LEVELS: Final = 100
_EPSILON: Final = 1e-6
_PRIOR: Final = 0.02
_NARROWEST: Final = 0.05
_FEWEST: Final = 20
"""Answers from which on a precision is believed."""


def fit_calibration(mix_ids: list[str], labels: Labels, probabilities: Labels) -> dict[str, tuple[float, float]]:
    """For each role the scale and shift of its log-odds at which held-out labels are likeliest (Platt scaling).

    A weak prior keeps a role with few labels near where it was; one without both answers is left as it is.
    """
    weights = kind_weights(mix_ids)
    return {role: _fit(labels[:, place], probabilities[:, place], weights) for place, role in enumerate(ROLES)}


def calibrate(probabilities: Labels, calibration: dict[str, tuple[float, float]]) -> Labels:
    """Probabilities (n, roles) after scale and shift of their log-odds; the order of rows does not change."""
    scale = np.array([calibration[role][0] for role in ROLES])
    shift = np.array([calibration[role][1] for role in ROLES])
    return np.asarray(1 / (1 + np.exp(-(scale * _log_odds(probabilities) + shift))), np.float32)


def choose_thresholds(mix_ids: list[str], labels: Labels, probabilities: Labels) -> dict[str, float]:
    """A threshold for each role, where balanced accuracy is highest."""
    kinds = kinds_of(mix_ids)
    return {
        role: best_threshold(
            [(labels[kinds == kind, place], probabilities[kinds == kind, place]) for kind in np.unique(kinds)]
        )
        for place, role in enumerate(ROLES)
    }


def choose_bands(
    mix_ids: list[str],
    labels: Labels,
    probabilities: Labels,
    thresholds: dict[str, float],
    units: Sequence[str] | None = None,
) -> dict[str, tuple[float, float]]:
    """The unsure band of each role: outside it nine of ten answers are right, on and off.

    That holds over all kinds of material, and in each that has answers enough by itself whichever one of its `units`
    is left out: an author, a pack, a composition. So neither many loops nor one easy composition make up for what is
    wrong in the others. Where no answers are as good as that, the band reaches to the end, and the role is never said
    for sure.
    """
    weights = kind_weights(mix_ids)
    parts = _parts(mix_ids, units)
    return {
        role: _band(labels[:, place], probabilities[:, place], weights, parts, thresholds[role])
        for place, role in enumerate(ROLES)
    }


def kind_weights(mix_ids: list[str]) -> NDArray[np.float64]:
    """A weight for each row, so that every kind of material weighs the same."""
    kinds = kinds_of(mix_ids)
    _, places, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    return np.asarray(len(kinds) / len(counts) / counts[places], np.float64)


def _fit(labels: Labels, probabilities: Labels, weights: NDArray[np.float64]) -> tuple[float, float]:
    known = labels >= 0
    wanted, odds, share = labels[known] > 0.5, _log_odds(probabilities[known]), weights[known]
    if not 0 < wanted.sum() < len(wanted):
        return 1.0, 0.0

    def cost(parameters: NDArray[np.float64]) -> float:
        scale, shift = np.exp(parameters[0]), parameters[1]
        signed = np.where(wanted, 1.0, -1.0) * (scale * odds + shift)
        prior = _PRIOR * (parameters[0] ** 2 + shift**2)
        return float(np.average(np.logaddexp(0.0, -signed), weights=share) + prior)

    best = minimize(cost, np.zeros(2), method="Nelder-Mead").x
    return round(float(np.exp(best[0])), 4), round(float(best[1]), 4)


Parts = list[tuple[NDArray[np.bool_], NDArray[np.int64]]]
"""For each kind of material which rows (n,) are of it, and the unit of every row as a number (n,)."""


def _parts(mix_ids: list[str], units: Sequence[str] | None) -> Parts:
    kinds = kinds_of(mix_ids)
    numbers = np.unique(units if units is not None else mix_ids, return_inverse=True)[1].astype(np.int64)
    return [(kinds == kind, numbers) for kind in np.unique(kinds)]


def _band(
    labels: Labels, probabilities: Labels, weights: NDArray[np.float64], parts: Parts, threshold: float
) -> tuple[float, float]:
    known = labels >= 0
    wanted, given, share = labels[known] > 0.5, probabilities[known], weights[known]
    there = [(of_kind[known], units[known]) for of_kind, units in parts]
    high = _edge(wanted, given, share, there, threshold)
    low = 1 - _edge(~wanted, 1 - given, share, there, 1 - threshold)
    low, high = min(low, threshold - _NARROWEST), max(high, threshold + _NARROWEST)
    return round(max(0.0, low), 2), round(min(1.0, high), 2)


def _edge(
    wanted: NDArray[np.bool_], given: NDArray[np.floating], share: NDArray[np.float64], parts: Parts, start: float
) -> float:
    """The lowest level from `start` on from which the wanted precision is reached by answers enough; else 1."""
    edge = 1.0
    for level in np.arange(_LEVELS - 1, np.ceil(start * _LEVELS) - 1, -1) / _LEVELS:
        said = given > level
        if said.sum() < _FEWEST:
            continue
        if np.average(wanted[said], weights=share[said]) < WANTED_PRECISION + _MARGIN:
            break
        if any(_worst_precision(wanted[said & kind], units[said & kind]) < WANTED_PRECISION for kind, units in parts):
            break
        edge = float(level)
    return edge


def _worst_precision(right: NDArray[np.bool_], units: NDArray[np.int64]) -> float:
    """The precision of some answers without the unit that does most for it; 1 where they are too few to tell."""
    if len(right) < _FEWEST:
        return 1.0
    answers, hits = np.bincount(units), np.bincount(units, weights=right)
    left = len(right) - answers
    without = (right.sum() - hits)[left >= _FEWEST] / left[left >= _FEWEST]
    return float(min(right.mean(), *without)) if len(without) else float(right.mean())


def _log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    clipped = np.clip(np.asarray(probabilities, np.float64), _EPSILON, 1 - _EPSILON)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))
