"""Cells of a segment: beats by groups of neighbouring mel bands, the grid on which roles share a sound's power."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR
from tasks.features.mel_config import Matrix

BEATS: Final = BARS_PER_SEGMENT * BEATS_PER_BAR
MELS_PER_CELL: Final = 16
"""What the separable network makes one row of: three quarters of an octave to more than an octave."""


def cell_powers(power: NDArray[np.floating]) -> Matrix:
    """The power of every cell (beats, bands) of the mel power of a segment (frames, mels), frames a multiple of beats.

    The last group of bands is smaller where the bands do not divide.
    """
    frames, mels = power.shape
    beats = power.reshape(BEATS, frames // BEATS, mels).sum(axis=1)
    return np.asarray(np.add.reduceat(beats, np.arange(0, mels, MELS_PER_CELL), axis=1), np.float32)
