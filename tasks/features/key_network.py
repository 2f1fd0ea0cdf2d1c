"""The key network: how likely each of the 24 keys is, and that there is none.

It answers a transposed sound with the transposed answer, whatever it learned: the weights between two layers depend on
the interval between pitch classes only (as in Korzeniowski and Widmer, ISMIR 2018, whose network shares them too). So a
loop in one key teaches all twelve, and two modes are all that there is to tell apart.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from tasks.features.chroma import Chroma

Floats = NDArray[np.float64]

NO_KEY: Final = 24
"""The place of "there is none" among the answers: majors from C on come first, then minors."""

CONTRAST: Final = 4.0
"""How much of a strength, beside the mean of all, is compressed before the network sees it."""


@dataclass(frozen=True)
class KeyNetwork:
    """The learned weights (to, from, interval) of three layers and their biases, and those of "there is none".

    `chord` looks at one window, `notes` at the mean of what was found in all of them and at the mean chroma.
    """

    chord: Floats
    chord_bias: Floats
    notes: Floats
    notes_bias: Floats
    key: Floats
    key_bias: Floats
    none: Floats
    none_bias: Floats

    @classmethod
    def from_bytes(cls, weights: bytes) -> "KeyNetwork":
        """The network whose weights `to_bytes` wrote."""
        return cls(**{name: values.astype(np.float64) for name, values in load(weights).items()})

    def to_bytes(self) -> bytes:
        """The weights as safetensors."""
        return save({name: np.ascontiguousarray(values, np.float32) for name, values in vars(self).items()})

    def probabilities(self, chroma: Chroma) -> Floats:
        """How likely each key is: majors from C on, minors, none (25,). The chroma must not be silent throughout."""
        windows, mean = compressed(chroma.astype(np.float64))
        chords = np.maximum(_between(windows, self.chord) + self.chord_bias[:, None], 0.0).mean(axis=0)
        hidden = np.maximum(_between(np.concatenate([chords, mean]), self.notes) + self.notes_bias[:, None], 0.0)
        keys = _between(hidden, self.key) + self.key_bias[:, None]
        scores = np.append(keys.ravel(), hidden.mean(axis=1) @ self.none + self.none_bias)
        likely = np.exp(scores - scores.max())
        return np.asarray(likely / likely.sum())


def mirex_scores() -> Floats:
    """What it is worth to say each key where each is true (true, said), as MIREX counts it.

    1 for the key, .5 for one a fifth above, .3 for the relative, .2 for the parallel.
    """
    keys = np.arange(NO_KEY)
    tonic, minor = keys % 12, keys >= 12
    above, same_mode = (tonic - tonic[:, None]) % 12, minor == minor[:, None]
    relative = np.where(minor[:, None], above == 3, above == 9)
    other_mode = 0.3 * relative + 0.2 * (above == 0)
    return np.asarray(np.where(same_mode, 1.0 * (above == 0) + 0.5 * (above == 7), other_mode))


def compressed(chroma: Floats) -> tuple[Floats, Floats]:
    """What the network sees of chroma: its windows, and their mean (registers, 12), beside the mean strength of all."""
    share = chroma / (chroma.sum() / len(chroma) / 12)
    return np.log1p(CONTRAST * share), np.log1p(CONTRAST * share.mean(axis=0))


def _between(values: Floats, weights: Floats) -> Floats:
    """Values (…, from, 12) weighted by the interval from each pitch class to each other: (…, to, 12)."""
    classes = np.arange(12)
    by_interval = weights[:, :, (classes - classes[:, None]) % 12]
    return np.asarray(np.tensordot(values, by_interval, axes=([-2, -1], [1, 3])))
