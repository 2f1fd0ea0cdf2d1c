"""Sections by hand-weighted rules, as the program found them before it learned to: a yardstick for the benchmark."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.catalogue.label_parts import Section
from storage.vocabulary import BARS_PER_SEGMENT, ROLES, SectionLabel

_LABELS: Final = tuple(SectionLabel)
_INTRO, _BUILD, _CORE, _BREAK, _OUTRO = range(len(_LABELS))
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


def find_sections(
    bar_roles: NDArray[np.bool_], levels_db: NDArray[np.float64], changes: NDArray[np.float64], bars: range
) -> list[Section]:
    """The sections of a track: from the roles that sound (bars, roles), and of each bar its level in dB and novelty.

    A bar is as full as its roles are many and its sound is loud, beside the fullest of its track. The likeliest path
    through intro, build, core, break and outro is taken (Viterbi): cores are full and have percussion, a build grows
    and leads to a core, the others are not full; borders cost least where eight bars begin and where the sound
    changes most (`changes`, 0..1). `bars` are the numbers of the bars.
    """
    if not len(bars):
        return []
    evidence = _evidence(bar_roles, levels_db)
    states = _likeliest(evidence, np.array([_cost(bar) for bar in bars]) - _CHANGE * changes)
    starts = np.flatnonzero(np.diff(states, prepend=-1))
    ends = np.append(starts[1:], len(states))
    found = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        state = int(states[start])
        best = evidence[start:end].argmax(axis=1)
        agree = float(np.mean([_alike(int(other), state) for other in best]))
        found.append(
            Section(number, _LABELS[state], round(agree, 3), bars.start + int(start), bars.start + int(end) - 1)
        )
    return found


def fullness(bar_roles: NDArray[np.bool_], levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """How full each bar is (bars,), 0..1: half by the number of its roles, half by its level."""
    count = bar_roles.sum(axis=1).astype(np.float64)
    most = max(float(np.quantile(count, 0.95)), 1.0)
    loud = 1 + (levels_db - float(np.quantile(levels_db, 0.95))) / _LEVEL_RANGE_DB
    return np.asarray((np.minimum(count / most, 1.0) + np.clip(loud, 0.0, 1.0)) / 2)


def _evidence(bar_roles: NDArray[np.bool_], levels_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """How well each bar suits each label (bars, labels)."""
    full = fullness(bar_roles, levels_db)
    over = np.clip((full - _FULL) * 4, -1.0, 1.0)
    beat = np.where(bar_roles[:, _PERCUSSION], 0.5, -0.5)
    slope = _SLOPE * _rise(full)
    thin = -(over + beat) / 2
    evidence = np.stack([thin, slope - np.abs(over) / 2, (over + beat) / 2 + 0.1, thin, thin], axis=1)
    return np.asarray(evidence)


def _rise(full: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much the next four bars are fuller than the last four."""
    width = BARS_PER_SEGMENT
    padded = np.pad(full, width, mode="edge")
    running = np.concatenate([[0.0], np.cumsum(padded)])
    bars = np.arange(len(full)) + width
    return np.asarray((running[bars + width] - 2 * running[bars] + running[bars - width]) / width)


def _alike(one: int, other: int) -> bool:
    """Whether two labels differ by their place in the track alone."""
    quiet = (_INTRO, _BREAK, _OUTRO)
    return one == other or (one in quiet and other in quiet)


def _cost(bar: int) -> float:
    place = (bar - 1) % (2 * BARS_PER_SEGMENT)
    return _EIGHT if place == 0 else _FOUR if place == BARS_PER_SEGMENT else _ANY


def _likeliest(evidence: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Viterbi over the labels: `evidence` (bars, labels), `costs` (bars,) of a border before each bar."""
    bars, labels = evidence.shape
    came_from = np.zeros((bars, labels), np.int64)
    score = evidence[0].copy()
    score[[_BREAK, _OUTRO]] = -np.inf
    for bar in range(1, bars):
        best = score.copy()
        came_from[bar] = np.arange(labels)
        for before, followers in _FOLLOWS.items():
            for after in followers:
                if score[before] - costs[bar] > best[after]:
                    best[after] = score[before] - costs[bar]
                    came_from[bar, after] = before
        score = best + evidence[bar]
    score[[_BUILD, _BREAK]] = -np.inf
    path = np.empty(bars, np.int64)
    path[-1] = int(np.argmax(score))
    for bar in range(bars - 1, 0, -1):
        path[bar - 1] = came_from[bar, path[bar]]
    return path
