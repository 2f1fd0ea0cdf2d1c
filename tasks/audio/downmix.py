"""From channels to one: their mean, or the loudest where they cancel each other."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_CANCELLED: Final = 0.5
"""Channels that have nothing in common lose a part of their energy in the mean; below half of that they cancel."""

_CLEARLY_LOUDER: Final = 2.0
_STEP: Final = 31
"""Every so many frames are enough to tell how loud channels are; a prime, so that no usual tone hides between them."""

_FEWEST: Final = 4096
_FADE: Final = 1024


class Downmix:
    """Mixes the blocks of one file, which follow each other.

    The mean of n channels of the same energy that have nothing in common has an n-th of their mean energy. A block
    whose mean has less than half of that is heard through its loudest channel, the first unless another has twice its
    energy, and the change fades over 1,024 frames. Offsets count for nothing.
    """

    def __init__(self) -> None:
        """Begin with the mean."""
        self._chosen: int | None = None

    def mix(self, block: Samples) -> Samples:
        """Mono samples (n,) of a block (n, channels)."""
        if block.shape[1] == 1:
            return block[:, 0]
        before = self._chosen
        if len(block) >= _FEWEST:
            self._chosen = _loudest_if_cancelled(block)
        mixed = _heard(block, self._chosen)
        if before != self._chosen:
            fade = np.linspace(0, 1, min(_FADE, len(block)), dtype=np.float32)
            head = _heard(block[: len(fade)], before)
            mixed[: len(fade)] = head + fade * (mixed[: len(fade)] - head)
        return mixed


def _loudest_if_cancelled(block: Samples) -> int | None:
    """The channel to be heard where channels cancel, None where they do not."""
    some = np.ascontiguousarray(block[::_STEP].T)
    some -= some.mean(axis=1, keepdims=True)
    products = some @ some.T
    energies, channels = products.diagonal(), len(some)
    if not products.sum() / channels**2 < _CANCELLED / channels * energies.mean():
        return None
    loudest = int(energies.argmax())
    return loudest if energies[loudest] > _CLEARLY_LOUDER * energies[0] else 0


def _heard(block: Samples, channel: int | None) -> Samples:
    """One channel, or the mean of all, without NumPy's mean, which is slow on short rows."""
    if channel is not None:
        return block[:, channel].copy()
    channels = block.shape[1]
    if channels == 2:
        both: Samples = np.add(block[:, 0], block[:, 1])
        both *= np.float32(0.5)
        return both
    return block @ np.full(channels, 1 / channels, np.float32)
