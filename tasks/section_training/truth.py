"""The sections of real tracks: from the words of an arrangement, or by a rule from the roles in every four bars."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, ROLES, SectionLabel

Labels = list[SectionLabel]
"""A label for every segment of four bars."""

_INTRO, _BUILD, _CORE, _BREAK, _OUTRO = SectionLabel
_PERCUSSION: Final = ROLES.index("percussion")
_FULL: Final = 0.75
_QUIETER_DB: Final = 6.0
_WORDS: Final = {
    "intro": _INTRO,
    "groove": _CORE,
    "drop": _CORE,
    "build": _BUILD,
    "break": _BREAK,
    "outro": _OUTRO,
}


def sections_of_words(words: Sequence[str]) -> Labels:
    """The labels of an arrangement that names its sections; groove and drop are cores.

    Any other word, such as a groove that is stripped, is what its place makes of it: intro before the first core,
    outro after the last, break between two.
    """
    labels = [_WORDS.get(word) for word in words]
    cores = [place for place, label in enumerate(labels) if label is _CORE]
    found = []
    for place, label in enumerate(labels):
        if label is None:
            label = _INTRO if not cores or place < cores[0] else _OUTRO if place > cores[-1] else _BREAK
        found.append(label)
    return found


def sections_of_roles(truth: NDArray[np.float32], levels_db: NDArray[np.float64] | None = None) -> Labels:
    """The labels of a composition by what its stems play in every four bars (segments, roles).

    The roles of ambiguous stems (-1) count as one that sounds: some stem does. A segment is full if it has percussion,
    three quarters of the most roles that a tenth of the segments have, and is not 6 dB under the loud ones. Less than
    eight bars are no core, nor a gap in one, unless the drums stop. Before the first core is intro, after the last
    outro, between two a break. The last segment before a core is a build if it has more roles than the one before it,
    or is 3 dB louder.
    """
    on = truth == 1
    count = on.sum(axis=1) + (truth == -1).any(axis=1)
    quiet = np.zeros(len(on), np.bool_)
    if levels_db is not None:
        quiet = levels_db < np.quantile(levels_db, 0.9) - _QUIETER_DB
    drums = truth[:, _PERCUSSION] != 0
    full = (count >= max(2, np.ceil(_FULL * np.quantile(count, 0.9)))) & drums & ~quiet
    full = _without_short_runs(full, of=False, unless=~drums)
    full = _without_short_runs(full, of=True, unless=np.zeros(len(on), np.bool_))
    return _by_place(full, count, levels_db)


def labels_of_bars(labels: Labels, bars: int) -> NDArray[np.int64]:
    """The numbers of the labels of each bar (bars,), from those of every four; the last goes on to the end."""
    numbers = np.repeat([list(SectionLabel).index(label) for label in labels], BARS_PER_SEGMENT)
    return np.pad(numbers, (0, max(0, bars - len(numbers))), mode="edge")[:bars]


def _without_short_runs(full: NDArray[np.bool_], of: bool, unless: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Inner runs of one segment turned into what surrounds them, save where `unless` holds."""
    found = full.copy()
    for place in range(1, len(full) - 1):
        if full[place] == of and full[place - 1] != of and full[place + 1] != of and not unless[place]:
            found[place] = not of
    return found


def _by_place(full: NDArray[np.bool_], count: NDArray[np.int64], levels_db: NDArray[np.float64] | None) -> Labels:
    cores = np.flatnonzero(full)
    labels: Labels = []
    for place in range(len(full)):
        if full[place]:
            labels.append(_CORE)
        elif not len(cores) or place < cores[0]:
            labels.append(_INTRO)
        elif place > cores[-1]:
            labels.append(_OUTRO)
        else:
            labels.append(_BREAK)
    for place, (before, after) in enumerate(pairwise(labels[1:]), 1):
        louder = levels_db is not None and levels_db[place] > levels_db[place - 1] + 3
        if before is not _CORE and after is _CORE and (count[place] > count[place - 1] or louder):
            labels[place] = _BUILD
    return labels
