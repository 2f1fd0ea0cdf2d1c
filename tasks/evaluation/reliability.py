"""How far scores may be trusted: calibration error, reliability curve, bootstrap intervals, confusion, precision."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import ROLES
from tasks.evaluation.metrics import Labels

Measure = Callable[[Labels, Labels], float]


def calibration_error(labels: Labels, probabilities: Labels, bins: int = 10) -> float:
    """Expected calibration error over all known cells (Naeini et al., AAAI 2015): mean gap between said and true."""
    said, true, share = reliability_curve(labels, probabilities, bins)
    return float(np.sum(share * np.abs(said - true)))


def reliability_curve(
    labels: Labels, probabilities: Labels, bins: int = 10
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """For each bin of probability that has answers: mean said, share that was true, share of all known cells."""
    known = labels >= 0
    given, wanted = probabilities[known], labels[known] > 0.5
    places = np.minimum((given * bins).astype(int), bins - 1)
    filled = np.unique(places)
    said = np.array([given[places == place].mean() for place in filled])
    true = np.array([wanted[places == place].mean() for place in filled])
    share = np.array([(places == place).mean() for place in filled])
    return said, true, share


def bootstrap_interval(
    labels: Labels, probabilities: Labels, measure: Measure, groups: Sequence[str], rounds: int = 200, seed: int = 0
) -> tuple[float, float] | None:
    """A 95 % interval of a measure when whole groups are drawn again (Efron), since rows of one group are alike.

    None where no draw has a value.
    """
    random = np.random.default_rng(seed)
    names, places = np.unique(groups, return_inverse=True)
    rows_of = [np.flatnonzero(places == place) for place in range(len(names))]
    values = []
    for _ in range(rounds):
        rows = np.concatenate([rows_of[place] for place in random.integers(len(names), size=len(names))])
        values.append(measure(labels[rows], probabilities[rows]))
    finite = [value for value in values if np.isfinite(value)]
    if not finite:
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def confusion(labels: Labels, probabilities: Labels) -> NDArray[np.int64]:
    """Single-role rows by wanted role (down) and likeliest role (across), (roles, roles)."""
    single = ((labels > 0.5).sum(axis=1) == 1) & (labels >= 0).all(axis=1)
    wanted, given = labels[single].argmax(axis=1), probabilities[single].argmax(axis=1)
    table = np.zeros((len(ROLES), len(ROLES)), np.int64)
    np.add.at(table, (wanted, given), 1)
    return table


def decisions(
    labels: Labels, probabilities: Labels, thresholds: dict[str, float], bands: dict[str, tuple[float, float]]
) -> dict[str, dict[str, Any]]:
    """Per role: precision and recall at the threshold, precision on and off outside the unsure band, its share."""
    return {
        role: _decided(labels[:, place], probabilities[:, place], thresholds[role], bands[role])
        for place, role in enumerate(ROLES)
    }


def _decided(labels: Labels, probabilities: Labels, threshold: float, band: tuple[float, float]) -> dict[str, Any]:
    known = labels >= 0
    wanted, given = labels[known] > 0.5, probabilities[known]
    said, surely_on, surely_off = given >= threshold, given > band[1], given < band[0]
    return {
        "precision": _share(wanted[said]),
        "recall": _share(said[wanted]),
        "sure_precision": _share(wanted[surely_on]),
        "sure_off_precision": _share(~wanted[surely_off]),
        "unsure_share": _share(~(surely_on | surely_off)),
    }


def _share(true: NDArray[np.bool_]) -> float | None:
    return float(true.mean()) if len(true) else None
