"""Sections by hand-weighted rules: what the learned model is told of, and a yardstick beside it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, ROLES, SectionLabel

LABELS: Final = tuple(SectionLabel)
_INTRO, _BUILD, _CORE, _BREAK, _OUTRO = range(len(LABELS))
_FOLLOWS: Final = {
    _INTRO: (_BUILD, _CORE),
    _BUILD: (_CORE,),
    _CORE: (_BREAK, _BUILD, _OUTRO),
    _BREAK: (_BUILD, _CORE),
    _OUTRO: (),
}
"""What may follow what: a track has one intro and one outro, and a build leads to a core."""

_EIGHT, _FOUR, _ANY = 3.0, 4.0, 12.0
"""What a border costs where eight bars begin, four, or neither."""

_CHANGE: Final = 4.0
"""What the greatest change of sound takes off that: a border is free where it falls in with a phrase."""

_FULL: Final = 0.75
"""Fullness that divides a core from the rest."""

_SLOPE: Final = 3.0
_LEVEL_RANGE_DB: Final = 12.0
_PERCUSSION: Final = ROLES.index("percussion")


@dataclass(frozen=True)
class Guess:
    """How much speaks for each bar's being full, and for growth (bars, 3): fullness over that of a core, percussion,
    and the slope; and the label of each bar (bars,).
    """

    evidence: NDArray[np.float64]
    labels: NDArray[np.int64]


def guess(
    bar_roles: NDArray[np.bool_], levels_db: NDArray[np.float64], changes: NDArray[np.float64], bars: range
) -> Guess:
    """The sections of a track: from the roles that sound (bars, roles), and of each bar its level in dB and novelty.

    A bar is as full as its roles are many and its sound is loud, beside the fullest of its track. The likeliest path
    through intro, build, core, break and outro is taken (Viterbi): cores are full and have percussion, a build grows
    and leads to a core, the others are not full; borders cost least where eight bars begin and where the sound
    changes most (`changes`, 0..1). `bars` are the numbers of the bars, of which there is one at least.
    """
    full = fullness(bar_roles, levels_db)
    over = np.clip((full - _FULL) * 4, -1.0, 1.0)
    beat = np.where(bar_roles[:, _PERCUSSION], 0.5, -0.5)
    slope = _SLOPE * _rise(full)
    thin = -(over + beat) / 2
    evidence = np.stack([thin, slope - np.abs(over) / 2, (over + beat) / 2 + 0.1, thin, thin], axis=1)
    costs = np.array([_cost(bar) for bar in bars]) - _CHANGE * changes
    return Guess(np.stack([over, beat, slope], axis=1), _likeliest(evidence.tolist(), costs.tolist()))


def fullness(bar_roles: NDArray[np.bool_], levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """How full each bar is (bars,), 0..1: half by the number of its roles, half by its level."""
    count = bar_roles.sum(axis=1).astype(np.float64)
    most = max(float(np.quantile(count, 0.95)), 1.0)
    loud = 1 + (levels_db - float(np.quantile(levels_db, 0.95))) / _LEVEL_RANGE_DB
    return np.asarray((np.minimum(count / most, 1.0) + np.clip(loud, 0.0, 1.0)) / 2)


def _rise(full: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much the next four bars are fuller than the last four."""
    width = BARS_PER_SEGMENT
    padded = np.pad(full, width, mode="edge")
    running = np.concatenate([[0.0], np.cumsum(padded)])
    bars = np.arange(len(full)) + width
    return np.asarray((running[bars + width] - 2 * running[bars] + running[bars - width]) / width)


def _cost(bar: int) -> float:
    place = (bar - 1) % (2 * BARS_PER_SEGMENT)
    return _EIGHT if place == 0 else _FOUR if place == BARS_PER_SEGMENT else _ANY


def _likeliest(evidence: list[list[float]], costs: list[float]) -> NDArray[np.int64]:
    """Viterbi over the labels: `evidence` for each label of each bar, `costs` of a border before each bar.

    In plain numbers, of which there are too few for arrays to be quicker.
    """
    never = float("-inf")
    score = [never if label in (_BREAK, _OUTRO) else value for label, value in enumerate(evidence[0])]
    came_from = [list(range(len(LABELS)))]
    for values, cost in zip(evidence[1:], costs[1:], strict=True):
        best, came = score.copy(), list(range(len(LABELS)))
        for before, followers in _FOLLOWS.items():
            for after in followers:
                if score[before] - cost > best[after]:
                    best[after], came[after] = score[before] - cost, before
        score = [one + value for one, value in zip(best, values, strict=True)]
        came_from.append(came)
    state = max((label for label in range(len(LABELS)) if label not in (_BUILD, _BREAK)), key=score.__getitem__)
    path = [state]
    for came in reversed(came_from[1:]):
        path.append(came[path[-1]])
    return np.array(path[::-1])
