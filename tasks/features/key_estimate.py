"""The key of a sound by the learned network, and how sure that is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.chroma import REGISTERS, Chroma, chroma_of
from tasks.features.key_network import NO_KEY, Floats, KeyNetwork, mirex_scores
from tasks.metadata.key_names import TONICS

WEIGHTS: Final = "keys.safetensors"
"""The learned weights, among what comes with the package."""

_PASSAGE_S: Final = 8.0
_EVERY_S: Final = 24.0


@dataclass(frozen=True)
class KeyEstimate:
    """A key with a confidence of 0..1: the score that it may be expected to get (`mirex_scores`)."""

    key: str
    mode: str
    confidence: float


def estimate_key(samples: NDArray[np.float32], sample_rate: int) -> KeyEstimate | None:
    """The key of all of some mono samples (n,) at `sample_rate` Hz; None where nothing pitched sounds."""
    return key_of(chroma_of(samples, sample_rate))


def key_of(chroma: Chroma) -> KeyEstimate | None:
    """The key of chroma; None where nothing pitched sounds."""
    if not chroma.any():
        return None
    return estimate_from(_bundled_network().probabilities(chroma))


def estimate_from(probabilities: Floats) -> KeyEstimate:
    """The key that may be expected to score best, by the answers of the network (25,)."""
    expected = probabilities[:NO_KEY] @ mirex_scores()
    best = int(expected.argmax())
    mode = "major" if best < len(TONICS) else "minor"
    return KeyEstimate(TONICS[best % len(TONICS)], mode, round(float(expected[best]), 3))


class ChromaCollector:
    """Chroma taken while blocks are read: of the first eight seconds in every 24, one passage held at once.

    A third of a track says its key as well as all of it would, at a third of the cost.
    """

    def __init__(self, sample_rate: int) -> None:
        """For blocks of mono samples at `sample_rate` Hz."""
        self._rate, self._place = sample_rate, 0
        self._passage: list[NDArray[np.float32]] = []
        self._found: list[Chroma] = [np.zeros((0, REGISTERS, 12), np.float32)]

    def collecting(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Yield the same blocks, and take the chroma of each."""
        for block in blocks:
            self._add(block)
            yield block
        self._close_passage()

    def chroma(self) -> Chroma:
        """The chroma of the passages so far."""
        return np.concatenate(self._found)

    def _add(self, block: NDArray[np.float32]) -> None:
        passage, every = (round(seconds * self._rate) for seconds in (_PASSAGE_S, _EVERY_S))
        while len(block):
            listening = self._place < passage
            left = (passage if listening else every) - self._place
            piece, block = block[:left], block[left:]
            self._place = (self._place + len(piece)) % every
            if listening:
                self._passage.append(piece)
            if self._place == passage:
                self._close_passage()

    def _close_passage(self) -> None:
        if self._passage:
            self._found.append(chroma_of(np.concatenate(self._passage), self._rate))
            self._passage = []


@cache
def _bundled_network() -> KeyNetwork:
    return KeyNetwork.from_bytes((resources.files("storage") / "bundled" / WEIGHTS).read_bytes())
