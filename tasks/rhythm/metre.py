"""The metre of a loop, in four or in three, five or seven, from its onset envelope taken as periodic."""

from typing import Final

import numpy as np

from tasks.rhythm.onsets import Floats

_ODD_METRES: Final = (3, 5, 7)
_FASTEST: Final = 8
"""Pulses that count run from one a beat to so many."""


def share_in_four(envelope: Floats, beats: int) -> float:
    """How much of a loop's pulse runs in four: 0..1, and 0.5 where there is no pulse.

    `envelope` (frames, bands) is the loop's onset envelope from end to end, `beats` what it is taken to hold. The loop
    is one period, so its pulses are the lines of its spectrum: powers of two of cycles a loop in 4/4, three, five or
    seven times these in other metres; the strongest of those stands against it.
    """
    power = (np.abs(np.fft.rfft(envelope, axis=0)) ** 2).sum(axis=1)
    four = _pulses(power, 1, beats)
    other = max(_pulses(power, metre, beats) for metre in _ODD_METRES)
    return four / (four + other) if four + other > 0 else 0.5


def _pulses(power: Floats, metre: int, beats: int) -> float:
    """The power of the pulses of one metre, from one a beat on."""
    cycles = metre
    while cycles < beats:
        cycles *= 2
    total = 0.0
    while cycles <= _FASTEST * beats and cycles < len(power):
        total += float(power[cycles])
        cycles *= 2
    return total
