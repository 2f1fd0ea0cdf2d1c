"""Choosing the few tempos of the mixes from those of the loops, and the stretch from a loop to one of them."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

_OCTAVE: Final = (85.0, 170.0)
_RANGE: Final = (70.0, 180.0)
_EQUAL: Final = 1e-3


def choose_tempos(bpms: Sequence[float], count: int, max_stretch: float) -> list[float]:
    """At most `count` tempos between 85 and 170 beats per minute, ascending; half and double tempo count as one.

    First come those that have most loops within `max_stretch` that are near no other yet, then those that
    most loops have as they are: these need no stretching at all.
    """
    folded = Counter(round(fold(bpm), 2) for bpm in bpms)
    by_number = sorted(folded, key=lambda tempo: (-folded[tempo], tempo))
    chosen: list[float] = []
    lost = dict(folded)
    while lost and len(chosen) < count:
        gains = {tempo: sum(lost[bpm] for bpm in lost if speed_to(bpm, tempo, max_stretch)) for tempo in by_number}
        best = max(by_number, key=lambda tempo: gains[tempo])
        chosen.append(best)
        lost = {bpm: number for bpm, number in lost.items() if not speed_to(bpm, best, max_stretch)}
    return sorted((chosen + [tempo for tempo in by_number if tempo not in chosen])[:count])


def fold(bpm: float) -> float:
    """The octave of a tempo that lies from 85 up to 170 beats per minute."""
    while bpm < _OCTAVE[0]:
        bpm *= 2
    while bpm >= _OCTAVE[1]:
        bpm /= 2
    return bpm


def octaves(tempo: float) -> list[float]:
    """A tempo with its half and its double, as far as music is counted so: from 70 to 180 beats per minute."""
    return [bpm for bpm in (tempo / 2, tempo, tempo * 2) if _RANGE[0] <= bpm <= _RANGE[1]]


def speed_to(bpm: float, tempo: float, max_stretch: float) -> float | None:
    """The factor that stretches a loop to a tempo, half and double being as good; None if it is too far.

    Rounded, so that every machine plans the same; what is a thousandth off is not stretched at all.
    """
    ratio = tempo / bpm
    speed = round(ratio / 2.0 ** round(float(np.log2(ratio))), 6)
    if abs(speed - 1) < _EQUAL:
        return 1.0
    return speed if 1 / (1 + max_stretch) <= speed <= 1 + max_stretch else None
