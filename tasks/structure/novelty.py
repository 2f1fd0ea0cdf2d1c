"""The novelty curve of a track: how much the sound changes at each bar."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT
from tasks.features.mel_config import Matrix

_TINY: Final = 1e-9


def novelty(sounds: Matrix, reach: int = BARS_PER_SEGMENT) -> NDArray[np.float64]:
    """By how much the sound of the next bars differs from that of the last: (bars,), 0 to 1 at the greatest change.

    `sounds` (bars, bands) are the mean log-mels of bars; up to `reach` of them to either side count. Checkerboard
    novelty over cosine similarity (Foote, ICME 2000) without its matrix: the mean within the two squares, less that
    between them, is the squared distance of the two mean directions.
    """
    if not len(sounds):
        return np.zeros(0)
    centred = sounds.astype(np.float64) - sounds.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), _TINY)
    running = np.concatenate([np.zeros((1, unit.shape[1])), np.cumsum(unit, axis=0)])
    bars = np.arange(len(unit))
    width = np.minimum(reach, np.minimum(bars, len(unit) - bars))
    between = running[bars + width] - 2 * running[bars] + running[bars - width]
    changes = np.square(between / np.maximum(width, 1)[:, None]).sum(axis=1)
    return np.asarray(changes / max(float(changes.max()), _TINY))
